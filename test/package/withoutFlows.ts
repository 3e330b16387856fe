// What a program loads that has no flow, and runs a pipeline: nothing of flows, or of their state. Prints what it loads.
import { Effect, Layer, Schema, Stream } from "effect"
import { registerHooks } from "node:module"

const loaded: Array<string> = []
registerHooks({
  load: (url, context, next) => {
    loaded.push(url)
    return next(url, context)
  }
})
const { Pravega } = await import("effect-pravega")
const { CheckpointLog, Pipeline, Sink, Source } = await import("effect-pravega/batch")
const { Query } = await import("effect-pravega/stream")

const source = Source.make({
  name: "one",
  structure: null,
  asked: null,
  position: Schema.Natural,
  plan: Schema.Null,
  identity: Schema.Null,
  open: Effect.succeed({
    start: Effect.succeed({ identity: null, start: 0, end: 1 }),
    verify: () => Effect.void,
    latest: Effect.succeed(1),
    plan: (from: number) => Effect.succeed(from > 0 ? { _tag: "ended" } : { _tag: "range", plan: null, next: 1 }),
    partitions: () => Effect.succeed([{ id: 0, predecessors: [], events: Stream.make(1) }])
  })
})
const sink = Sink.memory<number>()
const pipeline = Pipeline.make("plain", { source, process: (events) => events, sink })
await Effect.runPromise(Effect.provide(
  Query.run(pipeline),
  Layer.merge(CheckpointLog.layerMemory, Pravega.layer({ controller: "tcp://localhost:9090" }))
))
if (Effect.runSync(sink.committed).length !== 1) throw new Error("the pipeline did nothing")
console.log(loaded.join("\n"))
