/**
 * Flows: what is computed of events, as a value. A flow is stateless steps, keys, windows, keyed state and joins; building
 * one does nothing. Three interpreters run the same value: `toStream`, in memory, on any Effect Stream; a `Pipeline`,
 * exactly once; and `model`, which says what it means.
 *
 * The functions in a flow must be pure, but for those of `mapEffect`. So the same events have the same outputs.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate, Flow, Window } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * interface Flight {
 *   readonly origin: string
 *   readonly cancelled: boolean
 * }
 *
 * const perAirport = Flow.events<Flight>().pipe(
 *   Flow.filter((flight) => !flight.cancelled),
 *   Flow.keyBy("origin", Schema.String, (flight) => flight.origin),
 *   Flow.window("hourly", Window.tumbling("1 hour"), Aggregate.count, { grace: "10 minutes" }),
 *   Flow.map(({ key, value, window }) => ({ airport: key, hour: window.start, flights: value }))
 * )
 * ```
 *
 * @since 0.2.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Pipeable from "effect/Pipeable"
import type * as Schema from "effect/Schema"
import type * as Types from "effect/Types"
import type { Ability, Aggregate } from "./aggregate/Aggregate.ts"
import * as Change from "./Change.ts"
import type * as Node from "./graph/Node.ts"
import * as Span from "./time/Span.ts"
import type { Interval, Window } from "./time/Window.ts"

const TypeId = "~effect-pravega/flow/Flow"
const KeyedId = "~effect-pravega/flow/Keyed"

/**
 * What a flow's values are: `events`, each of its own; `updates`, of which the last of a key (and window) counts; `changes`
 * of results that were told before.
 *
 * @category models
 * @since 0.2.0
 */
export type Mode = "events" | "updates" | "changes"

/**
 * Computes `A` from what the sources `In` read, by name; the one source of a flow that has one is called `events`. `E` and
 * `R` are what its effects fail with and need: `never` if it has none, and then it is pure.
 *
 * @category models
 * @since 0.2.0
 */
export interface Flow<in In, out A, out M extends Mode = "events", out E = never, out R = never>
  extends Pipeable.Pipeable
{
  readonly [TypeId]: {
    readonly In: Types.Contravariant<In>
    readonly A: Types.Covariant<A>
    readonly M: M | undefined
    readonly E: Types.Covariant<E>
    readonly R: Types.Covariant<R>
  }
  /** Its steps, as data without types. */
  readonly node: Node.Node
  /** @internal */
  readonly "~a keyed flow goes on with a step of keys: Flow.window, aggregate, mapState, deduplicate or a join": true
}

/**
 * The values of a flow with their keys: what a step that remembers takes in.
 *
 * @category models
 * @since 0.2.0
 */
export interface Keyed<in In, out K, out A, out M extends Mode = "events", out E = never, out R = never>
  extends Pipeable.Pipeable
{
  readonly [KeyedId]: {
    readonly In: Types.Contravariant<In>
    readonly K: Types.Covariant<K>
    readonly A: Types.Covariant<A>
    readonly M: M | undefined
    readonly E: Types.Covariant<E>
    readonly R: Types.Covariant<R>
  }
  readonly keyed: Node.Keyed
  /** @internal */
  readonly "~this step needs a key: put Flow.keyBy before it": true
}

/** A step whose late events can be had: `Flow.late`. @category models @since 0.2.0 */
export interface Step<in In, out A, out L, out M extends Mode = "events", out E = never, out R = never>
  extends Flow<In, A, M, E, R>
{
  readonly lateOf: Types.Covariant<L>
}

/** What comes out of a flow, as a sink or a Stream gets it. @category utility types @since 0.2.0 */
export type Output<F> = F extends Flow<never, infer A, infer M, infer _E, infer _R>
  ? M extends "changes" ? Change.Change<A> : A
  : never

/** Reads as a sentence where it does not hold: a property of this name is missing. */
type Holds<Ok, Sentence extends string> = Ok extends true ? unknown : { readonly [K in `~${Sentence}`]: never }

type OnlyEvents<M> = Holds<
  [M] extends ["events"] ? true : false,
  "this step can't take back what it was told: it takes events, not updates or changes"
>

// -----------------------------------------------------------------------------
// sources
// -----------------------------------------------------------------------------

/** What the one source of a flow reads. @category constructors @since 0.2.0 */
export const events = <A>(): Flow<{ readonly events: A }, A> => make({ _tag: "Source", name: "events" })

/**
 * What several sources read, by name: those of `Source.union`.
 *
 * **Example**
 *
 * ```ts
 * import { Flow } from "effect-pravega/flow"
 *
 * interface Order { readonly id: string }
 * interface Payment { readonly order: string }
 *
 * const from = Flow.sources<{ orders: Order; payments: Payment }>()
 * const both = Flow.merge([
 *   from("orders").pipe(Flow.map((order) => order.id)),
 *   from("payments").pipe(Flow.map((payment) => payment.order))
 * ])
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const sources = <S>() => <Name extends keyof S & string>(name: Name): Flow<Pick<S, Name>, S[Name]> =>
  make({ _tag: "Source", name })

// -----------------------------------------------------------------------------
// stateless steps
// -----------------------------------------------------------------------------

/** Each value as `f` makes it. @category combinators @since 0.2.0 */
export const map: {
  <A, B>(
    f: (value: A) => B
  ): <In, M extends Mode, E, R>(self: Flow<In, A, M, E, R>) => Flow<In, B, M, E, R>
  <In, A, M extends Mode, E, R, B>(self: Flow<In, A, M, E, R>, f: (value: A) => B): Flow<In, B, M, E, R>
} = dual(
  2,
  <In, A, M extends Mode, E, R, B>(self: Flow<In, A, M, E, R>, f: (value: A) => B): Flow<In, B, M, E, R> =>
    each(self, {
      does: "map",
      f: isOfChanges(self.node) ? (value) => Change.map(value as Change.Change<A>, f) : f as (value: unknown) => unknown
    })
)

/** The values that `predicate` holds for. @category combinators @since 0.2.0 */
export const filter: {
  <A, B extends A>(
    predicate: (value: A) => value is B
  ): <In, M extends Mode, E, R>(self: Flow<In, A, M, E, R>) => Flow<In, B, M, E, R>
  <A>(
    predicate: (value: A) => boolean
  ): <In, M extends Mode, E, R>(self: Flow<In, A, M, E, R>) => Flow<In, A, M, E, R>
  <In, A, M extends Mode, E, R>(self: Flow<In, A, M, E, R>, predicate: (value: A) => boolean): Flow<In, A, M, E, R>
} = dual(
  2,
  <In, A, M extends Mode, E, R>(self: Flow<In, A, M, E, R>, predicate: (value: A) => boolean): Flow<In, A, M, E, R> =>
    isOfChanges(self.node)
      ? each(self, { does: "filterMap", f: (value) => Change.filter(value as Change.Change<A>, predicate) })
      : each(self, { does: "filter", f: predicate as (value: unknown) => boolean })
)

/** Each value as `f` makes it, without those that it makes undefined. @category combinators @since 0.2.0 */
export const filterMap: {
  <A, B>(
    f: (value: A) => B | undefined
  ): <In, M extends Mode, E, R>(self: Flow<In, A, M, E, R>) => Flow<In, B, M, E, R>
  <In, A, M extends Mode, E, R, B>(self: Flow<In, A, M, E, R>, f: (value: A) => B | undefined): Flow<In, B, M, E, R>
} = dual(
  2,
  <In, A, M extends Mode, E, R, B>(
    self: Flow<In, A, M, E, R>,
    f: (value: A) => B | undefined
  ): Flow<In, B, M, E, R> =>
    isOfChanges(self.node)
      ? each(self, {
        does: "filterMap",
        f: (value) => Change.filter(Change.map(value as Change.Change<A>, f), (chosen) => chosen !== undefined)
      })
      : each(self, { does: "filterMap", f: f as (value: unknown) => unknown })
)

/** What `f` makes of each value, one after the other. @category combinators @since 0.2.0 */
export const flatMap: {
  <A, B>(
    f: (value: A) => Iterable<B>
  ): <In, M extends Mode, E, R>(self: Flow<In, A, M, E, R> & OnlyEvents<M>) => Flow<In, B, "events", E, R>
  <In, A, M extends Mode, E, R, B>(
    self: Flow<In, A, M, E, R> & OnlyEvents<M>,
    f: (value: A) => Iterable<B>
  ): Flow<In, B, "events", E, R>
} = dual(
  2,
  <In, A, E, R, B>(self: Flow<In, A, "events", E, R>, f: (value: A) => Iterable<B>): Flow<In, B, "events", E, R> =>
    each(self, { does: "flatMap", f: f as (value: unknown) => Iterable<unknown> })
)

/**
 * Each value as an Effect makes it: a look-up in a database, say. The flow is not pure any more: run again, it may have
 * other outputs, so a pipeline must be told what that means for its sinks. Values keep their order.
 *
 * **Example**
 *
 * ```ts
 * import { Flow } from "effect-pravega/flow"
 * import { Effect } from "effect"
 *
 * declare const nameOf: (user: number) => Effect.Effect<string>
 *
 * const named = Flow.events<{ readonly user: number }>().pipe(
 *   Flow.mapEffect("names", (event) => Effect.map(nameOf(event.user), (name) => ({ ...event, name })), { concurrency: 16 })
 * )
 * ```
 *
 * @category combinators
 * @since 0.2.0
 */
export const mapEffect: {
  <A, B, E2, R2>(
    name: string,
    f: (value: A) => Effect.Effect<B, E2, R2>,
    options?: EffectOptions
  ): <In, M extends Mode, E, R>(self: Flow<In, A, M, E, R> & OnlyEvents<M>) => Flow<In, B, "events", E | E2, R | R2>
  <In, A, M extends Mode, E, R, B, E2, R2>(
    self: Flow<In, A, M, E, R> & OnlyEvents<M>,
    name: string,
    f: (value: A) => Effect.Effect<B, E2, R2>,
    options?: EffectOptions
  ): Flow<In, B, "events", E | E2, R | R2>
} = dual(
  isFlowFirst,
  <In, A, E, R, B, E2, R2>(
    self: Flow<In, A, "events", E, R>,
    name: string,
    f: (value: A) => Effect.Effect<B, E2, R2>,
    options: EffectOptions = {}
  ): Flow<In, B, "events", E | E2, R | R2> =>
    make({
      _tag: "Effectful",
      input: self.node,
      name,
      run: f as (value: unknown) => Effect.Effect<unknown, unknown, unknown>,
      concurrency: options.concurrency ?? 1
    })
)

/** @category models @since 0.2.0 */
export interface EffectOptions {
  /** How many run at the same time, of one partition; default 1. */
  readonly concurrency?: number | undefined
}

/** The values of several flows. @category combinators @since 0.2.0 */
export const merge = <const F extends ReadonlyArray<Flow<never, unknown, Mode, unknown, unknown>>>(
  flows: F
): Merged<F[number]> => make({ _tag: "Merge", inputs: flows.map(({ node }) => node) }) as never

/** Of flows with sources of their own, all are needed. */
type Merged<F> = [F] extends [Flow<never, infer A, infer M, infer E, infer R>] ? Flow<InOf<F>, A, M, E, R>
  : never

type InOf<F> = (F extends Flow<infer In, unknown, Mode, unknown, unknown> ? (in_: In) => void : never) extends
  (in_: infer I) => void ? I : never

/**
 * A flow with several named outputs: each value says which one it is of. A sink takes its own by `Sink.filterMapInput`.
 *
 * @category combinators
 * @since 0.2.0
 */
export const outputs = <const F extends Readonly<Record<string, Flow<never, unknown, Mode, unknown, unknown>>>>(
  flows: F
): Outputs<F> =>
  merge(
    Object.entries(flows).map(([name, flow]) =>
      each(flow, { does: "map", f: (value) => ({ _tag: name, value }) }, false)
    )
  ) as never

/** @category utility types @since 0.2.0 */
export type Outputs<F extends Readonly<Record<string, Flow<never, unknown, Mode, unknown, unknown>>>> = Flow<
  InOf<F[keyof F]>,
  { readonly [K in keyof F & string]: { readonly _tag: K; readonly value: Output<F[K]> } }[keyof F & string],
  "events",
  F[keyof F] extends Flow<never, unknown, Mode, infer E, unknown> ? E : never,
  F[keyof F] extends Flow<never, unknown, Mode, unknown, infer R> ? R : never
>

/**
 * The values that each predicate holds for, as flows by name; a value may be in several, or in none.
 *
 * @category combinators
 * @since 0.2.0
 */
export const split = <In, A, M extends Mode, E, R, const P extends Readonly<Record<string, (value: A) => boolean>>>(
  self: Flow<In, A, M, E, R>,
  predicates: P
): { readonly [K in keyof P]: Flow<In, A, M, E, R> } =>
  Object.fromEntries(Object.entries(predicates).map(([name, predicate]) => [name, filter(self, predicate)])) as never

// -----------------------------------------------------------------------------
// keys
// -----------------------------------------------------------------------------

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

// -----------------------------------------------------------------------------
// windows and aggregates
// -----------------------------------------------------------------------------

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
   * What becomes of what comes too late. `count` (default): it is counted, in the progress. `fail`: the flow fails. `output`:
   * `Flow.late` has it, and must be used.
   */
  readonly late?: "count" | "fail" | "output" | undefined
}

/** @category models @since 0.2.0 */
export interface WindowOptions<Emit extends Node.Emit> extends LateOptions {
  /** How long after its end a window still takes in what comes late; default 0. Its final result comes so much later. */
  readonly grace?: Duration.Input | undefined
  /**
   * When results come. `final` (default): once, when the watermark has passed end and grace. `updates`: in each batch, those
   * that it changed. `changes`: the same, with what they were before.
   */
  readonly emit?: Emit | undefined
}

/** What values a step makes that emits so. @category utility types @since 0.2.0 */
export type ModeOf<Emit extends Node.Emit> = Emit extends "final" ? "events" : Emit

/**
 * Adds up the values of each key and window. A value is late for a window when the watermark of the batch before has passed
 * the window's end and grace.
 *
 * @category combinators
 * @since 0.2.0
 */
export const window: {
  <A, Acc, B, Can extends Ability, Needs extends Ability, const Emit extends Node.Emit = "final">(
    name: string,
    window: Window<A, Needs, Emit>,
    aggregate: Aggregate<A, Acc, B, Can> & CanMerge<Needs, Can>,
    options?: WindowOptions<Emit>
  ): <In, K, M extends Mode, E, R>(
    self: Keyed<In, K, A, M, E, R> & OnlyEvents<M>
  ) => Step<In, Windowed<K, B>, A, ModeOf<Emit>, E, R>
  <In, K, A, E, R, Acc, B, Can extends Ability, Needs extends Ability, const Emit extends Node.Emit = "final">(
    self: Keyed<In, K, A, "events", E, R>,
    name: string,
    window: Window<A, Needs, Emit>,
    aggregate: Aggregate<A, Acc, B, Can> & CanMerge<Needs, Can>,
    options?: WindowOptions<Emit>
  ): Step<In, Windowed<K, B>, A, ModeOf<Emit>, E, R>
} = dual(
  isFlowFirst,
  <In, K, A, E, R, Acc, B, Needs extends Ability, Emit extends Node.Emit>(
    self: Keyed<In, K, A, "events", E, R>,
    name: string,
    window: Window<A, Needs, Emit>,
    aggregate: Aggregate<A, Acc, B, Needs>,
    options: WindowOptions<Emit> = {}
  ): Step<In, Windowed<K, B>, A, ModeOf<Emit>, E, R> =>
    step(name, [self], options, {
      _tag: "Window",
      window: window.shape,
      aggregate: erased(aggregate),
      grace: Span.millis(`Flow.window "${name}": grace`, options.grace ?? 0),
      emit: options.emit ?? "final"
    })
)

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
    self: Keyed<In, K, A, M, E, R> & CanRemove<M, Can>
  ) => Flow<In, OfKey<K, B>, Emit, E, R>
  <In, K, A, M extends Mode, E, R, Acc, B, Can extends Ability, const Emit extends "updates" | "changes" = "updates">(
    self: Keyed<In, K, A, M, E, R> & CanRemove<M, Can>,
    name: string,
    aggregate: Aggregate<A, Acc, B, Can>,
    options?: AggregateOptions<Emit>
  ): Flow<In, OfKey<K, B>, Emit, E, R>
} = dual(
  isFlowFirst,
  <In, K, A, M extends Mode, E, R, Acc, B, Can extends Ability, Emit extends "updates" | "changes">(
    self: Keyed<In, K, A, M, E, R>,
    name: string,
    aggregate: Aggregate<A, Acc, B, Can>,
    options: AggregateOptions<Emit> = {}
  ): Flow<In, OfKey<K, B>, Emit, E, R> =>
    step(name, [self], {}, { _tag: "Aggregate", aggregate: erased(aggregate), emit: options.emit ?? "updates" })
)

type CanRemove<M, Can> = Holds<
  [M] extends ["changes"] ? ["remove"] extends [Can] ? true : false : true,
  "what was told is taken back here: the aggregate behind changes needs remove"
>

/** What came too late for a step that was made with `late: "output"`. @category combinators @since 0.2.0 */
export const late = <In, A, L, M extends Mode, E, R>(self: Step<In, A, L, M, E, R>): Flow<In, L, "events", E, R> =>
  make({ _tag: "Late", step: self.node as Node.Step })

// -----------------------------------------------------------------------------
// changes
// -----------------------------------------------------------------------------

/**
 * Changes as events: a row for what is taken back and one for what is put in.
 *
 * @category combinators
 * @since 0.2.0
 */
export const expand = <In, A, E, R>(self: Flow<In, A, "changes", E, R>): Flow<In, Change.Row<A>, "events", E, R> =>
  each(self, { does: "flatMap", f: (value) => Change.rows(value as Change.Change<A>) }, false)

/**
 * Changes as updates: what a result is now, and, where there is none any more, what `gone` makes of the last one.
 *
 * @category combinators
 * @since 0.2.0
 */
export const updates: {
  <A, B>(gone: (before: A) => B): <In, E, R>(self: Flow<In, A, "changes", E, R>) => Flow<In, A | B, "updates", E, R>
  <In, A, E, R, B>(self: Flow<In, A, "changes", E, R>, gone: (before: A) => B): Flow<In, A | B, "updates", E, R>
} = dual(
  2,
  <In, A, E, R, B>(self: Flow<In, A, "changes", E, R>, gone: (before: A) => B): Flow<In, A | B, "updates", E, R> =>
    each(self, {
      does: "map",
      f: (value) => {
        const change = value as Change.Change<A>
        return change._tag === "Removed" ? gone(change.before) : change.after
      }
    }, false)
)

// -----------------------------------------------------------------------------
// the values
// -----------------------------------------------------------------------------

class FlowImpl {
  readonly node: Node.Node
  constructor(node: Node.Node) {
    this.node = node
  }
  pipe(): unknown {
    return Pipeable.pipeArguments(this, arguments)
  }
}

class KeyedImpl {
  readonly keyed: Node.Keyed
  constructor(node: Node.Keyed) {
    this.keyed = node
  }
  pipe(): unknown {
    return Pipeable.pipeArguments(this, arguments)
  }
}

// The types are kept by the signatures above: nodes have none.
const make = (node: Node.Node): never => new FlowImpl(node) as never
const keyed = (node: Node.Keyed): never => new KeyedImpl(node) as never
const erased = (aggregate: unknown): Node.AnyAggregate => aggregate as Node.AnyAggregate

type EachOf<E> = E extends Node.Each ? Omit<E, "_tag" | "input" | "keepsChanges"> : never

const each = (self: { readonly node: Node.Node }, does: EachOf<Node.Each>, keepsChanges = true): never =>
  make({ _tag: "Each", input: self.node, keepsChanges, ...does } as Node.Each)

const step = (
  name: string,
  inputs: ReadonlyArray<{ readonly keyed: Node.Keyed }>,
  options: LateOptions,
  operation: Node.Operation
): never =>
  make({ _tag: "Step", name, inputs: inputs.map(({ keyed }) => keyed), operation, late: options.late ?? "count" })

function isFlowFirst(args: IArguments): boolean {
  return args[0] instanceof FlowImpl || args[0] instanceof KeyedImpl
}

/** Whether a node's values are changes. */
const isOfChanges = (node: Node.Node): boolean => {
  switch (node._tag) {
    case "Source":
    case "Late":
    case "Effectful":
      return false
    case "Merge":
      return node.inputs.some(isOfChanges)
    case "Each":
      // Those that make changes of changes; expand, updates and outputs are ends of them.
      return node.keepsChanges && isOfChanges(node.input)
    case "Step":
      return makesChanges(node.operation)
  }
}

const makesChanges = (operation: Node.Operation): boolean => {
  switch (operation._tag) {
    case "Window":
    case "Aggregate":
      return operation.emit === "changes"
    case "State":
      return operation.makesChanges
    default:
      return false
  }
}
