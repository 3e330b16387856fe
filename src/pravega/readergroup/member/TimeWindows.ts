/**
 * The time window of a group in one stream, kept up to date from the stream's watermarks. Reads only as many of these as
 * the group's progress needs.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import type { RangedPositions } from "../../../core/SegmentPositions.ts"
import type { TimeWindow } from "../../../core/TimeWindow.ts"
import type { Watermark } from "../../../core/Watermark.ts"
import type { ControllerError } from "../../controller/ControllerError.ts"
import type { Pravega } from "../../Pravega.ts"
import { ReadError } from "../../read/ReadError.ts"
import * as Watermarks from "../../read/Watermarks.ts"
import type { SegmentError } from "../../segmentstore/SegmentError.ts"
import * as RevisionedStream from "../../synchronizer/RevisionedStream.ts"
import { WatermarkTracker } from "./WatermarkTracker.ts"

/** @category models @since 0.1.0 */
export interface TimeWindows {
  readonly current: () => TimeWindow
  readonly advanceTo: (position: RangedPositions) => void
  readonly add: (mark: Watermark) => void
  /** Until a later watermark is needed. */
  readonly awaitNeed: Effect.Effect<void>
}

/** @category constructors @since 0.1.0 */
export const make = (): TimeWindows => {
  const tracker = new WatermarkTracker()
  let window = tracker.window
  let waiting: (() => void) | undefined = undefined
  return {
    current: () => window,
    add: (mark) => {
      tracker.add(mark)
      window = tracker.window
    },
    advanceTo: (position) => {
      tracker.advanceTo(position)
      window = tracker.window
      if (!tracker.wantsMore) return
      const resume = waiting
      waiting = undefined
      resume?.()
    },
    awaitNeed: Effect.callback((resume) => {
      if (tracker.wantsMore) return resume(Effect.void)
      waiting = () => resume(Effect.void)
      return Effect.sync(() => {
        waiting = undefined
      })
    })
  }
}

/**
 * Reads a stream's watermarks as they are needed, for ever. A stream without any has none to read.
 *
 * @category running
 * @since 0.1.0
 */
export const follow = (
  stream: ScopedStream,
  windows: TimeWindows
): Effect.Effect<void, ReadError, Pravega> =>
  Effect.scoped(Effect.gen(function*() {
    const log = yield* RevisionedStream.make(Watermarks.of(stream))
    const oldest = yield* Effect.mapError(log.oldest, (reason: SegmentError | ControllerError) =>
      new ReadError({ reason }))
    yield* Stream.runForEach(log.follow(oldest, oldest), ({ event }) => {
      windows.add(event)
      return windows.awaitNeed
    })
  })).pipe(
    Effect.catchReason("ReadError", "ControllerError", (error) =>
      error.reason._tag === "StreamNotFound" ? Effect.void : Effect.fail(new ReadError({ reason: error }))),
    // sealed together with its stream
    Effect.catchReason("ReadError", "InvalidPosition", () =>
      Effect.void)
  )
