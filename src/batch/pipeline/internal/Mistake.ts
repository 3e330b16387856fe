/**
 * Why options make no pipeline, as a sentence that the compiler shows. Types only. What it does not know of is said by the
 * compiler in its own words.
 */

import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Sink } from "../../sink/SinkContract.ts"

/** Never fits: the name of what is missing is the sentence. */
type Says<Sentence extends string> = { readonly [K in `~${Sentence}`]: never }

type Has<O, K extends string> = O extends { readonly [P in K]: unknown } ? true : false

type IsDeterministic<O> = Has<O, "flow"> extends true ? true
  : O extends { readonly deterministic: true } ? true
  : false

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
  : never

/** @category utility types @since 0.2.0 */
export type Mistake<O> = Has<O, "source"> extends false ?
  Says<"a pipeline needs a source: what its events are read from">
  : HasProcess<O> extends false
    ? Says<"a pipeline needs one of process, processEach, processBatch and flow: what is done with its events">
  : true extends Has<O, "sink"> | Has<O, "sinks"> ? IsDeterministic<O> extends true ? MistakeOfTypes<O>
    : Has<O, "sinks"> extends true ? Says<
        "several sinks need deterministic: true: a batch processed again for one of them must have the same outputs"
      >
    : PutsAside<O> extends true ? Says<
        "onPoison needs deterministic: true: dead letters go to a further sink, and the outputs must be the same for both"
      >
    : IsExacting<SinksOf<O>> extends true ? Says<
        "an idempotent sink needs deterministic: true: its outputs are visible before they are committed, so they must be the same each time"
      >
    : MistakeOfTypes<O>
  : Says<"a pipeline needs a sink, or sinks: where its outputs go">

type MistakeOfTypes<O> = [SinksOf<O>] extends [Sink<OutputsOf<O>, unknown, unknown>]
  ? Says<"an option has another type, or the process takes other events than the source reads">
  : Says<"a sink takes other outputs than the process gives: change them by Sink.filterMapInput">
