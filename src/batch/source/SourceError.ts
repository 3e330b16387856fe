/**
 * Why a stream can't be a query's source as it was asked for. What goes wrong while its events are read is a `ReadError`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ScopedStream } from "../../core/ScopedStream.ts"

/**
 * The stream was deleted and created again since the query started: its positions mean nothing in the new stream.
 *
 * @category errors
 * @since 0.1.0
 */
export class StreamIdentityChanged extends Schema.TaggedError<StreamIdentityChanged>()("StreamIdentityChanged", {
  stream: ScopedStream
}) {
  override get message(): string {
    return `stream ${this.stream.toString()} was deleted and created again since the query started. ` +
      `Give the query a new name to read the new stream from its start`
  }
}

/**
 * A start at a time was asked for, and nothing tells where that is: the stream's writers have noted no time.
 *
 * @category errors
 * @since 0.1.0
 */
export class TimeNotNoted extends Schema.TaggedError<TimeNotNoted>()("TimeNotNoted", {
  stream: ScopedStream,
  time: Schema.BigInt
}) {
  override get message(): string {
    return `stream ${this.stream.toString()} has no watermark, so that no position is known for the start at time ${this.time}. Its ` +
      `writers must note their times; Pravega writes watermarks some seconds later. Or start at a stream cut`
  }
}

/**
 * The reader group that was named to report the query's position to retention can't do that.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoSubscriber extends Schema.TaggedError<NoSubscriber>()("NoSubscriber", {
  stream: ScopedStream,
  group: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `reader group "${this.group}" can't hold back the retention of stream ${this.stream.toString()}: ${this.detail}`
  }
}

/** @category errors @since 0.1.0 */
export class SourceError extends Schema.TaggedError<SourceError>()("SourceError", {
  reason: Schema.Union([StreamIdentityChanged, TimeNotNoted, NoSubscriber])
}) {
  override readonly cause = this.reason
  override get message(): string {
    return this.reason.message
  }
  get isRetryable(): boolean {
    return false
  }
}
