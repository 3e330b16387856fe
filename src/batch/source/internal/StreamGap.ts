/**
 * Events of a segment that are gone, as a source reports them.
 */
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import * as Segment from "../../../core/Segment.ts"
import type { Skipped } from "../SourceContract.ts"

/** @category constructors @since 0.2.0 */
export const skipped = (
  stream: ScopedStream,
  { end, segment, start }: {
    readonly segment: Segment.SegmentId
    readonly start: bigint
    /** Undefined: all of the segment; with it its length is gone. */
    readonly end: bigint | undefined
  }
): Skipped => ({ part: Segment.name(stream, segment), start, end })
