// A payment pattern that alarms: whoever has a stolen card tries it with a small payment first. A large one within a minute
// after it is an alarm. Each card has a state, and a timer in event time that forgets it.
import { Effect, Layer, Schema, Stream } from "effect"
import { Admin, EventStream, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
import { EventTime, Flow } from "effect-pravega/flow"
import { StateStore } from "effect-pravega/state"
import { Query } from "effect-pravega/stream"

class Payment extends Schema.Opaque<Payment>()(Schema.Struct({
  card: Schema.String,
  second: Schema.Int,
  cents: Schema.Int
})) {}

const payments = EventStream.make("bank/payments", { schema: Payment, routingKey: (payment) => payment.card })

const alarms = Flow.events<Payment>().pipe(
  Flow.keyBy("card", Schema.String, (payment) => payment.card),
  Flow.mapState("tried", {
    event: Payment,
    state: Schema.Struct({ tried: Schema.Int }),
    initial: { tried: 0 },
    timers: ["forget"],
    // in order of time, in whatever order they arrive: the next state, and what comes out
    onEvent: ({ tried }, { card, cents, second }, { time }) => {
      if (cents < 100) return [{ tried: cents }, [], { timers: { forget: { at: time + 60_000 } } }]
      if (tried === 0 || cents < 50_000) return [{ tried }, []]
      return [undefined, [`${card}: ${tried} cents, and then ${cents} in second ${second}`], {
        timers: { forget: undefined }
      }]
    },
    onTimer: () => [undefined, []]
  })
)

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(payments.name, { scaling: { _tag: "Fixed", segments: 2 } })
  const start = yield* Admin.latestCut(payments.name)
  yield* Stream.make(
    { card: "card-1", second: 0, cents: 1 },
    { card: "card-2", second: 3, cents: 50 },
    { card: "card-1", second: 20, cents: 99_000 }, // an alarm
    { card: "card-2", second: 64, cents: 70_000 }, // more than a minute later: none
    { card: "card-3", second: 40, cents: 80_000 },
    { card: "card-3", second: 30, cents: 2 } // arrives after it, was paid before it: an alarm
  ).pipe(Stream.run(EventWriter.sink(payments)))
  const end = yield* Admin.latestCut(payments.name)

  const pipeline = Pipeline.make("alarms", {
    source: Source.microBatch(payments, {
      start,
      end,
      time: EventTime.from((payment) => payment.second * 1000, { disorder: "1 minute" })
    }),
    flow: alarms,
    sink: Sink.console<string>()
  })
  yield* Query.run(pipeline)
})

const layers = Layer.mergeAll(Pravega.layerConfig(), CheckpointLog.layerMemory, StateStore.layerMemory())

await Effect.runPromise(Effect.provide(program, layers))
