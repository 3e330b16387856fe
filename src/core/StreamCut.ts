/**
 * Stream cuts: a position over all segments of a stream.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ScopedStream } from "./ScopedStream.ts"
import { SegmentId } from "./Segment.ts"

/**
 * An offset per segment; together the segments cover the key space once. Offset -1: the segment is read to its end.
 *
 * @category models
 */
export class StreamCut extends Schema.Class<StreamCut>("effect-pravega/StreamCut")({
  stream: ScopedStream,
  positions: Schema.ReadonlyMap(SegmentId, Schema.BigInt)
}) {}
