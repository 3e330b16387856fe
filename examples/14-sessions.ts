// Visits of a web site: the clicks of a visitor that follow each other within half an hour are one session, in whatever order
// they arrive.
import { Effect, Layer, Schema, Stream } from "effect"
import { Admin, EventStream, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
import { Aggregate, EventTime, Flow, Window } from "effect-pravega/flow"
import { StateStore } from "effect-pravega/state"
import { Query } from "effect-pravega/stream"

class Click extends Schema.Opaque<Click>()(Schema.Struct({
  visitor: Schema.String,
  minute: Schema.Int,
  page: Schema.String
})) {}

const clicks = EventStream.make("site/clicks", { schema: Click, routingKey: (click) => click.visitor })

const visits = Flow.events<Click>().pipe(
  Flow.keyBy("visitor", Schema.String, (click) => click.visitor),
  Flow.window(
    "visits",
    Window.session({ gap: "30 minutes" }),
    Aggregate.struct({ clicks: Aggregate.count, last: Aggregate.last(Click) })
  ),
  Flow.map(({ key, value, window }) =>
    `${key} from minute ${window.start / 60_000}: ${value.clicks} clicks, the last one on ${value.last.page}`
  )
)

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(clicks.name, { scaling: { _tag: "Fixed", segments: 2 } })
  const start = yield* Admin.latestCut(clicks.name)
  yield* Stream.make(
    { visitor: "ann", minute: 0, page: "/" },
    { visitor: "ann", minute: 50, page: "/orders" },
    { visitor: "bob", minute: 10, page: "/" },
    { visitor: "ann", minute: 25, page: "/basket" }, // between the two: now they are one visit
    { visitor: "bob", minute: 45, page: "/help" } // 35 minutes later: another one
  ).pipe(Stream.run(EventWriter.sink(clicks)))
  const end = yield* Admin.latestCut(clicks.name)

  const pipeline = Pipeline.make("visits", {
    source: Source.microBatch(clicks, {
      start,
      end,
      time: EventTime.from((click) => click.minute * 60_000, { disorder: "1 hour" })
    }),
    flow: visits,
    sink: Sink.console<string>()
  })
  yield* Query.run(pipeline)
})

const layers = Layer.mergeAll(Pravega.layerConfig(), CheckpointLog.layerMemory, StateStore.layerMemory())

await Effect.runPromise(Effect.provide(program, layers))
