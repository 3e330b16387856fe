/**
 * Peak memory (VmHWM) of a process that writes or batch-reads 1 GiB in events of 1 KiB. Starts a Pravega with enough heap
 * for it unless told of one.
 *
 *     npm run bench:memory [-- MIB]
 *     node --conditions=source bench/memory.ts write|read CONTROLLER SCOPE MIB     (what it runs: one measured process)
 */
import { Admin, BatchReader, EventCodec, EventStream, EventWriter, Pravega } from "effect-pravega"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { startStandalone } from "../test/real/standalone.ts"

const perMiB = 1024
const perBatch = 256

const measured = Effect.fnUntraced(function*(kind: string, scope: string, mib: number) {
  const stream = EventStream.make(`${scope}/memory`, {
    codec: EventCodec.bytes,
    routingKey: (event) => `k${event[0]! << 8 | event[1]!}`
  })
  if (kind === "write") {
    yield* Admin.createScope(scope)
    yield* Admin.createStream(stream.name, { scaling: { _tag: "Fixed", segments: 4 } })
    yield* Effect.scoped(Effect.gen(function*() {
      const writer = yield* EventWriter.make(stream)
      for (let i = 0; i < mib * perMiB; i += perBatch) {
        yield* Effect.asVoid(writer.enqueue(Array.from({ length: perBatch }, (_, j) => {
          const event = new Uint8Array(1024)
          event[0] = i + j >> 8
          event[1] = i + j
          return event
        })))
      }
      yield* writer.flush
    }))
    return mib * perMiB
  }
  return yield* BatchReader.stream(stream, { from: "earliest", to: "latest" }).pipe(Stream.runCount)
})

const peakMiB = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024

const measure = async (kind: string, controller: string, scope: string, mib: number) => {
  const idle = peakMiB()
  const start = performance.now()
  const events = await Effect.runPromise(
    measured(kind, scope, mib).pipe(Effect.provide(Pravega.layer({ controller })))
  )
  const seconds = (performance.now() - start) / 1000
  console.log(JSON.stringify({
    kind,
    events,
    mibPerSecond: Math.round(mib / seconds),
    idleMiB: Math.round(idle),
    peakMiB: Math.round(peakMiB())
  }))
}

const main = async (mib: number) => {
  const server = await startStandalone({ heapMiB: 8192, cacheMiB: 2048 })
  try {
    for (const kind of ["write", "read"]) {
      const child = spawnSync(
        process.execPath,
        ["--conditions=source", fileURLToPath(import.meta.url), kind, server.controller, "memory", `${mib}`],
        { stdio: "inherit" }
      )
      if (child.status !== 0) throw new Error(`the process that was to ${kind} ended with ${child.status}`)
    }
  } finally {
    await server.stop({ force: true })
  }
}

const [kind = "1024", controller, scope, mib] = process.argv.slice(2)
if (controller === undefined || scope === undefined) await main(Number(kind))
else await measure(kind, controller, scope, Number(mib))
