/**
 * Windows: which stretches of time, or of a key's inputs, are added up together. Values: when they close and what comes out
 * of them is said where they are used, by `Flow.window`.
 *
 * A window is `[start, end)` in milliseconds. Windows before time 0 exist, too. A size, period or gap must be a whole number
 * of milliseconds, and 1 at least; an offset 0 at least. All of these functions throw `RangeError` for others.
 *
 * @since 0.2.0
 */
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { Ability } from "../aggregate/Aggregate.ts"
import * as Span from "./Span.ts"

const TypeId = "~effect-pravega/flow/Window"

/** From `start`, to before `end`, in milliseconds since 1970. @category models @since 0.2.0 */
export interface Interval {
  readonly start: number
  readonly end: number
}

/** How results can come, see `Flow.window`. @category models @since 0.2.0 */
export type Emits = "final" | "updates" | "changes" | "parts"

/**
 * `A` are the inputs that it can be used for; `Needs` what an aggregate must be able to do to be used with it; `Emit` how
 * its results can come.
 *
 * @category models
 * @since 0.2.0
 */
export interface Window<in A = unknown, out Needs extends Ability = never, in Emit = Emits> {
  readonly [TypeId]: {
    readonly A: (input: A) => void
    readonly Needs: Needs | undefined
    readonly Emit: (emit: Emit) => void
  }
  readonly shape: Shape
}

/** What kind of window it is, as data. @category models @since 0.2.0 */
export type Shape = Sliced | Session | Count | Global | Calendar

/** Windows of one size, one every so often. Tumbling ones are those with `every` equal to `size`. @category models @since 0.2.0 */
export interface Sliced {
  readonly _tag: "Sliced"
  readonly size: number
  readonly every: number
  readonly offset: number
  /** Whose time counts: the inputs' own, or the recorded clock of the batch that takes them in. */
  readonly time: "event" | "processing"
}

/** Windows that last as long as inputs follow each other within `gap`. @category models @since 0.2.0 */
export interface Session {
  readonly _tag: "Session"
  /** In milliseconds; a function where each input has its own. */
  readonly gap: number | ((input: never) => number)
}

/** Windows of so many inputs of a key. @category models @since 0.2.0 */
export interface Count {
  readonly _tag: "Count"
  readonly size: number
}

/** One window for all time. @category models @since 0.2.0 */
export interface Global {
  readonly _tag: "Global"
}

/** Windows of a calendar, as clocks on the walls of a place go. @category models @since 0.2.0 */
export interface Calendar {
  readonly _tag: "Calendar"
  readonly unit: "day" | "week" | "month"
  /** The zone's name, or its offset from UTC. */
  readonly zone: string
  /** In milliseconds, from midnight. */
  readonly offset: number
  /** 0 is Sunday. */
  readonly weekStartsOn: 0 | 1 | 2 | 3 | 4 | 5 | 6
}

const make = <A, Needs extends Ability, Emit>(shape: Shape): Window<A, Needs, Emit> => ({
  [TypeId]: { A: () => {}, Needs: undefined, Emit: () => {} },
  shape
})

/** @category models @since 0.2.0 */
export interface Alignment {
  /** Where a window begins, from 1970 on; default 0. A window of a day from 06:00: "6 hours". */
  readonly offset?: Duration.Input | undefined
  /**
   * `event` (default): an input belongs to the window of its own time. `processing`: to that of the clock that is recorded
   * with the batch that takes it in; then results depend on when batches are made.
   */
  readonly time?: "event" | "processing" | undefined
}

/**
 * One window after the other: each input is in one.
 *
 * **Example**
 *
 * ```ts
 * import { Window } from "effect-pravega/flow"
 *
 * const shifts = Window.tumbling("8 hours", { offset: "6 hours" })
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const tumbling = (size: Duration.Input, alignment: Alignment = {}): Window =>
  make({ _tag: "Sliced", ...sliced("Window.tumbling", size, size, alignment) })

/**
 * Windows of `size`, one every `every`: an input is in all those that its time is in. The inputs between two bounds of
 * windows are added up once, so that an input costs the same however many windows it is in.
 *
 * **Example**
 *
 * ```ts
 * import { Window } from "effect-pravega/flow"
 *
 * const lastTenSeconds = Window.sliding({ size: "10 seconds", every: "2 seconds" })
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const sliding = (
  options: { readonly size: Duration.Input; readonly every: Duration.Input } & Alignment
): Window<unknown, "merge"> =>
  make({ _tag: "Sliced", ...sliced("Window.sliding", options.size, options.every, options) })

/**
 * Windows that grow with their inputs: each input stands for `[time, time + gap)`, and a session is what overlaps. Two that
 * only touch stay apart: so an input that is in time never finds its session closed, and results don't depend on the order
 * in which inputs arrive.
 *
 * **Example**
 *
 * ```ts
 * import { Window } from "effect-pravega/flow"
 *
 * const visits = Window.session({ gap: "30 minutes" })
 * const patient = Window.session({ gap: (click: { readonly page: string }) => click.page === "film" ? "3 hours" : "30 minutes" })
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const session: {
  (options: { readonly gap: Duration.Input }): Window<unknown, "merge", "final" | "changes">
  <A>(options: { readonly gap: (input: A) => Duration.Input }): Window<A, "merge", "final" | "changes">
} = <A>(
  options: { readonly gap: Duration.Input | ((input: A) => Duration.Input) }
): Window<A, "merge", "final" | "changes"> => {
  const { gap } = options
  return make({
    _tag: "Session",
    gap: typeof gap === "function"
      ? (input: A) => Span.positive("Window.session: gap", gap(input))
      : Span.positive("Window.session: gap", gap)
  })
}

/**
 * A window is full after so many inputs of its key, in the order in which a step takes them in; what is in it at the end of
 * time comes, too. Its start and end are the least and the greatest time in it (plus 1 ms).
 *
 * @category constructors
 * @since 0.2.0
 */
export const count = (size: number): Window<unknown, never, "final"> => {
  if (!Number.isSafeInteger(size) || size < 1) throw new RangeError(`Window.count: ${size} is not a count of 1 or more`)
  return make({ _tag: "Count", size })
}

/** @category models @since 0.2.0 */
export interface CalendarOptions {
  /** By whose clocks: a name as "Europe/Berlin", an offset as "+02:00", "UTC", or a zone of `DateTime`. */
  readonly zone: string | DateTime.TimeZone
  /** When a day begins, by those clocks; default at midnight. Less than a day. */
  readonly offset?: Duration.Input | undefined
}

/**
 * The days of a place, one after the other. The day on which its clocks are set forward is shorter, the one on which they are
 * set back is longer: 23 and 25 hours in most places. Where midnight is left out, the day begins with the first instant that
 * it has; where midnight comes twice, with the first one.
 *
 * The rules of a zone are those that the running version of Node knows. A window that is open keeps the bounds that it began
 * with.
 *
 * **Example** (Orders by the day of the shops)
 *
 * ```ts
 * import { Aggregate, Flow, Window } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const daily = Flow.events<{ readonly shop: string }>().pipe(
 *   Flow.keyBy("shop", Schema.String, (order) => order.shop),
 *   Flow.window("daily", Window.days({ zone: "Europe/Berlin" }), Aggregate.count)
 * )
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const days = (options: CalendarOptions): Window => calendar("Window.days", "day", options)

/**
 * The weeks of a place, from Monday on unless told otherwise. What is said of `days` holds for them.
 *
 * @category constructors
 * @since 0.2.0
 */
export const weeks = (
  options: CalendarOptions & {
    /** 0 is Sunday; default 1, Monday. */
    readonly startsOn?: Calendar["weekStartsOn"] | undefined
  }
): Window => calendar("Window.weeks", "week", options, options.startsOn)

/**
 * The months of a place. What is said of `days` holds for them.
 *
 * @category constructors
 * @since 0.2.0
 */
export const months = (options: CalendarOptions): Window => calendar("Window.months", "month", options)

const calendar = (
  name: string,
  unit: Calendar["unit"],
  { offset = 0, zone }: CalendarOptions,
  weekStartsOn: Calendar["weekStartsOn"] = 1
): Window => {
  const known = typeof zone === "string" ? Option.getOrUndefined(DateTime.zoneFromString(zone)) : zone
  if (known === undefined) throw new RangeError(`${name}: there is no time zone "${String(zone)}"`)
  const fromMidnight = Span.millis(`${name}: offset`, offset)
  if (fromMidnight >= 86_400_000) {
    throw new RangeError(`${name}: the offset from midnight must be less than a day, it is ${fromMidnight} ms`)
  }
  return make({ _tag: "Calendar", unit, zone: DateTime.zoneToString(known), offset: fromMidnight, weekStartsOn })
}

/**
 * One window for all time, which ends with it. What is in it before is told as `early` says; its start and end are the least
 * and the greatest time that a `Date` can have.
 *
 * **Example** (A total that is told after each 1000 orders)
 *
 * ```ts
 * import { Aggregate, Flow, Window } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const totals = Flow.events<{ readonly shop: string }>().pipe(
 *   Flow.keyBy("shop", Schema.String, (order) => order.shop),
 *   Flow.window("totals", Window.global, Aggregate.count, { emit: "updates", early: { count: 1000 } })
 * )
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const global: Window = make({ _tag: "Global" })

const sliced = (name: string, size: Duration.Input, every: Duration.Input, alignment: Alignment) => ({
  size: Span.positive(`${name}: size`, size),
  every: Span.positive(`${name}: every`, every),
  offset: Span.millis(`${name}: offset`, alignment.offset ?? 0),
  time: alignment.time ?? "event" as const
})
