/**
 * The commit protocol, top to bottom: what is written before what, and why a crash between any two steps loses nothing
 * and repeats nothing. Recovery is this same code, entered at the step that the log has reached.
 *
 *   1. planned(n)    the input of batch n is fixed for ever
 *   2. begun(n)      the sinks' transactions are known; the input is read, processed and written into them
 *   3. prepared(n)   the outcome is fixed: it will be committed. Never aborted from here on, by anybody
 *   4.               each sink commits
 *   5. committed(n)  in one record with planned(n+1), if that is ready
 *
 * It does not say when a batch is due (`Query`), how a log settles its appends (`OwnedLog`), or how a sink commits.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { UnfinishedBatch } from "../log/LogState.ts"
import { CheckpointLogError } from "../protocol/CheckpointLogError.ts"
import { Begun, Committed, type FlowHead, Prepared, PreparedSink } from "../protocol/CheckpointRecord.ts"
import { CommitError } from "../protocol/CommitError.ts"
import type { BatchReport } from "./BatchReport.ts"
import type { Run } from "./BatchRun.ts"
import * as BatchStatus from "./BatchStatus.ts"
import * as BatchSinks from "./internal/BatchSinks.ts"
import type { Pass } from "./internal/Pass.ts"
import * as PlannedRecord from "./internal/PlannedRecord.ts"
import { isRangeReady, nextRange, planAhead, rangeAfter } from "./internal/Planning.ts"
import * as Processing from "./internal/Processing.ts"
import * as Replay from "./internal/Replay.ts"
import * as Reporting from "./internal/Reporting.ts"
import type { Tally } from "./internal/Reporting.ts"
import * as SinkComparison from "./internal/SinkComparison.ts"

/** @category models @since 0.1.0 */
export type Step =
  | { readonly _tag: "done"; readonly report: BatchReport }
  | { readonly _tag: "idle" }
  | { readonly _tag: "ended" }

/** @category models @since 0.1.0 */
export interface StepOptions {
  /** Per source: a position that the batch must not pass, besides the source's own end. */
  readonly until: Readonly<Record<string, Schema.Json>> | undefined
  /** Whether another batch follows at once: then it is planned while this one runs. */
  readonly more: boolean
}

/**
 * Runs one batch to its end: the oldest that the log has unfinished, else a new one, if there is input before `until`.
 * A try that fails is made again as the run's Schedule says, from where the log then stands.
 *
 * @category running
 * @since 0.1.0
 */
export const step = <E, R>(run: Run<E, R>, options: StepOptions) =>
  Effect.suspend(() => {
    const tally = Reporting.makeTally()
    const tried = Effect.suspend(() => attemptStep(run, options, tally))
    const noted = Effect.tapError(tried, (error) => Effect.sync(() => Reporting.noteFailure(run.activity, error)))
    const ended = Effect.retry(noted, { schedule: run.retry, while: run.verdicts.isRetryable })
    return Effect.tapError(ended, (error) => mayBeOfAnother(run, error) ? run.log.append([]) : Effect.void)
  })

const attemptStep = Effect.fnUntraced(function*<E, R>(
  run: Run<E, R>,
  options: StepOptions,
  tally: Tally
) {
  const { log } = run
  yield* catchUp(run)
  tally.begun = yield* Clock.currentTimeMillis
  tally.wasPlanned = log.state().unfinished.length > 0
  yield* SinkComparison.compare(run)
  if (!tally.wasPlanned) {
    const range = yield* inStep(run, log.state().nextBatch, "plan", planNext(run, options))
    if (range._tag !== "range") return range satisfies Step
  }
  tally.planned = yield* Clock.currentTimeMillis
  const [batch, ...later] = log.state().unfinished
  if (batch === undefined) return yield* Effect.die("a batch was planned, and the log has none")
  const isAhead = options.more && later.length === 0
  if (isAhead) yield* planAhead(run, options.until)
  const goesOn = isAhead && options.until === undefined
  const finished = Effect.scoped(settle(run, batch, tally, goesOn)).pipe( // 2, 3, 4
    Effect.andThen(inStep(run, batch.batch, "commit", finish(run, batch, isAhead ? options : undefined))) // 5
  )
  yield* Effect.withSpan(finished, "Query.batch", { attributes: { query: log.query, batch: batch.batch } })
  tally.committed = yield* Clock.currentTimeMillis
  return { _tag: "done", report: yield* Reporting.reportOf(run, batch, tally) } satisfies Step
})

/** Step 1. */
const planNext = Effect.fnUntraced(function*<E, R>(run: Run<E, R>, options: StepOptions) {
  const range = yield* nextRange(run, options.until)
  if (range._tag === "range") yield* run.log.append([yield* PlannedRecord.make(run, range)]) // 1
  return range
})

/** Step 5. */
const finish = Effect.fnUntraced(function*<E, R>(
  run: Run<E, R>,
  { batch }: UnfinishedBatch,
  ahead: StepOptions | undefined
) {
  // A long log is compacted between batches: then the next one is planned after that.
  const next = ahead === undefined || run.log.isLong() ? undefined : yield* rangeAfter(run, ahead.until)
  const head = run.log.state().unfinished.find((unfinished) => unfinished.batch === batch)?.head
  const committed = new Committed({ batch, ...stateOf(head) })
  yield* run.log.append([committed, ...next === undefined ? [] : [yield* PlannedRecord.make(run, next)]]) // 5
  // Where that fails, the next step does it again before all else, and fails with what is wrong.
  yield* Effect.ignore(catchUp(run))
})

/** A flow's state is that of the last committed batch from here on. */
const catchUp = <E, R>({ flow, log }: Run<E, R>) => Effect.suspend(() => flow?.committed(log.state()) ?? Effect.void)

/** Brings a planned batch to where every sink has committed, from where the log has it: first try, retry and recovery. */
const settle = Effect.fnUntraced(function*<E, R>(
  run: Run<E, R>,
  batch: UnfinishedBatch,
  tally: Tally,
  goesOn: boolean
) {
  // Begun and not prepared: the try that began them has failed or is fenced, so that they can't be committed any more.
  yield* BatchSinks.abortBegun(run, batch)

  // State that is gone is made again before more of the batch is seen, as that may fail.
  const isStateKept = batch.prepared === undefined || (yield* run.flow?.isKept(batch) ?? Effect.succeed(true))
  const lost: Array<string> = []
  const waiting: Array<string> = []
  for (const [name, prepared] of batch.prepared ?? []) {
    const outcome = yield* BatchSinks.outcomeOf(run, batch, name, prepared)
    // Nothing of a lost one was ever visible: the same range again, for the sinks concerned.
    if (outcome === "lost") lost.push(name)
    if (outcome !== "committable") continue
    if (isStateKept) yield* inStep(run, batch.batch, "commit", BatchSinks.commit(run, batch, name)) // 4
    else waiting.push(name)
  }
  // As long as no sink has anything of the batch, it is processed for all of them.
  const isUnseen = batch.prepared === undefined || (lost.length > 0 && lost.length === batch.prepared.size)
  const missing = isUnseen ? [...run.sinks.keys()] : lost
  if (missing.length > 0 || !isStateKept) yield* attempt(run, batch, { names: missing, isUnseen }, tally) // 2, 3
  tally.prepared = yield* Clock.currentTimeMillis
  tally.sinks = BatchSinks.preparedNow(run, batch)
  const commits = Effect.forEach([...waiting, ...missing], (name) => BatchSinks.commit(run, batch, name), {
    concurrency: "unbounded"
  })
  yield* inStep(run, batch.batch, "commit", Effect.andThen(expectAnother(run, tally.sinks.keys(), goesOn), commits)) // 4
})

/**
 * Another batch will come, as its range is known or the query goes on for ever: what its sinks need for it comes while this
 * batch is committed. It is not begun by that.
 */
const expectAnother = <E, R>(run: Run<E, R>, names: Iterable<string>, goesOn: boolean) =>
  Effect.suspend(() =>
    goesOn || isRangeReady(run)
      ? Effect.forEach(names, (name) => BatchSinks.session(run, name).getReady ?? Effect.void, { discard: true })
      : Effect.void
  )

/** Steps 2 and 3 for some of the sinks, or for a flow's state alone: read, process, write; then fix the outcome. */
const attempt = Effect.fnUntraced(function*<E, R>(
  run: Run<E, R>,
  batch: UnfinishedBatch,
  { isUnseen, names }: { readonly names: ReadonlyArray<string>; readonly isUnseen: boolean },
  tally: Tally
) {
  run.activity.attempts = ++tally.attempts
  tally.reads.clear()
  const before = batch.prepared ?? new Map<string, PreparedSink>()
  const mustMatch = Replay.mustMatch(run, batch, isUnseen)
  const decided = mustMatch ? batch.aside : undefined
  const pass: Pass = { reads: tally.reads, aside: tally.aside = [], decided, refused: undefined }
  const { opened, processAll, remember } = yield* run.processing.begin(batch, {
    sinks: names,
    past: (name) => BatchSinks.pastOf(run, batch, name),
    begun: (name, handle) => run.log.append([new Begun({ batch: batch.batch, sinks: { [name]: handle } })]), // 2
    pass,
    attempt: tally.attempts
  })
  const keepAll = Effect.suspend(() => Effect.forEach(opened(), ({ attempt }) => attempt.keep, { discard: true }))
  const preparing = Effect.all([
    Effect.suspend(() => Effect.forEach(opened(), Processing.prepare, { concurrency: "unbounded" })),
    run.flow === undefined ? remember : Reporting.remembering(tally, batch.batch, remember)
  ], { concurrency: 2 })
  const [written, remembered] = yield* inStep(run, batch.batch, "process", processAll)
    .pipe(
      Effect.andThen(inStep(run, batch.batch, "prepare", preparing)),
      // Who read a part elsewhere does not know which stream it was to be: that may be what is wrong.
      Effect.tapError((error) => isOfPart(error) ? checkSources(run) : Effect.void),
      // Another process owns the query, and what the log names is its to abort (rule 3).
      Effect.tapError((error) => isDecidedElsewhere(error) ? keepAll : Effect.void)
    )

  const prepared: Record<string, PreparedSink | null> = {}
  for (const name of names) if (before.has(name)) prepared[name] = null
  for (const [name, value] of written) if (value.events > 0) prepared[name] = value
  if (mustMatch) yield* Replay.compare(run, batch, { names, prepared, remembered })
  // Kept first: once the record was sent, no finalizer aborts what it may name. What has no output is aborted by its Scope.
  const named = opened().filter(({ name }) => prepared[name] instanceof PreparedSink)
  yield* Effect.forEach(named, (sink) => sink.attempt.keep, { discard: true }).pipe(
    Effect.andThen(Clock.currentTimeMillis),
    Effect.flatMap((at) =>
      run.log.append([
        new Prepared({ batch: batch.batch, at, sinks: prepared, ...asideOf(pass), ...stateOf(remembered) })
      ])
    ), // 3
    Effect.tapError((error) =>
      isDecidedElsewhere(error)
        ? Effect.void
        : Effect.forEach(named, ({ attempt, name }) => BatchSinks.session(run, name).abort(attempt.handle), {
          discard: true
        })
    ),
    Effect.uninterruptible
  )
})

/** What the batch leaves besides outputs. */
const stateOf = (state: FlowHead | undefined) => state === undefined ? {} : { state }

const asideOf = ({ aside }: Pass) => aside.length === 0 ? {} : { aside }

const inStep = <E, R, A2, E2, R2>(
  { activity }: Run<E, R>,
  batch: number,
  step: BatchStatus.BatchStep,
  effect: Effect.Effect<A2, E2, R2>
) => BatchStatus.during(activity, batch, step)(effect)

/**
 * A process that was taken over compares a log that has gone on with what others did since: what it finds so, and no other try
 * changes, says nothing. So only the owner may say it. The log itself knows who that is.
 */
const mayBeOfAnother = <E, R>({ verdicts }: Run<E, R>, error: unknown): boolean =>
  !(error instanceof CheckpointLogError) && (error instanceof CommitError || !verdicts.isRetryable(error))

const isOfPart = (error: unknown): boolean => error instanceof CommitError && error.reason._tag === "PartFailed"

/** Fails if a source is not any more what the query started with. */
const checkSources = <E, R>({ log, sources }: Run<E, R>) =>
  Effect.forEach(sources, ([name, source]) => {
    const started = log.state().started.sources[name]
    return started === undefined ? Effect.void : source.resume(started)
  }, { discard: true })

/** What another owner did, or may have done: nothing is aborted any more, and another try makes no sense. */
const isDecidedElsewhere = (error: unknown): boolean => error instanceof CheckpointLogError && !error.isRetryable
