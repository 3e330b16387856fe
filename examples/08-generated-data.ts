// Data that never ends, written as it comes: acknowledged in order, with event times for the stream's watermarks.
import { Console, DateTime, Effect, Schema, Stream } from "effect"
import { Admin, EventStream, EventWriter, Pravega } from "effect-pravega"

const Ride = Schema.Struct({ taxi: Schema.String, at: Schema.Int, meters: Schema.Int })

const rides = EventStream.make("city/rides", { schema: Ride, routingKey: (ride) => ride.taxi })

// a hundred rides every ten milliseconds, for one second
const generated = Stream.tick("10 millis").pipe(
  Stream.mapEffect(() => DateTime.now),
  Stream.map((now) =>
    Array.from({ length: 100 }, (_, n) => ({ taxi: `taxi-${n}`, at: DateTime.toEpochMillis(now), meters: 100 * n }))
  ),
  Stream.take(100),
  Stream.flattenIterable
)

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(rides.name, { scaling: { _tag: "Fixed", segments: 2 } })

  // what comes out of the pipe is durable; a slow store slows the generator down, and memory stays bounded
  yield* generated.pipe(
    EventWriter.through(rides, { eventTime: { of: (ride) => ride.at } }),
    Stream.grouped(2500),
    Stream.runForEach((stored) => Console.log(`${stored.length} rides stored, the last one of ${stored.at(-1)?.taxi}`))
  )
})

await Effect.runPromise(program.pipe(Effect.provide(Pravega.layerConfig())))
