/**
 * The error of reading a value's text or bytes.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Text or bytes are not those of the value they were read as.
 *
 * @category errors
 * @since 0.1.0
 */
export class MalformedValue extends Schema.TaggedError<MalformedValue>()("MalformedValue", {
  /** What they were read as: `StreamCut`, `EventPointer`, ... */
  value: Schema.String,
  form: Schema.Literals(["text", "bytes"]),
  problem: Schema.String
}) {
  override get message(): string {
    return `not the ${this.form} of a ${this.value}: ${this.problem}`
  }
  get isRetryable(): boolean {
    return false
  }
}
