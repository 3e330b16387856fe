/**
 * Event pointers: where one event lies, so that it can be fetched again.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ScopedStream } from "./ScopedStream.ts"
import { SegmentId } from "./Segment.ts"

/** The header in front of each event's payload in a segment, in bytes. */
const headerLength = 8

/**
 * An event's place: segment, offset, and length in bytes, its 8-byte header included.
 *
 * @category models
 * @since 0.1.0
 */
export class EventPointer extends Schema.Class<EventPointer>("effect-pravega/EventPointer")({
  stream: ScopedStream,
  segment: SegmentId,
  /** Where the event's header starts. */
  offset: Schema.BigInt.check(Schema.isGreaterThanOrEqualToBigInt(0n)),
  /** Header and payload, in bytes. */
  length: Schema.Int.check(Schema.isGreaterThanOrEqualTo(headerLength))
}) {}
