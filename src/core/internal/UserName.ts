/**
 * The rule that what users name must follow: streams, reader groups, readers, writers.
 *
 * @see `NameUtils.validateUserStreamName` of Pravega 0.13.0, to which the rules for readers and writers lead too
 * @internal
 */
import * as Schema from "effect/Schema"

/** Leaves room for the prefixes of Pravega's own names. */
const maxLength = 250

/** @category schemas @since 0.1.0 */
export const isUserName = Schema.makeFilterGroup([
  Schema.isPattern(/^[A-Za-z0-9.-]+$/),
  Schema.isMaxLength(maxLength)
])

/** @category schemas @since 0.1.0 */
export const UserName = Schema.String.check(isUserName)
