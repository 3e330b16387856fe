/**
 * A query: a pipeline that runs. A trigger sets off its micro-batches, and each of them is committed exactly once. If it is
 * started again, it goes on where its checkpoint log says. The commit protocol itself is in `Commit`, not here.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import type * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { BatchReport } from "../../batch/engine/BatchReport.ts"
import type * as BatchRun from "../../batch/engine/BatchRun.ts"
import * as BatchStatus from "../../batch/engine/BatchStatus.ts"
import * as Commit from "../../batch/engine/Commit.ts"
import * as StateQuery from "../../batch/engine/StateQuery.ts"
import type { CheckpointLog } from "../../batch/log/CheckpointLog.ts"
import type { Pipeline } from "../../batch/pipeline/Pipeline.ts"
import type { QueryName } from "../../batch/protocol/QueryName.ts"
import type { SourceSession } from "../../batch/source/SourceContract.ts"
import * as CauseText from "../../core/CauseText.ts"
import * as MonotonicClock from "../../core/MonotonicClock.ts"
import * as WayOut from "../../core/WayOut.ts"
import type { Mistake } from "./internal/Mistake.ts"
import * as Opening from "./internal/Opening.ts"
import * as StallWatch from "./internal/StallWatch.ts"
import * as QueryMetrics from "./QueryMetrics.ts"
import * as Shutdown from "./Shutdown.ts"
import { asFastAsPossible, type Trigger } from "./Trigger.ts"

export { BatchReport, FlowReport, SourceReport } from "../../batch/engine/BatchReport.ts"
export type { Resolution } from "../../batch/engine/BatchRun.ts"
export { BatchStep, StallEvidence, Status } from "../../batch/engine/BatchStatus.ts"
export type { Mistake } from "./internal/Mistake.ts"

/** What a query fails with: the errors of its parts, and those of its log. @category errors @since 0.2.0 */
export type QueryError<E> = BatchRun.Failure<E>

/** What a query fails with. @category utility types @since 0.2.0 */
export type Error<Q> = Q extends Query<infer E> ? E : never

/** What one batch did, and how fast. @category schemas @since 0.1.0 */
export const BatchProgress = Schema.Struct({
  ...BatchReport.fields,
  /** Per second, counted from the commit of the batch before. For the first batch, from its own beginning. */
  rates: Schema.Struct({
    eventsIn: Schema.Finite,
    bytesIn: Schema.Finite,
    eventsOut: Schema.Finite,
    bytesOut: Schema.Finite
  })
})
/** @category models @since 0.1.0 */
export type BatchProgress = typeof BatchProgress.Type

/** @category models @since 0.1.0 */
export interface Options<in E> {
  /** Default `Trigger.asFastAsPossible`. */
  readonly trigger?: Trigger | undefined
  /**
   * Whether and when a batch that failed is tried again, from where the log then stands. What another try can't change is
   * not tried again: another owner, a corrupt log, an outcome that can't be decided. Default: 5 times, after pauses of 0.2 to
   * 3.2 seconds.
   */
  readonly retry?: Schedule.Schedule<unknown, QueryError<E>> | undefined
  /** Answers to an earlier `AmbiguousCommit`, whose message says what to give here. Default: none. */
  readonly resolve?: ReadonlyArray<BatchRun.Resolution> | undefined
  /**
   * How long a query may make no progress, though there is something to do, until its status is "stalled" and a warning is
   * logged. Reasons are a process that hangs, tries that fail again and again, or a commit that the controller does not carry
   * out. The query goes on trying. Default: 1 minute.
   */
  readonly stallAfter?: Duration.Input | undefined
  /** What an interrupted query does, and how long it may take. Default: the batch is aborted, within 10 seconds. */
  readonly shutdown?: Shutdown.Options | undefined
}

/** @category options @since 0.2.0 */
export interface RunOptions<in E> extends Options<E> {
  /** Called after each batch. */
  readonly onBatch?: ((progress: BatchProgress) => Effect.Effect<void>) | undefined
}

/** A query that runs. It stops when its Scope closes. A batch that is not prepared by then is aborted. @category models @since 0.1.0 */
export interface Query<out E> {
  readonly name: QueryName
  /**
   * The batches that are committed from now on, after up to 16 that were committed before. It ends with the query. A
   * consumer that falls more than a thousand batches behind misses the oldest ones.
   */
  readonly progress: Stream.Stream<BatchProgress>
  /** The last batches, at most 16, the oldest first. */
  readonly recent: Effect.Effect<ReadonlyArray<BatchProgress>>
  /** What it is doing now. */
  readonly status: Effect.Effect<BatchStatus.Status>
  /** The status now, and each later one. It ends with the query's last status. A slow consumer misses some. */
  readonly statusChanges: Stream.Stream<BatchStatus.Status>
  /**
   * What a step of the query's flow remembers, as of the last committed batch: of one key, of a range, or of all. It is asked in
   * this process's memory, and asks nobody else. Another process asks by `StateQuery.open`.
   *
   * **Example**
   *
   * ```ts
   * import type { Query } from "effect-pravega/stream"
   * import * as Schema from "effect/Schema"
   *
   * const balance = (query: Query.Query<unknown>, account: string) =>
   *   query.state("balances", { key: Schema.String, value: Schema.Number }).get(account)
   * ```
   */
  readonly state: StateQuery.States["state"]
  /** Waits until the query has read everything, or was stopped. Fails with the reason if it ended otherwise. */
  readonly await: Effect.Effect<void, E>
  /** Ends the query after the batch that runs now, and waits for it. Fails as `await` does. */
  readonly stop: Effect.Effect<void, E>
  /**
   * Ends the query in bounded time: after the batch that runs, if that is committed within the time given; else the batch
   * is interrupted, and what can't be interrupted is waited for as long as `shutdown.leave` says. Answers how it ended;
   * never fails, also when the query has (`await` says why).
   *
   * **Example**
   *
   * ```ts
   * import { Console, Effect } from "effect"
   * import type { Query } from "effect-pravega/stream"
   *
   * const end = (query: Query.Query<unknown>) =>
   *   Effect.flatMap(query.stopWithin("20 seconds"), (how) => Console.log(`the query has ${how}`))
   * ```
   */
  readonly stopWithin: (finish: Duration.Input) => Effect.Effect<Shutdown.Outcome>
}

/** `Query.start` that waits for its pipeline, as the end of a pipe. @category models @since 0.2.0 */
export interface StartsPipeline<X> {
  <A, B, ES extends X, E extends X, R>(
    pipeline: Pipeline<A, B, ES, E, R>
  ): Effect.Effect<Query<QueryError<ES | E>>, QueryError<ES | E>, R | CheckpointLog | Scope.Scope>
}

/** `Query.run` that waits for its pipeline, as the end of a pipe. @category models @since 0.2.0 */
export interface RunsPipeline<X> {
  <A, B, ES extends X, E extends X, R>(
    pipeline: Pipeline<A, B, ES, E, R>
  ): Effect.Effect<void, QueryError<ES | E>, Exclude<R, Scope.Scope> | CheckpointLog>
}

/** How long a query that found no input waits at most before it looks again, if a source can't tell it that there is more. */
const idlePause = Duration.millis(100)

/** The same if all sources can. Then what they say counts, and this is only for what nobody thought of. */
const safetyPause = Duration.seconds(2)

/**
 * Starts a query in the background. It first opens the pipeline and claims the query, and fails if that fails. From then on,
 * older processes that run the same query can commit nothing.
 *
 * ```ts
 * import type { Pipeline } from "effect-pravega/batch"
 * import { Query, Trigger } from "effect-pravega/stream"
 *
 * const started = <A, B, ES, E, R>(pipeline: Pipeline.Pipeline<A, B, ES, E, R>) =>
 *   pipeline.pipe(Query.start({ trigger: Trigger.every("1 second") }))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const start: {
  <X = unknown>(options?: Options<X>): StartsPipeline<X>
  <A, B, ES, E, R>(
    pipeline: Pipeline<A, B, ES, E, R>,
    options?: Options<ES | E>
  ): Effect.Effect<Query<QueryError<ES | E>>, QueryError<ES | E>, R | CheckpointLog | Scope.Scope>
  /** What the compiler says of what is no pipeline. */
  <const P>(pipeline: P & Mistake<P>): unknown
} = dual(
  (args) => isPipeline(args[0]),
  Effect.fn("Query.start")(function*<A, B, ES, E, R>(
    pipeline: Pipeline<A, B, ES, E, R>,
    options: Options<ES | E> = {}
  ): Effect.fn.Return<Query<QueryError<ES | E>>, QueryError<ES | E>, R | CheckpointLog | Scope.Scope> {
    const run = yield* Opening.open(pipeline, options)
    const { status } = run.activity
    const stopping = yield* Deferred.make<void>()
    const reports = yield* PubSub.sliding<Option.Option<BatchProgress>>({ capacity: 1024, replay: recentCount })
    const recent: Array<BatchProgress> = []
    const fiber = yield* batches(run, options, {
      stopping,
      onBatch: (report) =>
        Effect.suspend(() => {
          recent.push(report)
          if (recent.length > recentCount) recent.shift()
          return Effect.asVoid(PubSub.publish(reports, Option.some(report)))
        })
    }).pipe(
      Effect.tapCause((cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError("the query has stopped", cause)
      ),
      Effect.onExit((exit) =>
        Effect.andThen(
          SubscriptionRef.set(status, lastStatus(exit, Deferred.isDoneUnsafe(stopping))),
          PubSub.publish(reports, Option.none())
        )
      ),
      Effect.annotateLogs({ query: pipeline.name }),
      // not of the Scope: its close would wait for as long as it takes
      Effect.forkDetach
    )
    const wayOut = (shutdown: Shutdown.Options | undefined) =>
      WayOut.end(fiber, Shutdown.make(pipeline.name, shutdown, stopping, () => run.activity))
    yield* Effect.addFinalizer(() => wayOut(options.shutdown))
    return {
      name: pipeline.name,
      progress: Stream.fromPubSub(reports).pipe(
        Stream.takeWhile(Option.isSome),
        Stream.map((report) => report.value)
      ),
      recent: Effect.sync(() => [...recent]),
      status: SubscriptionRef.get(status),
      statusChanges: Stream.takeUntil(SubscriptionRef.changes(status), isLast),
      state: StateQuery.make({
        query: pipeline.name,
        steps: StateQuery.stepsOf(pipeline),
        slotOf: (key) => run.flow?.slotOf(key),
        rows: (stage, slot) => Effect.sync(() => run.flow?.current(stage.name, slot) ?? { batch: -1, rows: [] })
      }).state,
      await: Fiber.join(fiber),
      stop: Effect.andThen(Deferred.succeed(stopping, undefined), Fiber.join(fiber)),
      stopWithin: (finish) => wayOut({ ...options.shutdown, finish })
    }
  })
)

const isPipeline = (value: unknown): boolean => typeof value === "object" && value !== null && "structure" in value

const recentCount = 16

const lastStatus = (exit: Exit.Exit<void, unknown>, isStopping: boolean): BatchStatus.Status => {
  if (Exit.isSuccess(exit)) return { _tag: isStopping ? "stopped" : "ended" }
  return Cause.hasInterruptsOnly(exit.cause)
    ? { _tag: "stopped" }
    : { _tag: "failed", message: Cause.prettyErrors(exit.cause).map(CauseText.of).join("; ") }
}

const isLast = ({ _tag }: BatchStatus.Status): boolean => _tag === "stopped" || _tag === "ended" || _tag === "failed"

/**
 * Runs a query to its end: until its trigger has nothing left to do (`once`, `availableNow`), or until the source ends.
 *
 * @category running
 * @since 0.1.0
 */
export const run: {
  <X = unknown>(options?: RunOptions<X>): RunsPipeline<X>
  <A, B, ES, E, R>(
    pipeline: Pipeline<A, B, ES, E, R>,
    options?: RunOptions<ES | E>
  ): Effect.Effect<void, QueryError<ES | E>, Exclude<R, Scope.Scope> | CheckpointLog>
  /** What the compiler says of what is no pipeline. */
  <const P>(pipeline: P & Mistake<P>): unknown
} = dual((args) => isPipeline(args[0]), <A, B, ES, E, R>(
  pipeline: Pipeline<A, B, ES, E, R>,
  options: RunOptions<ES | E> = {}
): Effect.Effect<void, QueryError<ES | E>, Exclude<R, Scope.Scope> | CheckpointLog> =>
  Effect.suspend(() => {
    const stopping = Deferred.makeUnsafe<void>()
    let activity: BatchStatus.Activity | undefined
    const onBatch = options.onBatch ?? (() => Effect.void)
    return Effect.scoped(Effect.gen(function*() {
      const opened = yield* Opening.open(pipeline, options)
      activity = opened.activity
      yield* batches(opened, options, { stopping, onBatch })
    })).pipe(WayOut.bounded(Shutdown.make(pipeline.name, options.shutdown, stopping, () => activity)))
  }))

const batches = <E, R>(
  run: BatchRun.Run<E, R>,
  options: Options<E>,
  hooks: Hooks
) =>
  Effect.suspend(() => {
    const metrics = QueryMetrics.recorder(run.log.query)
    return Effect.raceFirst(
      trigger(run, options.trigger ?? asFastAsPossible, { ...hooks, metrics }),
      StallWatch.watch(run, Duration.fromInputUnsafe(options.stallAfter ?? "1 minute"))
    ).pipe(Effect.ensuring(metrics.end))
  })

interface Hooks {
  readonly stopping: Deferred.Deferred<void>
  readonly onBatch: (report: BatchProgress) => Effect.Effect<void>
}

const trigger = Effect.fnUntraced(function*<E, R>(
  run: BatchRun.Run<E, R>,
  trigger: Trigger,
  { metrics, onBatch, stopping }: Hooks & { readonly metrics: QueryMetrics.Recorder }
) {
  const until = trigger._tag === "availableNow"
    ? Object.fromEntries(yield* Effect.forEach(run.sources, latest, { concurrency: "unbounded" }))
    : undefined
  const more = trigger._tag === "availableNow" || trigger._tag === "asFastAsPossible"
  const tick = yield* ticks(trigger)
  if (run.log.state().unfinished.length === 0) yield* consumed(run, run.log.state().positions)
  let before: number | undefined
  while (!Deferred.isDoneUnsafe(stopping)) {
    const wasUnfinished = run.log.state().unfinished.length > 0
    const step = yield* Commit.step(run, { until, more: more && !Deferred.isDoneUnsafe(stopping) })
    if (step._tag === "done") {
      const { report } = step
      yield* metrics.record(report)
      yield* onBatch({ ...report, rates: ratesOf(report, before ?? report.times.begun) })
      before = report.times.committed
      yield* consumed(run, report.positions)
      yield* Effect.catchReason(
        run.log.compact,
        "CheckpointLogError",
        "LogUnavailable",
        (reason) => Effect.logWarning("the checkpoint log was not compacted", reason)
      )
    }
    if (step._tag === "ended") return
    if (trigger._tag === "once" && !wasUnfinished) return
    if (trigger._tag === "availableNow" && step._tag === "idle") return
    if (trigger._tag === "every" || step._tag === "idle") {
      yield* BatchStatus.rest(run.activity)
      yield* trigger._tag === "every"
        ? pause(yield* tick, stopping)
        : idle(run, stopping)
    }
  }
})

const latest = <E>([name, session]: readonly [string, SourceSession<unknown, E>]) =>
  Effect.map(session.latest, (position) => [name, position] as const)

/** Waits for something to read, but not for ever. */
const idle = <E, R>({ log, sources }: BatchRun.Run<E, R>, stopping: Deferred.Deferred<void>) =>
  Effect.suspend(() => {
    const { positions } = log.state()
    const arrivals = Array.from(sources).flatMap(([name, { arrival }]) =>
      arrival === undefined ? [] : [arrival(positions[name] ?? null)]
    )
    const pausing = pause(arrivals.length < sources.size ? idlePause : safetyPause, stopping)
    return Effect.raceAllFirst([pausing, ...arrivals])
  })

/** Tells the sources how far everything is durably committed. */
const consumed = <E, R>(
  run: BatchRun.Run<E, R>,
  positions: Readonly<Record<string, Schema.Json>>
) => Effect.forEach(run.sources, ([name, source]) => source.consumed(positions[name] ?? null), { discard: true })

const ratesOf = (report: BatchReport, since: number): BatchProgress["rates"] => {
  const seconds = Math.max(1, report.times.committed - since) / 1000
  const { bytesIn, bytesOut, eventsIn, eventsOut } = report
  return {
    eventsIn: eventsIn / seconds,
    bytesIn: bytesIn / seconds,
    eventsOut: eventsOut / seconds,
    bytesOut: bytesOut / seconds
  }
}

/** How long to wait for the next multiple of the interval; not at all when it has passed. A wall clock that is set must not hold batches up. */
const ticks = (trigger: Trigger): Effect.Effect<Effect.Effect<Duration.Duration>> =>
  Effect.map(MonotonicClock.millis, (started) => {
    const interval = trigger._tag === "every" ? Duration.toMillis(trigger.interval) : 0
    let ticked = 0
    return Effect.map(MonotonicClock.millis, (now) => {
      ticked = Math.max(ticked + 1, Math.floor((now - started) / Math.max(1, interval)))
      return Duration.millis(Math.max(0, started + ticked * interval - now))
    })
  })

/** Waits, but not when the query is asked to stop. */
const pause = (duration: Duration.Duration, stopping: Deferred.Deferred<void>): Effect.Effect<void> =>
  Effect.asVoid(Effect.timeoutOption(Deferred.await(stopping), duration))
