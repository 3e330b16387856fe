/**
 * Cuts of a stream as it is now, and what lies between two of them: what `Admin` and readers ask of controller and
 * segment stores together.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import { epoch, type SegmentWithRange } from "../../core/Segment.ts"
import { StreamCut } from "../../core/StreamCut.ts"
import type * as StreamCutOrder from "../../core/StreamCutOrder.ts"
import type { ControllerError } from "../controller/ControllerError.ts"
import { Pravega } from "../Pravega.ts"
import type { SegmentError } from "../segmentstore/SegmentError.ts"

/** Requests on segments at a time. */
const concurrency = 16

/** Where the stream ends now, segment by segment: not one moment for all of them. @category models @since 0.1.0 */
export interface Tail {
  readonly cut: StreamCut
  readonly isSealed: boolean
}

/** @internal @category positions @since 0.1.0 */
export const tail = Effect.fnUntraced(
  function*(stream: ScopedStream): Effect.fn.Return<Tail, ControllerError | SegmentError, Pravega> {
    const { controller } = yield* Pravega
    const active = yield* controller.currentSegments(stream)
    const isSealed = active.length === 0
    const last = isSealed ? yield* lastSegments(stream) : active
    return { isSealed, cut: new StreamCut({ stream, positions: new Map(yield* ends(stream, last)) }) }
  }
)

/**
 * The segments that a sealed stream ended with: those of its last epoch. Each epoch made at least one segment, so the
 * newest segment tells which epoch that was.
 */
const lastSegments = Effect.fnUntraced(function*(stream: ScopedStream) {
  const { controller } = yield* Pravega
  const all = yield* controller.segmentsBetween(stream, undefined, undefined)
  return yield* controller.epochSegments(stream, all.reduce((newest, id) => Math.max(newest, epoch(id)), 0))
})

const ends = (stream: ScopedStream, segments: ReadonlyArray<SegmentWithRange>) =>
  Effect.forEach(
    segments,
    ({ id }) =>
      Effect.gen(function*() {
        const { length } = yield* (yield* Pravega).segments.info({ stream, id })
        return [id, length] as const
      }),
    { concurrency }
  )

/**
 * The segments with ranges and lengths from one cut to another, both of the same stream. @internal
 *
 * @category positions
 * @since 0.1.0
 */
export const extents = Effect.fnUntraced(function*(from: StreamCut, to: StreamCut) {
  const { controller, segments } = yield* Pravega
  const { stream } = from
  const ids = new Set([
    ...(yield* controller.segmentsBetween(stream, from, to)),
    ...from.positions.keys(),
    ...to.positions.keys()
  ])
  // a segment's range is in the record of the epoch that made it
  const epochs = new Set(Array.from(ids, epoch))
  const records = yield* Effect.forEach(epochs, (number) => controller.epochSegments(stream, number), { concurrency })
  const wanted = new Map(records.flat().filter(({ id }) => ids.has(id)).map((segment) => [segment.id, segment]))
  return yield* Effect.forEach(
    wanted.values(),
    ({ id, range }) =>
      Effect.gen(function*() {
        const end = to.positions.get(id)
        // known already, and the segment may be gone
        const length = end !== undefined && end >= 0n ? end : (yield* segments.info({ stream, id })).length
        return { id, range, length } satisfies StreamCutOrder.SegmentExtent
      }),
    { concurrency }
  )
})
