// Create a stream, write typed events to it, read them back in the order of each routing key.
// Needs a Pravega: PRAVEGA_CONTROLLER, or tcp://localhost:9090.
import { Console, Effect, Schema, Stream } from "effect"
import { Admin, BatchReader, EventStream, EventWriter, Pravega } from "effect-pravega"

const Reading = Schema.Struct({ sensor: Schema.String, celsius: Schema.Finite })

const readings = EventStream.make("home/readings", { schema: Reading, routingKey: (reading) => reading.sensor })

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(readings.name, { scaling: { _tag: "Fixed", segments: 2 } })

  const writer = yield* EventWriter.make(readings)
  yield* writer.writeAll([
    { sensor: "roof", celsius: 21.5 },
    { sensor: "cellar", celsius: 12 },
    { sensor: "roof", celsius: 22 }
  ])

  yield* BatchReader.stream(readings, { start: "earliest", end: "latest", ordering: "perKey" }).pipe(
    Stream.runForEach((read) => Console.log(`${read.event.sensor} ${read.event.celsius} °C at ${read.pointer}`))
  )
}).pipe(Effect.scoped)

await Effect.runPromise(program.pipe(Effect.provide(Pravega.layerConfig())))
