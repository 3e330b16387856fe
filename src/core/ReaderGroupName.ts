/**
 * Names of reader groups, and what Pravega calls the things that belong to one.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { UserName } from "./internal/UserName.ts"
import type { ScopeName } from "./ScopeName.ts"
import { StreamName } from "./StreamName.ts"

/**
 * `[A-Za-z0-9.-]+`, at most 250 characters.
 *
 * @see `NameUtils.validateReaderGroupName` of Pravega 0.13.0
 * @category schemas
 * @since 0.1.0
 */
export const ReaderGroupName = UserName.pipe(Schema.brand("ReaderGroupName"))
/** @category models @since 0.1.0 */
export type ReaderGroupName = typeof ReaderGroupName.Type

/** What the name of a group's stream starts with. @category naming @since 0.1.0 */
export const streamPrefix = "_RG"

/** The stream, in the group's scope, that the group's state is kept in: `_RG<group>`. @category naming @since 0.1.0 */
export const stream = (group: ReaderGroupName): StreamName => StreamName.make(`${streamPrefix}${group}`)

/** The name under which a group that retains is a subscriber of its streams: `scope/group`. @category naming @since 0.1.0 */
export const subscriber = (scope: ScopeName, group: ReaderGroupName): string => `${scope}/${group}`
