// What a new user would write first, against the packed tarball in an empty project: events out, events in, and a query
// in between, so that entry points that share code are loaded together. The last of it on a server of its own.
import { Context, Effect, Layer, Schema, Stream } from "effect"
import { Admin, BatchReader, EventStream, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
import { Embedded } from "effect-pravega/embedded"
import { EventReader, Query, Trigger } from "effect-pravega/stream"

const Reading = Schema.Struct({ sensor: Schema.String, celsius: Schema.Finite })
const scope = `package-${Date.now()}`
const stream = (name: string) =>
  EventStream.make(`${scope}/${name}`, { schema: Reading, routingKey: (reading) => reading.sensor })
const readings = stream("readings")
const copies = stream("copies")

const program = Effect.scoped(Effect.gen(function*() {
  for (const { name } of [readings, copies]) {
    yield* Admin.ensureStream(name, { scaling: { _tag: "Fixed", segments: 2 } })
  }
  yield* Effect.flatMap(EventWriter.make(readings), (writer) => writer.write({ sensor: "roof", celsius: 21.5 }))
  const copy = Pipeline.make("copy", {
    source: Source.microBatch(readings),
    process: (events) => Stream.map(events, ({ event }) => event),
    sink: Sink.pravega(copies, { guarantee: "exactly-once" })
  })
  yield* Query.run(copy, { trigger: Trigger.once })
  const grouped = EventReader.stream(readings, { readerGroup: "package" }).pipe(Stream.take(1))
  const range = BatchReader.stream(copies, { start: "earliest", end: "latest" })
  return [...yield* Stream.runCollect(grouped), ...yield* Stream.runCollect(range)]
})).pipe(Effect.provide(CheckpointLog.layerMemory))

const onItsOwn = Layer.effect(
  Pravega,
  Effect.gen(function*() {
    const embedded = yield* Embedded.make()
    const { controller } = yield* embedded.listen()
    return yield* Effect.map(Layer.build(Pravega.layer({ controller })), Context.get(Pravega))
  })
)

const servers: ReadonlyArray<Layer.Layer<Pravega, unknown>> = [Pravega.layerConfig(), onItsOwn]
for (const server of servers) {
  const reads = await Effect.runPromise(Effect.provide(program, server))
  console.log(reads.map((read) => `${read.event.sensor} ${read.event.celsius}`).join("\n"))
  if (reads.length !== 2) process.exitCode = 1
}
