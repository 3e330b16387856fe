/**
 * Names of the readers of a group.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { UserName } from "./internal/UserName.ts"

/**
 * `[A-Za-z0-9.-]+`, at most 250 characters; unique in its group.
 *
 * @see `NameUtils.validateReaderId` of Pravega 0.13.0
 * @category schemas
 * @since 0.1.0
 */
export const ReaderId = UserName.pipe(Schema.brand("ReaderId"))
/** @category models @since 0.1.0 */
export type ReaderId = typeof ReaderId.Type
