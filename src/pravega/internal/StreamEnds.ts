/**
 * Where a stream begins and ends now, as stream cuts.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import * as Segment from "../../core/Segment.ts"
import { StreamCut } from "../../core/StreamCut.ts"
import type { ControllerError } from "../controller/ControllerError.ts"
import type { Pravega } from "../Pravega.ts"
import type { SegmentError } from "../segmentstore/SegmentError.ts"

type Requests = Pick<Pravega["Service"], "controller" | "segments">

/** How many segments are asked about at the same time. */
export const infoConcurrency = 8

/** The first events that are still there. */
export const head = ({ controller }: Requests, stream: ScopedStream): Effect.Effect<StreamCut, ControllerError> =>
  controller.head(stream)

/**
 * The last events that are there: the length of each active segment, asked for one by one, so that it is consistent per
 * segment only. Of a sealed stream, the lengths of its last segments (Java's tail cut is empty there).
 */
export const tail = (
  requests: Requests,
  stream: ScopedStream
): Effect.Effect<StreamCut, SegmentError | ControllerError> =>
  lastSegments(requests, stream).pipe(
    Effect.flatMap((ids) =>
      Effect.forEach(
        ids,
        (id) => Effect.map(requests.segments.info({ stream, id }), (info) => [id, info.length] as const),
        { concurrency: infoConcurrency }
      )
    ),
    // a segment that was scaled and truncated away since it was listed
    Effect.retry({
      times: 3,
      while: (error) => error._tag === "SegmentError" && error.reason._tag === "NoSuchSegment"
    }),
    Effect.map((positions) => StreamCut.make({ stream, positions: new Map(positions) }))
  )

const lastSegments = (
  { controller }: Requests,
  stream: ScopedStream
): Effect.Effect<ReadonlyArray<Segment.SegmentId>, ControllerError> =>
  Effect.gen(function*() {
    const current = yield* controller.currentSegments(stream)
    if (current.length > 0) return current.map((segment) => segment.id)
    // sealed: its last epoch is that of its newest segment
    const all = yield* controller.segmentsBetween(stream, yield* controller.head(stream), undefined)
    const epoch = Math.max(...all.map(Segment.epoch))
    return all.length === 0 ? [] : (yield* controller.epochSegments(stream, epoch)).map((segment) => segment.id)
  })
