// Delays by airport and hour, by the times of the flights themselves: windows. Each result comes once, when the watermark
// has passed its window's end; events may be as far out of order as `disorder` says.
import { DateTime, Effect, Layer, Schema, Stream } from "effect"
import { Admin, EventStream, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
import { Aggregate, EventTime, Flow, Window } from "effect-pravega/flow"
import { StateStore } from "effect-pravega/state"
import { Query } from "effect-pravega/stream"

class Flight extends Schema.Opaque<Flight>()(Schema.Struct({
  airport: Schema.String,
  departure: Schema.Date,
  delay: Schema.Int
})) {}

const flights = EventStream.make("air/flights", { schema: Flight, routingKey: (flight) => flight.airport })

// a value: building it does nothing, and its functions are pure
const hourly = Flow.events<Flight>().pipe(
  Flow.keyBy("airport", Schema.String, (flight) => flight.airport),
  Flow.window(
    "hourly",
    Window.tumbling("1 hour"),
    Aggregate.struct({ flights: Aggregate.count, delay: Aggregate.mean((flight: Flight) => flight.delay) })
  ),
  Flow.map(({ key, value, window }) =>
    `${key} from ${DateTime.formatIso(DateTime.makeUnsafe(window.start))}: ${value.flights} flights, ` +
    `${value.delay} minutes late on average`
  )
)

const at = (airport: string, time: string, delay: number) => ({
  airport,
  departure: new Date(`2001-01-01T${time}:00Z`),
  delay
})

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(flights.name, { scaling: { _tag: "Fixed", segments: 2 } })
  const start = yield* Admin.latestCut(flights.name)
  yield* Stream.make(
    at("SFO", "08:10", 10),
    at("SFO", "08:05", 20),
    at("LAX", "08:30", 0),
    at("SFO", "09:15", 5),
    at("LAX", "10:00", 40),
    at("LAX", "08:59", 8) // an hour late, and still in time
  ).pipe(Stream.run(EventWriter.sink(flights)))
  const end = yield* Admin.latestCut(flights.name)

  // at the end of its input time ends, and all windows close; without `end` it goes on for ever
  const pipeline = Pipeline.make("hourly", {
    source: Source.microBatch(flights, {
      start,
      end,
      time: EventTime.from((flight) => flight.departure, { disorder: "2 hours" })
    }),
    flow: hourly,
    sink: Sink.console<string>()
  })
  yield* Query.run(pipeline)
})

// in production: CheckpointLog.layerFileSystem and StateStore.layerDirectory, and it goes on where it was killed
const layers = Layer.mergeAll(Pravega.layerConfig(), CheckpointLog.layerMemory, StateStore.layerMemory())

await Effect.runPromise(Effect.provide(program, layers))
