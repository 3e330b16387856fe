/**
 * How long a writer goes on with a segment that takes nothing: it pauses between attempts, until its limit is over. Time is
 * the monotonic clock's, as a machine's clock that is set must not end it. What an attempt is, is not known here.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import * as MonotonicClock from "../../../core/MonotonicClock.ts"
import { StoreUnavailable } from "../../segmentstore/SegmentError.ts"

/** Why an attempt came to nothing. @category models @since 0.2.0 */
export interface Problem {
  readonly problem: string
  /** The error behind it, if there is one. */
  readonly cause?: unknown
}

/** @category models @since 0.2.0 */
export interface OutageLimit {
  /** Waits until the next attempt is due; fails when the limit is over. */
  readonly pause: (problem: Problem) => Effect.Effect<void, StoreUnavailable>
  /** Something was taken: limit and pauses begin anew. */
  readonly reset: () => void
}

/** @category constructors @since 0.2.0 */
export const make = (
  segment: string,
  { limit, pauses }: { readonly limit: Duration.Duration; readonly pauses: Schedule.Schedule<unknown> }
): OutageLimit => {
  let attempts = 0
  let begun: number | undefined
  let nextPause: Effect.Effect<void> | undefined
  return {
    pause: Effect.fnUntraced(function*({ cause, problem }) {
      attempts++
      const now = yield* MonotonicClock.millis
      begun ??= now
      if (now - begun >= Duration.toMillis(limit)) {
        return yield* new StoreUnavailable({ segment, attempts, problem, cause })
      }
      if (nextPause === undefined) {
        const step = yield* Schedule.toStepWithSleep(pauses)
        nextPause = Effect.asVoid(Pull.catchDone(Effect.suspend(() => step(undefined)), () => Effect.void))
      }
      yield* nextPause
    }),
    reset: () => {
      attempts = 0
      begun = undefined
      nextPause = undefined
    }
  }
}
