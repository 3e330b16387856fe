/**
 * Waits at the ends of a stream's segments for more: one read per segment, which the store answers when something was
 * appended or the segment was sealed. So a query learns of new events at once, and nobody asks again and again.
 *
 * What is said is that there may be more; what there is, planning finds out. Where a read fails, it is said too, after a
 * pause, and the read is made again when somebody waits there once more.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import type { SegmentId } from "../../../core/Segment.ts"
import type { StreamCut } from "../../../core/StreamCut.ts"
import { Pravega } from "../../../pravega/Pravega.ts"

interface Watch {
  readonly offset: bigint
  readonly fiber: Fiber.Fiber<void>
  /** Its read was answered, and nobody was told yet. */
  hasNews: boolean
}

/** Between reads that fail. */
const failurePause = Duration.millis(100)

/** The reads go on between calls, and end with the Scope. @category constructors @since 0.1.0 */
export const make = Effect.fnUntraced(function*(stream: ScopedStream) {
  const { segments } = yield* Pravega
  const scope = yield* Effect.scope
  const watches = new Map<SegmentId, Watch>()
  let bell = Deferred.makeUnsafe<void>()

  const tell = (id: SegmentId, offset: bigint) => {
    const watch = watches.get(id)
    if (watch?.offset !== offset) return
    watch.hasNews = true
    Deferred.doneUnsafe(bell, Effect.void)
  }
  const forget = (id: SegmentId, offset: bigint) => {
    if (watches.get(id)?.offset !== offset) return
    watches.delete(id)
    Deferred.doneUnsafe(bell, Effect.void)
  }
  const wait = (id: SegmentId, offset: bigint) =>
    // a store answers with nothing after a while
    Effect.repeat(segments.read({ stream, id }, { offset, length: 1 }), {
      until: ({ data, endOfSegment }) => data.length > 0 || endOfSegment
    }).pipe(
      Effect.matchEffect({
        onSuccess: () => Effect.sync(() => tell(id, offset)),
        // whatever is wrong with the segment: planning will meet it, and say so
        onFailure: () => Effect.andThen(Effect.sleep(failurePause), Effect.sync(() => forget(id, offset)))
      })
    )

  /**
   * Returns when something was appended at one of the positions, or a segment was sealed there. Says so once for each
   * position: a caller that comes back with the same ones can't use what is there, and waits for the others.
   */
  return Effect.fnUntraced(function*(positions: StreamCut["positions"]) {
    for (const [id, { fiber, offset }] of watches) {
      if (positions.get(id) === offset) continue
      watches.delete(id)
      yield* Fiber.interrupt(fiber)
    }
    for (const [id, offset] of positions) {
      if (watches.has(id)) continue
      const fiber = yield* Effect.forkIn(wait(id, offset), scope)
      watches.set(id, { offset, fiber, hasNews: false })
    }
    bell = Deferred.makeUnsafe()
    if (![...watches.values()].some(({ hasNews }) => hasNews)) yield* Deferred.await(bell)
    for (const watch of watches.values()) watch.hasNews = false
  })
})
