/**
 * What can go wrong when events are written: one error with a closed set of reasons. Lost connections, moved segments,
 * restarted stores, sealed segments and expired tokens are not among them: a writer goes on through these.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as CauseText from "../../core/CauseText.ts"
import { ScopedStream } from "../../core/ScopedStream.ts"
import { ControllerError, StreamNotFound, StreamSealed } from "../controller/ControllerError.ts"
import { TlsFailed } from "../controller/TlsFailed.ts"
import { AccessRefused, SegmentError, StoreUnavailable } from "../segmentstore/SegmentError.ts"

/**
 * The event is larger than Pravega takes (8 388 608 bytes of data). Neither it nor any event after it in the same call
 * was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class EventTooLarge extends Schema.TaggedError<EventTooLarge>()("EventTooLarge", {
  stream: ScopedStream,
  /** Which of the events of the call, from 0. */
  index: Schema.Int,
  /** The encoded event's size, in bytes. */
  size: Schema.Int,
  /** The largest size that is taken, in bytes. */
  limit: Schema.Int
}) {
  override get message(): string {
    return `event ${this.index} for ${this.stream.toString()} has ${this.size} bytes; at most ${this.limit} are possible: split it`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The event's codec or its routing key's function failed. Neither it nor any event after it in the same call was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class EncodeFailed extends Schema.TaggedError<EncodeFailed>()("EncodeFailed", {
  stream: ScopedStream,
  /** Which of the events of the call, from 0. */
  index: Schema.Int,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `event ${this.index} for ${this.stream.toString()} can't be encoded: ${CauseText.of(this.cause)}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The writer's Scope was closed. Whether events that were not acknowledged by then are in the stream is not known.
 *
 * @category errors
 * @since 0.1.0
 */
export class WriterClosed extends Schema.TaggedError<WriterClosed>()("WriterClosed", { stream: ScopedStream }) {
  override get message(): string {
    return `the writer to ${this.stream.toString()} is closed: events not acknowledged before may or may not be in the stream`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** The store answered an append with an error that no new try can mend. @category errors @since 0.1.0 */
export class AppendRefused extends Schema.TaggedError<AppendRefused>()("AppendRefused", {
  segment: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `the segment store refuses appends to ${this.segment}: ${this.problem}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * Whether some events were stored can't be found out any more: the connection that carried them was lost before their
 * acknowledgement, and their segment is gone (scaled or sealed, and then truncated away or deleted with its stream) before
 * the store could tell its last event number. To write them to the segment's successors would be a guess, and might store
 * them twice: neither they nor any later event of this writer is written.
 *
 * @category errors
 * @since 0.1.0
 */
export class AppendOutcomeUnknown extends Schema.TaggedError<AppendOutcomeUnknown>()("AppendOutcomeUnknown", {
  stream: ScopedStream,
  /** Full name of the segment that is gone. */
  segment: Schema.String,
  /** The id under which this writer wrote to that segment, and to no other. */
  writerId: Schema.String,
  /** The first and the last event in doubt, counted from 1 in the order in which this writer gave them to the segment. */
  firstEvent: Schema.BigInt,
  lastEvent: Schema.BigInt
}) {
  override get message(): string {
    const count = this.lastEvent - this.firstEvent + BigInt(1)
    return `${count} events for ${this.stream.toString()} may or may not have been stored in segment ${this.segment}: ` +
      `its connection was lost before numbers ${this.firstEvent} to ${this.lastEvent} of writer ${this.writerId} were ` +
      "acknowledged, and the segment was deleted since. If they were stored, they were deleted with it, and only readers " +
      "that were there before have seen them. The writer has ended and wrote nothing after them. Decide whether to write " +
      "what is not acknowledged again, with a new writer; or use transactions, which leave no doubt"
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * A time was not noted: it lies before one that the writer noted earlier, or the position could not be found out. The
 * writer goes on.
 *
 * @category errors
 * @since 0.1.0
 */
export class TimeNotNoted extends Schema.TaggedError<TimeNotNoted>()("TimeNotNoted", {
  stream: ScopedStream,
  time: Schema.BigInt,
  cause: Schema.Union([ControllerError, SegmentError, StreamSealed])
}) {
  override get message(): string {
    return `the time ${this.time} was not noted for ${this.stream.toString()}: ${this.cause.message}`
  }
  get isRetryable(): boolean {
    return this.cause.isRetryable
  }
}

/** @category errors @since 0.1.0 */
export const WriterErrorReason = Schema.Union([
  EventTooLarge,
  EncodeFailed,
  WriterClosed,
  AppendRefused,
  AppendOutcomeUnknown,
  AccessRefused,
  TlsFailed,
  StoreUnavailable,
  StreamSealed,
  StreamNotFound,
  TimeNotNoted,
  ControllerError
])
/** @category errors @since 0.1.0 */
export type WriterErrorReason = typeof WriterErrorReason.Type

/**
 * The one error of event writers. All but `EventTooLarge`, `EncodeFailed` and `TimeNotNoted` are the end of the writer: every
 * event not acknowledged fails with it, and so does every later call.
 *
 * @category errors
 * @since 0.1.0
 */
export class WriterError extends Schema.TaggedError<WriterError>()("WriterError", { reason: WriterErrorReason }) {
  override readonly cause = this.reason
  override get message(): string {
    return this.reason.message
  }
  /** Whether a new writer may succeed later without a change by the caller. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
}
