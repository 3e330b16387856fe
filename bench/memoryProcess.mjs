/**
 * One measured process of memory.ts: writes or batch-reads events of 1 KiB over four segments, and prints its peak memory
 * (VmHWM) as a line of JSON. Plain JavaScript, so that Node loads no compiler of types (30 MiB) beside it.
 *
 *     node [--conditions=source] bench/memoryProcess.mjs write|read CONTROLLER SCOPE MIB
 *
 * What is written comes from a few events that are made once: the program's own garbage is not the client's. A program that
 * makes a new array of 1 KiB per event has up to 64 MiB of dead ones on top, until V8 looks at them.
 */
import { Admin, BatchReader, EventCodec, EventStream, EventWriter, Pravega } from "effect-pravega"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { readFileSync } from "node:fs"

const perMiB = 1024
const batch = Array.from({ length: 256 }, (_, i) => new Uint8Array(1024).fill(i))

const [kind, controller = "", scope = "", mib = "1024"] = process.argv.slice(2)
const events = Number(mib) * perMiB
const stream = EventStream.make(`${scope}/memory`, {
  codec: EventCodec.bytes,
  routingKey: (event) => `k${event[0]}`
})

const write = Effect.gen(function*() {
  yield* Admin.createScope(scope)
  yield* Admin.createStream(stream.name, { scaling: { _tag: "Fixed", segments: 4 } })
  yield* Effect.scoped(Effect.gen(function*() {
    const writer = yield* EventWriter.make(stream)
    for (let written = 0; written < events; written += batch.length) yield* writer.enqueue(batch)
    yield* writer.flush
  }))
  return events
})

const read = BatchReader.stream(stream, { from: "earliest", to: "latest" }).pipe(Stream.runCount)

const peakMiB = () =>
  Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024)

const idleMiB = peakMiB()
const cpu = process.cpuUsage()
const start = performance.now()
const done = await Effect.runPromise(
  (kind === "write" ? write : read).pipe(Effect.provide(Pravega.layer({ controller })))
)
const seconds = (performance.now() - start) / 1000
const { system, user } = process.cpuUsage(cpu)
console.log(JSON.stringify({
  kind,
  events: done,
  eventsPerSecond: Math.round(done / seconds),
  cpuMicrosPerEvent: Math.round((user + system) / done * 100) / 100,
  idleMiB,
  peakMiB: peakMiB()
}))
