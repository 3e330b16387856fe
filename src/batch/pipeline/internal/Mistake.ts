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

/** @category utility types @since 0.2.0 */
export type Mistake<O> =
  // The compiler gives up on options that have an error of their own: nothing is known of them then.
  object extends O ? Says<
      "one of these options has an error of its own; a flow that is written here must say its events: Flow.events<Event>()"
    >
    : Has<O, "source"> extends false ? Says<"a pipeline needs a source: what its events are read from">
    : HasProcess<O> extends false
      ? Says<"a pipeline needs one of process, processEach, processBatch and flow: what is done with its events">
    : true extends Has<O, "sink"> | Has<O, "sinks">
      ? O extends { readonly flow: infer F } ? MistakeOfFlow<O, F> : MistakeOfProcess<O>
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
  : Says<"flow is a flow from its events on: Flow.events<Event>().pipe(...)">

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
  : Says<"an option has another type, or the process takes other events than the source reads">
  : Says<`a sink takes other outputs than the ${By} gives: change them by Sink.filterMapInput`>
