/**
 * Why a question about a query's state has no answer.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"

/** Another step or other Schemas have an answer. @category errors @since 0.2.0 */
export class StateQueryError extends Schema.TaggedError<StateQueryError>()("StateQueryError", {
  query: Schema.String,
  step: Schema.String,
  detail: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `state of query "${this.query}", step "${this.step}": ${this.detail}`
  }
  get isRetryable(): boolean {
    return false
  }
}
