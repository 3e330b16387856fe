/**
 * The error of a query whose source stream was replaced under its name.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ScopedStream } from "../core/ScopedStream.ts"

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
    return `stream ${this.stream.toString()} was deleted and created again since the query started; ` +
      `give the query a new name to read the new stream from its start`
  }
  get isRetryable(): boolean {
    return false
  }
}
