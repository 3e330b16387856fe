/**
 * Names of scopes.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The name of a scope, Pravega's own (with one leading underscore) included: at most 255 characters.
 *
 * @see `NameUtils.validateScopeName` of Pravega 0.13.0, where the rule comes from
 * @category schemas
 * @since 0.1.0
 */
export const ScopeName = Schema.String.pipe(
  Schema.check(Schema.isPattern(/^_?[A-Za-z0-9.-]+$/), Schema.isMaxLength(255)),
  Schema.brand("ScopeName")
)
/** @category models @since 0.1.0 */
export type ScopeName = typeof ScopeName.Type

/**
 * A name that a user may give to a scope: no leading underscore.
 *
 * @see `NameUtils.validateUserScopeName` of Pravega 0.13.0; unlike a stream's, its limit is 255 characters too
 * @category schemas
 * @since 0.1.0
 */
export const UserScopeName = ScopeName.check(Schema.isPattern(/^[^_]/))

/** Pravega's own: it starts with an underscore. @category guards @since 0.1.0 */
export const isInternal = (name: ScopeName): boolean => name.startsWith("_")
