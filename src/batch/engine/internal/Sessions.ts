/**
 * The open sources and sinks of a pipeline, by name: those of the process that owns the query's log, or of a worker.
 */
import * as Effect from "effect/Effect"
import type { Letter } from "../../pipeline/Letter.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import type { SinkSession } from "../../sink/SinkContract.ts"
import type { SourceSession } from "../../source/SourceContract.ts"
import type * as Verdicts from "../Verdicts.ts"

/** @category models @since 0.2.0 */
export interface Sessions<out A, in B, out ES, out E> {
  /** In the order of their names, in which their partitions are numbered. */
  readonly sources: ReadonlyMap<string, SourceSession<A, ES>>
  readonly sinks: ReadonlyMap<string, SinkSession<B | Letter, E>>
}

/** In the Scope around. What they fail with, then and later, is asked about. @category constructors @since 0.2.0 */
export const open = Effect.fnUntraced(function*<A, B, ES, E, R>(
  pipeline: Pipeline<A, B, ES, E, R>,
  verdicts: Verdicts.Verdicts
) {
  const sources = new Map<string, SourceSession<A, ES>>()
  for (const source of pipeline.sources) {
    sources.set(source.name, verdicts.ofSource(source, yield* verdicts.of(source, source.open)))
  }
  const sinks = new Map<string, SinkSession<B | Letter, E>>()
  for (const sink of pipeline.sinks) sinks.set(sink.name, verdicts.ofSink(sink, yield* verdicts.of(sink, sink.open)))
  return { sources, sinks } satisfies Sessions<A, B, ES, E>
})
