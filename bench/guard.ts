/**
 * Against large regressions: a few quick measurements, each as a ratio to a plain baseline in the same run (a copy of the
 * same bytes, the same bytes through a loopback socket), so that the speed of the machine cancels out. It counts CPU time,
 * which other work on the machine disturbs less than the clock. Fails when a ratio is less than half of the one in
 * guard.json, which `--update` writes; and when the two do not name the same measurements, so that none is lost.
 *
 *     npm run bench:guard
 */
import { BatchReader, EventCodec, EventStream, EventWriter, Pravega } from "effect-pravega"
import { Embedded } from "effect-pravega/embedded"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { codecCalls } from "./codecCalls.ts"
import { makeStream } from "./RealServer.ts"

/** A measured way and a plain one to move the same bytes. */
interface Guarded {
  readonly name: string
  readonly measured: () => Promise<void>
  readonly baseline: () => Promise<void>
}

const rounds = 5
const allowed = 2
const file = join(import.meta.dirname, "guard.json")

const repeated = (times: number, call: () => number) => () => {
  for (let i = 0; i < times; i++) call()
  return Promise.resolve()
}

const codecs = (): ReadonlyArray<Guarded> =>
  codecCalls()
    // Frames much larger than an event are one copy, like the baseline: their ratio is noise.
    .filter(({ bytes, frames, name }) => name.startsWith("decode") && bytes / frames < 64 * 1024)
    .map(({ bytes, call, copy, name }) => {
      const times = Math.ceil(16 * 2 ** 20 / bytes)
      return { name, measured: repeated(times, call), baseline: repeated(times, copy) }
    })

const megabytes = 24
const event = new Uint8Array(1024).fill(7)
const batch = Array.from({ length: 512 }, () => event)
const events = megabytes * 1024

/** The same bytes as one client writes, to a server that drops them. */
const loopback = (): Promise<void> =>
  new Promise((resolve, reject) => {
    const block = new Uint8Array(512 * 1024)
    const server = createServer((socket) => {
      socket.on("data", () => {})
      socket.on("end", () => server.close(() => resolve()))
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      if (address === null || typeof address === "string") return reject(new Error("no port"))
      const socket = connect(address.port, "127.0.0.1")
      for (let sent = 0; sent < megabytes * 2; sent++) socket.write(block)
      socket.end()
      // both ends have to be gone
      socket.resume()
    })
  })

const write = (name: string) =>
  Effect.scoped(Effect.gen(function*() {
    const writer = yield* EventWriter.make(EventStream.make(name, { codec: EventCodec.bytes }))
    for (let written = 0; written < events; written += batch.length) yield* Effect.asVoid(writer.enqueue(batch))
    yield* writer.flush
  }))

const read = (name: string) =>
  BatchReader.stream(EventStream.make(name, { codec: EventCodec.bytes }), { start: "earliest", end: "latest" }).pipe(
    Stream.runCount,
    Effect.flatMap((count) => count === events ? Effect.void : Effect.die(new Error(`${count} events`)))
  )

/** On sockets, client and server in this process. */
const embedded = (controller: string, where: string): ReadonlyArray<Guarded> => {
  const layer = Pravega.layer({ controller })
  const run = (effect: Effect.Effect<void, unknown, Pravega>) => Effect.runPromise(Effect.provide(effect, layer))
  let written = 0
  const measuredWrite = async () => {
    const name = `guard/${where}-${++written}`
    await makeStream(controller, name, 4)
    await run(write(name))
  }
  return [
    { name: `write events of 1 KiB, ${where}`, measured: measuredWrite, baseline: loopback },
    { name: `read events of 1 KiB, ${where}`, measured: () => run(read(`guard/${where}-1`)), baseline: loopback }
  ]
}

const cpuOf = async (run: () => Promise<void>): Promise<number> => {
  const before = process.cpuUsage()
  await run()
  const { system, user } = process.cpuUsage(before)
  return user + system
}

/** The least of some rounds, in turn. Above 1: faster than the baseline. */
const ratioOf = async ({ baseline, measured }: Guarded): Promise<number> => {
  let plain = Infinity
  let ours = Infinity
  for (let round = 0; round < rounds; round++) {
    plain = Math.min(plain, await cpuOf(baseline))
    ours = Math.min(ours, await cpuOf(measured))
  }
  return plain / ours
}

const main = Effect.gen(function*() {
  const directory = mkdtempSync(join(tmpdir(), "bench-guard-"))
  yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(directory, { recursive: true, force: true })))
  const inMemory = yield* Effect.flatMap(Embedded.make(), (server) => server.listen())
  const inDirectory = yield* Effect.flatMap(Embedded.make({ directory }), (server) => server.listen())
  const guarded = [
    ...codecs(),
    ...embedded(inMemory.controller, "memory"),
    ...embedded(inDirectory.controller, "directory")
  ]
  const known: Record<string, number> = JSON.parse(readFileSync(file, "utf8"))
  const found: Record<string, number> = {}
  let failures = 0
  for (const one of guarded) {
    const ratio = yield* Effect.promise(() => ratioOf(one))
    const expected = known[one.name] ?? Number.NaN
    const isSlower = ratio * allowed < expected
    if (isSlower) failures++
    found[one.name] = Number(ratio.toPrecision(3))
    const mark = isSlower ? "  REGRESSION" : ""
    console.log(`${one.name.padEnd(44)} ${ratio.toFixed(3).padStart(8)}  (expected ${expected.toFixed(3)})${mark}`)
  }
  if (process.argv.includes("--update")) {
    writeFileSync(file, `${JSON.stringify(found, null, 2)}\n`)
    return 0
  }
  const names = (of: Readonly<Record<string, number>>) => Object.keys(of).toSorted().join(", ")
  if (names(known) !== names(found)) {
    failures++
    console.log(`guard.json has ${names(known)}; measured were ${names(found)}: run with --update`)
  }
  return failures
}).pipe(Effect.scoped)

process.exitCode = Math.min(1, await Effect.runPromise(main))
