/**
 * Steps with state of their own: functions from state and event to state and outputs, timers, and what is made of them.
 *
 * @since 0.2.0
 */
import type * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import type * as Schema from "effect/Schema"
import type { Says } from "../../core/Says.ts"
import * as Change from "../Change.ts"
import type * as Node from "../graph/Node.ts"
import type { MapOf, View } from "../graph/State.ts"
import type { Keyed, Mode, OnlyEvents, Stateful, Step } from "../graph/Typed.ts"
import * as Span from "../time/Span.ts"
import { isFlowFirst, step } from "./Made.ts"
import type { LateOptions } from "./Windows.ts"

/**
 * When a timer is due: when all events of this time and before have come; or when the recorded clock has this time.
 * Undefined: it is not set any more. Both in milliseconds since 1970.
 *
 * @category models
 * @since 0.2.0
 */
export type Timer = { readonly at: number } | { readonly clock: number } | undefined

/**
 * What an event or a timer leads to: the new state (undefined: the key has none any more, and no maps), outputs, and the timers
 * and maps that change, by name.
 *
 * @category models
 * @since 0.2.0
 */
export type Next<S, B, Maps, T extends string> = readonly [
  state: S | undefined,
  outputs: ReadonlyArray<B>,
  also?:
    | {
      readonly timers?:
        | ([T] extends [never] ? Says<"this step names no timers: say timers: [...] beside its state">
          : { readonly [K in T]?: Timer })
        | undefined
      readonly maps?:
        | ([keyof Maps] extends [never] ? Says<"this step has no maps: say maps: { ... } beside its state">
          : { readonly [K in keyof Maps]?: Maps[K] })
        | undefined
    }
    | undefined
]

/** What a function of `Flow.mapState` is told besides the state. All of it is recorded. @category models @since 0.2.0 */
export interface Context<out K, out Maps> {
  readonly key: K
  /** The event's, or the timer's, in milliseconds since 1970. */
  readonly time: number
  /** What was known of time before this batch: nothing earlier was to come. It depends on how the input is cut into batches. */
  readonly watermark: number
  /** The clock that is recorded with this batch, in milliseconds since 1970. */
  readonly clock: number
  readonly maps: Maps
}

/** @category models @since 0.2.0 */
export type Views<M> = { readonly [K in keyof M]: M[K] extends MapOf<infer A, infer B> ? View<A, B> : never }

/** @category models @since 0.2.0 */
export interface Lifetime {
  /** For how long a key's state lives after it was last written, or read. A state whose time is over is never seen. */
  readonly after: Duration.Input
  /** By the times of events (default), or by the clock that is recorded with each batch. */
  readonly by?: "event" | "clock" | undefined
  /** Default "write". */
  readonly renewedBy?: "write" | "read" | undefined
}

/** @category models @since 0.2.0 */
export interface StateOptions<K, A, S, B, M, T extends string> extends LateOptions {
  readonly state: Schema.Codec<S, unknown>
  /** The state of a key that has none. */
  readonly initial: S
  /** Maps that each key has besides, of which only what is asked for is read. */
  readonly maps?: M | undefined
  /** The names of the timers, if there are any. */
  readonly timers?: ReadonlyArray<T> | undefined
  readonly onEvent: (
    state: S,
    event: NoInfer<A>,
    context: Context<K, Views<M>>
  ) => Next<S, B, Views<NoInfer<M>>, NoInfer<T>>
  readonly onTimer?:
    | ((state: S, timer: T, context: Context<K, Views<M>>) => Next<S, B, Views<NoInfer<M>>, NoInfer<T>>)
    | undefined
  readonly ttl?: Lifetime | undefined
}

/** In order of time events are kept until their turn has come: so they need a Schema. @category models @since 0.2.0 */
export type Order<A> =
  | { readonly order: "arrival"; readonly event?: Schema.Codec<A, unknown> | undefined }
  | {
    /**
     * `time` (default): a key's events and timers come in order of time, whatever the order in which they arrived.
     * `arrival`: events come as they arrive, and results depend on it.
     */
    readonly order?: "time" | undefined
    readonly event: Schema.Codec<A, unknown>
  }

/**
 * A state per key, in the spirit of `mapAccum`: pure functions from state and event, or timer, to the next state and
 * outputs.
 *
 * **Example**
 *
 * ```ts
 * import { Flow } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const Reading = Schema.Struct({ sensor: Schema.String, celsius: Schema.Number })
 *
 * // says so when a sensor has been silent for a minute
 * const alarms = Flow.events<typeof Reading.Type>().pipe(
 *   Flow.keyBy("sensor", Schema.String, (reading) => reading.sensor),
 *   Flow.mapState("silence", {
 *     event: Reading,
 *     state: Schema.Number,
 *     initial: 0,
 *     timers: ["silent"],
 *     onEvent: (_last, reading, { time }) => [reading.celsius, [], { timers: { silent: { at: time + 60_000 } } }],
 *     onTimer: (last, _timer, { key, time }) => [last, [{ sensor: key, silentSince: time - 60_000, last }]]
 *   })
 * )
 * ```
 *
 * @category combinators
 * @since 0.2.0
 */
export const mapState: {
  <K, A, S, B, const M extends Readonly<Record<string, MapOf<unknown, unknown>>> = {}, const T extends string = never>(
    name: string,
    options: StateOptions<K, A, S, B, M, T> & Order<A>
  ): <In, Mo extends Mode, E, R>(
    self: Keyed<In, K, A, Mo, E, R> & OnlyEvents<Mo>
  ) => Step<In, B, A, "events", E, R | Stateful>
  <
    In,
    K,
    A,
    E,
    R,
    S,
    B,
    const M extends Readonly<Record<string, MapOf<unknown, unknown>>> = {},
    const T extends string = never
  >(
    self: Keyed<In, K, A, "events", E, R>,
    name: string,
    options: StateOptions<K, A, S, B, M, T> & Order<A>
  ): Step<In, B, A, "events", E, R | Stateful>
} = dual(
  isFlowFirst,
  <In, K, A, E, R, S, B, M extends Readonly<Record<string, MapOf<unknown, unknown>>>, T extends string>(
    self: Keyed<In, K, A, "events", E, R>,
    name: string,
    options: StateOptions<K, A, S, B, M, T> & Order<A>
  ): Step<In, B, A, "events", E, R | Stateful> =>
    step(name, [self], options, {
      _tag: "State",
      state: options.state,
      initial: options.initial,
      maps: (options.maps ?? {}) as Node.Stateful["maps"],
      event: options.event,
      order: options.order ?? "time",
      ttl: options.ttl === undefined ? undefined : {
        after: Span.positive(`Flow.mapState "${name}": ttl`, options.ttl.after),
        by: options.ttl.by ?? "event",
        renewedBy: options.ttl.renewedBy ?? "write"
      },
      onEvent: options.onEvent as Node.Stateful["onEvent"],
      onTimer: options.onTimer as Node.Stateful["onTimer"],
      makesChanges: false
    })
)

/**
 * Of the values of a key within a time, only the first that comes. What is left out is counted. A value that is older than
 * the watermark may have been seen and forgotten: it is late. Where the values of a key differ, which of them is first
 * depends on how they arrive.
 *
 * @category combinators
 * @since 0.2.0
 */
export const deduplicate: {
  (
    name: string,
    options: {
      /** How far apart in time two values of a key are one; `Infinity`: always, and then all keys are remembered for ever. */
      readonly within: Duration.Input
    } & LateOptions
  ): <In, K, A, M extends Mode, E, R>(
    self: Keyed<In, K, A, M, E, R> & OnlyEvents<M>
  ) => Step<In, A, A, "events", E, R | Stateful>
  <In, K, A, E, R>(
    self: Keyed<In, K, A, "events", E, R>,
    name: string,
    options: { readonly within: Duration.Input } & LateOptions
  ): Step<In, A, A, "events", E, R | Stateful>
} = dual(
  isFlowFirst,
  <In, K, A, E, R>(
    self: Keyed<In, K, A, "events", E, R>,
    name: string,
    options: { readonly within: Duration.Input } & LateOptions
  ): Step<In, A, A, "events", E, R | Stateful> =>
    step(name, [self], options, {
      _tag: "Deduplicate",
      within: Span.orForever(`Flow.deduplicate "${name}": within`, options.within)
    })
)

/**
 * The latest value of each key, in order of time: each takes the place of the one before it.
 *
 * @category combinators
 * @since 0.2.0
 */
export const latest: {
  <A>(
    name: string,
    options: {
      readonly event: Schema.Codec<A, unknown>
      /** How long a value is remembered; what comes after it is told as the first. Default: for ever. */
      readonly ttl?: Lifetime | undefined
    } & LateOptions
  ): <In, K, M extends Mode, E, R>(
    self: Keyed<In, K, A, M, E, R> & OnlyEvents<M>
  ) => Step<In, A, A, "changes", E, R | Stateful>
  <In, K, A, E, R>(
    self: Keyed<In, K, A, "events", E, R>,
    name: string,
    options: { readonly event: Schema.Codec<A, unknown>; readonly ttl?: Lifetime | undefined } & LateOptions
  ): Step<In, A, A, "changes", E, R | Stateful>
} = dual(
  isFlowFirst,
  <In, K, A, E, R>(
    self: Keyed<In, K, A, "events", E, R>,
    name: string,
    options: { readonly event: Schema.Codec<A, unknown>; readonly ttl?: Lifetime | undefined } & LateOptions
  ): Step<In, A, A, "changes", E, R | Stateful> =>
    step(name, [self], options, {
      _tag: "State",
      state: options.event,
      initial: undefined,
      maps: {},
      event: options.event,
      order: "time",
      ttl: options.ttl === undefined ? undefined : {
        after: Span.positive(`Flow.latest "${name}": ttl`, options.ttl.after),
        by: options.ttl.by ?? "event",
        renewedBy: options.ttl.renewedBy ?? "write"
      },
      onEvent: (state, event) => [event, [state === undefined ? Change.added(event) : Change.replaced(state, event)]],
      onTimer: undefined,
      makesChanges: true
    })
)
