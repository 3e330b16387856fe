/**
 * Writes the events of one part of a transaction: one fiber's or one process's. Any number of them may write to the same
 * transaction at once. Nothing here decides the transaction's fate (`Transaction`).
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
  readonly length: bigint
  /** CRC-32 (as of zlib) of these bytes, in the order in which they were appended. */
  readonly checksum: number
}

/**
 * Calls made one after the other keep their order per routing key. Events without routing key are spread over the
 * segments.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransactionWriter<A> {
  /**
   * Hands events over, waiting while too much is unacknowledged. They are durable after `flush`, or a `commit` by the same
   * transaction value. Interrupted, the rest is not written: abort the transaction, or go on from what `written` says.
   */
  readonly write: (events: ReadonlyArray<A>) => Effect.Effect<void, TransactionError>
  /** Waits until everything written before is acknowledged. */
  readonly flush: Effect.Effect<void, TransactionError>
  /**
   * What has been acknowledged until now, by segment (its id in the transaction). With writer ids that the caller fixed, it
   * includes the events that the store had already under the same number.
   */
  readonly written: Effect.Effect<ReadonlyMap<SegmentId, WrittenSegment>>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface TransactionWriterOptions {
  /**
   * The UUID under which this writer appends to a segment of the transaction (given its full name), in lower-case text
   * form; random by default. Different for each segment and for each writer.
   *
   * A writer with the ids of one that is gone takes over from it: events are numbered from 1 in the order in which they go
   * to a segment, and those with numbers that the store has already are not sent again. That is right only if both write
   * the same events in the same order.
   */
  readonly writerId?: ((segmentName: string) => string) | undefined
  /** False: `written` stays empty, which saves a checksum of all bytes. Default true. */
  readonly notesWritten?: boolean | undefined
  /** Events are accepted while fewer bytes than this are unacknowledged (headers included); default 8 MiB. */
  readonly maxPendingBytes?: number | undefined
  /** Events for one segment are sent in blocks of at most this size; default 512 KiB. A larger event is its own block. */
  readonly blockBytes?: number | undefined
  /** How long to go on trying while a segment takes nothing, before the writer fails; default 10 minutes. */
  readonly outageLimit?: Duration.Input | undefined
}
