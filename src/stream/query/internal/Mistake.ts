/**
 * Why what was given to `Query.run` or `Query.start` is no pipeline, as a sentence that the compiler shows. Types only. Why
 * options make no pipeline is said by `Pipeline.make`.
 */
import type * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import type { Says } from "../../../core/Says.ts"
import type { Trigger } from "../Trigger.ts"

/** @category utility types @since 0.2.0 */
export type Mistake<P> = P extends { readonly trigger: infer T } ? [T] extends [Trigger | undefined] ? Says<OtherOption>
  : Says<
    "trigger is one of Trigger.once, Trigger.availableNow, Trigger.asFastAsPossible and Trigger.every(\"1 second\")"
  >
  : P extends Result.Result<unknown, unknown>
    ? Says<"Pipeline.makeResult gives a Result: run the pipeline that it succeeds with, in an Effect yield* it">
  : P extends Effect.Effect<unknown, unknown, unknown>
    ? Says<"a query runs a pipeline, and this is an Effect: run what it succeeds with">
  : P extends { readonly node: { readonly _tag: string } } // a flow, or its beginning
    ? Says<"a flow has no source and no sink yet: Pipeline.make(name, { source, flow, sink }) makes a pipeline of it">
  : P extends { readonly source: unknown }
    ? Says<"a query runs a pipeline: Pipeline.make(name, { source, ... }) makes one of these options">
  : P extends object ? Extract<keyof P, OptionName> extends never ? Says<NoPipeline> : Says<OtherOption>
  : Says<NoPipeline>

/** It is shown, too, where the function itself is given to pipe. */
type NoPipeline = "a query runs a pipeline, which Pipeline.make makes: Query.run(pipeline), or in a pipe Query.run()"

type OtherOption = "an option has another type than Query.Options says, or is none of them"

type OptionName = "retry" | "resolve" | "stallAfter" | "shutdown" | "onBatch"
