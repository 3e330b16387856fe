/**
 * The order of stream cuts, their distance in bytes, and their validity: what can be said about cuts once the stream's
 * segments are known. It asks nobody: the caller describes the segments.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as KeyRange from "./KeyRange.ts"
import { ScopedStream } from "./ScopedStream.ts"
import { SegmentId, type SegmentWithRange } from "./Segment.ts"
import type { StreamCut } from "./StreamCut.ts"

/**
 * What is to be known of a segment.
 *
 * @category models
 * @since 0.1.0
 */
export interface SegmentExtent extends SegmentWithRange {
  /** In bytes, truncated ones included: the offset at which the next event would be written. */
  readonly length: bigint
}

/** The two cuts are of different streams. @category errors @since 0.1.0 */
export class DifferentStreams extends Schema.TaggedError<DifferentStreams>()("DifferentStreams", {
  start: ScopedStream,
  end: ScopedStream
}) {
  override get message(): string {
    return `stream cuts of ${this.start.toString()} and of ${this.end.toString()} have no order and no distance`
  }
}

/** A cut names a segment that was not described. @category errors @since 0.1.0 */
export class UnknownSegment extends Schema.TaggedError<UnknownSegment>()("UnknownSegment", {
  stream: ScopedStream,
  segment: SegmentId
}) {
  override get message(): string {
    return `a stream cut of ${this.stream.toString()} names the segment ${this.segment}, which is not among those described`
  }
}

/** `to` does not lie at or after `from` in every segment. @category errors @since 0.1.0 */
export class NotOrdered extends Schema.TaggedError<NotOrdered>()("NotOrdered", { stream: ScopedStream }) {
  override get message(): string {
    return `of the two stream cuts of ${this.stream.toString()} the second is not at or after the first everywhere`
  }
}

/**
 * Why two cuts have no order or no distance.
 *
 * @category errors
 * @since 0.1.0
 */
export class StreamCutOrderError extends Schema.TaggedError<StreamCutOrderError>()("StreamCutOrderError", {
  reason: Schema.Union([DifferentStreams, UnknownSegment, NotOrdered])
}) {
  override readonly cause = this.reason
  override get message(): string {
    return this.reason.message
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The partial order of cuts: -1 if `a` lies before `b`, 0 if they are the same position, 1 if `a` lies after `b`. None if each
 * is ahead of the other somewhere.
 *
 * **Details**
 *
 * `a` is at or before `b` if that is so wherever their segments overlap. In one segment, the offset decides; between two, the
 * order in which they were made, as in the controller. So the end of a segment lies before the start of its successors,
 * though there is no byte between them. Offset -1 is the same as the segment's length.
 *
 * @category ordering
 * @since 0.1.0
 */
export const compare = (
  a: StreamCut,
  b: StreamCut,
  segments: Iterable<SegmentExtent>
): Result.Result<Option.Option<-1 | 0 | 1>, StreamCutOrderError> =>
  Result.map(located(a, b, byId(segments)), ([atA, atB]) => {
    const forward = isAtOrBefore(atA, atB)
    const backward = isAtOrBefore(atB, atA)
    if (forward && backward) return Option.some(0)
    if (forward) return Option.some(-1)
    return backward ? Option.some(1) : Option.none()
  })

/**
 * How many bytes lie between two cuts. Headers of events count, and so do bytes that have been truncated since. Fails unless
 * `to` is at or after `from`.
 *
 * **Details**
 *
 * `segments` must describe every segment from one cut to the other, and may describe more. Distances add up for cuts that a
 * reader can reach, which enters a segment when it has read all before it: the distance from a to b and that from b to c make
 * the distance from a to c.
 *
 * @category measuring
 * @since 0.1.0
 */
export const distance = (
  start: StreamCut,
  end: StreamCut,
  segments: Iterable<SegmentExtent>
): Result.Result<bigint, StreamCutOrderError> => {
  const extents = byId(segments)
  return Result.flatMap(located(start, end, extents), ([first, last]) => {
    if (!isAtOrBefore(first, last)) return fail(new NotOrdered({ stream: start.stream }))
    const starts = new Map(first.map((entry) => [entry.id, entry.offset]))
    const ends = new Map(last.map((entry) => [entry.id, entry.offset]))
    let bytes = 0n
    for (const segment of between(first, last, [...extents.values()])) {
      bytes += (ends.get(segment.id) ?? segment.length) - (starts.get(segment.id) ?? 0n)
    }
    return Result.succeed(bytes)
  })
}

/**
 * Whether a cut is a position of the stream: its segments are among those described, their ranges cover the key space
 * once, and each offset lies within its segment.
 *
 * @category guards
 * @since 0.1.0
 */
export const isValid = (cut: StreamCut, segments: Iterable<SegmentExtent>): boolean =>
  Option.match(Result.getSuccess(locate(cut, byId(segments))), {
    onNone: () => false,
    onSome: (entries) =>
      KeyRange.coverOnce(entries.map((entry) => entry.range)) && entries.every((entry) => entry.offset <= entry.length)
  })

/** A segment of a cut, with its offset; -1 has become the segment's length. */
interface Located extends SegmentExtent {
  readonly offset: bigint
}

type Extents = ReadonlyMap<SegmentId, SegmentExtent>

const located = (
  a: StreamCut,
  b: StreamCut,
  extents: Extents
): Result.Result<readonly [ReadonlyArray<Located>, ReadonlyArray<Located>], StreamCutOrderError> => {
  if (a.stream.toString() !== b.stream.toString()) return fail(new DifferentStreams({ start: a.stream, end: b.stream }))
  return Result.flatMap(locate(a, extents), (atA) => Result.map(locate(b, extents), (atB) => [atA, atB] as const))
}

const locate = (
  cut: StreamCut,
  extents: Extents
): Result.Result<ReadonlyArray<Located>, StreamCutOrderError> => {
  const entries: Array<Located> = []
  for (const [id, offset] of cut.positions) {
    const extent = extents.get(id)
    if (extent === undefined) return fail(new UnknownSegment({ stream: cut.stream, segment: id }))
    const { length, range } = extent
    entries.push({ id, range, length, offset: offset < 0n ? length : offset })
  }
  return Result.succeed(entries)
}

const byId = (segments: Iterable<SegmentExtent>): Extents =>
  new Map(Array.from(segments, (segment) => [segment.id, segment] as const))

/** Segments of a stream that overlap were made one after the other: their ids, epoch first, say in which order. */
const isAtOrBefore = (a: ReadonlyArray<Located>, b: ReadonlyArray<Located>): boolean =>
  a.every((left) =>
    b.every((right) =>
      left.id === right.id
        ? left.offset <= right.offset
        : left.id < right.id || !KeyRange.overlap(left.range, right.range)
    )
  )

/** The segments a reader passes from one cut to the other: none before a segment of the first, none after one of the second. */
const between = (
  from: ReadonlyArray<Located>,
  to: ReadonlyArray<Located>,
  segments: ReadonlyArray<SegmentExtent>
): ReadonlyArray<SegmentExtent> =>
  segments.filter(({ id, range }) =>
    from.every((first) => first.id <= id || !KeyRange.overlap(first.range, range)) &&
    to.every((last) => id <= last.id || !KeyRange.overlap(last.range, range))
  )

const fail = (reason: StreamCutOrderError["reason"]): Result.Result<never, StreamCutOrderError> =>
  Result.fail(new StreamCutOrderError({ reason }))
