/**
 * What can go wrong when a segment is read or asked about: one error with a closed set of reasons. Errors of the
 * controller (looking up a store, fetching a token) stay `ControllerError`s.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { TlsFailed } from "../controller/TlsFailed.ts"

/**
 * There is no such segment: the stream was truncated beyond it or deleted, or its transaction has ended.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoSuchSegment extends Schema.TaggedError<NoSuchSegment>()("NoSuchSegment", { segment: Schema.String }) {
  override get message(): string {
    return `segment ${this.segment} does not exist: its stream was truncated beyond it or deleted, or its ` +
      "transaction has ended"
  }
  get isRetryable(): boolean {
    return false
  }
}

/** The bytes before `startOffset` are gone: the stream was truncated. @category errors @since 0.1.0 */
export class SegmentTruncated extends Schema.TaggedError<SegmentTruncated>()("SegmentTruncated", {
  segment: Schema.String,
  /** Where the read should have begun. */
  offset: Schema.BigInt,
  /** The first byte that can be read. */
  startOffset: Schema.BigInt
}) {
  override get message(): string {
    return `segment ${this.segment} is truncated: bytes ${this.offset} to ${this.startOffset} are gone; ` +
      `what is left starts at ${this.startOffset}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** The segment takes no more appends: its stream was scaled, sealed or deleted. @category errors @since 0.1.0 */
export class SegmentSealed extends Schema.TaggedError<SegmentSealed>()("SegmentSealed", { segment: Schema.String }) {
  override get message(): string {
    return `segment ${this.segment} is sealed: it can be read, and nothing can be appended to it`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** The offset is negative, or lies beyond the end of a sealed segment. @category errors @since 0.1.0 */
export class OffsetOutOfRange extends Schema.TaggedError<OffsetOutOfRange>()("OffsetOutOfRange", {
  segment: Schema.String,
  offset: Schema.BigInt,
  length: Schema.optionalKey(Schema.BigInt)
}) {
  override get message(): string {
    return `offset ${this.offset} is not in segment ${this.segment}` +
      (this.length === undefined ? "" : `, which is sealed at ${this.length} bytes`)
  }
  get isRetryable(): boolean {
    return false
  }
}

/** The store refused the delegation token, also a fresh one. @category errors @since 0.1.0 */
export class AccessRefused extends Schema.TaggedError<AccessRefused>()("AccessRefused", {
  segment: Schema.String,
  endpoint: Schema.String
}) {
  override get message(): string {
    return `segment store ${this.endpoint} refuses access to ${this.segment}: the user lacks the permission, or ` +
      "controller and store don't share their token key"
  }
  get isRetryable(): boolean {
    return false
  }
}

/** No store answered for the segment, as often as was tried. @category errors @since 0.1.0 */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  segment: Schema.String,
  attempts: Schema.Int,
  /** What ended the last attempt. */
  problem: Schema.String,
  /** The error that ended the last attempt; undefined: the store answered, and did not do it. */
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string {
    return `no segment store answered for ${this.segment} after ${this.attempts} attempt(s): ${this.problem}`
  }
  get isRetryable(): boolean {
    return true
  }
}

/** The store answered something that this request can't have as an answer. @category errors @since 0.1.0 */
export class UnexpectedStoreReply extends Schema.TaggedError<UnexpectedStoreReply>()("UnexpectedStoreReply", {
  segment: Schema.String,
  operation: Schema.String,
  reply: Schema.String
}) {
  override get message(): string {
    return `${this.operation} of ${this.segment}: unexpected reply from the segment store: ${this.reply}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** @category errors @since 0.1.0 */
export const SegmentErrorReason = Schema.Union([
  NoSuchSegment,
  SegmentTruncated,
  SegmentSealed,
  OffsetOutOfRange,
  AccessRefused,
  TlsFailed,
  StoreUnavailable,
  UnexpectedStoreReply
])
/** @category errors @since 0.1.0 */
export type SegmentErrorReason = typeof SegmentErrorReason.Type

/** The one error of requests on segments; `reason` says what happened. @category errors @since 0.1.0 */
export class SegmentError extends Schema.TaggedError<SegmentError>()("SegmentError", { reason: SegmentErrorReason }) {
  override readonly cause = this.reason
  override get message(): string {
    return this.reason.message
  }
  /** Whether the same request may succeed later without a change by the caller. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
}
