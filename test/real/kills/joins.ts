/** What is joined, and how: orders with the payments of their minute, and orders without one when the minute is over. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as EventStream from "../../../src/core/EventStream.ts"
import { EventTime, Flow, Window } from "../../../src/flow/index.ts"

export const Order = Schema.Struct({ id: Schema.Int, customer: Schema.String, at: Schema.Int })
export const Payment = Schema.Struct({ id: Schema.Int, customer: Schema.String, at: Schema.Int })
export type Order = typeof Order.Type
export type Payment = typeof Payment.Type

export const Joined = Schema.Struct({
  customer: Schema.String,
  minute: Schema.Int,
  order: Schema.Int,
  /** Null: none in this minute. */
  payment: Schema.NullOr(Schema.Int)
})
export type Joined = typeof Joined.Type

export const joinStreamsOf = (scope: string) => ({
  orders: EventStream.make(`${scope}/orders`, { schema: Order, routingKey: ({ customer }) => customer }),
  payments: EventStream.make(`${scope}/payments`, { schema: Payment, routingKey: ({ customer }) => customer }),
  sink: EventStream.make(`${scope}/joined`, { schema: Joined, routingKey: ({ customer }) => customer })
})

/** The most that a batch takes of each stream. */
export const eventsPerBatch = 60

/** How far events are out of order, in milliseconds. */
export const disorder = 20_000

// a program that was killed is no segment that is silent
export const time = EventTime.from(({ at }: { readonly at: number }) => at, { disorder, idleAfter: "Infinity" })

const minute = 60_000
const from = Flow.sources<{ orders: Order; payments: Payment }>()

export const joined = from("orders").pipe(
  Flow.keyBy("customer", Schema.String, ({ customer }) => customer),
  Flow.windowJoin(
    "paid",
    from("payments").pipe(Flow.keyBy("customer", Schema.String, ({ customer }) => customer)),
    Window.tumbling("1 minute"),
    { type: "left", left: Order, right: Payment }
  ),
  Flow.map(({ key, left, right, window }): Joined => ({
    customer: key,
    minute: window.start / minute,
    order: left.id,
    payment: Option.match(right, { onNone: () => null, onSome: ({ id }) => id })
  }))
)
