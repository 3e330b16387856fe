/**
 * What can go wrong with a transaction: one error with a closed set of reasons.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ScopedStream } from "../../core/ScopedStream.ts"
import { TransactionId } from "../../core/TransactionId.ts"
import {
  ControllerError,
  LeaseOutOfBounds,
  OutcomeUnknown,
  StreamNotFound,
  StreamSealed,
  TransactionNotOpen
} from "../controller/ControllerError.ts"
import { TlsFailed } from "../controller/TlsFailed.ts"
import { AccessRefused, StoreUnavailable } from "../segmentstore/SegmentError.ts"
import { AppendRefused, EncodeFailed, EventTooLarge, WriterClosed } from "../write/WriterError.ts"

/**
 * The controller does not prolong the transaction any more. It has reached its greatest age (by the server's default 1000
 * leases, or a day), or its lease is not allowed. It can be committed until its lease runs out.
 *
 * @category errors
 * @since 0.1.0
 */
export class PingRefused extends Schema.TaggedError<PingRefused>()("PingRefused", {
  stream: ScopedStream,
  transaction: TransactionId,
  status: Schema.Literals(["lease-too-large", "max-execution-time-exceeded", "scale-grace-time-exceeded"])
}) {
  override get message(): string {
    return `transaction ${this.transaction} on ${this.stream.toString()} is not prolonged any more (${this.status}): ` +
      "commit earlier, or raise controller.transaction.execution.timeBound.days on the server"
  }
  get isRetryable(): boolean {
    return false
  }
}

/** A writer id given by the caller is no UUID. @category errors @since 0.1.0 */
export class InvalidWriterId extends Schema.TaggedError<InvalidWriterId>()("InvalidWriterId", {
  segment: Schema.String,
  writerId: Schema.String
}) {
  override get message(): string {
    return `writer id ${JSON.stringify(this.writerId)} for ${this.segment} is not a UUID in lower-case text form`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** @category errors @since 0.1.0 */
export const TransactionErrorReason = Schema.Union([
  TransactionNotOpen,
  PingRefused,
  LeaseOutOfBounds,
  OutcomeUnknown,
  InvalidWriterId,
  EventTooLarge,
  EncodeFailed,
  WriterClosed,
  AppendRefused,
  AccessRefused,
  TlsFailed,
  StoreUnavailable,
  StreamSealed,
  StreamNotFound,
  ControllerError
])
/** @category errors @since 0.1.0 */
export type TransactionErrorReason = typeof TransactionErrorReason.Type

/** The one error of transactions; `reason` says what happened. @category errors @since 0.1.0 */
export class TransactionError extends Schema.TaggedError<TransactionError>()("TransactionError", {
  reason: TransactionErrorReason
}) {
  override readonly cause = this.reason
  override get message(): string {
    return this.reason.message
  }
  /** Whether the same call may succeed later without a change by the caller. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
}
