/**
 * Names that writers have towards the controller. Not the UUIDs under which a writer appends to a segment.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { UserName } from "./internal/UserName.ts"

/**
 * `[A-Za-z0-9.-]+`, at most 250 characters.
 *
 * @see `NameUtils.validateWriterId` of Pravega 0.13.0
 * @category schemas
 * @since 0.1.0
 */
export const WriterId = UserName.pipe(Schema.brand("WriterId"))
/** @category models @since 0.1.0 */
export type WriterId = typeof WriterId.Type
