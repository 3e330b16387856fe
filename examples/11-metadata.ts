// What is in a scope: its streams, with their segments, and the cuts between which they can be read.
import { Console, Effect, Stream } from "effect"
import { Admin, EventCodec, EventStream, EventWriter, Pravega, StreamCut } from "effect-pravega"

const scope = "warehouse"

const doors = EventStream.make(`${scope}/doors`, { codec: EventCodec.utf8, routingKey: (line) => line.slice(0, 5) })
const alarms = EventStream.make(`${scope}/alarms`, { codec: EventCodec.utf8 })

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(doors.name, { scaling: { _tag: "Fixed", segments: 2 }, tags: ["doors"] })
  yield* Admin.ensureStream(alarms.name, { scaling: { _tag: "Fixed", segments: 1 } })
  yield* Stream.make("north opens", "south opens", "north closes").pipe(Stream.run(EventWriter.sink(doors)))

  yield* Admin.listStreams(scope).pipe(
    Stream.mapEffect(Admin.streamInfo),
    Stream.runForEach(({ configuration, head, isSealed, stream, tail }) =>
      Effect.gen(function*() {
        const segments = yield* Admin.segments(stream)
        yield* Console.log(`${stream}${isSealed ? ", sealed" : ""}: ${segments.length} segments`)
        if (configuration.tags.length > 0) yield* Console.log(`  tags ${configuration.tags.join(", ")}`)
        // the text that the Java client and the Spark connector take, too
        yield* Console.log(`  head ${StreamCut.toText(head)}`)
        yield* Console.log(`  tail ${StreamCut.toText(tail)}`)
        yield* Console.log(`  ${yield* Admin.distance(head, tail)} bytes`)
      })
    )
  )
})

await Effect.runPromise(program.pipe(Effect.provide(Pravega.layerConfig())))
