/**
 * The table segments of a container: keys with values and versions. A hash table takes keys of any length, a fixed-key
 * table is sorted.
 *
 * Facts: Pravega 0.13.
 *
 * @internal
 */
import type { TableEntry, TableKey } from "../../pravega/wire/WireCommand.ts"
import type { NoSuchSegment, Sealed, Truncated, Unsupported } from "./ContainerAnswer.ts"

/** @category models @since 0.1.0 */
export interface TableInfo {
  readonly _tag: "TableInfo"
  readonly startOffset: number
  readonly length: number
  readonly entryCount: number
  /** 0: a hash table. */
  readonly keyLength: number
}
/** @category models @since 0.1.0 */
export interface KeyDoesNotExist {
  readonly _tag: "KeyDoesNotExist"
}
/** @category models @since 0.1.0 */
export interface BadKeyVersion {
  readonly _tag: "BadKeyVersion"
}
/** A request that no table of this kind takes. @category models @since 0.1.0 */
export interface IllegalArgument {
  readonly _tag: "IllegalArgument"
  readonly detail: string
}
/** @category models @since 0.1.0 */
export interface TableNotEmpty {
  readonly _tag: "TableNotEmpty"
}

/** @category models @since 0.1.0 */
export interface NotATable {
  readonly _tag: "NotATable"
}
/** No continuation token that this container gave. @category models @since 0.1.0 */
export interface BadToken {
  readonly _tag: "BadToken"
}

/** @category models @since 0.1.0 */
export type TableRefusal = NoSuchSegment | NotATable | BadToken | Unsupported | IllegalArgument
/**
 * `Truncated`: the table has another length (which it carries) than the request expects.
 *
 * @category models
 * @since 0.1.0
 */
export type TableChangeRefusal = TableRefusal | Sealed | Truncated | KeyDoesNotExist | BadKeyVersion

/** @category models @since 0.1.0 */
export interface TableRange {
  readonly suggestedCount: number
  readonly continuationToken: Uint8Array
  /** Inclusive, on fixed-key tables only; empty: from the first, to the last. */
  readonly fromKey: Uint8Array
  readonly toKey: Uint8Array
}

/** @category models @since 0.1.0 */
export interface TablePage {
  readonly _tag: "TablePage"
  readonly entries: ReadonlyArray<TableEntry>
  readonly continuationToken: Uint8Array
}

/** @category models @since 0.1.0 */
export interface TableDelta {
  readonly _tag: "TableDelta"
  readonly entries: ReadonlyArray<TableEntry>
  readonly shouldClear: boolean
  readonly reachedEnd: boolean
  readonly lastPosition: number
}

/** Tables are created by `SegmentContainer.create` with a key length. @category models @since 0.1.0 */
export interface TableContainer {
  readonly info: (name: string) => TableInfo | TableRefusal
  readonly delete: (name: string, mustBeEmpty: boolean) => { readonly _tag: "Done" } | TableNotEmpty | TableRefusal
  /** All entries are put, or none. `expectedLength`: the table segment's, -1 for any. */
  readonly update: (
    name: string,
    entries: ReadonlyArray<TableEntry>,
    expectedLength: bigint
  ) => { readonly _tag: "Updated"; readonly versions: ReadonlyArray<bigint> } | TableChangeRefusal
  readonly remove: (
    name: string,
    keys: ReadonlyArray<TableKey>,
    expectedLength: bigint
  ) => { readonly _tag: "Done" } | TableChangeRefusal
  /** In the order of the keys; a missing one has version -1 and an empty value. */
  readonly get: (
    name: string,
    keys: ReadonlyArray<TableKey>
  ) => { readonly _tag: "Entries"; readonly entries: ReadonlyArray<TableEntry> } | TableRefusal
  readonly page: (name: string, range: TableRange) => TablePage | TableRefusal
  readonly delta: (name: string, fromPosition: bigint, suggestedCount: number) => TableDelta | TableRefusal
}
