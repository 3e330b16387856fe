/**
 * A pipeline that is open and owns its checkpoint log: what the commit protocol works on. Opening compares the pipeline
 * with the one that the log began with, and then claims the query, so that an older process can't go on.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Later from "../../core/Later.ts"
import * as Uuid from "../../core/Uuid.ts"
import { CheckpointLog } from "../log/CheckpointLog.ts"
import * as OwnedLog from "../log/OwnedLog.ts"
import type { Pipeline } from "../pipeline/Pipeline.ts"
import type { CheckpointLogError } from "../protocol/CheckpointLogError.ts"
import { Started } from "../protocol/CheckpointRecord.ts"
import { CommitError, StructureChanged } from "../protocol/CommitError.ts"
import type { Looks } from "../protocol/TimeRecord.ts"
import type { SinkSession } from "../sink/SinkContract.ts"
import type { SourceSession } from "../source/SourceContract.ts"
import * as BatchStatus from "./BatchStatus.ts"
import type { FlowRun } from "./internal/flow/FlowRun.ts"
import * as Processing from "./internal/Processing.ts"
import * as Sessions from "./internal/Sessions.ts"
import * as SavepointLog from "./SavepointLog.ts"
import * as Verdicts from "./Verdicts.ts"

/** @category models @since 0.1.0 */
export interface Run<in out E, out R> {
  readonly log: OwnedLog.OwnedLog
  /** In the order of their names. */
  readonly sources: ReadonlyMap<string, SourceSession<unknown, E>>
  readonly sinks: ReadonlyMap<string, SinkSession<never, E>>
  /** What it does with events: of which types they are is known there only. */
  readonly processing: Processing.Processing<E, R>
  /** The pipeline's flow, if it has one with steps that remember. */
  readonly flow: FlowRun<E, R> | undefined
  /** Outputs of a batch may be seen before it is committed, also of a try that is lost. */
  readonly mayBeSeenEarly: boolean
  /** Whether another try makes sense after an error. */
  readonly verdicts: Verdicts.Verdicts
  /** Whether a try that failed is made again; only asked where that makes sense. */
  readonly retry: Schedule.Schedule<unknown, Failure<E>>
  readonly resolutions: ReadonlyArray<Resolution>
  /** The sinks of which it is not yet known that they stand where the log says. */
  readonly uncompared: Set<string>
  readonly ahead: Ahead<E>
  readonly activity: BatchStatus.Activity
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
export type Failure<E> = E | CheckpointLogError | CommitError

/** What the next batch reads, found and not recorded. @category models @since 0.1.0 */
export interface FoundRange {
  readonly _tag: "range"
  /** Per source that has something to read. */
  readonly plans: Readonly<Record<string, Schema.Json>>
  /** Per source, those with nothing to read too: where the batch after it starts. */
  readonly positions: Readonly<Record<string, Schema.Json>>
  /** A source may have more already. */
  readonly isFull: boolean
  /** What was found of the sources, where a flow goes by time. */
  readonly looks: Looks | undefined
}

/** @category models @since 0.1.0 */
export type NextRange = FoundRange | NoRange

/** There is nothing to read: now, or any more. @category models @since 0.2.0 */
export interface NoRange {
  readonly _tag: "idle" | "ended"
  /** The sources of which nothing more is to be read: in this run, where it has an end of its own. */
  readonly ended: ReadonlyArray<string>
}

/** The next batch's range, looked for before it is due. @category models @since 0.1.0 */
export interface Ahead<in out E> {
  /** The run's. */
  readonly scope: Scope.Scope
  range: Fiber.Fiber<NextRange, E | CommitError> | undefined
  /** The last range that was recorded was full, or is not known. */
  isBehind: boolean
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
  { resolutions = [], retry, verdicts = Verdicts.make() }: {
    readonly retry: Schedule.Schedule<unknown, Failure<ES | E>>
    readonly resolutions?: ReadonlyArray<Resolution> | undefined
    /** Given where the errors of the opening are asked about, too. */
    readonly verdicts?: Verdicts.Verdicts | undefined
  }
) {
  const { mayBeSeenEarly, name, structure, version } = pipeline
  const scope = yield* Effect.scope
  const logs = yield* CheckpointLog
  const log = yield* logs.open(name)
  const { sinks, sources } = yield* Sessions.open(pipeline, verdicts)
  const owner = yield* Uuid.next
  const owned = yield* OwnedLog.claim(log, {
    query: name,
    owner,
    accept: (started) => accept(pipeline, sources, started),
    started: Effect.map(Effect.forEach(sources, startOf), (starts) =>
      new Started({
        query: name,
        log: owner,
        version,
        structure,
        sources: Object.fromEntries(starts),
        batch: 0,
        positions: Object.fromEntries(starts.map(([source, { start }]) => [source, start]))
      }))
  })
  const ahead: Ahead<ES | E> = { scope, range: undefined, isBehind: true }
  const activity = yield* BatchStatus.make
  const flow = yield* flowOf(pipeline)
  if (flow !== undefined) {
    const pinned = SavepointLog.statesOf(name, owned.state().started.log)
    yield* flow.run.open(owned.state(), Effect.provideService(pinned, CheckpointLog, logs))
  }
  const processing = Processing.make(pipeline, { sources, sinks }, activity, flow)
  const open = {
    log: owned,
    sources,
    sinks,
    processing,
    flow: flow?.run,
    verdicts,
    retry,
    resolutions,
    ahead,
    activity
  }
  return { ...open, mayBeSeenEarly, uncompared: new Set(sinks.keys()) } satisfies Run<ES | E, R>
})

/** Whether a log is that of this pipeline, as it is now. */
const accept = Effect.fnUntraced(function*<A, B, ES, E, R>(
  { name, structure }: Pipeline<A, B, ES, E, R>,
  sources: ReadonlyMap<string, SourceSession<A, ES>>,
  started: Started
) {
  const changed = new StructureChanged({
    query: name,
    loggedAs: started.query,
    recorded: started.structure,
    now: structure
  })
  if (started.query !== name || JSON.stringify(started.structure) !== JSON.stringify(structure)) {
    return yield* new CommitError({ reason: changed })
  }
  for (const [source, session] of sources) {
    const recorded = started.sources[source]
    if (recorded === undefined) return yield* new CommitError({ reason: changed })
    yield* session.resume(recorded)
  }
})

const flowOf = <A, B, ES, E, R>({ flow, isDeterministic, name, sources }: Pipeline<A, B, ES, E, R>) =>
  flow === undefined
    ? Effect.undefined
    : Effect.map(loadFlows, ({ make, runBatch }) => ({ run: make(name, sources, flow, isDeterministic), runBatch }))

/**
 * What a pipeline with a flow needs, loaded when there is one. A simulation loads it before time begins.
 *
 * @category constructors
 * @since 0.2.0
 */
export const loadFlows = Later.load(() =>
  Promise.all([import("./internal/flow/FlowRun.ts"), import("./internal/flow/FlowBatch.ts")])
).pipe(Effect.map(([{ make }, { run }]) => ({ make, runBatch: run })))

const startOf = <A, ES>([name, session]: readonly [string, SourceSession<A, ES>]) =>
  Effect.map(session.start, (start) => [name, start] as const)
