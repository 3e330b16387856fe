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
import { lastCommitted, type UnfinishedBatch } from "../log/LogState.ts"
import { CheckpointLogError } from "../protocol/CheckpointLogError.ts"
import { Begun, Committed, Planned, Prepared, PreparedSink, type StateHead } from "../protocol/CheckpointRecord.ts"
import { AmbiguousCommit, CommitError, InvariantViolated, NonDeterministicReplay } from "../protocol/CommitError.ts"
import type { BatchId, Past, SinkSession } from "../sink/SinkContract.ts"
import type { BatchReport } from "./BatchReport.ts"
import type { FoundRange, Resolution, Run } from "./BatchRun.ts"
import * as BatchStatus from "./BatchStatus.ts"
import type { Pass } from "./internal/Pass.ts"
import { isRangeReady, nextRange, planAhead, rangeAfter } from "./internal/Planning.ts"
import * as Processing from "./internal/Processing.ts"
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
    // Who was taken over compares what others did since with a log that has gone on: it has found nothing out.
    return Effect.tapError(ended, (error) => error instanceof CommitError ? run.log.append([]) : Effect.void)
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
  if (range._tag === "range") yield* run.log.append([yield* plannedBy(run, range)]) // 1
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
  yield* run.log.append([committed, ...next === undefined ? [] : [yield* plannedBy(run, next)]]) // 5
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
  // Begun and not prepared: whoever began them has failed, or is fenced, so that they can't be committed any more.
  yield* abortBegun(run, batch)

  // State that is gone is made again before more of the batch is seen, as that may fail.
  const isStateKept = batch.prepared === undefined || (yield* run.flow?.isKept(batch) ?? Effect.succeed(true))
  const lost: Array<string> = []
  const waiting: Array<string> = []
  for (const [name, prepared] of batch.prepared ?? []) {
    const outcome = yield* outcomeOf(run, batch, name, prepared)
    // Nothing of a lost one was ever visible: the same range again, for the sinks concerned.
    if (outcome === "lost") lost.push(name)
    if (outcome !== "committable") continue
    if (isStateKept) yield* inStep(run, batch.batch, "commit", commit(run, batch, name)) // 4
    else waiting.push(name)
  }
  // As long as no sink has anything of the batch, it is processed for all of them.
  const isUnseen = batch.prepared === undefined || (lost.length > 0 && lost.length === batch.prepared.size)
  const missing = isUnseen ? [...run.sinks.keys()] : lost
  if (missing.length > 0 || !isStateKept) yield* attempt(run, batch, { names: missing, isUnseen }, tally) // 2, 3
  tally.prepared = yield* Clock.currentTimeMillis
  tally.sinks = preparedNow(run, batch)
  const commits = Effect.forEach([...waiting, ...missing], (name) => commit(run, batch, name), {
    concurrency: "unbounded"
  })
  yield* inStep(run, batch.batch, "commit", Effect.andThen(expectAnother(run, tally.sinks.keys(), goesOn), commits)) // 4
})

const commit = <E, R>(run: Run<E, R>, batch: UnfinishedBatch, name: string) =>
  Effect.suspend(() => {
    const prepared = preparedNow(run, batch).get(name)
    return prepared === undefined ? Effect.void : session(run, name).commit(idOf(run, batch), prepared)
  })

/**
 * Another batch will come, as its range is known or the query goes on for ever: what its sinks need for it comes while this
 * batch is committed. It is not begun by that.
 */
const expectAnother = <E, R>(run: Run<E, R>, names: Iterable<string>, goesOn: boolean) =>
  Effect.suspend(() =>
    goesOn || isRangeReady(run)
      ? Effect.forEach(names, (name) => session(run, name).getReady ?? Effect.void, { discard: true })
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
  // Another sink of the batch keeps the outputs of the first run: these must be the same (rule 10). So must what a flow
  // remembers be that of outputs which somebody may have seen, though their sink has lost them (S15).
  const mustMatch = batch.prepared !== undefined && (!isUnseen || (run.flow !== undefined && run.mayBeSeenEarly))
  const decided = mustMatch ? batch.aside : undefined
  const pass: Pass = { reads: tally.reads, aside: tally.aside = [], decided, refused: undefined }
  const { opened, processAll, remember } = yield* run.processing.begin(batch, {
    sinks: names,
    past: (name) => pastOf(run, batch, name),
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
      // Another process owns the query, and what the log names is its to abort (rule 3).
      Effect.tapError((error) => isDecidedElsewhere(error) ? keepAll : Effect.void)
    )

  const prepared: Record<string, PreparedSink | null> = {}
  for (const name of names) if (before.has(name)) prepared[name] = null
  for (const [name, value] of written) if (value.events > 0) prepared[name] = value
  for (const name of mustMatch ? names : []) {
    if (before.get(name)?.digest === prepared[name]?.digest) continue
    const reason = new NonDeterministicReplay({ query: run.log.query, batch: batch.batch, sink: name })
    return yield* new CommitError({ reason })
  }
  if (mustMatch && !isSameState(batch.head, remembered)) {
    const reason = new NonDeterministicReplay({ query: run.log.query, batch: batch.batch, sink: "the flow's state" })
    return yield* new CommitError({ reason })
  }
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
        : Effect.forEach(named, ({ attempt, name }) => session(run, name).abort(attempt.handle), { discard: true })
    ),
    Effect.uninterruptible
  )
})

/** Ends what was begun for a batch and never prepared. Finding it committed breaks step 3: somebody else did that. */
const abortBegun = Effect.fnUntraced(function*<E, R>(run: Run<E, R>, batch: UnfinishedBatch) {
  for (const [name, handles] of batch.begun) {
    for (const handle of handles) {
      if ((yield* session(run, name).abort(handle)) === "aborted") continue
      const detail = `transaction ${JSON.stringify(handle)} of sink "${name}" is committed, which was never prepared`
      const reason = new InvariantViolated({ query: run.log.query, batch: batch.batch, detail })
      return yield* new CommitError({ reason })
    }
  }
})

const plannedBy = <E, R>(run: Run<E, R>, { isFull, looks, plans, positions }: FoundRange) =>
  Effect.map(run.flow?.now(run.log.state()) ?? Clock.currentTimeMillis, (at) => {
    run.ahead.isBehind = isFull
    const { nextBatch: batch, positions: before } = run.log.state()
    const named = batch % wholeEvery === 0 ? { positions } : moved(before, positions)
    return new Planned({ batch, at, plans, ...named, ...looks === undefined ? {} : { looks } })
  })

/**
 * Every so many batches all sources are named, moved or not: a log with a damaged record can be repaired if a later one says
 * where all of them stand.
 */
const wholeEvery = 16

/** A batch that reads one of 200 sources costs what the one costs. */
const moved = (before: Planned["positions"], after: Planned["positions"]) => {
  const changed = Object.entries(after).filter(([name, position]) => !isSamePosition(before[name], position))
  return changed.length === Object.keys(after).length
    ? { positions: after }
    : { positions: Object.fromEntries(changed), isPartial: true as const }
}

const isSamePosition = (one: Schema.Json | undefined, other: Schema.Json | undefined): boolean =>
  one === other || (one !== undefined && JSON.stringify(one) === JSON.stringify(other))

/** Whichever try made it: the same changes, at the same time. */
const isSameState = (one: StateHead | undefined, other: StateHead | undefined): boolean =>
  one?.digest === other?.digest && JSON.stringify(one?.watermark) === JSON.stringify(other?.watermark)

/** What the batch leaves besides outputs. */
const stateOf = (state: StateHead | undefined) => state === undefined ? {} : { state }

const asideOf = ({ aside }: Pass) => aside.length === 0 ? {} : { aside }

const inStep = <E, R, A2, E2, R2>(
  { activity }: Run<E, R>,
  batch: number,
  step: BatchStatus.BatchStep,
  effect: Effect.Effect<A2, E2, R2>
) => BatchStatus.during(activity, batch, step)(effect)

/** What the log names now: the outcome of the batch. */
const preparedNow = <E, R>(
  run: Run<E, R>,
  { batch }: UnfinishedBatch
): ReadonlyMap<string, PreparedSink> =>
  run.log.state().unfinished.find((unfinished) => unfinished.batch === batch)?.prepared ?? new Map()

const idOf = <E, R>(run: Run<E, R>, { batch }: UnfinishedBatch): BatchId => ({
  query: run.log.query,
  batch
})

/** What a sink is told of the tries before. Whoever finds another owner may not append to the log, so it asks by doing so. */
const pastOf = <E, R>(
  { log }: Run<E, R>,
  batch: UnfinishedBatch,
  name: string
): Past<Schema.Json> => ({
  log: log.state().started.log ?? "",
  handles: batch.begun.get(name) ?? [],
  last: lastCommitted(log.state(), name),
  checkOwner: log.append([])
})

/** What became of a prepared sink; what nobody can know is never guessed: somebody has to look and say. */
const outcomeOf = Effect.fnUntraced(function*<E, R>(
  run: Run<E, R>,
  unfinished: UnfinishedBatch,
  sink: string,
  prepared: PreparedSink
) {
  const outcome = yield* session(run, sink).recover(idOf(run, unfinished), prepared)
  if (outcome._tag !== "unknown") return outcome._tag
  const { batch } = unfinished
  const { evidence, handle } = prepared
  const isSaid = (said: Resolution) =>
    said.batch === batch && said.sink === sink && JSON.stringify(said.handle) === JSON.stringify(handle)
  const said = run.resolutions.find(isSaid)
  if (said !== undefined) return said.outcome
  const { detail } = outcome
  const reason = new AmbiguousCommit({ query: run.log.query, batch, sink, handle, evidence, detail })
  return yield* new CommitError({ reason })
})

const session = <E, R>(run: Run<E, R>, name: string): SinkSession<never, E> => {
  const found = run.sinks.get(name)
  // Sinks are part of the structure, which was compared when the query started.
  if (found === undefined) throw new Error(`no sink "${name}"`)
  return found
}

/** What another owner did, or may have done: nothing is aborted any more, and another try makes no sense. */
const isDecidedElsewhere = (error: unknown): boolean => error instanceof CheckpointLogError && !error.isRetryable
