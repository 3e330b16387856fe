/**
 * Which segment takes which position of the key space: a writer's own picture of a stream's active segments, kept up to
 * date as segments are sealed. Immutable; it asks nobody.
 *
 * The key of an event becomes a position in `RoutingKey`.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { SegmentId, type SegmentWithRange } from "./Segment.ts"

/**
 * The successors of a sealed segment do not cover its range once and without a gap: events would have nowhere to go, or
 * two places.
 *
 * @category errors
 * @since 0.1.0
 */
export class SuccessorsDoNotFit extends Schema.TaggedError<SuccessorsDoNotFit>()("SuccessorsDoNotFit", {
  sealed: SegmentId,
  successors: Schema.Array(SegmentId)
}) {
  override get message(): string {
    return `the successors [${
      this.successors.join(", ")
    }] do not cover the range of the sealed segment ${this.sealed} ` +
      "once; read the stream's current segments again"
  }
  get isRetryable(): boolean {
    return true
  }
}

/**
 * Segments by position. The ranges are those known here: a successor that also takes over from a segment not yet known
 * to be sealed has the part of its range that it got so far.
 *
 * @category models
 * @since 0.1.0
 */
export class SegmentRouting {
  /** In the order of their ranges. */
  readonly segments: ReadonlyArray<SegmentWithRange>
  private readonly highs: Float64Array

  private constructor(segments: ReadonlyArray<SegmentWithRange>) {
    this.segments = segments
    this.highs = Float64Array.from(segments, (segment) => segment.range.high)
  }

  /** From a stream's active segments, in any order. None: the stream is sealed, and every position is without a segment. */
  static make(segments: ReadonlyArray<SegmentWithRange>): SegmentRouting {
    return new SegmentRouting(segments.toSorted((a, b) => a.range.high - b.range.high))
  }

  /**
   * The segment that takes a position, or undefined if there are no segments. It is the first segment whose upper bound is
   * not below the position, so that a bound belongs to the lower segment. A position above every bound goes to the last
   * segment: the ranges of 49 or 98 equal segments, for example, end just below 1, and Java's client fails there.
   */
  segmentFor(position: number): SegmentWithRange | undefined {
    let from = 0
    let to = this.highs.length - 1
    while (from < to) {
      const middle = (from + to) >>> 1
      if (this.highs[middle]! >= position) to = middle
      else from = middle + 1
    }
    return this.segments[from]
  }

  /**
   * Puts a sealed segment's successors in its place, each cut to the range that the sealed one had here. Nothing changes if
   * the segment is not here, or not any more.
   */
  replace(
    sealed: SegmentId,
    successors: ReadonlyArray<SegmentWithRange>
  ): Result.Result<SegmentRouting, SuccessorsDoNotFit> {
    const replaced: Array<SegmentWithRange> = []
    for (const segment of this.segments) {
      if (segment.id !== sealed) {
        append(replaced, segment)
        continue
      }
      const parts = cut(successors, segment.range)
      if (parts === undefined) {
        return Result.fail(new SuccessorsDoNotFit({ sealed, successors: successors.map((successor) => successor.id) }))
      }
      for (const part of parts) append(replaced, part)
    }
    return Result.succeed(new SegmentRouting(replaced))
  }
}

/** Two parts of one segment that meet are one part: a merge's successor has taken over from both sides. */
const append = (segments: Array<SegmentWithRange>, next: SegmentWithRange): void => {
  const last = segments.at(-1)
  if (last?.id === next.id) {
    segments[segments.length - 1] = { id: last.id, range: { low: last.range.low, high: next.range.high } }
  } else {
    segments.push(next)
  }
}

/** The parts of `segments` inside `range`, in order; undefined unless they cover it once. */
const cut = (
  segments: ReadonlyArray<SegmentWithRange>,
  range: SegmentWithRange["range"]
): ReadonlyArray<SegmentWithRange> | undefined => {
  const parts = segments
    .map(({ id, range: { high, low } }) => ({
      id,
      range: { low: Math.max(low, range.low), high: Math.min(high, range.high) }
    }))
    .filter((part) => part.range.low < part.range.high)
    .sort((a, b) => a.range.low - b.range.low)
  const bounds = [range.low, ...parts.map((part) => part.range.high)]
  const covers = parts.length > 0 && bounds.at(-1) === range.high &&
    parts.every((part, i) => part.range.low === bounds[i])
  return covers ? parts : undefined
}
