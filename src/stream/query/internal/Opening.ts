/**
 * Opens a query: tried again like its batches, and watched like them. Nothing is committed here.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as BatchRun from "../../../batch/engine/BatchRun.ts"
import * as Verdicts from "../../../batch/engine/Verdicts.ts"
import type { Pipeline } from "../../../batch/pipeline/Pipeline.ts"
import * as CauseText from "../../../core/CauseText.ts"
import * as QueryMetrics from "../QueryMetrics.ts"

const defaultRetry = Schedule.exponential("200 millis").pipe(Schedule.upTo({ times: 5 }))

/** Those of a query that concern its opening. @category models @since 0.2.0 */
export interface Options<in E> {
  readonly retry?: Schedule.Schedule<unknown, BatchRun.Failure<E>> | undefined
  readonly resolve?: ReadonlyArray<BatchRun.Resolution> | undefined
  readonly stallAfter?: Duration.Input | undefined
}

/**
 * A run that owns its log, with its batches' retries. What a try that failed has opened is given back before the next.
 *
 * @category constructors
 * @since 0.2.0
 */
export const open = <A, B, ES, E, R>(pipeline: Pipeline<A, B, ES, E, R>, options: Options<ES | E>) =>
  Effect.suspend(() => {
    const retry = options.retry ?? defaultRetry
    const verdicts = Verdicts.make()
    let attempts = 0
    let failure: string | undefined
    const once = Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        attempts++
        const scope = yield* Scope.fork(yield* Effect.scope)
        return yield* restore(BatchRun.open(pipeline, { retry, resolutions: options.resolve, verdicts })).pipe(
          Scope.provide(scope),
          Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : Scope.close(scope, exit))
        )
      })
    ).pipe(Effect.tapError((error) =>
      Effect.sync(() => {
        failure = CauseText.of(error)
      })
    ))
    const retried = Effect.retry(once, { schedule: retry, while: verdicts.isRetryable })
    return Effect.raceFirst(
      retried,
      watch(pipeline.name, Duration.fromInputUnsafe(options.stallAfter ?? "1 minute"), () => ({ attempts, failure }))
    )
  })

/** Says so when it takes long, each time that it has taken so long again. */
const watch = Effect.fnUntraced(function*(
  query: string,
  stallAfter: Duration.Duration,
  evidence: () => { readonly attempts: number; readonly failure: string | undefined }
): Effect.fn.Return<never> {
  const begun = yield* Clock.monotonicTimeNanos
  let isStalled = false
  const looking = Effect.gen(function*() {
    for (;;) {
      yield* Effect.sleep(Duration.max(stallAfter, Duration.millis(1)))
      yield* QueryMetrics.update(QueryMetrics.stalled, { query }, 1)
      if (!isStalled) yield* QueryMetrics.update(QueryMetrics.stalls, { query }, 1)
      isStalled = true
      const taken = Duration.format(Duration.nanos((yield* Clock.monotonicTimeNanos) - begun))
      yield* Effect.logWarning(`query "${query}" has been opening for ${taken}; it is tried again`, evidence())
    }
  })
  return yield* Effect.ensuring(
    looking,
    Effect.suspend(() => isStalled ? QueryMetrics.update(QueryMetrics.stalled, { query }, 0) : Effect.void)
  )
})
