/**
 * Why a query stops instead of going on: the protocol never guesses. But for what happened to a worker, none of these is
 * worth another try without a change of something.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { EventFromFuture, FlowFailed, InvalidEventTime, LateEvent } from "./QueryFlowError.ts"
import * as StructureChanges from "./StructureChanges.ts"
import { PartFailed, WorkerLost, WorkerRefused } from "./WorkerError.ts"

export { EventFromFuture, FlowFailed, InvalidEventTime, LateEvent } from "./QueryFlowError.ts"
export { PartFailed, WorkerLost, WorkerRefused } from "./WorkerError.ts"

/** So many changes are named in a message. */
const shown = 6

/**
 * The pipeline can't go on from a log that another one wrote. `recorded` and `now` are the structures of both, `loggedAs` is
 * the name of the query that began the log.
 *
 * @category errors
 * @since 0.1.0
 */
export class StructureChanged extends Schema.TaggedError<StructureChanged>()("StructureChanged", {
  query: Schema.String,
  loggedAs: Schema.String,
  recorded: Schema.Json,
  now: Schema.Json
}) {
  /** What differs, one line each. */
  get changes(): ReadonlyArray<string> {
    return StructureChanges.describe(this.recorded, this.now)
  }
  override get message(): string {
    const { loggedAs, now, query, recorded } = this
    if (loggedAs !== query) {
      return `query "${query}" can't go on from this checkpoint log: it is that of query "${loggedAs}". Nothing was changed. ` +
        `Give the log back its name, or the query the name "${loggedAs}"`
    }
    const changes = this.changes.length > shown
      ? [...this.changes.slice(0, shown), `and ${this.changes.length - shown} more`]
      : this.changes
    const hasOtherSources = StructureChanges.hasOtherSources(recorded, now)
    return `query "${query}" can't go on: its checkpoint log began with another pipeline (${changes.join("; ")}). ` +
      `Nothing was changed. To go on where the query stands, let the old pipeline finish its batch and stop it, keep its ` +
      `position under a name (Savepoint.create, or effect-pravega savepoint create ${query} NAME). ${
        hasOtherSources
          ? `Then give the new pipeline a name of its own, and start its sources at the savepoint's positions ` +
            `(Source.streamCut), as they are not those of the savepoint`
          : `Then let the new pipeline begin there (Savepoint.restore), under this name or another one`
      }. A new name alone begins anew, and writes all outputs again`
  }
}

/** A sink can't tell whether a prepared batch was committed. @category errors @since 0.1.0 */
export class AmbiguousCommit extends Schema.TaggedError<AmbiguousCommit>()("AmbiguousCommit", {
  query: Schema.String,
  batch: Schema.Natural,
  sink: Schema.String,
  /** The sink's transaction. */
  handle: Schema.Json,
  /** What was recorded of it before the commit. */
  evidence: Schema.Json,
  /** What was found now. */
  detail: Schema.String
}) {
  override get message(): string {
    const { batch, handle, sink } = this
    return `query "${this.query}": whether batch ${batch} was committed to sink "${sink}" can't be decided ` +
      `(${this.detail}; transaction ${JSON.stringify(handle)}). Nothing was changed. Find out whether the sink has ` +
      `the batch's events (${JSON.stringify(this.evidence)}), and start the query with what you found, ` +
      `resolve: [${JSON.stringify({ batch, sink, handle, outcome: "committed" })}], or "lost" if it has none of them`
  }
}

/**
 * What can't happen did: something outside the protocol acted on the query's transactions.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvariantViolated extends Schema.TaggedError<InvariantViolated>()("InvariantViolated", {
  query: Schema.String,
  batch: Schema.Natural,
  detail: Schema.String
}) {
  override get message(): string {
    return `query "${this.query}", batch ${this.batch}: ${this.detail}. Nothing was changed since. Find out what acts on ` +
      `the query's transactions, and whether the sink has the batch's events, before you go on under a new name`
  }
}

/**
 * A batch that one sink has already was processed again for another sink, with other outputs.
 *
 * @category errors
 * @since 0.1.0
 */
export class NonDeterministicReplay extends Schema.TaggedError<NonDeterministicReplay>()("NonDeterministicReplay", {
  query: Schema.String,
  batch: Schema.Natural,
  sink: Schema.String
}) {
  override get message(): string {
    return `query "${this.query}": batch ${this.batch} had other outputs for sink "${this.sink}" when it was processed again, ` +
      `though the pipeline is declared deterministic and another sink has the first outputs. Nothing of this try was ` +
      `committed. Start the query again with a process that has the same outputs for the same input`
  }
}

/** So many events of a batch can't be used that something else must be wrong. @category errors @since 0.1.0 */
export class TooManyDeadLetters extends Schema.TaggedError<TooManyDeadLetters>()("TooManyDeadLetters", {
  query: Schema.String,
  batch: Schema.Natural,
  limit: Schema.Natural,
  /** Of the one that was too many. */
  error: Schema.String
}) {
  override get message(): string {
    return `query "${this.query}": more than ${this.limit} events of batch ${this.batch} can't be used, the last one ` +
      `because of: ${this.error}. Nothing of the batch was committed. Correct the process or the codec, or raise the limit`
  }
}

/**
 * A sink writes what is visible at once, each event under its own number, and a segment that an earlier try of the batch
 * wrote to is deleted: which of the batch's events it had can't be found out any more.
 *
 * @category errors
 * @since 0.1.0
 */
export class SinkSegmentLost extends Schema.TaggedError<SinkSegmentLost>()("SinkSegmentLost", {
  query: Schema.String,
  batch: Schema.Natural,
  sink: Schema.String,
  /** Its full name. */
  segment: Schema.String,
  /** The id under which the batch's events were appended to it. */
  writerId: Schema.String,
  /** The number that the first of the batch's events in it would have. */
  firstEvent: Schema.BigInt
}) {
  override get message(): string {
    return `query "${this.query}": batch ${this.batch} was being written to sink "${this.sink}" when a process ended, and ` +
      `segment ${this.segment} was deleted since (by retention or truncation): which of the batch's events were in it is ` +
      `not known any more (writer ${this.writerId}, numbers from ${this.firstEvent} on). Nothing was written by this try. ` +
      `Find out what readers have seen of the batch, and go on with a query of a new name, from after what they have`
  }
}

const upTo = (batch: number): string => batch < 0 ? "no batch" : `batch ${batch} as the last one`

/**
 * A sink has more than the log says, so that the log is older than it: an older copy was put in its place.
 *
 * @category errors
 * @since 0.2.0
 */
export class SinkAhead extends Schema.TaggedError<SinkAhead>()("SinkAhead", {
  query: Schema.String,
  sink: Schema.String,
  /** The last one that the log knows to be committed to the sink; -1: none. */
  batch: Schema.Int,
  detail: Schema.String
}) {
  override get message(): string {
    return `query "${this.query}": its checkpoint log knows ${
      upTo(this.batch)
    } of sink "${this.sink}", which has more ` +
      `(${this.detail}): the log is older than the sink, as if a copy had been put in its place, and going on would write ` +
      `events again, or leave some out. Nothing more was written. Put the newest log back. If it is lost, find out what the ` +
      `sink has, and go on from after that with a query of a new name (Source.streamCut); if somebody else writes to a sink ` +
      `that is declared owned, don't declare it so`
  }
}

/**
 * A sink has less than the log says is committed to it: what it writes to was put back to an older copy, or made anew.
 *
 * @category errors
 * @since 0.2.0
 */
export class SinkBehind extends Schema.TaggedError<SinkBehind>()("SinkBehind", {
  query: Schema.String,
  sink: Schema.String,
  /** The last one that the log knows to be committed to the sink; -1: none. */
  batch: Schema.Int,
  detail: Schema.String
}) {
  override get message(): string {
    return `query "${this.query}": its checkpoint log knows ${
      upTo(this.batch)
    } of sink "${this.sink}", which has less ` +
      `(${this.detail}): what was committed is gone, and going on would leave it out. Nothing was written. Begin again ` +
      `before what is missing with a query of a new name (Source.streamCut), or declare the sink not owned, to go on without`
  }
}

/** What a source or sink left in the log is not what it reads. @category errors @since 0.1.0 */
export class StateUnreadable extends Schema.TaggedError<StateUnreadable>()("StateUnreadable", {
  /** The source or sink. */
  name: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `what "${this.name}" left in the checkpoint log can't be read: ${this.detail}`
  }
}

/** @category errors @since 0.1.0 */
export class CommitError extends Schema.TaggedError<CommitError>()("CommitError", {
  reason: Schema.Union([
    StructureChanged,
    AmbiguousCommit,
    InvariantViolated,
    NonDeterministicReplay,
    TooManyDeadLetters,
    SinkSegmentLost,
    SinkAhead,
    SinkBehind,
    StateUnreadable,
    FlowFailed,
    LateEvent,
    EventFromFuture,
    InvalidEventTime,
    PartFailed,
    WorkerLost,
    WorkerRefused
  ])
}) {
  override readonly cause = this.reason
  override get message(): string {
    return this.reason.message
  }
  /** What happened to a worker may not happen again; for all else something must change. */
  get isRetryable(): boolean {
    return "isRetryable" in this.reason && this.reason.isRetryable
  }
}
