/**
 * Writes the events of one part of a transaction: one fiber's or one process's. Any number of writers may write to the same
 * transaction at once. What becomes of the transaction is decided by `Transaction`, not here.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { SegmentId } from "../../core/Segment.ts"
import type { TransactionError } from "./TransactionError.ts"

/**
 * What one writer has appended to one segment of a transaction, all of it acknowledged. Other writers' events may lie in
 * between.
 *
 * @category models
 * @since 0.1.0
 */
export interface WrittenSegment {
  /** The id under which the events were appended. */
  readonly writerId: string
  readonly events: bigint
  /** Bytes in the segment, 8 bytes of header per event included. */
  readonly bytes: bigint
  /** CRC-32 (as of zlib) of these bytes, in the order in which they were appended. */
  readonly checksum: number
}

/**
 * Calls that are made one after the other keep their order per routing key. Events without routing key are spread over the
 * segments.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransactionWriter<A> {
  /**
   * Hands events over. It waits while too many bytes are unacknowledged. The events are durable after `flush`, or after a
   * `commit` of the same transaction value. If it is interrupted, the rest is not written: abort the transaction, or go on
   * from what `written` says.
   */
  readonly write: (events: ReadonlyArray<A>) => Effect.Effect<void, TransactionError>
  /** Waits until everything written before is acknowledged. */
  readonly flush: Effect.Effect<void, TransactionError>
  /**
   * What has been acknowledged so far, by the segment's id in the transaction. If the caller fixed the writer ids, it
   * includes events that the store had already under the same number.
   */
  readonly written: Effect.Effect<ReadonlyMap<SegmentId, WrittenSegment>>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface TransactionWriterOptions {
  /**
   * Gives the UUID under which this writer appends to a segment of the transaction, in lower-case text, by the segment's full
   * name. Each writer must have another one for each segment. It is asked when the writer is opened, and when the first event
   * goes to a segment; what is no UUID fails with `InvalidWriterId`. Default: random.
   *
   * A writer with the ids of one that is gone takes over from it. Events are numbered from 1 in the order in which they go to
   * a segment, and those whose numbers the store has already are not sent again. So both must write the same events in the
   * same order.
   */
  readonly writerId?: ((segmentName: string) => string) | undefined
  /**
   * If false, the writer takes over from none: it fails with `AppendRefused` where another one has written under its id.
   * Default: true.
   */
  readonly takesOver?: boolean | undefined
  /** If false, `written` stays empty, which saves a checksum of all bytes. Default: true. */
  readonly notesWritten?: boolean | undefined
  /** Events are accepted while fewer bytes than this are unacknowledged, headers included. Default: 8 MiB. */
  readonly maxPendingBytes?: number | undefined
  /** Events for one segment are sent in blocks of at most so many bytes. A larger event is a block. Default: 512 KiB. */
  readonly blockBytes?: number | undefined
  /** How long the writer goes on trying while a segment takes nothing, before it fails. Default: 10 minutes. */
  readonly outageLimit?: Duration.Input | undefined
}
