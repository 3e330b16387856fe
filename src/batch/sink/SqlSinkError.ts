/**
 * What a SQL sink can answer instead of success: one error with a closed set of reasons.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as CauseText from "../../core/CauseText.ts"

/** A statement failed, and with it its transaction. @category errors @since 0.1.0 */
export class DatabaseFailed extends Schema.TaggedError<DatabaseFailed>()("DatabaseFailed", {
  sink: Schema.String,
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `sink "${this.sink}": ${this.operation} failed in the database: ${CauseText.of(this.cause)}`
  }
  get isRetryable(): boolean {
    return true
  }
}

/**
 * The database has outputs that this checkpoint log knows nothing of: the query was begun anew under its old name, another
 * query has it, or an older copy of the log was put in its place.
 *
 * @category errors
 * @since 0.1.0
 */
export class DatabaseAhead extends Schema.TaggedError<DatabaseAhead>()("DatabaseAhead", {
  query: Schema.String,
  sink: Schema.String,
  /** The one that was to be written, or after which the query was to go on; -1: the log knows of none. */
  batch: Schema.Int,
  /** What the database has last. */
  found: Schema.Int
}) {
  override get message(): string {
    const place = this.batch < 0 ? "has committed nothing" : `is at batch ${this.batch}`
    return `query "${this.query}" ${place}, but the database has batch ${this.found} of it already (sink ` +
      `"${this.sink}"), from another checkpoint log, or from before an older copy was put in the log's place: nothing was ` +
      `written. Give the query its newest log, or a new name; or remove what it wrote, with its row in the sink's table, to ` +
      `begin anew`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The database lacks batches that the checkpoint log knows to be committed to it: it was restored from an older copy, or a
 * replica took over that had not got everything. Rows are missing, and going on would leave them out for ever.
 *
 * @category errors
 * @since 0.2.0
 */
export class DatabaseBehind extends Schema.TaggedError<DatabaseBehind>()("DatabaseBehind", {
  query: Schema.String,
  sink: Schema.String,
  /** What was committed last, as the log says. */
  committed: Schema.Int,
  /** What the database has last; -1: nothing. */
  found: Schema.Int
}) {
  override get message(): string {
    return `query "${this.query}" has committed batch ${this.committed} to the database, which has ${
      this.found < 0 ? "none of its batches" : `batch ${this.found} as its last`
    } (sink "${this.sink}"): the database has gone back, to an older copy or a replica that lagged, and rows of the ` +
      `batches after that are missing. Nothing was written. Bring the database to where it was; if that can't be done, ` +
      `remove the query's row from the sink's table and all that it wrote, and begin anew under a new name`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** Outputs that were kept for the commit are gone, or are not what was kept. @category errors @since 0.1.0 */
export class SpoolDamaged extends Schema.TaggedError<SpoolDamaged>()("SpoolDamaged", {
  query: Schema.String,
  sink: Schema.String,
  batch: Schema.Natural,
  detail: Schema.String
}) {
  override get message(): string {
    return `query "${this.query}": what was kept of batch ${this.batch} for sink "${this.sink}" can't be committed: ` +
      this.detail
  }
  get isRetryable(): boolean {
    return false
  }
}

/** An output can't be encoded by the sink's schema. @category errors @since 0.1.0 */
export class OutputNotEncodable extends Schema.TaggedError<OutputNotEncodable>()("OutputNotEncodable", {
  sink: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `sink "${this.sink}": an output does not fit its schema: ${this.detail}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** @category errors @since 0.1.0 */
export class SqlSinkError extends Schema.TaggedError<SqlSinkError>()("SqlSinkError", {
  reason: Schema.Union([DatabaseFailed, DatabaseAhead, DatabaseBehind, SpoolDamaged, OutputNotEncodable])
}) {
  override readonly cause = this.reason
  override get message(): string {
    return this.reason.message
  }
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
}
