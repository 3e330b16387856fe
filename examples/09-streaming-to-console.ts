// A stream as it grows, on the console: a query that reads a batch twice a second, and remembers what it has printed.
import { Console, Effect, Fiber, Layer, Schedule, Schema, Stream } from "effect"
import { Admin, EventStream, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
import { Query, Trigger } from "effect-pravega/stream"

class Reading extends Schema.Opaque<Reading>()(Schema.Struct({
  sensor: Schema.String,
  celsius: Schema.Finite
})) {}

const readings = EventStream.make("home/live-readings", { schema: Reading, routingKey: (reading) => reading.sensor })

const pipeline = Pipeline.make("live-readings", {
  source: Source.microBatch(readings, { start: "latest" }),
  process: (reads) => Stream.map(reads, ({ event }) => `${event.sensor} ${event.celsius} °C`),
  sink: Sink.console<string>()
})

// somebody writes, a reading every 50 milliseconds
const writing = Stream.range(1, 30).pipe(
  Stream.schedule(Schedule.spaced("50 millis")),
  Stream.map((n) => ({ sensor: n % 2 === 0 ? "roof" : "cellar", celsius: 10 + n / 2 })),
  Stream.run(EventWriter.sink(readings))
)

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(readings.name, { scaling: { _tag: "Fixed", segments: 2 } })
  const query = yield* Query.start(pipeline, { trigger: Trigger.every("500 millis") })
  const writer = yield* Effect.forkChild(writing)

  // a query of its own accord goes on for ever: this one stops after four batches
  yield* query.progress.pipe(
    Stream.take(4),
    Stream.runForEach(({ batch, eventsIn }) => Console.log(`-- batch ${batch}: ${eventsIn} readings`))
  )
  yield* query.stop
  yield* Fiber.interrupt(writer)
}).pipe(Effect.scoped)

await Effect.runPromise(Effect.provide(program, Layer.merge(Pravega.layerConfig(), CheckpointLog.layerMemory)))
