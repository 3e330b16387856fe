// What comes too late is not lost: results go to one stream, late events to another, both exactly once.
import { Console, Effect, Layer, Schema, Stream } from "effect"
import { Admin, BatchReader, EventCodec, EventStream, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
import { Aggregate, EventTime, Flow, Window } from "effect-pravega/flow"
import { StateStore } from "effect-pravega/state"
import { Query, Trigger } from "effect-pravega/stream"

class Reading extends Schema.Opaque<Reading>()(Schema.Struct({
  meter: Schema.String,
  minute: Schema.Int,
  watts: Schema.Int
})) {}

const readings = EventStream.make("grid/readings", { schema: Reading, routingKey: (reading) => reading.meter })
const hours = EventStream.make("grid/hours", { codec: EventCodec.utf8 })
const late = EventStream.make("grid/late", { schema: Reading, routingKey: (reading) => reading.meter })

const greatest = Flow.events<Reading>().pipe(
  Flow.keyBy("meter", Schema.String, (reading) => reading.meter),
  Flow.window("hourly", Window.tumbling("1 hour"), Aggregate.max((reading: Reading) => reading.watts), {
    grace: "10 minutes",
    late: "output"
  })
)

const both = Flow.outputs({
  hours: Flow.map(greatest, ({ key, value, window }) => `${key}, hour ${window.start / 3_600_000}: ${value} W at most`),
  late: Flow.late(greatest)
})
type Both = Flow.Output<typeof both>

const write = (...all: ReadonlyArray<Reading>) => Stream.fromIterable(all).pipe(Stream.run(EventWriter.sink(readings)))

const program = Effect.gen(function*() {
  for (const { name } of [readings, hours, late]) {
    yield* Admin.ensureStream(name, { scaling: { _tag: "Fixed", segments: 1 } })
  }
  const starts = { hours: yield* Admin.latestCut(hours.name), late: yield* Admin.latestCut(late.name) }

  const pipeline = Pipeline.make("greatest", {
    source: Source.microBatch(readings, {
      start: yield* Admin.latestCut(readings.name),
      time: EventTime.from((reading) => reading.minute * 60_000)
    }),
    flow: both,
    sinks: [
      Sink.filterMapInput(
        Sink.pravega(hours, { guarantee: "exactly-once" }),
        (output: Both) => output._tag === "hours" ? output.value : undefined
      ),
      Sink.filterMapInput(
        Sink.pravega(late, { guarantee: "exactly-once" }),
        (output: Both) => output._tag === "late" ? output.value : undefined
      )
    ]
  })
  yield* write({ meter: "m-1", minute: 10, watts: 300 }, { meter: "m-1", minute: 75, watts: 120 })
  yield* Query.run(pipeline, { trigger: Trigger.availableNow })
  // the watermark is at minute 75: the first hour and its ten minutes of grace are over
  yield* write({ meter: "m-1", minute: 20, watts: 900 }, { meter: "m-1", minute: 130, watts: 80 })
  yield* Query.run(pipeline, { trigger: Trigger.availableNow })

  yield* BatchReader.stream(hours, { start: starts.hours, end: "latest" }).pipe(
    Stream.runForEach(({ event }) => Console.log(event))
  )
  yield* BatchReader.stream(late, { start: starts.late, end: "latest" }).pipe(
    Stream.runForEach(({ event }) => Console.log(`late: ${event.meter}, minute ${event.minute}: ${event.watts} W`))
  )
})

const layers = Layer.mergeAll(Pravega.layerConfig(), CheckpointLog.layerMemory, StateStore.layerMemory())

await Effect.runPromise(Effect.provide(program, layers))
