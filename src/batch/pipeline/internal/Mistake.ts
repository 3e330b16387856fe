/**
 * Why options make no pipeline, as a sentence that the compiler shows. Types only. What it does not know of is said by the
 * compiler in its own words.
 */

import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Says } from "../../../core/Says.ts"
import type { Keyed, Mode, Output } from "../../../flow/graph/Typed.ts"
import type { Sink } from "../../sink/SinkContract.ts"
import type { Event, Source } from "../../source/SourceContract.ts"
import type { Union } from "../../source/SourceUnion.ts"
import type { AnyFlow, Of, Repeatable, SeenAndRemembered, ValueOf, ValuesOf } from "../FlowOptions.ts"

type Has<O, K extends string> = O extends { readonly [P in K]: unknown } ? true : false

type IsDeterministic<O> = O extends { readonly deterministic: true } ? true : false

type HasProcess<O> = true extends Has<O, "process"> | Has<O, "processEach"> | Has<O, "processBatch"> | Has<O, "flow"> ?
  true
  : false

type SinksOf<O> = O extends { readonly sinks: ReadonlyArray<infer S> } ? S
  : O extends { readonly sink: infer S } ? S
  : never

type IsExacting<S> = true extends (S extends { readonly needsDeterministic: true } ? true : false) ? true : false

type PutsAside<O> = O extends { readonly onPoison: infer P } ? [P] extends ["fail" | undefined] ? false : true : false

type OutputsOf<O> = O extends { readonly process: (...args: never) => Stream.Stream<infer B, unknown, unknown> } ? B
  : O extends { readonly processEach: (...args: never) => Effect.Effect<ReadonlyArray<infer B>, unknown, unknown> } ? B
  : O extends { readonly processBatch: (...args: never) => Effect.Effect<ReadonlyArray<infer B>, unknown, unknown> } ? B
  : O extends { readonly flow: infer F } ? Output<F>
  : never

/**
 * What is wrong with options `O`. Where a function is written among them the compiler knows nothing of them as a whole, but
 * some of their parts (`T`).
 *
 * @category utility types
 * @since 0.2.0
 */
export type Mistake<O, T> = object extends O ? MistakeOf<T, true> : MistakeOf<O, HasProcess<O>>

type MistakeOf<O, Processed> = Has<O, "source"> extends false
  ? Says<"a pipeline needs a source: what its events are read from">
  : Processed extends false
    ? Says<"a pipeline needs one of process, processEach, processBatch and flow: what is done with its events">
  : true extends Has<O, "sink"> | Has<O, "sinks"> ? [PutsAside<O>, IsExacting<SinksOf<O>>] extends [true, true] ? Says<
        "dead letters do not go with an idempotent sink: its outputs are visible before it is recorded which events were put aside"
      >
    : O extends { readonly flow: infer F } ? MistakeOfFlow<O, F>
    : MistakeOfProcess<O>
  : Says<"a pipeline needs a sink, or sinks: where its outputs go">

type MistakeOfProcess<O> = IsDeterministic<O> extends true ? MistakeOfTypes<O, "process">
  : Has<O, "sinks"> extends true ? Says<
      "several sinks need deterministic: true: a batch processed again for one of them must have the same outputs"
    >
  : PutsAside<O> extends true ? Says<
      "onPoison needs deterministic: true: dead letters go to a further sink, and the outputs must be the same for both"
    >
  : IsExacting<SinksOf<O>> extends true ? Says<
      "an idempotent sink needs deterministic: true: its outputs are visible before they are committed, so they must be the same each time"
    >
  : MistakeOfTypes<O, "process">

type MistakeOfFlow<O, F> = F extends AnyFlow ? ReadsTheSource<O, F> extends false ? MistakeOfSource<O>
  : O extends Repeatable<F, SinksOf<O>, PutsAside<O> extends true ? true : never, Has<O, "sinks">> ?
    MistakeOfTypes<O, "flow">
  : MistakeOfAsking<O, F>
  : F extends Keyed<never, unknown, unknown, Mode, unknown, unknown>
    ? Says<"a flow does not end with its keys: go on with Flow.window, aggregate, mapState, deduplicate or a join">
  : Says<"a flow begins with its events, and says what they are: Flow.events<Event>().pipe(...)">

type ReadsTheSource<O, F> = O extends { readonly source: Union<infer A, unknown, unknown> }
  ? F extends Of<ValuesOf<A>> ? true : false
  : O extends { readonly source: Source<infer _A, infer _E, infer _R> }
    ? F extends Of<{ readonly events: ValueOf<Event<O["source"]>> }> ? true : false
  : false

type MistakeOfSource<O> = O extends { readonly source: Union<infer _A, unknown, unknown> } ? Says<
    "the flow reads other sources, or other events, than Source.union gives: Flow.sources<{ name: Event }>() names them as it does"
  >
  : O extends { readonly source: Source<infer _A, infer _E, infer _R> } ? Says<
      "the flow is of other events than the source reads: Flow.events<Event>() says what it reads"
    >
  : Says<"source is one of Source.microBatch, Source.union and Source.make">

/** The flow has effects, so that it may have other outputs when it is run again. */
type MistakeOfAsking<O, F> = Has<O, "sinks"> extends true ? Says<
    "several sinks need deterministic: true beside Flow.mapEffect: a batch processed again for one of them must have the same outputs"
  >
  : PutsAside<O> extends true ? Says<
      "onPoison needs deterministic: true beside Flow.mapEffect: dead letters go to a further sink, and the outputs must be the same for both"
    >
  : SeenAndRemembered<F, SinksOf<O>> extends true ? Says<
      "this flow remembers and has effects (Flow.mapEffect), and its sink may show outputs of a try that is lost: say deterministic: true if the effects give the same each time, or use a transactional sink"
    >
  : Says<
    "an idempotent sink needs deterministic: true beside Flow.mapEffect: its outputs are visible before they are committed, so they must be the same each time"
  >

type MistakeOfTypes<O, By extends string> = [SinksOf<O>] extends [Sink<OutputsOf<O>, unknown, unknown>]
  ? By extends "flow" ? Says<"an option has another type, or is none of a pipeline with a flow">
  : Says<
    "an option has another type, or the process takes other events than the source reads, or gives other outputs; a flow must say its events: Flow.events<Event>()"
  >
  : Says<`a sink takes other outputs than the ${By} gives: change them by Sink.filterMapInput`>

/**
 * Any options, right or wrong. Functions that are written among them are told what their events are: else all that the
 * compiler says would be that it does not know.
 *
 * @category utility types
 * @since 0.2.0
 */
export interface Written<A, ES, So, F, S, Ss, D, De> {
  readonly source?: So & (Source<A, ES, unknown> | Union<A, ES, unknown> | object)
  process?(events: Stream.Stream<A, ES>, slice: Slice): unknown
  processEach?(event: A, slice: Slice): unknown
  processBatch?(events: ReadonlyArray<A>, slice: Slice): unknown
  readonly flow?: F
  readonly sink?: S
  readonly sinks?: ReadonlyArray<Ss>
  readonly onPoison?: D
  readonly deterministic?: De
  readonly each?: unknown
  readonly version?: unknown
  readonly parallelism?: unknown
}

interface Slice {
  readonly batch: number
  readonly partition: number
}

/** What is known of options with a function written among them, whose results are not known. @category utility types @since 0.2.0 */
export type Told<So, F, S, Ss, D, De> =
  & Given<"source", So>
  & Given<"flow", F>
  & Given<"sink", S>
  & Given<"sinks", Ss, ReadonlyArray<Ss>>
  & Given<"onPoison", D>
  & Given<"deterministic", De>

type Given<K extends string, V, As = V> = unknown extends V ? unknown : { readonly [P in K]: As }
