/**
 * What a checkpoint log can answer instead of success. Homes of the log (memory, directory, ...) fail with the first
 * five reasons, a directory with `FolderNameRefused` too; `Fenced` is said by the owner of a query's log, who knows whose record it met.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as CauseText from "../../core/CauseText.ts"

/** The number holds a record already, or was forgotten by compaction. @category errors @since 0.1.0 */
export class SequenceTaken extends Schema.TaggedError<SequenceTaken>()("SequenceTaken", {
  query: Schema.String,
  sequence: Schema.Natural
}) {
  override get message(): string {
    return `checkpoint log of query "${this.query}": record number ${this.sequence} was taken before`
  }
}

/** The number is beyond the next free one: a log has no gaps. @category errors @since 0.1.0 */
export class SequenceNotNext extends Schema.TaggedError<SequenceNotNext>()("SequenceNotNext", {
  query: Schema.String,
  sequence: Schema.Natural,
  next: Schema.Natural
}) {
  override get message(): string {
    return `checkpoint log of query "${this.query}": record number ${this.sequence} asked for, the next is ${this.next}`
  }
}

/** The log could not be read or written. Nothing was appended. @category errors @since 0.1.0 */
export class LogUnavailable extends Schema.TaggedError<LogUnavailable>()("LogUnavailable", {
  /** Empty: it is about all of them. */
  query: Schema.String,
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    const which = this.query === "" ? "checkpoint logs" : `checkpoint log of query "${this.query}"`
    return `${which}: ${this.operation} failed: ${CauseText.of(this.cause)}. Check the log's store`
  }
}

/** An append may have taken effect or not. @category errors @since 0.1.0 */
export class OutcomeUnknown extends Schema.TaggedError<OutcomeUnknown>()("OutcomeUnknown", {
  query: Schema.String,
  sequence: Schema.Natural,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `checkpoint log of query "${this.query}": whether record number ${this.sequence} was written is unknown (${
      CauseText.of(this.cause)
    }). Nothing was committed or aborted. Start the query again when the log's store can be reached`
  }
}

/**
 * A record that is not the torn last one can't be read, or contradicts the records before it.
 *
 * @category errors
 * @since 0.1.0
 */
export class CheckpointCorrupt extends Schema.TaggedError<CheckpointCorrupt>()("CheckpointCorrupt", {
  query: Schema.String,
  sequence: Schema.Natural,
  detail: Schema.String
}) {
  override get message(): string {
    return `checkpoint log of query "${this.query}": record number ${this.sequence} is corrupt (${this.detail}). ` +
      `It is never skipped. LogRepair.repair (effect-pravega log repair) goes on without it if the rest of the log says ` +
      `what it said, and changes nothing otherwise. Then put back a copy that ` +
      `is not older than the query's last batch, as an older one repeats what came after it`
  }
}

/**
 * A newer version of this package wrote the record: this one can't tell what is to be done about it.
 *
 * @category errors
 * @since 0.2.0
 */
export class NewerRecord extends Schema.TaggedError<NewerRecord>()("NewerRecord", {
  query: Schema.String,
  sequence: Schema.Natural,
  detail: Schema.String
}) {
  override get message(): string {
    return `checkpoint log of query "${this.query}": record number ${this.sequence} was written by a newer version of ` +
      `effect-pravega (${this.detail}). Nothing was changed. Run the query with that version, or a later one`
  }
}

/**
 * Another process claimed the query since: this one has stopped before it could commit anything.
 *
 * @category errors
 * @since 0.1.0
 */
export class Fenced extends Schema.TaggedError<Fenced>()("Fenced", {
  query: Schema.String,
  epoch: Schema.Natural,
  claimedBy: Schema.String,
  claimedEpoch: Schema.Natural
}) {
  override get message(): string {
    return `query "${this.query}" (epoch ${this.epoch}) was taken over by ${this.claimedBy} (epoch ${this.claimedEpoch}); ` +
      `this process has stopped`
  }
}

/**
 * The query's name can't be a folder's: another query has it where file names have no case, or it means something else on
 * Windows. Nothing was made.
 *
 * @category errors
 * @since 0.2.0
 */
export class FolderNameRefused extends Schema.TaggedError<FolderNameRefused>()("FolderNameRefused", {
  query: Schema.String,
  directory: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `checkpoint log of query "${this.query}" in ${this.directory}: its name can't be a folder's: ${this.detail}; ` +
      `give the query another name`
  }
}

/** @category errors @since 0.1.0 */
export class CheckpointLogError extends Schema.TaggedError<CheckpointLogError>()("CheckpointLogError", {
  reason: Schema.Union([
    SequenceTaken,
    SequenceNotNext,
    LogUnavailable,
    OutcomeUnknown,
    CheckpointCorrupt,
    NewerRecord,
    FolderNameRefused,
    Fenced
  ])
}) {
  override readonly cause = this.reason
  override get message(): string {
    return this.reason.message
  }
  /** Only an unavailable log is worth another try by the same owner. */
  get isRetryable(): boolean {
    return this.reason._tag === "LogUnavailable"
  }
}
