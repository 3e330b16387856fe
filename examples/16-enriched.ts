// A stream enriched from a table: each trade at the exchange rate that was valid at its time. The table is a stream too: the
// last rate of each currency.
import { Effect, Layer, Schema, Stream } from "effect"
import { Admin, EventStream, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
import { EventTime, Flow } from "effect-pravega/flow"
import { StateStore } from "effect-pravega/state"
import { Query } from "effect-pravega/stream"

class Trade extends Schema.Opaque<Trade>()(Schema.Struct({
  id: Schema.String,
  minute: Schema.Int,
  currency: Schema.String,
  amount: Schema.Finite
})) {}
class Rate extends Schema.Opaque<Rate>()(Schema.Struct({
  currency: Schema.String,
  minute: Schema.Int,
  inEuro: Schema.Finite
})) {}

const trades = EventStream.make("exchange/trades", { schema: Trade, routingKey: (trade) => trade.currency })
const rates = EventStream.make("exchange/rates", { schema: Rate, routingKey: (rate) => rate.currency })

const from = Flow.sources<{ trades: Trade; rates: Rate }>()
const inEuro = from("trades").pipe(
  Flow.keyBy("currency", Schema.String, (trade) => trade.currency),
  Flow.joinTable("rates", from("rates").pipe(Flow.keyBy("currency", Schema.String, (rate) => rate.currency)), {
    history: "1 day",
    event: Trade,
    row: Rate
  }),
  Flow.map(({ left, right }) => `${left.id}: ${left.amount} ${left.currency} are ${left.amount * right.inEuro} EUR`)
)

const time = EventTime.from((event: { readonly minute: number }) => event.minute * 60_000, { disorder: "1 hour" })

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(trades.name, { scaling: { _tag: "Fixed", segments: 2 } })
  yield* Admin.ensureStream(rates.name, { scaling: { _tag: "Fixed", segments: 1 } })
  const starts = { trades: yield* Admin.latestCut(trades.name), rates: yield* Admin.latestCut(rates.name) }
  yield* Stream.make(
    { id: "trade-1", minute: 5, currency: "USD", amount: 100 },
    { id: "trade-2", minute: 15, currency: "USD", amount: 100 },
    { id: "trade-3", minute: 15, currency: "CHF", amount: 20 }
  ).pipe(Stream.run(EventWriter.sink(trades)))
  yield* Stream.make(
    { currency: "USD", minute: 0, inEuro: 0.5 },
    { currency: "CHF", minute: 0, inEuro: 1.25 },
    { currency: "USD", minute: 10, inEuro: 0.75 } // for trade-2, and not for trade-1
  ).pipe(Stream.run(EventWriter.sink(rates)))
  const ends = { trades: yield* Admin.latestCut(trades.name), rates: yield* Admin.latestCut(rates.name) }

  const pipeline = Pipeline.make("in-euro", {
    source: Source.union({
      trades: Source.microBatch(trades, { start: starts.trades, end: ends.trades, time }),
      rates: Source.microBatch(rates, { start: starts.rates, end: ends.rates, time })
    }),
    flow: inEuro,
    sink: Sink.console<string>()
  })
  yield* Query.run(pipeline)
})

const layers = Layer.mergeAll(Pravega.layerConfig(), CheckpointLog.layerMemory, StateStore.layerMemory())

await Effect.runPromise(Effect.provide(program, layers))
