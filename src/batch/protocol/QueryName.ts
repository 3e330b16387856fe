/**
 * Names of queries.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The name of a query, the key of its checkpoint log: `[A-Za-z0-9][A-Za-z0-9._-]*`, at most 100 characters, so that it
 * is a safe folder name, table key and segment name alike.
 *
 * @category models
 * @since 0.1.0
 */
export const QueryName = Schema.String.pipe(
  Schema.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._-]*$/), Schema.isMaxLength(100)),
  Schema.brand("QueryName")
)
/** @category models @since 0.1.0 */
export type QueryName = typeof QueryName.Type
