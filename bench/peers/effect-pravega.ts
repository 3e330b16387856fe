/**
 * Our side of the benchmark, with the arguments and the output of the Java client's (peers/java): one case, one process,
 * one line of JSON per pass.
 *
 *     node --conditions=source bench/peers/effect-pravega.ts CONTROLLER SCOPE STREAM write|batch EVENTS SIZE PASSES
 */
import { BatchReader, EventCodec, EventStream, EventWriter, Pravega } from "effect-pravega"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { readFileSync } from "node:fs"

const [controller = "", scope = "", name = "", kase = "", events = "", size = "", passes = ""] = process.argv.slice(2)
const stream = EventStream.make(`${scope}/${name}`, {
  codec: EventCodec.bytes,
  routingKey: (event) => `k${(event[4]! << 8 | event[5]!) % 1000}`
})

/** Keys k0..k999 in turn by a multiplicative generator, handed over in arrays, all acknowledgements awaited. */
const write = Effect.scoped(Effect.gen(function*() {
  const writer = yield* EventWriter.make(stream)
  const body = new Uint8Array(Number(size)).map((_, i) => i * 31)
  let random = 7
  for (let i = 0; i < Number(events); i += 500) {
    const batch = Array.from({ length: Math.min(500, Number(events) - i) }, (_, j) => {
      const event = body.slice()
      new DataView(event.buffer).setUint32(0, i + j)
      random = Math.imul(random, 1_664_525) + 1_013_904_223 >>> 0
      event[4] = random >>> 24
      event[5] = random >>> 16
      return event
    })
    yield* Effect.asVoid(writer.enqueue(batch))
  }
  yield* writer.flush
  return Number(events)
}))

const batch = BatchReader.stream(stream, { from: "earliest", to: "latest", concurrency: 4 }).pipe(Stream.runCount)

const maxRssMiB = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0) / 1024

const main = Effect.gen(function*() {
  for (let pass = 0; pass < Number(passes); pass++) {
    const cpu = process.cpuUsage()
    const start = performance.now()
    const count = yield* kase === "write" ? write : batch
    const seconds = (performance.now() - start) / 1000
    const used = process.cpuUsage(cpu)
    console.log(JSON.stringify({
      pass,
      events: count,
      seconds,
      cpuSeconds: (used.user + used.system) / 1e6,
      maxRssMiB: Math.round(maxRssMiB())
    }))
  }
})

await Effect.runPromise(main.pipe(Effect.provide(Pravega.layer({ controller }))))
