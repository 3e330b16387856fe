/**
 * One run of it in a process of its own: `node process.ts THREADS EVENTS`, 0 for fibers of the process. Prints what it took as a
 * line of JSON. Starting, and the first batch, are not counted.
 */
import { NodeWorker } from "@effect/platform-node"
import { Admin, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog } from "effect-pravega/batch"
import { Workers } from "effect-pravega/cluster"
import { Query, Trigger } from "effect-pravega/stream"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Worker } from "node:worker_threads"
import { busy, input, output } from "./pipeline.ts"

const [threads = 0, events = 0] = process.argv.slice(2).map(Number)

const write = (from: number, count: number) =>
  Effect.scoped(
    Effect.flatMap(EventWriter.make(input), (writer) =>
      writer.writeAll(Array.from({ length: count }, (_, n) => `event ${from + n}`)))
  )

const main = Effect.gen(function*() {
  for (const { name } of [input, output]) yield* Admin.ensureStream(name, { scaling: { _tag: "Fixed", segments: 8 } })
  const run = Query.run(busy, { trigger: Trigger.availableNow })
  yield* write(0, 4_000)
  yield* run
  yield* write(4_000, events)
  const cpu = process.cpuUsage()
  const begun = performance.now()
  yield* run
  const seconds = (performance.now() - begun) / 1000
  const { system, user } = process.cpuUsage(cpu)
  console.log(JSON.stringify({ events, seconds, cpuSeconds: (user + system) / 1e6 }))
})

const workers = threads === 0 ?
  Workers.layerLocal :
  Workers.layerThreads({ threads, concurrency: Math.ceil(8 / threads) }).pipe(
    Layer.provide(NodeWorker.layer(() => new Worker(new URL("worker.ts", import.meta.url))))
  )

await Effect.runPromise(Effect.provide(
  main,
  Layer.mergeAll(
    workers,
    CheckpointLog.layerMemory,
    Pravega.layer({ controller: process.env["PRAVEGA_CONTROLLER"] ?? "" })
  )
))
process.exit(0)
