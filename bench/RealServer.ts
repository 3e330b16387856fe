/**
 * A real Pravega for the benchmarks, with the peers' processes that are connected to it. All that is ever written stays in
 * its heap, so it is replaced by a fresh one, and they with it, before that is full.
 */
import { Admin, Pravega, ScalingPolicy, StreamConfiguration } from "effect-pravega"
import { ScopedStream, ScopeName } from "effect-pravega"
import * as Effect from "effect/Effect"
import { startStandalone } from "../test/real/standalone.ts"
import type { Standalone } from "../test/real/standalone.ts"
import type { Program } from "./peers/Peer.ts"
import { PeerProcess } from "./peers/PeerProcess.ts"
import { cpuSecondsOf } from "./ProcessUse.ts"

const heapMiB = 6144
const cacheMiB = 2048
/** What a server is given, in bytes of events, before it is replaced. */
const fullBytes = 1.6 * 2 ** 30

export const serverText = `Pravega 0.13.0 standalone (one process, in memory, one container, heap ${heapMiB} MiB)`

/** What is started for a benchmark, and must be ended. */
export class RealServer {
  private server: Standalone | undefined
  private written = 0
  private readonly streams = new Map<string, string>()
  private readonly processes = new Map<Program, PeerProcess>()

  /** A server that has room for so many bytes of events more. Streams and processes of the one before are gone. */
  async withRoom(bytes: number): Promise<void> {
    if (this.server !== undefined && this.written + bytes > fullBytes) await this.stop()
    this.server ??= await startStandalone({ heapMiB, cacheMiB })
    this.written += bytes
  }

  get controller(): string {
    if (this.server === undefined) throw new Error("no server runs")
    return this.server.controller
  }

  /** SCOPE/NAME of the stream with this name, made when it is first asked for; `fill` then puts events into it. */
  async stream(name: string, segments: number, fill: (stream: string) => Promise<unknown> = async () => {}) {
    const known = this.streams.get(name)
    if (known !== undefined) return known
    const stream = `bench/${name}`
    await makeStream(this.controller, stream, segments)
    await fill(stream)
    this.streams.set(name, stream)
    return stream
  }

  /** The running process of a peer's program. */
  process(program: Program): PeerProcess {
    const running = this.processes.get(program)
    if (running?.isAlive === true) return running
    const started = new PeerProcess(program, this.controller)
    this.processes.set(program, started)
    return started
  }

  /** Seconds of CPU that the server has used. */
  cpuSeconds(): number {
    return this.server === undefined ? 0 : cpuSecondsOf(this.server.pid)
  }

  async stop(): Promise<void> {
    await Promise.all(Array.from(this.processes.values(), (running) => running.stop()))
    this.processes.clear()
    this.streams.clear()
    this.written = 0
    await this.server?.stop({ force: true })
    this.server = undefined
  }
}

export const makeStream = (controller: string, name: string, segments: number): Promise<void> => {
  const stream = ScopedStream.fromTextUnsafe(name)
  return Effect.gen(function*() {
    yield* Admin.createScope(ScopeName.make(stream.scope))
    yield* Admin.createStream(stream, StreamConfiguration.make({ scaling: ScalingPolicy.fixed(segments) }))
  }).pipe(Effect.provide(Pravega.layer({ controller })), Effect.runPromise)
}
