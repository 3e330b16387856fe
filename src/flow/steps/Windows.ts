/**
 * Keys, and what is added up by them: in windows, or over all time.
 *
 * @since 0.2.0
 */
import type * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import type * as Schema from "effect/Schema"
import type { Ability, Aggregate } from "../aggregate/Aggregate.ts"
import type * as Node from "../graph/Node.ts"
import {
  type Flow,
  type Holds,
  isOfChanges,
  type Keyed,
  type Mode,
  type OnlyEvents,
  type Stateful,
  type Step
} from "../graph/Typed.ts"
import * as Span from "../time/Span.ts"
import type { Interval, Shape, Window } from "../time/Window.ts"
import { erased, isFlowFirst, keyed, make, step } from "./Made.ts"

/**
 * Gives each value a key: what follows remembers something of each key. `name` says what the key is: it is part of a query's
 * structure. The Schema says which keys are equal, and in which order they are.
 *
 * @category combinators
 * @since 0.2.0
 */
export const keyBy: {
  <A, K>(
    name: string,
    schema: Schema.Codec<K, unknown>,
    f: (value: A) => K
  ): <In, M extends Mode, E, R>(
    self:
      & Flow<In, A, M, E, R>
      & Holds<
        [M] extends ["events" | "changes"] ? true : false,
        "updates can't be added up, since nothing takes back the one before: make changes of them"
      >
  ) => Keyed<In, K, A, M, E, R>
  <In, A, M extends Mode, E, R, K>(
    self: Flow<In, A, M, E, R>,
    name: string,
    schema: Schema.Codec<K, unknown>,
    f: (value: A) => K
  ): Keyed<In, K, A, M, E, R>
} = dual(
  4,
  <In, A, M extends Mode, E, R, K>(
    self: Flow<In, A, M, E, R>,
    name: string,
    schema: Schema.Codec<K, unknown>,
    f: (value: A) => K
  ): Keyed<In, K, A, M, E, R> =>
    keyed({
      _tag: "Keyed",
      input: self.node,
      name,
      schema,
      f: f as (value: unknown) => unknown,
      isOfChanges: isOfChanges(self.node)
    })
)

/** A result: of a key, and of a window. @category models @since 0.2.0 */
export interface Windowed<out K, out B> {
  readonly key: K
  readonly value: B
  readonly window: Interval
}

/** A result of a key. @category models @since 0.2.0 */
export interface OfKey<out K, out B> {
  readonly key: K
  readonly value: B
}

/** @category models @since 0.2.0 */
export interface LateOptions {
  /**
   * What is done with values that come too late. `count` (default): they are counted, in the progress. `fail`: the flow fails.
   * `output`: `Flow.late` has it, and must be used.
   */
  readonly late?: "count" | "fail" | "output" | undefined
}

/** @category models @since 0.2.0 */
export interface WindowOptions<Emit extends Node.Emit> extends LateOptions {
  /** For how long after its end a window still takes late values. Default: 0. Its final result comes that much later. */
  readonly grace?: Duration.Input | undefined
  /**
   * When results come. `final` (default): once, when the watermark has passed end and grace. `updates`: in each batch, those
   * that it changed. `changes`: the same, with what they were before. `parts`: in each batch, what that added; a window is the
   * sum of its parts.
   */
  readonly emit?: Emit | undefined
  /** When updates, changes and parts come before the window's end; default `batch`. With `final`: throws `RangeError`. */
  readonly early?: Early | undefined
}

/**
 * When a window's result is told, where results are updates, changes or parts:
 *
 * - `batch`: in each batch that changed it.
 * - `never`: only at its end, and when the grace is over.
 * - `{ count }`: after so many inputs since it was told last, at the end of their batch.
 * - `{ after, time }`: so long after the first input that was not told, by the times of events (default), or by the clock that
 *   is recorded with each batch (`processing`).
 *
 * What was not told when a window ends is told then, and what was not when the grace is over. But for `batch`, an input costs
 * as much as it has windows; sessions and windows by count can't have it.
 *
 * @category models
 * @since 0.2.0
 */
export type Early =
  | "batch"
  | "never"
  | { readonly count: number }
  | { readonly after: Duration.Input; readonly time?: "event" | "processing" | undefined }

/** What values a step makes that emits so. @category utility types @since 0.2.0 */
export type ModeOf<Emit extends Node.Emit> = Emit extends "updates" | "changes" ? Emit : "events"

/**
 * Adds up the values of each key and window. A value is late for a window when the watermark of the batch before has passed
 * the window's end and grace.
 *
 * @category combinators
 * @since 0.2.0
 */
export const window: {
  <
    A,
    Acc,
    B,
    Can extends Ability,
    Needs extends Ability,
    Allowed extends Node.Emit,
    const Emit extends Node.Emit = "final"
  >(
    name: string,
    window: Window<A, Needs, Allowed>,
    aggregate: Aggregate<A, Acc, B, Can> & CanMerge<Needs, Can>,
    options?: WindowOptions<Emit>
  ): <In, K, M extends Mode, E, R>(
    self: Keyed<In, K, A, M, E, R> & OnlyEvents<M> & CanEmit<Allowed, Emit>
  ) => Step<In, Windowed<K, B>, A, ModeOf<Emit>, E, R | Stateful>
  <
    In,
    K,
    A,
    E,
    R,
    Acc,
    B,
    Can extends Ability,
    Needs extends Ability,
    Allowed extends Node.Emit,
    const Emit extends Node.Emit = "final"
  >(
    self: Keyed<In, K, A, "events", E, R> & CanEmit<Allowed, Emit>,
    name: string,
    window: Window<A, Needs, Allowed>,
    aggregate: Aggregate<A, Acc, B, Can> & CanMerge<Needs, Can>,
    options?: WindowOptions<Emit>
  ): Step<In, Windowed<K, B>, A, ModeOf<Emit>, E, R | Stateful>
} = dual(
  isFlowFirst,
  <In, K, A, E, R, Acc, B, Needs extends Ability, Emit extends Node.Emit>(
    self: Keyed<In, K, A, "events", E, R>,
    name: string,
    window: Window<A, Needs, never>,
    aggregate: Aggregate<A, Acc, B, Needs>,
    options: WindowOptions<Emit> = {}
  ): Step<In, Windowed<K, B>, A, ModeOf<Emit>, E, R | Stateful> =>
    step(name, [self], options, {
      _tag: "Window",
      window: window.shape,
      aggregate: erased(aggregate),
      grace: Span.millis(`Flow.window "${name}": grace`, options.grace ?? 0),
      emit: options.emit ?? "final",
      early: earlyOf(`Flow.window "${name}": early`, window.shape, options)
    })
)

const earlyOf = (what: string, shape: Shape, { early, emit }: WindowOptions<Node.Emit>): Node.Early => {
  if (early !== undefined && (emit === undefined || emit === "final")) {
    throw new RangeError(
      `${what}: a window with final results tells nothing before its end. Choose what it tells before it (emit)`
    )
  }
  if (early === undefined || early === "batch") return { _tag: "Batch" }
  if (shape._tag === "Session" || shape._tag === "Count") {
    throw new RangeError(
      `${what}: sessions and windows by count tell with each batch, or at their end. Leave it out for them`
    )
  }
  if (early === "never") return { _tag: "Never" }
  if ("count" in early) {
    if (!Number.isSafeInteger(early.count) || early.count < 1) {
      throw new RangeError(`${what}: ${early.count} is not a count of 1 or more`)
    }
    return { _tag: "Count", count: early.count }
  }
  // Windows by the clock know of no other time.
  const byClock = early.time === "processing" || (shape._tag === "Sliced" && shape.time === "processing")
  return { _tag: "After", after: Span.positive(what, early.after), by: byClock ? "clock" : "event" }
}

type CanEmit<Allowed, Emit> = Holds<
  [Emit] extends [Allowed] ? true : false,
  "what these windows tell may be gone later: a session that grows, or one by count, can't emit this way"
>

type CanMerge<Needs, Can> = Holds<
  [Needs] extends [Can] ? true : false,
  "these windows are put together from parts: their aggregate needs merge"
>

/** @category models @since 0.2.0 */
export interface AggregateOptions<Emit extends "updates" | "changes"> {
  /** `updates` (default): in each batch, the results that it changed. `changes`: the same, with what they were before. */
  readonly emit?: Emit | undefined
}

/**
 * Adds up the values of each key over all time. Behind changes, the aggregate must be able to take back.
 *
 * @category combinators
 * @since 0.2.0
 */
export const aggregate: {
  <A, Acc, B, Can extends Ability, const Emit extends "updates" | "changes" = "updates">(
    name: string,
    aggregate: Aggregate<A, Acc, B, Can>,
    options?: AggregateOptions<Emit>
  ): <In, K, M extends Mode, E, R>(
    self: Keyed<In, K, A, M, E, R> & CanRemove<M, Can> & CanBeGone<M, Can, Emit>
  ) => Flow<In, OfKey<K, B>, Emit, E, R | Stateful>
  <In, K, A, M extends Mode, E, R, Acc, B, Can extends Ability, const Emit extends "updates" | "changes" = "updates">(
    self: Keyed<In, K, A, M, E, R> & CanRemove<M, Can> & CanBeGone<M, Can, Emit>,
    name: string,
    aggregate: Aggregate<A, Acc, B, Can>,
    options?: AggregateOptions<Emit>
  ): Flow<In, OfKey<K, B>, Emit, E, R | Stateful>
} = dual(
  isFlowFirst,
  <In, K, A, M extends Mode, E, R, Acc, B, Can extends Ability, Emit extends "updates" | "changes">(
    self: Keyed<In, K, A, M, E, R>,
    name: string,
    aggregate: Aggregate<A, Acc, B, Can>,
    options: AggregateOptions<Emit> = {}
  ): Flow<In, OfKey<K, B>, Emit, E, R | Stateful> =>
    step(name, [self], {}, { _tag: "Aggregate", aggregate: erased(aggregate), emit: options.emit ?? "updates" })
)

type CanRemove<M, Can> = Holds<
  [M] extends ["changes"] ? ["remove"] extends [Can] ? true : false : true,
  "what was told is taken back here: the aggregate behind changes needs remove"
>

type CanBeGone<M, Can, Emit> = Holds<
  [M, Emit] extends ["changes", "updates"] ? ["empty"] extends [Can] ? true : false : true,
  "a key of which all is taken back has no result that an update could tell: emit changes, or use an aggregate that has one"
>

/** The values that came too late for a step that was made with `late: "output"`. @category combinators @since 0.2.0 */
export const late = <In, A, L, M extends Mode, E, R>(self: Step<In, A, L, M, E, R>): Flow<In, L, "events", E, R> =>
  make({ _tag: "Late", step: self.node as Node.Step })
