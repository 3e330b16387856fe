/**
 * Where a query begins and ends to read a stream: resolves what the user asked for into a cut with an offset for every
 * segment.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import { StreamCut } from "../../../core/StreamCut.ts"
import type { Watermark } from "../../../core/Watermark.ts"
import { Pravega } from "../../../pravega/Pravega.ts"
import * as BatchPlanning from "../../../pravega/read/BatchPlanning.ts"
import * as BatchReader from "../../../pravega/read/BatchReader.ts"
import { ReadError } from "../../../pravega/read/ReadError.ts"
import * as Watermarks from "../../../pravega/read/Watermarks.ts"
import { SourceError, TimeNotNoted } from "../SourceError.ts"

/**
 * Text in which Java writes stream cuts, read. Throws `RangeError` when it is none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromText = (text: string): StreamCut | "unbounded" => {
  const cut = StreamCut.fromText(text)
  if (Result.isFailure(cut)) throw new RangeError(`Source.microBatch: ${cut.failure.message}`)
  return cut.success
}

/**
 * A cut with an offset for every segment: -1, which says that a segment is read to its end, is looked up.
 *
 * @category planning
 * @since 0.1.0
 */
export const exactly = Effect.fnUntraced(
  function*(stream: ScopedStream, position: "earliest" | "latest" | StreamCut, which: "start" | "end") {
    const cut = yield* BatchPlanning.resolve(stream, position, which)
    const { segments } = yield* Pravega
    const positions = yield* Effect.forEach(cut.positions, ([id, offset]) =>
      offset >= 0n
        ? Effect.succeed([id, offset] as const)
        : Effect.map(segments.info({ stream, id }), (info) => [id, info.length] as const))
    return new StreamCut({ stream, positions: new Map(positions) })
  },
  Effect.mapError((reason) => new ReadError({ reason }))
)

/**
 * A position before which no event is of this time or later: the last watermark that lies wholly before it, else the
 * stream's head. What was truncated since is left out.
 *
 * @category planning
 * @since 0.1.0
 */
export const atTime = Effect.fnUntraced(function*(stream: ScopedStream, time: bigint) {
  const found = yield* Stream.runFold(
    BatchReader.stream(Watermarks.of(stream), { concurrency: 1, readAheadBytes: 1024 * 1024 }),
    (): { readonly any: boolean; readonly last: Watermark | undefined } => ({ any: false, last: undefined }),
    ({ last }, { event }) => ({ any: true, last: event.upperTime < time ? event : last })
  )
  if (!found.any) return yield* new SourceError({ reason: new TimeNotNoted({ stream, time }) })
  const head = yield* exactly(stream, "earliest", "start")
  if (found.last === undefined) return head
  const cut = new StreamCut({
    stream,
    positions: new Map(found.last.positions.map(({ offset, segment }) => [segment, offset]))
  })
  return (yield* isThere(cut)) ? cut : head
})

/** Whether the stream still has all that comes after a cut. */
const isThere = Effect.fnUntraced(function*(cut: StreamCut) {
  const { segments } = yield* Pravega
  const { stream } = cut
  const there = yield* Effect.forEach(cut.positions, ([id, offset]) =>
    segments.info({ stream, id }).pipe(
      Effect.map(({ startOffset }) => startOffset <= offset),
      Effect.catchReason("SegmentError", "NoSuchSegment", () => Effect.succeed(false)),
      Effect.mapError((reason) => new ReadError({ reason }))
    ))
  return there.every(Boolean)
})
