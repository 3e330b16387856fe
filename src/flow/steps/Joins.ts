/**
 * Joins: two inputs of one key, within bounds of time or in one window; and events with a table.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Node from "../graph/Node.ts"
import type { Keyed, Mode, OnlyEvents, Stateful, Step } from "../graph/Typed.ts"
import * as Span from "../time/Span.ts"
import type { Interval, Window } from "../time/Window.ts"
import { isFlowFirst, step } from "./Made.ts"
import type { LateOptions } from "./Windows.ts"

/**
 * `inner`: pairs. `left`, `right`, `full`: and what has no partner, once none can come any more. `semi`: what is on the left
 * and has a partner, once.
 *
 * @category models
 * @since 0.2.0
 */
export type JoinType = Node.JoinType

/** What a join makes. The side that may be missing is an Option. @category models @since 0.2.0 */
export type Joined<T extends JoinType, K, A, B> = T extends "semi" ? { readonly key: K; readonly left: A }
  : {
    readonly key: K
    readonly left: T extends "right" | "full" ? Option.Option<A> : A
    readonly right: T extends "left" | "full" ? Option.Option<B> : B
  }

/** A value that came too late for a join, with its side. @category models @since 0.2.0 */
export type LateSide<A, B> = A | B

/** @category models @since 0.2.0 */
export interface JoinOptions<T extends JoinType, A, B> extends LateOptions {
  /** Default `inner`. */
  readonly type?: T | undefined
  /** How events of the left are kept until no partner can come any more. */
  readonly left: Schema.Codec<A, unknown>
  readonly right: Schema.Codec<B, unknown>
  /** What else must hold of a pair. */
  readonly where?: ((left: A, right: B) => boolean) | undefined
  /** How far behind the watermark of the batch before an event may be; default 0. */
  readonly grace?: Duration.Input | undefined
}

/** @category models @since 0.2.0 */
export interface WithinOptions<T extends JoinType, A, B> extends JoinOptions<T, A, B> {
  /** How far before the left one's time the right one's may be; negative: how far after it, at least. */
  readonly before: Duration.Input
  /** How far after the left one's time the right one's may be; negative: how far before it, at least. Both bounds belong to it. */
  readonly after: Duration.Input
}

/**
 * Pairs of two flows' events of one key whose times lie within bounds of each other. Each event is kept until no partner can
 * come any more. An event is late if it is older than the watermark of the batch before by more than the grace.
 *
 * **Example**
 *
 * ```ts
 * import { Flow } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const Order = Schema.Struct({ id: Schema.String, total: Schema.Number })
 * const Payment = Schema.Struct({ order: Schema.String, amount: Schema.Number })
 *
 * const from = Flow.sources<{ orders: typeof Order.Type; payments: typeof Payment.Type }>()
 * const orders = from("orders").pipe(Flow.keyBy("order", Schema.String, (order) => order.id))
 * const payments = from("payments").pipe(Flow.keyBy("order", Schema.String, (payment) => payment.order))
 *
 * // an order with its payment, or without one when an hour has passed
 * const paid = orders.pipe(
 *   Flow.joinWithin("paid", payments, { type: "left", before: "5 minutes", after: "1 hour", left: Order, right: Payment })
 * )
 * ```
 *
 * @category combinators
 * @since 0.2.0
 */
export const joinWithin: {
  <In2, K, A, B, M2 extends Mode, E2, R2, const T extends JoinType = "inner">(
    name: string,
    that: Keyed<In2, K, B, M2, E2, R2> & OnlyEvents<M2>,
    options: WithinOptions<T, A, B>
  ): <In, M extends Mode, E, R>(
    self: Keyed<In, K, A, M, E, R> & OnlyEvents<M>
  ) => Step<In & In2, Joined<T, K, A, B>, LateSide<A, B>, "events", E | E2, R | R2 | Stateful>
  <In, In2, K, A, B, E, R, E2, R2, const T extends JoinType = "inner">(
    self: Keyed<In, K, A, "events", E, R>,
    name: string,
    that: Keyed<In2, K, B, "events", E2, R2>,
    options: WithinOptions<T, A, B>
  ): Step<In & In2, Joined<T, K, A, B>, LateSide<A, B>, "events", E | E2, R | R2 | Stateful>
} = dual(
  isFlowFirst,
  <In, In2, K, A, B, E, R, E2, R2, T extends JoinType>(
    self: Keyed<In, K, A, "events", E, R>,
    name: string,
    that: Keyed<In2, K, B, "events", E2, R2>,
    options: WithinOptions<T, A, B>
  ): Step<In & In2, Joined<T, K, A, B>, LateSide<A, B>, "events", E | E2, R | R2 | Stateful> => {
    const lower = -bound(name, "before", options.before)
    const upper = bound(name, "after", options.after)
    if (lower > upper) {
      throw new RangeError(
        `Flow.joinWithin "${name}": the lower bound of ${lower} ms is above the upper bound of ${upper} ms`
      )
    }
    return step(name, [self, that], options, {
      _tag: "JoinWithin",
      lower,
      upper,
      ...sides(`Flow.joinWithin "${name}"`, options)
    })
  }
)

/**
 * Pairs of two flows' events of one key that are in one window. They come at once; what has no partner comes, if the type
 * says so, when the window closes.
 *
 * @category combinators
 * @since 0.2.0
 */
export const windowJoin: {
  <In2, K, A, B, M2 extends Mode, E2, R2, const T extends JoinType = "inner">(
    name: string,
    that: Keyed<In2, K, B, M2, E2, R2> & OnlyEvents<M2>,
    window: Window<A & B, "merge", "updates">,
    options: JoinOptions<T, A, B>
  ): <In, M extends Mode, E, R>(
    self: Keyed<In, K, A, M, E, R> & OnlyEvents<M>
  ) => Step<In & In2, Joined<T, K, A, B> & InWindow, LateSide<A, B>, "events", E | E2, R | R2 | Stateful>
  <In, In2, K, A, B, E, R, E2, R2, const T extends JoinType = "inner">(
    self: Keyed<In, K, A, "events", E, R>,
    name: string,
    that: Keyed<In2, K, B, "events", E2, R2>,
    window: Window<A & B, "merge", "updates">,
    options: JoinOptions<T, A, B>
  ): Step<In & In2, Joined<T, K, A, B> & InWindow, LateSide<A, B>, "events", E | E2, R | R2 | Stateful>
} = dual(
  isFlowFirst,
  <In, In2, K, A, B, E, R, E2, R2, T extends JoinType>(
    self: Keyed<In, K, A, "events", E, R>,
    name: string,
    that: Keyed<In2, K, B, "events", E2, R2>,
    window: Window<A & B, "merge", "updates">,
    options: JoinOptions<T, A, B>
  ): Step<In & In2, Joined<T, K, A, B> & InWindow, LateSide<A, B>, "events", E | E2, R | R2 | Stateful> => {
    const { shape } = window
    if (shape._tag !== "Sliced" || shape.time !== "event") {
      throw new RangeError(`Flow.windowJoin "${name}": its windows must be tumbling or sliding windows of event time`)
    }
    return step(name, [self, that], options, {
      _tag: "WindowJoin",
      window: shape,
      ...sides(`Flow.windowJoin "${name}"`, options)
    })
  }
)

/** @category models @since 0.2.0 */
export interface InWindow {
  readonly window: Interval
}

/** @category models @since 0.2.0 */
export interface TableOptions<T extends "inner" | "left", A, B> extends LateOptions {
  /** Default `inner`: an event without a row is left out. */
  readonly type?: T | undefined
  /**
   * `time` (default): the row that was there at the event's time; the event waits until the watermark has passed it.
   * `arrival`: the one that is there when the event comes, which depends on how they arrive.
   */
  readonly asOf?: "time" | "arrival" | undefined
  /**
   * How far behind the watermark of the batch before an event may be: so long are older rows kept. `Infinity`: for ever. A
   * row that is further behind is late, unless it is the newest of its key; where rows can be deleted, it is late too if the key
   * has none, for it may be older than what was deleted and forgotten.
   */
  readonly history: Duration.Input
  readonly event: Schema.Codec<A, unknown>
  readonly row: Schema.Codec<B, unknown>
  /** Rows that say that there is none any more. */
  readonly deleted?: ((row: B) => boolean) | undefined
}

/**
 * Each event with the row of its key in a table: the last value of another flow.
 *
 * **Example**
 *
 * ```ts
 * import { Flow } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const Trade = Schema.Struct({ currency: Schema.String, amount: Schema.Number })
 * const Rate = Schema.Struct({ currency: Schema.String, rate: Schema.Number })
 *
 * const from = Flow.sources<{ trades: typeof Trade.Type; rates: typeof Rate.Type }>()
 * const rates = from("rates").pipe(Flow.keyBy("currency", Schema.String, (rate) => rate.currency))
 *
 * // at the rate that was valid then
 * const inEuro = from("trades").pipe(
 *   Flow.keyBy("currency", Schema.String, (trade) => trade.currency),
 *   Flow.joinTable("rates", rates, { history: "1 day", event: Trade, row: Rate }),
 *   Flow.map(({ left, right }) => left.amount * right.rate)
 * )
 * ```
 *
 * @category combinators
 * @since 0.2.0
 */
export const joinTable: {
  <In2, K, A, B, M2 extends Mode, E2, R2, const T extends "inner" | "left" = "inner">(
    name: string,
    table: Keyed<In2, K, B, M2, E2, R2> & OnlyEvents<M2>,
    options: TableOptions<T, A, B>
  ): <In, M extends Mode, E, R>(
    self: Keyed<In, K, A, M, E, R> & OnlyEvents<M>
  ) => Step<In & In2, Joined<T, K, A, B>, LateSide<A, B>, "events", E | E2, R | R2 | Stateful>
  <In, In2, K, A, B, E, R, E2, R2, const T extends "inner" | "left" = "inner">(
    self: Keyed<In, K, A, "events", E, R>,
    name: string,
    table: Keyed<In2, K, B, "events", E2, R2>,
    options: TableOptions<T, A, B>
  ): Step<In & In2, Joined<T, K, A, B>, LateSide<A, B>, "events", E | E2, R | R2 | Stateful>
} = dual(
  isFlowFirst,
  <In, In2, K, A, B, E, R, E2, R2, T extends "inner" | "left">(
    self: Keyed<In, K, A, "events", E, R>,
    name: string,
    table: Keyed<In2, K, B, "events", E2, R2>,
    options: TableOptions<T, A, B>
  ): Step<In & In2, Joined<T, K, A, B>, LateSide<A, B>, "events", E | E2, R | R2 | Stateful> => {
    const { deleted } = options
    return step(name, [self, table], options, {
      _tag: "TableJoin",
      type: options.type ?? "inner",
      asOf: options.asOf ?? "time",
      history: Span.orForever(`Flow.joinTable "${name}": history`, options.history),
      event: options.event,
      row: options.row,
      isDeleted: deleted as ((row: unknown) => boolean) | undefined
    })
  }
)

const sides = <T extends JoinType, A, B>(what: string, options: JoinOptions<T, A, B>) => ({
  type: options.type ?? "inner" as const,
  grace: Span.millis(`${what}: grace`, options.grace ?? 0),
  left: options.left,
  right: options.right,
  where: options.where as ((left: unknown, right: unknown) => boolean) | undefined
})

/** A bound may be below zero. */
const bound = (name: string, what: string, input: Duration.Input): number => {
  const value = Duration.toMillis(Duration.fromInputUnsafe(input))
  if (!Number.isSafeInteger(value)) {
    throw new RangeError(`Flow.joinWithin "${name}": ${what}: ${value} ms is not a whole number of milliseconds`)
  }
  return value
}
