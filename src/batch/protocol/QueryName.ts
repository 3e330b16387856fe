/**
 * Names of queries.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The name of a query, the key of its checkpoint log: `[A-Za-z0-9][A-Za-z0-9._-]*`, at most 100 characters, so that it
 * is a safe table key and segment name. As a folder's name it is one where file names have case; a log in a directory
 * refuses what is not one everywhere (see `CheckpointLog.layerFileSystem`).
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

/**
 * The log that savepoints are kept in, beside those of the queries.
 *
 * @category constants
 * @since 0.2.0
 */
export const savepoints = QueryName.make("effect-pravega.savepoints")

/** Whether no query may have the name, in whatever case. @category guards @since 0.2.0 */
export const isReserved = (name: string): boolean => name.toLowerCase() === savepoints
