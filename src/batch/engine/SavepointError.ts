/**
 * What can go wrong with savepoints: one error with a closed set of reasons.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/** There is no savepoint of this name. @category errors @since 0.1.0 */
export class NoSuchSavepoint extends Schema.TaggedError<NoSuchSavepoint>()("NoSuchSavepoint", {
  savepoint: Schema.String
}) {
  override get message(): string {
    return `there is no savepoint "${this.savepoint}"`
  }
}

/** The name is taken. @category errors @since 0.1.0 */
export class SavepointExists extends Schema.TaggedError<SavepointExists>()("SavepointExists", {
  savepoint: Schema.String
}) {
  override get message(): string {
    return `there is a savepoint "${this.savepoint}" already: remove it first, or choose another name`
  }
}

/** There is no such query: its log is empty. @category errors @since 0.1.0 */
export class NoSuchQuery extends Schema.TaggedError<NoSuchQuery>()("NoSuchQuery", { query: Schema.String }) {
  override get message(): string {
    return `the checkpoint log has no query "${this.query}"`
  }
}

/**
 * A batch of the query is prepared: it will be committed, and the log does not say yet that it is. A savepoint before it
 * would repeat it, one after it might lose it.
 *
 * @category errors
 * @since 0.1.0
 */
export class BatchPrepared extends Schema.TaggedError<BatchPrepared>()("BatchPrepared", {
  query: Schema.String,
  batch: Schema.Natural
}) {
  override get message(): string {
    return `batch ${this.batch} of query "${this.query}" is prepared and not committed yet: try again when it is; if the ` +
      `query does not run, start it until it has finished that batch`
  }
}

/**
 * A batch of the query was being written to a sink whose outputs are visible at once: readers may have seen some of it. A
 * query that starts before it would write it under other numbers, and so repeat what is visible.
 *
 * @category errors
 * @since 0.1.0
 */
export class BatchVisibleInPart extends Schema.TaggedError<BatchVisibleInPart>()("BatchVisibleInPart", {
  query: Schema.String,
  batch: Schema.Natural,
  sink: Schema.String
}) {
  override get message(): string {
    return `batch ${this.batch} of query "${this.query}" is not committed, and may be visible in part in sink ` +
      `"${this.sink}": let the query finish that batch first, then try again`
  }
}

/**
 * The query has gone on since the savepoint was made, or nobody can tell whether it has: a query that starts from the
 * savepoint would write outputs again that the sinks have already.
 *
 * @category errors
 * @since 0.2.0
 */
export class SavepointPassed extends Schema.TaggedError<SavepointPassed>()("SavepointPassed", {
  savepoint: Schema.String,
  /** The query of the savepoint. */
  query: Schema.String,
  /** The number of the first batch after the savepoint. */
  batch: Schema.Natural,
  detail: Schema.String
}) {
  override get message(): string {
    return `savepoint "${this.savepoint}" of query "${this.query}" lies before batch ${this.batch}, and ${this.detail}: a query ` +
      `that starts from it would write those outputs again. Nothing was changed: stop the query and make a savepoint of ` +
      `where it stands, or, if outputs may be repeated, say so with onPassed: "repeat"`
  }
}

/** A pipeline can't start from a savepoint. @category errors @since 0.1.0 */
export class RestoreRefused extends Schema.TaggedError<RestoreRefused>()("RestoreRefused", {
  savepoint: Schema.String,
  query: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `query "${this.query}" can't start from savepoint "${this.savepoint}": ${this.detail}`
  }
}

/** @category errors @since 0.1.0 */
export class SavepointError extends Schema.TaggedError<SavepointError>()("SavepointError", {
  reason: Schema.Union([
    NoSuchSavepoint,
    SavepointExists,
    NoSuchQuery,
    BatchPrepared,
    BatchVisibleInPart,
    SavepointPassed,
    RestoreRefused
  ])
}) {
  override readonly cause = this.reason
  override get message(): string {
    return this.reason.message
  }
  /** Only a batch that is being written or committed passes by itself. */
  get isRetryable(): boolean {
    return this.reason._tag === "BatchPrepared" || this.reason._tag === "BatchVisibleInPart"
  }
}
