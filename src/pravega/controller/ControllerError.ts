/**
 * What can go wrong when the controller is asked: one error with a closed set of reasons. Every status of the
 * controller protocol and every gRPC status ends in one of them; what was the caller's mistake is told apart from what
 * another try may mend. Transport failures as such are `TransportError`, below this.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ScopedStream } from "../../core/ScopedStream.ts"
import { TransactionId } from "../../core/TransactionId.ts"
import { TlsFailed } from "./TlsFailed.ts"

export { TlsFailed } from "./TlsFailed.ts"

/** There is no such scope. @category errors @since 0.1.0 */
export class ScopeNotFound extends Schema.TaggedError<ScopeNotFound>()("ScopeNotFound", { scope: Schema.String }) {
  override get message(): string {
    return `scope ${this.scope} does not exist: create it first (Admin.createScope)`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** A scope that still holds streams, reader groups or tables can't be deleted. @category errors @since 0.1.0 */
export class ScopeNotEmpty extends Schema.TaggedError<ScopeNotEmpty>()("ScopeNotEmpty", { scope: Schema.String }) {
  override get message(): string {
    return `scope ${this.scope} is not empty: delete its streams, reader groups and tables first`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** There is no such stream (or its scope is missing). @category errors @since 0.1.0 */
export class StreamNotFound extends Schema.TaggedError<StreamNotFound>()("StreamNotFound", { stream: ScopedStream }) {
  override get message(): string {
    return `stream ${this.stream.toString()} does not exist: create it first (Admin.createStream)`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** The stream takes no more events, transactions or changes (truncation included). @category errors @since 0.1.0 */
export class StreamSealed extends Schema.TaggedError<StreamSealed>()("StreamSealed", { stream: ScopedStream }) {
  override get message(): string {
    return `stream ${this.stream.toString()} is sealed: it can be read and deleted, nothing else`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** Only sealed streams can be deleted. @category errors @since 0.1.0 */
export class StreamNotSealed extends Schema.TaggedError<StreamNotSealed>()("StreamNotSealed", {
  stream: ScopedStream
}) {
  override get message(): string {
    return `stream ${this.stream.toString()} is not sealed: seal it before it is deleted (Admin.sealStream)`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** The controller refuses the name. @category errors @since 0.1.0 */
export class InvalidName extends Schema.TaggedError<InvalidName>()("InvalidName", {
  kind: Schema.Literals(["scope", "stream", "reader group", "key-value table"]),
  /** What was refused. */
  value: Schema.String
}) {
  override get message(): string {
    return `${this.kind} name ${JSON.stringify(this.value)} is refused: use letters, digits, "." and "-"`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** A value that the controller would refuse, found before it was sent. @category errors @since 0.1.0 */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", {
  operation: Schema.String,
  subject: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.operation} of ${this.subject}: ${this.problem}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The stream cut does not fit the stream: its segments don't cover the key space once, an offset lies outside its
 * segment, or it lies before the place the stream is truncated at.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidStreamCut extends Schema.TaggedError<InvalidStreamCut>()("InvalidStreamCut", {
  stream: ScopedStream,
  problem: Schema.String
}) {
  override get message(): string {
    return `stream cut of ${this.stream.toString()} is not valid: ${this.problem}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * A scale that can't be done now: a segment to seal is not active any more, or fewer segments than the scaling policy's
 * minimum would be left.
 *
 * @category errors
 * @since 0.1.0
 */
export class ScalePreconditionFailed extends Schema.TaggedError<ScalePreconditionFailed>()("ScalePreconditionFailed", {
  stream: ScopedStream
}) {
  override get message(): string {
    return `${this.stream.toString()} can't be scaled in this way: a segment to seal is not active any more, or fewer segments ` +
      "than the policy's minimum would be left. Ask for the stream's segments again (Admin.segments)"
  }
  get isRetryable(): boolean {
    return false
  }
}

/** The new key ranges don't cover exactly those of the segments to seal. @category errors @since 0.1.0 */
export class InvalidScale extends Schema.TaggedError<InvalidScale>()("InvalidScale", {
  stream: ScopedStream,
  problem: Schema.String
}) {
  override get message(): string {
    return `scale of ${this.stream.toString()} is not valid: ${this.problem}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The transaction is not open. `committing` and `committed`: it will be, or is, visible. `aborting` and `aborted`: it
 * never will be. `unknown`: the controller doesn't know it: it never was, or was completed a day or more ago.
 *
 * @category errors
 * @since 0.1.0
 */
export class TransactionNotOpen extends Schema.TaggedError<TransactionNotOpen>()("TransactionNotOpen", {
  stream: ScopedStream,
  transaction: TransactionId,
  state: Schema.Literals(["open", "committing", "committed", "aborting", "aborted", "unknown"]),
  /**
   * Present: this process did not keep the transaction alive for so long, in milliseconds, which is longer than its lease.
   */
  lapse: Schema.optionalKey(Schema.Finite)
}) {
  override get message(): string {
    const lost = this.lapse === undefined
      ? "its events are lost (its lease ran out, or it was aborted): write them in a new transaction"
      : `its lease ran out and its events are lost, as this process did not run for ${this.lapse} ms: a long computation ` +
        "in one turn of the event loop, a debugger, or a stopped process. Divide what takes long, or give the " +
        "transaction a longer lease. Write what was lost in a new transaction (a query does that by itself)"
    const consequence = {
      open: "the controller refused although it is open: try again",
      committing: "it was committed and can't be aborted",
      committed: "it was committed and can't be aborted",
      aborting: lost,
      aborted: lost,
      unknown: "the controller does not know it (completed transactions are forgotten after a day or two)"
    }[this.state]
    return `transaction ${this.transaction} on ${this.stream.toString()} is ${this.state}: ${consequence}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** The lease is outside the bounds that the server allows. Milliseconds. @category errors @since 0.1.0 */
export class LeaseOutOfBounds extends Schema.TaggedError<LeaseOutOfBounds>()("LeaseOutOfBounds", {
  stream: ScopedStream,
  lease: Schema.Finite,
  minimum: Schema.Finite,
  maximum: Schema.Finite
}) {
  override get message(): string {
    return `a lease of ${this.lease} ms for a transaction on ${this.stream.toString()} is outside ${this.minimum} to ` +
      `${this.maximum} ms: use a short lease and keep it alive with pings, or change the bounds on server and client`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** There is no such reader group, table, subscriber or writer. @category errors @since 0.1.0 */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", {
  kind: Schema.Literals(["reader group", "key-value table", "subscriber", "writer", "scope or stream"]),
  subject: Schema.String
}) {
  override get message(): string {
    return `${this.kind} ${this.subject} does not exist`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** What was to be created exists. @category errors @since 0.1.0 */
export class AlreadyExists extends Schema.TaggedError<AlreadyExists>()("AlreadyExists", {
  kind: Schema.Literals(["scope", "stream", "key-value table", "scope or stream"]),
  subject: Schema.String
}) {
  override get message(): string {
    return `${this.kind} ${this.subject} exists already`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The server keeps something newer: a reader group's generation or id is not the stored one, or a writer's time went
 * back.
 *
 * @category errors
 * @since 0.1.0
 */
export class Outdated extends Schema.TaggedError<Outdated>()("Outdated", {
  subject: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.subject}: ${this.problem}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** Missing or wrong credentials. @category errors @since 0.1.0 */
export class Unauthenticated extends Schema.TaggedError<Unauthenticated>()("Unauthenticated", {
  operation: Schema.String,
  subject: Schema.String,
  details: Schema.String
}) {
  override get message(): string {
    return `${this.operation} of ${this.subject}: the controller refused the credentials (${this.details})`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** The credentials are right, but don't allow this. @category errors @since 0.1.0 */
export class PermissionDenied extends Schema.TaggedError<PermissionDenied>()("PermissionDenied", {
  operation: Schema.String,
  subject: Schema.String,
  details: Schema.String
}) {
  override get message(): string {
    return `${this.operation} of ${this.subject} is not permitted to this user (${this.details})`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The controller could not be reached, or did not answer in time, as often as was tried; the operation has no effect
 * that could matter (a read, or one that was certainly not received).
 *
 * @category errors
 * @since 0.1.0
 */
export class ControllerUnavailable extends Schema.TaggedError<ControllerUnavailable>()("ControllerUnavailable", {
  operation: Schema.String,
  subject: Schema.String,
  attempts: Schema.Int,
  /** The gRPC status of the last attempt, by name. */
  status: Schema.String,
  details: Schema.String,
  /** The error of the last attempt. */
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string {
    return `${this.operation} of ${this.subject}: no answer from the controller after ${this.attempts} attempt(s) ` +
      `(${this.status}: ${this.details})`
  }
  get isRetryable(): boolean {
    return true
  }
}

/**
 * A request that changes something was sent, its reply was lost, and what is there now does not tell whether it took
 * effect. `evidence` says what was seen.
 *
 * @category errors
 * @since 0.1.0
 */
export class OutcomeUnknown extends Schema.TaggedError<OutcomeUnknown>()("OutcomeUnknown", {
  operation: Schema.String,
  subject: Schema.String,
  attempts: Schema.Int,
  evidence: Schema.String,
  /** The error of the last attempt. */
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string {
    return `${this.operation} of ${this.subject}: the reply was lost and the outcome is not known after ` +
      `${this.attempts} attempt(s) (${this.evidence}); look at its state before you repeat it`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** The controller answered that it failed, and gives no reason. @category errors @since 0.1.0 */
export class RequestFailed extends Schema.TaggedError<RequestFailed>()("RequestFailed", {
  operation: Schema.String,
  subject: Schema.String,
  status: Schema.String,
  details: Schema.String,
  /** The error that the call ended with; undefined: the status was in a reply. */
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string {
    return `${this.operation} of ${this.subject} failed on the controller: ${this.status}` +
      (this.details === "" ? "" : `: ${this.details}`)
  }
  get isRetryable(): boolean {
    return false
  }
}

/** The reply can't be understood: not a message of the protocol, or a status of a newer server. @category errors @since 0.1.0 */
export class UnexpectedReply extends Schema.TaggedError<UnexpectedReply>()("UnexpectedReply", {
  operation: Schema.String,
  subject: Schema.String,
  reply: Schema.String,
  /** Why it can't be read; undefined: it was read, and means nothing here. */
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string {
    return `${this.operation} of ${this.subject}: unexpected reply from the controller: ${this.reply}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** @category errors @since 0.1.0 */
export const ControllerErrorReason = Schema.Union([
  ScopeNotFound,
  ScopeNotEmpty,
  StreamNotFound,
  StreamSealed,
  StreamNotSealed,
  InvalidName,
  InvalidRequest,
  InvalidStreamCut,
  ScalePreconditionFailed,
  InvalidScale,
  TransactionNotOpen,
  LeaseOutOfBounds,
  NotFound,
  AlreadyExists,
  Outdated,
  Unauthenticated,
  PermissionDenied,
  TlsFailed,
  ControllerUnavailable,
  OutcomeUnknown,
  RequestFailed,
  UnexpectedReply
])
/** @category errors @since 0.1.0 */
export type ControllerErrorReason = typeof ControllerErrorReason.Type

/**
 * The one error of controller calls. `reason` says what happened; `Effect.catchReason("ControllerError", "StreamSealed",
 * ...)` handles one of them.
 *
 * @category errors
 * @since 0.1.0
 */
export class ControllerError extends Schema.TaggedError<ControllerError>()("ControllerError", {
  reason: ControllerErrorReason
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
