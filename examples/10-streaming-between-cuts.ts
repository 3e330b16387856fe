// The same between two cuts: what was written on one day, say. The query reads from the one to the other, and ends.
import { Console, Effect, Layer, Schema, Stream } from "effect"
import { Admin, EventStream, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
import { Query } from "effect-pravega/stream"

class Reading extends Schema.Opaque<Reading>()(Schema.Struct({
  sensor: Schema.String,
  celsius: Schema.Finite
})) {}

const readings = EventStream.make("home/daily-readings", { schema: Reading, routingKey: (reading) => reading.sensor })

const day = (name: string, count: number) =>
  Stream.range(1, count).pipe(
    Stream.map((n) => ({ sensor: `${name}-${n % 5}`, celsius: 20 + n })),
    Stream.run(EventWriter.sink(readings))
  )

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(readings.name, { scaling: { _tag: "Fixed", segments: 2 } })

  yield* day("monday", 20)
  const start = yield* Admin.latestCut(readings.name)
  yield* day("tuesday", 12)
  const end = yield* Admin.latestCut(readings.name)
  yield* day("wednesday", 20)

  const pipeline = Pipeline.make("tuesday", {
    source: Source.microBatch(readings, { start, end, limit: { events: 5 } }),
    process: (reads) => Stream.map(reads, ({ event }) => `${event.sensor} ${event.celsius} °C`),
    sink: Sink.console<string>()
  })
  yield* Query.run(pipeline, {
    onBatch: ({ batch, eventsIn }) => Console.log(`-- batch ${batch}: ${eventsIn} readings`)
  })
})

await Effect.runPromise(Effect.provide(program, Layer.merge(Pravega.layerConfig(), CheckpointLog.layerMemory)))
