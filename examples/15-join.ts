// Two streams joined: each order with its payment, if that comes within an hour, and otherwise without one, once it can't
// come any more.
import { Effect, Layer, Option, Schema, Stream } from "effect"
import { Admin, EventStream, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
import { EventTime, Flow } from "effect-pravega/flow"
import { StateStore } from "effect-pravega/state"
import { Query } from "effect-pravega/stream"

class Order extends Schema.Opaque<Order>()(Schema.Struct({
  id: Schema.String,
  minute: Schema.Int,
  cents: Schema.Int
})) {}
class Payment extends Schema.Opaque<Payment>()(Schema.Struct({
  order: Schema.String,
  minute: Schema.Int,
  card: Schema.String
})) {}

const orders = EventStream.make("web-shop/orders", { schema: Order, routingKey: (order) => order.id })
const payments = EventStream.make("web-shop/payments", { schema: Payment, routingKey: (payment) => payment.order })

const from = Flow.sources<{ orders: Order; payments: Payment }>()
const paid = from("orders").pipe(
  Flow.keyBy("order", Schema.String, (order) => order.id),
  Flow.joinWithin("paid", from("payments").pipe(Flow.keyBy("order", Schema.String, (payment) => payment.order)), {
    type: "left",
    before: 0,
    after: "1 hour",
    left: Order,
    right: Payment
  }),
  Flow.map(({ key, left, right }) =>
    Option.match(right, {
      onNone: () => `${key}: ${left.cents} cents, not paid`,
      onSome: ({ card, minute }) => `${key}: ${left.cents} cents, paid by ${card} after ${minute - left.minute} minutes`
    })
  )
)

const time = EventTime.from((event: { readonly minute: number }) => event.minute * 60_000, { disorder: "1 hour" })

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(orders.name, { scaling: { _tag: "Fixed", segments: 2 } })
  yield* Admin.ensureStream(payments.name, { scaling: { _tag: "Fixed", segments: 2 } })
  const starts = { orders: yield* Admin.latestCut(orders.name), payments: yield* Admin.latestCut(payments.name) }
  yield* Stream.make(
    { id: "order-1", minute: 0, cents: 1200 },
    { id: "order-2", minute: 5, cents: 990 },
    { id: "order-3", minute: 9, cents: 45 }
  ).pipe(Stream.run(EventWriter.sink(orders)))
  yield* Stream.make(
    { order: "order-2", minute: 6, card: "card-7" },
    { order: "order-3", minute: 80, card: "card-8" }, // too long after it
    { order: "order-1", minute: 30, card: "card-9" }
  ).pipe(Stream.run(EventWriter.sink(payments)))
  const ends = { orders: yield* Admin.latestCut(orders.name), payments: yield* Admin.latestCut(payments.name) }

  const pipeline = Pipeline.make("paid", {
    source: Source.union({
      orders: Source.microBatch(orders, { start: starts.orders, end: ends.orders, time }),
      payments: Source.microBatch(payments, { start: starts.payments, end: ends.payments, time })
    }),
    flow: paid,
    sink: Sink.console<string>()
  })
  yield* Query.run(pipeline)
})

const layers = Layer.mergeAll(Pravega.layerConfig(), CheckpointLog.layerMemory, StateStore.layerMemory())

await Effect.runPromise(Effect.provide(program, layers))
