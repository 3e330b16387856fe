/**
 * Names of streams, and of the streams that Pravega keeps beside them.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { isUserName } from "./internal/UserName.ts"

/**
 * The name of a stream, Pravega's own (with one leading underscore) included: at most 255 characters. The mark stream of
 * one of Pravega's own, such as `_MARK_RGgroup`, is a name too: the controller creates and lists it, though it breaks
 * its own rule.
 *
 * @see `NameUtils.validateStreamName` of Pravega 0.13.0, where the rule comes from
 * @category schemas
 * @since 0.1.0
 */
export const StreamName = Schema.String.pipe(
  Schema.check(
    Schema.isPattern(/^(?:_MARK_|_)?[A-Za-z0-9.-]+$/),
    Schema.makeFilter((name: string) => name.replace(/^_MARK(?=_)/, "").length <= 255 || "at most 255 characters")
  ),
  Schema.brand("StreamName")
)
/** @category models @since 0.1.0 */
export type StreamName = typeof StreamName.Type

/**
 * A name that a user may give to a stream: no leading underscore, at most 250 characters.
 *
 * @see `NameUtils.validateUserStreamName` of Pravega 0.13.0
 * @category schemas
 * @since 0.1.0
 */
export const UserStreamName = StreamName.check(isUserName)

/** Pravega's own: it starts with an underscore. @category guards @since 0.1.0 */
export const isInternal = (name: StreamName): boolean => name.startsWith("_")

/** What the name of a mark stream starts with. @category naming @since 0.1.0 */
export const markPrefix = "_MARK"

/**
 * The stream that the watermarks of a stream are written to, `_MARK<stream>`. Throws for a mark stream and for
 * names of Pravega's own that leave no room for the prefix.
 *
 * @category naming
 * @since 0.1.0
 */
export const markStream = (name: StreamName): StreamName => StreamName.make(`${markPrefix}${name}`)
