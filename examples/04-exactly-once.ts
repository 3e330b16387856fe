// A pipeline from stream to stream, exactly once: kill it anywhere and start it again, and it loses and repeats nothing.
import { Console, Effect, Layer, Schema, Stream } from "effect"
import { Admin, EventStream, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
import { Query, Trigger } from "effect-pravega/stream"

class Trade extends Schema.Opaque<Trade>()(Schema.Struct({
  symbol: Schema.String,
  shares: Schema.Int,
  price: Schema.Finite
})) {}
class Turnover extends Schema.Opaque<Turnover>()(Schema.Struct({
  symbol: Schema.String,
  amount: Schema.Finite
})) {}

const trades = EventStream.make("market/trades", { schema: Trade, routingKey: (trade) => trade.symbol })
const turnovers = EventStream.make("market/turnovers", { schema: Turnover, routingKey: (turnover) => turnover.symbol })

const pipeline = Pipeline.make("turnovers", {
  source: Source.microBatch(trades, { start: "earliest", limit: { bytes: 8 * 1024 * 1024 } }),
  process: (reads) => Stream.map(reads, ({ event }) => ({ symbol: event.symbol, amount: event.shares * event.price })),
  sink: Sink.pravega(turnovers, { guarantee: "exactly-once" })
})

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(trades.name, { scaling: { _tag: "Fixed", segments: 4 } })
  yield* Admin.ensureStream(turnovers.name, { scaling: { _tag: "Fixed", segments: 2 } })
  const writer = yield* EventWriter.make(trades)
  yield* writer.writeAll([
    { symbol: "ACME", shares: 100, price: 12.5 },
    { symbol: "INIT", shares: 20, price: 99 },
    { symbol: "ACME", shares: 50, price: 13 }
  ])

  // reads what is there, in as many batches as the limit asks for, and ends; asFastAsPossible goes on for ever
  yield* Query.run(pipeline, {
    trigger: Trigger.availableNow,
    onBatch: (batch) => Console.log(`batch ${batch.batch}: ${batch.eventsIn} events in`)
  })
}).pipe(Effect.scoped)

await Effect.runPromise(program.pipe(
  Effect.provide(Layer.merge(
    Pravega.layerConfig(),
    CheckpointLog.layerFileSystem("./.effect-pravega/checkpoints")
  ))
))
