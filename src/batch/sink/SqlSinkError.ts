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
 * The database has outputs of this batch, or of later ones, that this checkpoint log knows nothing of: the query was
 * begun anew under its old name, or another query has it.
 *
 * @category errors
 * @since 0.1.0
 */
export class DatabaseAhead extends Schema.TaggedError<DatabaseAhead>()("DatabaseAhead", {
  query: Schema.String,
  sink: Schema.String,
  batch: Schema.Natural,
  /** What the database has last. */
  found: Schema.Int
}) {
  override get message(): string {
    return `query "${this.query}" is at batch ${this.batch}, but the database has batch ${this.found} of it already (sink ` +
      `"${this.sink}"), from another checkpoint log: nothing was written. Give the query a new name, or remove what it ` +
      `wrote, with its row in the sink's table, to begin anew`
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
  reason: Schema.Union([DatabaseFailed, DatabaseAhead, SpoolDamaged, OutputNotEncodable])
}) {
  override readonly cause = this.reason
  override get message(): string {
    return this.reason.message
  }
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
}
