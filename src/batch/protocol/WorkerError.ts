/**
 * Why a worker did not process a part of a batch. The try is given up, its transactions are aborted, and the next one has new
 * ones: so a worker that goes on late writes into something that is aborted.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"

/** The part failed at the worker, with an error of the pipeline's process, source or sinks. @category errors @since 0.2.0 */
export class PartFailed extends Schema.TaggedError<PartFailed>()("PartFailed", {
  query: Schema.String,
  batch: Schema.Natural,
  part: Schema.Natural,
  /** What kind of error it was: its `_tag`, or that of its reason. Empty: it has none. */
  tag: Schema.String,
  /** The error as text: it was made in another process. */
  detail: Schema.String,
  /** Whether another try makes sense, as the source, the sink, or the error itself says. */
  isRetryable: Schema.Boolean
}) {
  override get message(): string {
    return `query "${this.query}": a worker failed with part ${this.part} of batch ${this.batch}: ${this.detail}`
  }
}

/** No answer came from the worker: it ended, or can't be reached. @category errors @since 0.2.0 */
export class WorkerLost extends Schema.TaggedError<WorkerLost>()("WorkerLost", {
  query: Schema.String,
  batch: Schema.Natural,
  part: Schema.Natural,
  detail: Schema.String
}) {
  override get message(): string {
    return `query "${this.query}": the worker that had part ${this.part} of batch ${this.batch} did not answer ` +
      `(${this.detail}). This try of the batch was given up; see what the worker wrote when it ended`
  }
  get isRetryable(): boolean {
    return true
  }
}

/** The worker has another program than the query: nothing was processed. @category errors @since 0.2.0 */
export class WorkerRefused extends Schema.TaggedError<WorkerRefused>()("WorkerRefused", {
  query: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `query "${this.query}": a worker refused its work (${this.detail}). Nothing was processed: start the workers with ` +
      `the program that the query is run by`
  }
  /** Workers of the right program may come. */
  get isRetryable(): boolean {
    return true
  }
}
