/**
 * A query: a pipeline that runs. Micro-batches, each committed exactly once, set off by a trigger; started again, it
 * goes on where its checkpoint log says. The commit protocol itself is `batch/Commit`.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as BatchRun from "../batch/BatchRun.ts"
import type { CheckpointLog } from "../batch/CheckpointLog.ts"
import * as Commit from "../batch/Commit.ts"
import type { Pipeline } from "../batch/Pipeline.ts"
import type { QueryName } from "../batch/QueryName.ts"
import { asFastAsPossible, type Trigger } from "./Trigger.ts"

/** What a query fails with: what its parts fail with, and what its log says. @category models @since 0.1.0 */
export type Failure<ES, E> = BatchRun.Failure<ES, E>

/** What one batch did. @category models @since 0.1.0 */
export type BatchProgress = BatchRun.BatchReport

/** @category models @since 0.1.0 */
export interface Options<ES, E> {
  /** Default `Trigger.asFastAsPossible`. */
  readonly trigger?: Trigger | undefined
  /**
   * Whether, and when, a batch that failed is tried again, from where the log then stands. What no other try can change
   * (another owner, a corrupt log, an outcome that can't be decided) is never tried again. Default: 5 times, after 0.2 to
   * 3.2 seconds.
   */
  readonly retry?: Schedule.Schedule<unknown, Failure<ES, E>> | undefined
  /** Answers to an earlier end with `AmbiguousCommit`; its message says what to give here. Default: none. */
  readonly resolve?: ReadonlyArray<BatchRun.Resolution> | undefined
}

/** A query that runs. It stops when its Scope closes; a batch that is not prepared then is aborted. @category models @since 0.1.0 */
export interface Query<out E> {
  readonly name: QueryName
  /**
   * The batches committed from now on, and up to 16 before; ends with the query. Who falls more than a thousand batches
   * behind misses the oldest of them.
   */
  readonly progress: Stream.Stream<BatchProgress>
  /** Waits for the end: all is read, or it was stopped; or fails with why it ended. */
  readonly await: Effect.Effect<void, E>
  /** Ends the query after the batch that runs, and waits for that. Fails as `await`. */
  readonly stop: Effect.Effect<void, E>
}

/** How long a query that found no input waits before it looks again. */
const idlePause = Duration.millis(100)

/**
 * Starts a query in the background. Opens and claims it first: fails when that fails. From then on older processes that
 * run the query can commit nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = Effect.fn("Query.start")(function*<A, B, ES, E, R>(
  pipeline: Pipeline<A, B, ES, E, R>,
  options: Options<ES, E> = {}
): Effect.fn.Return<Query<Failure<ES, E>>, Failure<ES, E>, R | CheckpointLog | Scope.Scope> {
  const run = yield* BatchRun.open(pipeline, options.retry ?? defaultRetry, options.resolve)
  const stopping = yield* Deferred.make<void>()
  const reports = yield* PubSub.sliding<Option.Option<BatchProgress>>({ capacity: 1024, replay: 16 })
  const fiber = yield* batches(run, options.trigger ?? asFastAsPossible, {
    stopping,
    onBatch: (report) => Effect.asVoid(PubSub.publish(reports, Option.some(report)))
  }).pipe(
    Effect.tapCause((cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError("the query has stopped", cause)
    ),
    Effect.ensuring(PubSub.publish(reports, Option.none())),
    Effect.annotateLogs({ query: pipeline.name }),
    Effect.forkScoped
  )
  return {
    name: pipeline.name,
    progress: Stream.fromPubSub(reports).pipe(
      Stream.takeWhile(Option.isSome),
      Stream.map((report) => report.value)
    ),
    await: Fiber.join(fiber),
    stop: Effect.andThen(Deferred.succeed(stopping, undefined), Fiber.join(fiber))
  }
})

/**
 * Runs a query to its end: all that is there is read (`once`, `availableNow`), or the source ends.
 *
 * @category running
 * @since 0.1.0
 */
export const run = <A, B, ES, E, R>(
  pipeline: Pipeline<A, B, ES, E, R>,
  options: Options<ES, E> & {
    /** Called after each batch. */
    readonly onBatch?: ((progress: BatchProgress) => Effect.Effect<void>) | undefined
  } = {}
): Effect.Effect<void, Failure<ES, E>, Exclude<R, Scope.Scope> | CheckpointLog> =>
  Effect.scoped(Effect.gen(function*() {
    const opened = yield* BatchRun.open(pipeline, options.retry ?? defaultRetry, options.resolve)
    const stopping = yield* Deferred.make<void>()
    const onBatch = options.onBatch ?? (() => Effect.void)
    yield* batches(opened, options.trigger ?? asFastAsPossible, { stopping, onBatch })
  }))

const defaultRetry = Schedule.exponential("200 millis").pipe(Schedule.upTo({ times: 5 }))

const batches = Effect.fnUntraced(function*<A, B, ES, E, R>(
  run: BatchRun.Run<A, B, ES, E, R>,
  trigger: Trigger,
  hooks: {
    readonly stopping: Deferred.Deferred<void>
    readonly onBatch: (report: BatchProgress) => Effect.Effect<void>
  }
) {
  const { onBatch, stopping } = hooks
  const until: Schema.Json | undefined = trigger._tag === "availableNow" ? yield* run.source.latest : undefined
  const more = trigger._tag === "availableNow" || trigger._tag === "asFastAsPossible"
  const tick = yield* ticks(trigger)
  while (!Deferred.isDoneUnsafe(stopping)) {
    const wasUnfinished = run.log.state().unfinished.length > 0
    const step = yield* Commit.step(run, { until, more: more && !Deferred.isDoneUnsafe(stopping) })
    if (step._tag === "done") {
      yield* onBatch(step.report)
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
    if (trigger._tag === "every") yield* pause(yield* tick, stopping)
    else if (step._tag === "idle") yield* pause(idlePause, stopping)
  }
})

/** How long to wait for the next multiple of the interval; not at all when it has passed. */
const ticks = (trigger: Trigger): Effect.Effect<Effect.Effect<Duration.Duration>> =>
  Effect.map(monotonicMillis, (started) => {
    const interval = trigger._tag === "every" ? Duration.toMillis(trigger.interval) : 0
    let ticked = 0
    return Effect.map(monotonicMillis, (now) => {
      ticked = Math.max(ticked + 1, Math.floor((now - started) / Math.max(1, interval)))
      return Duration.millis(Math.max(0, started + ticked * interval - now))
    })
  })

/** A wall clock that is set must not hold batches up. */
const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

/** Waits, but not when the query is asked to stop. */
const pause = (duration: Duration.Duration, stopping: Deferred.Deferred<void>): Effect.Effect<void> =>
  Effect.asVoid(Effect.timeoutOption(Deferred.await(stopping), duration))
