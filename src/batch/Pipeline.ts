/**
 * A pipeline: what is read, what is done with it, and where it goes. A value; running it is an Effect (`Query`).
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { QueryName } from "./QueryName.ts"
import type { Sink } from "./Sink.ts"
import type { Source, Union } from "./Source.ts"

/** The pipeline can't be run as it was asked for. Thrown where it is made. @category errors @since 0.1.0 */
export class PipelineRefused extends Schema.TaggedError<PipelineRefused>()("PipelineRefused", {
  pipeline: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `pipeline "${this.pipeline}": ${this.detail}`
  }
}

/** Which part of its input a process sees. @category models @since 0.1.0 */
export interface Slice {
  /** Consecutive from 0; the same batch has the same input each time it is processed. */
  readonly batch: number
  readonly partition: number
}

/**
 * `A` is what the source reads, failing with `ES`; `B` what goes to the sinks; `E` what process and sinks fail with.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pipeline<in out A, in out B, in out ES, out E, out R> {
  readonly name: QueryName
  readonly version: string
  /** In the order of their names. */
  readonly sources: ReadonlyArray<Source<A, ES, R>>
  readonly process: (events: Stream.Stream<A, ES>, slice: Slice) => Stream.Stream<B, E, R>
  readonly each: "partition" | "batch"
  readonly sinks: ReadonlyArray<Sink<B, E, R>>
  readonly parallelism: number
  /** What a checkpoint log of this pipeline may go on with. */
  readonly structure: Schema.Json
}

/** @category models @since 0.1.0 */
export type Options<A, B, ES, RS, EP, RP, EK, RK> =
  & {
    /** Give a new version when `process` means something else; it is recorded, and a changed one refuses an old log. Default "1". */
    readonly version?: string | undefined
    /** One source, or several (`Source.union`). */
    readonly source: Source<A, ES, RS> | Union<A, ES, RS>
    /**
     * The outputs for the events of one partition (default), or of the whole batch. Events of one routing key come in the
     * order in which they were written, also from one partition to the next and from one batch to the next. It may be run
     * several times for the same input, with the outputs of one run only kept.
     */
    readonly process: (events: Stream.Stream<A, ES>, slice: Slice) => Stream.Stream<B, EP, RP>
    /** "batch": `process` sees all events of a batch in one Stream (for aggregates). Default "partition". */
    readonly each?: "partition" | "batch" | undefined
    /** Partitions processed at the same time. Default 8. */
    readonly parallelism?: number | undefined
  }
  & (
    | { readonly sink: Sink<B, EK, RK> }
    | {
      /**
       * Each output is offered to each sink (see `Sink.filterMapInput`). Each is committed exactly
       * once in the end, not all at one instant: so an input must have the same outputs each time, which is checked
       * when a batch has to be processed again for some of them.
       */
      readonly sinks: ReadonlyArray<Sink<B, EK, RK>>
      readonly deterministic: true
    }
  )

/**
 * Describes a pipeline. Its errors and requirements are those of its parts. Throws `PipelineRefused`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, B, ES, RS, EP, RP, EK, RK>(
  name: string,
  options: Options<A, B, ES, RS, EP, RP, EK, RK>
): Pipeline<A, B, ES, EP | EK, RS | RP | RK> => {
  const refused = (detail: string) => new PipelineRefused({ pipeline: name, detail })
  const sinks = "sinks" in options ? options.sinks : [options.sink]
  const { each = "partition", parallelism = 8, process, source, version = "1" } = options
  if (!Schema.is(QueryName)(name)) {
    throw refused("its name must be letters, digits, '.', '_', '-', at most 100 characters")
  }
  const sources = "sources" in source ? source.sources : [source]
  if (sources.length === 0) throw refused("it has no source")
  if (sinks.length === 0) throw refused("it has no sink")
  if (new Set(sinks.map((sink) => sink.name)).size < sinks.length) throw refused("two of its sinks have the same name")
  if (!Number.isSafeInteger(parallelism) || parallelism < 1) throw refused("its parallelism must be 1 or more")
  return {
    name,
    version,
    sources,
    process,
    each,
    sinks,
    parallelism,
    structure: {
      version,
      each,
      sources: sources.map(({ name, structure }) => ({ name, structure })),
      sinks: sinks.map((sink) => ({ name: sink.name, structure: sink.structure }))
    }
  }
}
