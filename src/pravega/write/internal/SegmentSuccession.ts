/** What comes after a segment that takes no more events: its successors, or the end of the stream. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as BackOff from "../../../core/BackOff.ts"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import * as Segment from "../../../core/Segment.ts"
import type { Controller } from "../../controller/Controller.ts"
import { type ControllerError, StreamSealed } from "../../controller/ControllerError.ts"
import * as Outage from "../../Outage.ts"
import type { AppendFailure } from "../AppendSession.ts"
import * as ControllerFailure from "../ControllerFailure.ts"
import type { Replace } from "../RoutedWriter.ts"
import * as OutageLimit from "./OutageLimit.ts"

/** @category models @since 0.1.0 */
export interface SuccessionOptions {
  readonly controller: Controller["Service"]
  readonly stream: ScopedStream
  readonly outageLimit: Duration.Duration
  /**
   * `newest`: the active segments will do where the controller does not know the successors, as in a stream that was created
   * again. `each`: only the way through each generation, which is the same for all writers.
   */
  readonly generations: "newest" | "each"
}

const pauses = BackOff.doubling("10 millis", "1 second")

/**
 * Asks for the segment's successors and hands them to `replace`. The controller may lag behind the store for a moment. No
 * active segments: the stream is sealed.
 *
 * @category running
 * @since 0.1.0
 */
export const follow = (
  segment: Segment.SegmentId,
  replace: Replace,
  options: SuccessionOptions
): Effect.Effect<void, AppendFailure> =>
  Effect.suspend(() => {
    let problem = "no answer from the controller"
    return until(segment, replace, options, (last) => {
      problem = last
    }).pipe(Outage.during(() => `finding the successors of ${Segment.name(options.stream, segment)}`, () => problem))
  })

const until = Effect.fnUntraced(function*(
  segment: Segment.SegmentId,
  replace: Replace,
  options: SuccessionOptions,
  onProblem: (problem: string) => void
): Effect.fn.Return<void, AppendFailure> {
  const outage = OutageLimit.make(Segment.name(options.stream, segment), { limit: options.outageLimit, pauses })
  while (true) {
    const found = yield* step(segment, replace, options).pipe(
      Effect.catchTag("ControllerError", (error) =>
        error.isRetryable
          ? Effect.succeed({ problem: error.message, cause: error })
          : Effect.fail(ControllerFailure.toReason(error)))
    )
    if (found === undefined) return
    onProblem(found.problem)
    yield* outage.pause(found)
  }
})

/** Why it is not done yet; undefined when it is. */
const step = Effect.fnUntraced(function*(
  segment: Segment.SegmentId,
  replace: Replace,
  { controller, generations, stream }: SuccessionOptions
): Effect.fn.Return<OutageLimit.Problem | undefined, StreamSealed | ControllerError> {
  const successors = yield* controller.successors(stream, segment)
  if (successors.length > 0 && replace(successors)) return undefined
  const active = yield* controller.currentSegments(stream)
  if (active.length === 0) return yield* new StreamSealed({ stream })
  if (generations === "newest" && !active.some((other) => other.id === segment) && replace(active)) return undefined
  return { problem: "the controller names no successors of the segment" }
})
