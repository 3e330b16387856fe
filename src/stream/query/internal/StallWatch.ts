/**
 * Notices when a query has something to do and nothing comes of it: looks from time to time at what the run is doing, and
 * says so once, as a status, a metric and a warning. It changes nothing about what the query does.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { Run } from "../../../batch/engine/BatchRun.ts"
import type { StallEvidence } from "../../../batch/engine/BatchStatus.ts"
import * as QueryMetrics from "../QueryMetrics.ts"

/** Looks as long as it is not interrupted. @category running @since 0.1.0 */
export const watch = Effect.fnUntraced(function*<E, R>(
  run: Run<E, R>,
  stallAfter: Duration.Duration
): Effect.fn.Return<never> {
  const { activity } = run
  const query = run.log.query
  const pause = Duration.millis(Math.max(1, Duration.toMillis(stallAfter) / looks))
  const threshold = BigInt(Math.round(Duration.toMillis(stallAfter) * 1e6))
  let seen: string | undefined
  let since = yield* Clock.monotonicTimeNanos
  let isStalled = false
  for (;;) {
    const now = yield* Clock.monotonicTimeNanos
    const [oldest] = run.log.state().unfinished
    const age = oldest?.preparedAt === undefined
      ? undefined
      : Math.max(0, (yield* Clock.currentTimeMillis) - oldest.preparedAt)
    yield* QueryMetrics.update(QueryMetrics.preparedAgeMillis, { query }, age ?? 0)
    const { batch, events, furthest } = activity
    const doing = activity.isBusy ? `${batch} ${furthest} ${events}` : undefined
    if (doing !== seen) {
      seen = doing
      since = now
      if (isStalled) {
        isStalled = false
        yield* QueryMetrics.update(QueryMetrics.stalled, { query }, 0)
        if (SubscriptionRef.getUnsafe(activity.status)._tag === "stalled") {
          yield* SubscriptionRef.set(activity.status, { _tag: "running", batch, step: furthest })
        }
      }
    } else if (doing !== undefined && now - since >= threshold) {
      const evidence: StallEvidence = {
        batch,
        step: furthest,
        for: Duration.nanos(now - since),
        attempts: activity.attempts,
        failure: activity.failure,
        preparedFor: age === undefined ? undefined : Duration.millis(age),
        awaiting: Object.fromEntries([...oldest?.prepared ?? []].map(([sink, { handle }]) => [sink, handle]))
      }
      yield* SubscriptionRef.set(activity.status, { _tag: "stalled", evidence })
      if (!isStalled) {
        isStalled = true
        yield* QueryMetrics.update(QueryMetrics.stalled, { query }, 1)
        yield* QueryMetrics.update(QueryMetrics.stalls, { query }, 1)
        yield* Effect.logWarning(`query "${query}": batch ${batch} makes no progress; it is tried again`, {
          ...evidence,
          for: Duration.format(evidence.for)
        })
      }
    }
    yield* Effect.sleep(pause)
  }
})

/** Per time after which a query counts as stalled. */
const looks = 8
