// What a new user would write first, against the packed tarball in an empty project: events out, events in.
import { Effect, Schema, Stream } from "effect"
import { Admin, BatchReader, EventStream, EventWriter, Pravega } from "effect-pravega"

const Reading = Schema.Struct({ sensor: Schema.String, celsius: Schema.Finite })
const readings = EventStream.make(`package-${Date.now()}/readings`, { schema: Reading, routingKey: (r) => r.sensor })
const program = Effect.scoped(Effect.gen(function*() {
  yield* Admin.ensureStream(readings.name, { scaling: { _tag: "Fixed", segments: 2 } })
  yield* Effect.flatMap(EventWriter.make(readings), (writer) => writer.write({ sensor: "roof", celsius: 21.5 }))
  return yield* Stream.runCollect(BatchReader.stream(readings, { from: "earliest", to: "latest" }))
}))
const reads = await Effect.runPromise(Effect.provide(program, Pravega.layerConfig()))
console.log(reads.map((read) => `${read.event.sensor} ${read.event.celsius}`).join("\n"))
if (reads.length !== 1) process.exitCode = 1
