/**
 * A pipeline that is open and owns its checkpoint log: what the commit protocol works on. Opening compares the pipeline
 * with the one that the log began with, and then claims the query, so that an older process can't go on.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import type * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { CheckpointLog } from "./CheckpointLog.ts"
import type { CheckpointLogError } from "./CheckpointLogError.ts"
import { type PreparedSink, Started } from "./CheckpointRecord.ts"
import { CommitError, StructureChanged } from "./CommitError.ts"
import * as OwnedLog from "./OwnedLog.ts"
import type { Pipeline } from "./Pipeline.ts"
import type { SinkSession } from "./Sink.ts"
import type { Range, SourceSession } from "./Source.ts"

/** @category models @since 0.1.0 */
export interface Run<in out A, in out B, in out ES, in out E, out R> {
  readonly pipeline: Pipeline<A, B, ES, E, R>
  readonly log: OwnedLog.OwnedLog
  readonly source: SourceSession<A, ES>
  readonly sinks: ReadonlyMap<string, SinkSession<B, E>>
  /** Whether a try that failed is made again; errors that stop a query are not asked about. */
  readonly retry: Schedule.Schedule<unknown, Failure<ES, E>>
  readonly resolutions: ReadonlyArray<Resolution>
  readonly ahead: Ahead<ES>
}

/**
 * What somebody found out about a prepared batch of which neither log nor sink can tell the outcome: as `AmbiguousCommit`
 * names it, with `committed` if the sink has the batch's events, `lost` if it has none of them. Holds for that very
 * transaction only, so that one that is given again later does no harm.
 *
 * @category models
 * @since 0.1.0
 */
export interface Resolution {
  readonly batch: number
  readonly sink: string
  readonly handle: Schema.Json
  readonly outcome: "committed" | "lost"
}

/** What stops a batch. @category models @since 0.1.0 */
export type Failure<ES, E> = ES | E | CheckpointLogError | CommitError

/** The next batch's range, looked for before it is due. @category models @since 0.1.0 */
export interface Ahead<in out ES> {
  /** The run's. */
  readonly scope: Scope.Scope
  range: Fiber.Fiber<Range<Schema.Json, Schema.Json>, ES | CommitError> | undefined
}

/** What one batch did. @category models @since 0.1.0 */
export interface BatchReport {
  readonly batch: number
  /** The log had the batch already when this step came to it. */
  readonly wasPlanned: boolean
  /** Per source: where the next batch starts. */
  readonly positions: Readonly<Record<string, Schema.Json>>
  /** Events read in this step; 0 when a prepared batch only had to be committed. */
  readonly eventsIn: number
  /** Per sink with output: what was prepared. */
  readonly sinks: ReadonlyMap<string, PreparedSink>
  /** How often the batch was processed in this step. */
  readonly attempts: number
  /** When planning began, and when the steps of the protocol were done; milliseconds since 1970. */
  readonly times: {
    readonly begun: number
    readonly planned: number
    readonly prepared: number
    readonly committed: number
  }
}

/**
 * Opens a pipeline's source and sinks and claims its log. The batches that the log has unfinished are finished by the
 * first steps (`Commit.step`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function*<A, B, ES, E, R>(
  pipeline: Pipeline<A, B, ES, E, R>,
  retry: Schedule.Schedule<unknown, Failure<ES, E>>,
  resolutions: ReadonlyArray<Resolution> = []
) {
  const { name, source, structure, version } = pipeline
  const scope = yield* Effect.scope
  const log = yield* (yield* CheckpointLog).open(name)
  const session = yield* source.open
  const sinks = new Map<string, SinkSession<B, E>>()
  for (const sink of pipeline.sinks) sinks.set(sink.name, yield* sink.open)

  const accept = Effect.fnUntraced(function*(started: Started) {
    const recorded = started.sources[source.name]
    if (
      started.query !== name || recorded === undefined ||
      JSON.stringify(started.structure) !== JSON.stringify(structure)
    ) {
      const reason = new StructureChanged({ query: name, recorded: started.structure, now: structure })
      return yield* new CommitError({ reason })
    }
    yield* session.resume(recorded)
  })
  const owned = yield* OwnedLog.claim(log, {
    query: name,
    owner: yield* nonce,
    accept,
    started: Effect.map(session.start, (start) =>
      new Started({
        query: name,
        version,
        structure,
        sources: { [source.name]: start },
        batch: 0,
        positions: { [source.name]: start.start }
      }))
  })
  const ahead: Ahead<ES> = { scope, range: undefined }
  return { pipeline, log: owned, source: session, sinks, retry, resolutions, ahead } satisfies Run<A, B, ES, E, R>
})

/** Tells this run's records from those of any other. */
const nonce = Effect.map(
  Effect.all([Random.nextIntBetween(0, 2 ** 48), Random.nextIntBetween(0, 2 ** 48)]),
  (parts) => parts.map((part) => part.toString(16).padStart(12, "0")).join("")
)
