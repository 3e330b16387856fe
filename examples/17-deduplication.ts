// Somebody upstream sends twice: of the messages with one id within a day, the first that comes goes on.
import { Console, Effect, Layer, Schema, Stream } from "effect"
import { Admin, EventStream, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
import { EventTime, Flow } from "effect-pravega/flow"
import { StateStore } from "effect-pravega/state"
import { Query, Trigger } from "effect-pravega/stream"

class Message extends Schema.Opaque<Message>()(Schema.Struct({
  id: Schema.String,
  hour: Schema.Int,
  text: Schema.String
})) {}

const messages = EventStream.make("mail/messages", { schema: Message, routingKey: (message) => message.id })

const once = Flow.events<Message>().pipe(
  Flow.keyBy("id", Schema.String, (message) => message.id),
  Flow.deduplicate("once", { within: "1 day" }),
  Flow.map((message) => `${message.id}: ${message.text}`)
)

const send = (...all: ReadonlyArray<Message>) => Stream.fromIterable(all).pipe(Stream.run(EventWriter.sink(messages)))

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(messages.name, { scaling: { _tag: "Fixed", segments: 2 } })

  const pipeline = Pipeline.make("once", {
    source: Source.microBatch(messages, {
      start: yield* Admin.latestCut(messages.name),
      time: EventTime.from((message) => message.hour * 3_600_000, { disorder: "12 hours" })
    }),
    flow: once,
    sink: Sink.console<string>()
  })
  yield* send({ id: "m-1", hour: 1, text: "hello" }, { id: "m-2", hour: 2, text: "how are you?" })
  yield* Query.run(pipeline, { trigger: Trigger.availableNow })

  // another run of the same query: what was seen is remembered in its state
  yield* Console.log("-- again")
  yield* send({ id: "m-1", hour: 3, text: "hello" }, { id: "m-3", hour: 4, text: "goodbye" })
  yield* Query.run(pipeline, { trigger: Trigger.availableNow })
})

const layers = Layer.mergeAll(Pravega.layerConfig(), CheckpointLog.layerMemory, StateStore.layerMemory())

await Effect.runPromise(Effect.provide(program, layers))
