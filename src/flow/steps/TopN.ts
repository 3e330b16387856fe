/**
 * The values of each key with the greatest ranks: of all time, or of each window.
 *
 * @since 0.2.0
 */
import { dual } from "effect/Function"
import type * as Schema from "effect/Schema"
import * as Aggregate from "../aggregate/Aggregate.ts"
import type { Comparable } from "../aggregate/Aggregate.ts"
import * as Ranks from "../aggregate/Ranks.ts"
import type * as Node from "../graph/Node.ts"
import type { Flow, Keyed, Mode, OnlyEvents, Stateful, Step } from "../graph/Typed.ts"
import type { Window } from "../time/Window.ts"
import { erased, isFlowFirst, step } from "./Made.ts"
import { type ModeOf, type OfKey, window, type Windowed, type WindowOptions } from "./Windows.ts"

/** @category options @since 0.2.0 */
export interface TopOptions<A> {
  /** How many; throws `RangeError` unless it is a whole number above 0. */
  readonly n: number
  /** Of several values with the same rank, the one with the earlier place is first. */
  readonly by: (value: A) => Comparable
  /** How values are kept. */
  readonly value: Schema.Codec<A, unknown>
}

/** @category options @since 0.2.0 */
export interface TopOfAllOptions<A, Emit extends "updates" | "changes"> extends TopOptions<A> {
  readonly window?: undefined
  /**
   * `updates` (default): in each batch, the lists that it changed. `changes`: the same, with what they were before.
   */
  readonly emit?: Emit | undefined
}

/** @category options @since 0.2.0 */
export interface TopOfWindowOptions<A, Allowed extends Node.Emit, Emit extends Node.Emit & Allowed>
  extends TopOptions<A>, WindowOptions<Emit>
{
  readonly window: Window<A, "merge" | "empty", Allowed>
}

/**
 * The values of each key with the greatest ranks, the greatest first, as one list: of all time, or, with `window`, of each
 * window. Behind changes, a value that is taken back makes room for the next one, so all values are kept; of events only those
 * that are among the first.
 *
 * **Example** (The ten most expensive trades of each symbol and hour)
 *
 * ```ts
 * import { Flow, Window } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const Trade = Schema.Struct({ symbol: Schema.String, amount: Schema.Finite })
 *
 * const largest = Flow.events<typeof Trade.Type>().pipe(
 *   Flow.keyBy("symbol", Schema.String, (trade) => trade.symbol),
 *   Flow.topN("largest", { n: 10, by: (trade) => trade.amount, value: Trade, window: Window.tumbling("1 hour") })
 * )
 * ```
 *
 * **Example** (A board of leaders, of counts that change)
 *
 * ```ts
 * import { Aggregate, Flow } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const Count = Schema.Struct({ key: Schema.String, value: Schema.Int })
 *
 * const leaders = Flow.events<{ readonly player: string }>().pipe(
 *   Flow.keyBy("player", Schema.String, (goal) => goal.player),
 *   Flow.aggregate("goals", Aggregate.count, { emit: "changes" }),
 *   Flow.keyBy("all", Schema.Null, () => null),
 *   Flow.topN("leaders", { n: 3, by: (player) => player.value, value: Count })
 * )
 * ```
 *
 * @category combinators
 * @since 0.2.0
 */
export const topN: {
  <A, const Emit extends "updates" | "changes" = "updates">(
    name: string,
    options: TopOfAllOptions<A, Emit>
  ): <In, K, M extends Mode, E, R>(
    self: Keyed<In, K, A, M, E, R>
  ) => Flow<In, OfKey<K, ReadonlyArray<A>>, Emit, E, R | Stateful>
  <A, Allowed extends Node.Emit, const Emit extends Node.Emit & Allowed = "final" & Allowed>(
    name: string,
    options: TopOfWindowOptions<A, Allowed, Emit>
  ): <In, K, M extends Mode, E, R>(
    self: Keyed<In, K, A, M, E, R> & OnlyEvents<M>
  ) => Step<In, Windowed<K, ReadonlyArray<A>>, A, ModeOf<Emit>, E, R | Stateful>
  <In, K, A, M extends Mode, E, R, const Emit extends "updates" | "changes" = "updates">(
    self: Keyed<In, K, A, M, E, R>,
    name: string,
    options: TopOfAllOptions<A, Emit>
  ): Flow<In, OfKey<K, ReadonlyArray<A>>, Emit, E, R | Stateful>
  <In, K, A, E, R, Allowed extends Node.Emit, const Emit extends Node.Emit & Allowed = "final" & Allowed>(
    self: Keyed<In, K, A, "events", E, R>,
    name: string,
    options: TopOfWindowOptions<A, Allowed, Emit>
  ): Step<In, Windowed<K, ReadonlyArray<A>>, A, ModeOf<Emit>, E, R | Stateful>
} = dual(
  isFlowFirst,
  <A>(
    self: Keyed<never, unknown, A>,
    name: string,
    options: TopOfAllOptions<A, "updates" | "changes"> | TopOfWindowOptions<A, Node.Emit, Node.Emit>
  ): Flow<never, unknown, Mode, unknown, unknown> => {
    const { by, n, value } = options
    const greatest = Aggregate.topN(value, { n, by })
    if (options.window !== undefined) return window(self, name, options.window, greatest, options)
    return step(name, [self], {}, {
      _tag: "TopN",
      n,
      value,
      rank: (value) => Ranks.text(by(value as A)),
      greatest: erased(greatest),
      emit: options.emit ?? "updates"
    })
  }
)
