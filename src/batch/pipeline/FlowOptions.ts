/**
 * What a pipeline is made of whose computation is a flow.
 *
 * @since 0.2.0
 */
import type { Effectful, Flow, Mode, Output, ServicesOf, Stateful } from "../../flow/graph/Typed.ts"
import type { EventRead } from "../../pravega/read/EventRead.ts"
import type { StateStoreError } from "../../state/StateError.ts"
import type { StateStore } from "../../state/StateStore.ts"
import type { Sink } from "../sink/SinkContract.ts"
import type { Source } from "../source/SourceContract.ts"
import type { Tagged, Union } from "../source/SourceUnion.ts"
import type { DeadLetter } from "./DeadLetter.ts"

/** What a flow sees of what a source reads: of a Pravega stream the events. @category utility types @since 0.2.0 */
export type ValueOf<A> = A extends EventRead<infer Event> ? Event : A

/** What a flow's sources read, by the names of a union. @category utility types @since 0.2.0 */
export type ValuesOf<A> = {
  readonly [Tag in TagOf<A>]: ValueOf<Extract<A, Tagged<Tag, unknown>>["value"]>
}
type TagOf<A> = A extends Tagged<infer Tag extends string, unknown> ? Tag : never

/** Any flow. @category utility types @since 0.2.0 */
export type AnyFlow = Flow<never, unknown, Mode, unknown, unknown>

/** What it fails with: its effects, and the store of what its steps remember. @category utility types @since 0.2.0 */
export type FlowError<F> = F extends Flow<never, unknown, Mode, infer E, infer R>
  ? E | (Has<R, Stateful> extends true ? StateStoreError : never)
  : never
/** What its effects need, and where what its steps remember lasts. @category utility types @since 0.2.0 */
export type FlowServices<F> = F extends Flow<never, unknown, Mode, unknown, infer R>
  ? ServicesOf<R> | (Has<R, Stateful> extends true ? StateStore : never)
  : never

/** Whether this is among what a flow needs. */
type Has<R, Part> = [Part] extends [R] ? true : false

/**
 * A flow that asks the world (`Flow.mapEffect`) may have other outputs when it is run again. So it must be declared
 * `deterministic` where outputs of the first run may still count: beside a sink whose outputs are visible before they are
 * committed, beside a further sink, and, if it remembers, beside a sink whose outputs may be seen early: what it remembers
 * must agree with them.
 *
 * @category utility types
 * @since 0.2.0
 */
export type Repeatable<F, S, D, Several = false> = AsksTheWorld<F> extends true
  ? true extends Several | IsSaid<S, "needsDeterministic"> | SeenAndRemembered<F, S> | IsGiven<D>
    ? { readonly deterministic: true }
  : unknown
  : unknown

type AsksTheWorld<F> = F extends Flow<never, unknown, Mode, unknown, infer R> ? Has<R, Effectful> : false

/** @category utility types @since 0.2.0 */
export type SeenAndRemembered<F, S> = F extends Flow<never, unknown, Mode, unknown, infer R>
  ? Has<R, Stateful> extends true ? IsSaid<S, "mayBeSeenEarly"> : false
  : false

/** Whether the type of any of these sinks says so. */
type IsSaid<S, Property extends string> = true extends (S extends { readonly [P in Property]: true } ? true : false)
  ? true
  : false

/**
 * None of the sinks has outputs that are visible before they are committed: these must be the same each time, and which
 * events are put aside is known only later.
 *
 * @category utility types
 * @since 0.2.0
 */
export type NotExacting<S> = IsSaid<S, "needsDeterministic"> extends true ? never : unknown

type IsGiven<D> = [D] extends [never] ? false : true

/** A flow of what is read. @category utility types @since 0.2.0 */
export type Of<In> = Flow<In, unknown, Mode, unknown, unknown>

/** What a pipeline is made of that computes a flow. @category options @since 0.2.0 */
export type FlowOptions<
  A,
  F extends AnyFlow,
  ES,
  RS,
  S extends Sink<never, unknown, unknown>,
  D extends DeadLetter<unknown, unknown> = never
> =
  & {
    /**
     * The version of what the flow's functions mean. Give a new one when they mean something else. It is recorded, and a changed
     * one refuses an old log. Default: "1".
     */
    readonly version?: string | undefined
    /** How many partitions are read at the same time. Default: 8. */
    readonly parallelism?: number | undefined
    /**
     * Whether the flow's effects have the same results each time they are run for the same input. A flow without effects is
     * deterministic by itself.
     */
    readonly deterministic?: boolean | undefined
  }
  & (
    | { readonly source: Source<A, ES, RS>; readonly flow: F & Of<{ readonly events: ValueOf<A> }> }
    | { readonly source: Union<A, ES, RS>; readonly flow: F & Of<ValuesOf<A>> }
  )
  & (
    | { readonly sink: S & Sink<Output<F>, unknown, unknown> } & Repeatable<F, S, D>
    | {
      /** Each output is offered to each sink (see `Sink.filterMapInput`), and committed exactly once in the end. */
      readonly sinks: ReadonlyArray<S> & ReadonlyArray<Sink<Output<F>, unknown, unknown>>
    } & Repeatable<F, S, D, true>
  )
  & {
    /**
     * What happens to an event that can't be decoded, or for which a function of the flow before its first step throws. With
     * `fail`, the default, it fails the batch. With dead letters it is put aside, and the batch goes on without it.
     */
    readonly onPoison?: "fail" | D & NotExacting<S> | undefined
  }
