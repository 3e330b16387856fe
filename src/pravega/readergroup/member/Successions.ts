/**
 * What follows the segments that a reader of a group has read to their ends. The controller may not have come to it yet: it
 * is asked again, at times that the reader's timers know of.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as MonotonicClock from "../../../core/MonotonicClock.ts"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import * as Segment from "../../../core/Segment.ts"
import type { Successors } from "../../../core/SegmentPositions.ts"
import type { Controller } from "../../controller/Controller.ts"
import * as CutOfStream from "../../read/CutOfStream.ts"
import { ReadError } from "../../read/ReadError.ts"
import * as GroupState from "../internal/GroupState.ts"
import { type ReaderGroupError, SuccessorsUnknown } from "../ReaderGroupError.ts"
import type * as MemberTimers from "./MemberTimers.ts"

/** How often the controller is asked for the successors of a segment that must have some. */
const attemptsMax = 300

/** @category models @since 0.1.0 */
export class Successions {
  private readonly controller: Controller["Service"]
  private readonly timers: MemberTimers.MemberTimers
  /** How often successors were asked for in vain, by segments' names. */
  private readonly attempts = new Map<string, number>()

  constructor(controller: Controller["Service"], timers: MemberTimers.MemberTimers) {
    this.controller = controller
    this.timers = timers
  }

  /** Undefined: it is not known yet, and to be asked for again. */
  readonly of = Effect.fnUntraced(
    { self: this },
    function*(
      this: Successions,
      name: string,
      { id, stream }: Segment.Segment
    ): Effect.fn.Return<Successors | undefined, ReaderGroupError> {
      if (!this.timers.isSuccessionDue(name, yield* MonotonicClock.millis)) return undefined
      const found = yield* this.controller.successors(stream, id).pipe(
        Effect.mapError(GroupState.fail),
        Effect.tapError(() => this.verify(stream, id))
      )
      if (found.length > 0) {
        return new Map(found.map((next) => [
          Segment.name(stream, next.id),
          { range: next.range, predecessors: new Set(next.predecessors) }
        ]))
      }
      // no successors: the stream is sealed, or the controller has not come to it yet
      const active = yield* Effect.mapError(this.controller.currentSegments(stream), GroupState.fail)
      if (active.length === 0) return new Map()
      const attempts = (this.attempts.get(name) ?? 0) + 1
      this.attempts.set(name, attempts)
      // where what was truncated is skipped, nothing else tells that it is another stream by now
      if (attempts === 1) yield* this.verify(stream, id)
      if (attempts > attemptsMax) return yield* GroupState.fail(new SuccessorsUnknown({ segment: name }))
      this.timers.successionUnknown(name, yield* MonotonicClock.millis)
      return undefined
    }
  )

  private readonly verify = (stream: ScopedStream, id: Segment.SegmentId): Effect.Effect<void, ReaderGroupError> =>
    Effect.asVoid(
      Effect.mapError(
        CutOfStream.sameStream(this.controller, stream, [id]),
        (reason) => GroupState.fail(new ReadError({ reason }))
      )
    )

  /** The segment is done with. */
  forget(name: string): void {
    this.attempts.delete(name)
    this.timers.successionAt.delete(name)
  }
}
