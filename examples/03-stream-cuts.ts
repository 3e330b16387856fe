// A stream cut is a position over all segments of a stream: read between two of them, also after the stream was scaled.
import { Console, Effect, Stream } from "effect"
import { Admin, BatchReader, EventCodec, EventStream, EventWriter, Pravega, StreamCut } from "effect-pravega"

const lines = EventStream.make("logs/lines", { codec: EventCodec.utf8, routingKey: (line) => line.split(" ")[0] ?? "" })

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(lines.name, { scaling: { _tag: "Fixed", segments: 1 } })
  const writer = yield* EventWriter.make(lines)

  yield* writer.writeAll(["web started", "db started"])
  const before = yield* Admin.latestCut(lines.name)
  yield* Admin.scaleTo(lines.name, 3)
  yield* writer.writeAll(["web ready", "db ready", "web stopped"])
  const after = yield* Admin.latestCut(lines.name)

  // the text form is the Java client's: a cut can be kept, or handed to a program in another language
  yield* Console.log(`from ${StreamCut.toText(before)} to ${StreamCut.toText(after)}`)
  yield* Console.log(`${yield* Admin.distance(before, after)} bytes`)
  yield* BatchReader.stream(lines, { start: before, end: after, ordering: "perKey" }).pipe(
    Stream.runForEach((read) => Console.log(read.event))
  )
}).pipe(Effect.scoped)

await Effect.runPromise(program.pipe(Effect.provide(Pravega.layerConfig())))
