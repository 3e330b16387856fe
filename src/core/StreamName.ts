/**
 * Names of streams.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The name of a stream: what a user may create is `[A-Za-z0-9.-]+`, at most 250 characters. Names with one leading
 * underscore are Pravega's own; they decode too, at most 255 characters.
 *
 * @see `NameUtils.validateUserStreamName` and `validateStreamName` of Pravega 0.13.0, where the rules come from
 * @category models
 * @since 0.1.0
 */
export const StreamName = Schema.String.pipe(
  Schema.check(Schema.isPattern(/^_?[A-Za-z0-9.-]+$/), Schema.isMaxLength(255)),
  Schema.brand("StreamName")
)
export type StreamName = typeof StreamName.Type
