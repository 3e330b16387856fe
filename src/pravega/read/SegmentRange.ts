/**
 * A part of one segment that is to be read: what a batch is planned as. A value: it can be stored, and sent to where it
 * is read.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ScopedStream } from "../../core/ScopedStream.ts"
import { SegmentId } from "../../core/Segment.ts"

const Offset = Schema.BigInt.check(Schema.isGreaterThanOrEqualToBigInt(0n))

/**
 * The events of a segment from one offset up to another. Both are event boundaries.
 *
 * @category models
 * @since 0.1.0
 */
export class SegmentRange extends Schema.Class<SegmentRange>("effect-pravega/SegmentRange")({
  stream: ScopedStream,
  segment: SegmentId,
  start: Offset,
  /** Not part of the range. */
  end: Offset,
  /**
   * The segments of the same plan in which a key's earlier events may lie. To have each key's events in order, read this
   * range when their ranges are done.
   */
  predecessors: Schema.Array(SegmentId)
}) {
  /** In bytes, the events' headers included. */
  get bytes(): bigint {
    return this.end - this.start
  }
}
