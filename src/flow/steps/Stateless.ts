/**
 * Sources, steps that know one value at a time, and flows that are put together.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Change from "../Change.ts"
import type * as Node from "../graph/Node.ts"
import { type Effectful, type Flow, isOfChanges, type Mode, type OnlyEvents, type Output } from "../graph/Typed.ts"
import { each, isFlowFirst, make } from "./Made.ts"

/**
 * What the one source of a flow reads: of a Pravega stream its events.
 *
 * **Gotchas**
 *
 * A flow is a value of its own, and no pipeline's options tell it what its events are: so it says that itself, also where it is
 * written among those options. That the source reads the same is checked there.
 *
 * **Example**
 *
 * ```ts
 * import { EventStream } from "effect-pravega"
 * import { Pipeline, Sink, Source } from "effect-pravega/batch"
 * import { Flow } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const Click = Schema.Struct({ page: Schema.String })
 * const clicks = EventStream.make("shop/clicks", { schema: Click })
 *
 * const pages = Pipeline.make("pages", {
 *   source: Source.microBatch(clicks),
 *   flow: Flow.events<typeof Click.Type>().pipe(Flow.map((click) => click.page)),
 *   sink: Sink.console<string>()
 * })
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const events = <A = Unsaid>(): Flow<{ readonly events: A }, A> => make({ _tag: "Source", name: "events" })

/** What is shown where an event is used of which nobody said what it is. @category models @since 0.2.0 */
export interface Unsaid {
  readonly "~say what the events are: Flow.events<Event>()": never
}

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
export const sources =
  <S>() => <Name extends keyof S & string>(name: Name): Flow<{ readonly [K in Name]: S[K] }, S[Name]> =>
    make({ _tag: "Source", name })

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
  ): <In, M extends Mode, E, R>(
    self: Flow<In, A, M, E, R> & OnlyEvents<M>
  ) => Flow<In, B, "events", E | E2, R | R2 | Effectful>
  <In, A, M extends Mode, E, R, B, E2, R2>(
    self: Flow<In, A, M, E, R> & OnlyEvents<M>,
    name: string,
    f: (value: A) => Effect.Effect<B, E2, R2>,
    options?: EffectOptions
  ): Flow<In, B, "events", E | E2, R | R2 | Effectful>
} = dual(
  isFlowFirst,
  <In, A, E, R, B, E2, R2>(
    self: Flow<In, A, "events", E, R>,
    name: string,
    f: (value: A) => Effect.Effect<B, E2, R2>,
    options: EffectOptions = {}
  ): Flow<In, B, "events", E | E2, R | R2 | Effectful> =>
    make({
      _tag: "Effectful",
      input: self.node,
      name,
      kind: "mapEffect",
      ...asking(
        f as (value: unknown) => Effect.Effect<unknown, unknown, unknown>,
        concurrencyOf(name, options)
      )
    })
)

const asking = (run: (value: unknown) => Effect.Effect<unknown, unknown, unknown>, concurrency: number) => ({
  detail: { concurrency },
  open: (): Node.Ask => (values, { apart }) =>
    Effect.forEach(values, (value, index) => apart(run(value), index), { concurrency })
})

const concurrencyOf = (name: string, { concurrency = 1 }: EffectOptions): number => {
  if (Number.isSafeInteger(concurrency) && concurrency >= 1) return concurrency
  throw new RangeError(`Flow.mapEffect "${name}": concurrency: ${concurrency} is not a whole number of 1 or more`)
}

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

/** A value of one of several outputs. @category models @since 0.2.0 */
export interface Tagged<out Tag, out A> {
  readonly _tag: Tag
  readonly value: A
}

/**
 * A flow of several outputs. It is a conditional type so that hover texts show the flow, and not this name.
 *
 * @category utility types
 * @since 0.2.0
 */
export type Outputs<F extends Readonly<Record<string, Flow<never, unknown, Mode, unknown, unknown>>>> = true extends
  true ? Flow<
    InOf<F[keyof F]>,
    { readonly [K in keyof F & string]: Tagged<K, Output<F[K]>> }[keyof F & string],
    "events",
    F[keyof F] extends Flow<never, unknown, Mode, infer E, unknown> ? E : never,
    F[keyof F] extends Flow<never, unknown, Mode, unknown, infer R> ? R : never
  >
  : never

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
