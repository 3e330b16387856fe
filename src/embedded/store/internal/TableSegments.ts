/**
 * What clients do with table segments: versions are checked, all changes of a request are made or none, and each entry is
 * a record in the storage. A real store writes entries into the segment's bytes and indexes them there; here only the
 * segment's length grows, as much as a real one's, since versions are offsets.
 *
 * Facts: Pravega 0.13's `HashTableSegmentLayout`, `FixedKeyLengthTableSegmentLayout` and `PravegaRequestProcessor`.
 *
 * @internal
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { TableEntry, TableKey } from "../../../pravega/wire/WireCommand.ts"
import type { Done } from "../ContainerAnswer.ts"
import type { Storage } from "../Storage.ts"
import type {
  BadKeyVersion,
  IllegalArgument,
  KeyDoesNotExist,
  TableChangeRefusal,
  TableContainer,
  TableDelta,
  TableInfo,
  TableNotEmpty,
  TablePage,
  TableRange,
  TableRefusal
} from "../TableContainer.ts"
import type { LiveSegment } from "./LiveSegment.ts"
import { type Entry, entrySize, keyBytes, type KeyText, keyText, type TableIndex } from "./TableIndex.ts"

/** The largest key, and the largest key and value together, in bytes. */
const keyMaximum = 8192
const entryMaximum = 1024 * 1024

/**
 * The most that a page holds, in bytes. A real store knows no such limit, and a page that does not fit into a frame of
 * its protocol costs its client the connection, again and again.
 */
const pageMaximum = 8 * 1024 * 1024

/** Put or removed whatever is there. */
const anyVersion = -(2n ** 63n)
/** Put only if nothing is there; the version of a key that is missing. */
const noVersion = -1n

/** What these need of the container that they are part of. */
interface TableHost {
  readonly storage: Storage
  readonly find: (name: string) => LiveSegment | undefined
  /** The segment's length was changed. */
  readonly changed: (segment: LiveSegment) => void
  readonly remove: (segment: LiveSegment) => void
}

interface Table {
  readonly _tag: "Table"
  readonly segment: LiveSegment
  readonly index: TableIndex
}

const prefix = "table/"

/** The name of the record of an entry. @category encoding @since 0.1.0 */
export const recordKey = (segment: number, key: KeyText): string =>
  `${prefix}${segment}/${Buffer.from(key, "latin1").toString("hex")}`

const decodeRecord = Schema.decodeResult(Schema.fromJsonString(Schema.Tuple([Schema.Int, Schema.String])))

/** @category models @since 0.1.0 */
export class TableSegments implements TableContainer {
  private readonly host: TableHost

  constructor(host: TableHost) {
    this.host = host
  }

  /** Takes in the entries among the records. */
  load(records: Iterable<readonly [string, string]>, segments: Iterable<LiveSegment>): void {
    const byKey = new Map(Array.from(segments, (segment) => [segment.key, segment.table]))
    const found: Array<readonly [TableIndex, Entry]> = []
    for (const [name, text] of records) {
      if (!name.startsWith(prefix)) continue
      const [segment = "", hex = ""] = name.slice(prefix.length).split("/")
      const entry = decodeRecord(text)
      if (Result.isFailure(entry)) throw entry.failure
      const [version, value] = entry.success
      const table = byKey.get(Number(segment))
      if (table === undefined) continue
      const key = Buffer.from(hex, "hex").toString("latin1")
      found.push([table, { key, version, value: new Uint8Array(Buffer.from(value, "base64")) }])
    }
    // in the order in which they were put
    for (const [table, entry] of found.toSorted((a, b) => a[1].version - b[1].version)) table.put(entry)
  }

  readonly info = (name: string): TableInfo | TableRefusal => {
    const table = this.find(name)
    if (table._tag !== "Table") return table
    const { index, segment: { length, startOffset } } = table
    return { _tag: "TableInfo", startOffset, length, entryCount: index.size, keyLength: index.keyLength }
  }

  readonly delete = (name: string, mustBeEmpty: boolean): Done | TableNotEmpty | TableRefusal => {
    const table = this.find(name)
    if (table._tag !== "Table") return table
    if (mustBeEmpty && !table.index.isHash) return { _tag: "Unsupported", operation: "deleteTableSegment" }
    if (mustBeEmpty && table.index.size > 0) return { _tag: "TableNotEmpty" }
    this.host.remove(table.segment)
    return { _tag: "Done" }
  }

  readonly update = (
    name: string,
    entries: ReadonlyArray<TableEntry>,
    expectedLength: bigint
  ): { readonly _tag: "Updated"; readonly versions: ReadonlyArray<bigint> } | TableChangeRefusal => {
    const table = this.find(name)
    if (table._tag !== "Table") return table
    const { index, segment } = table
    const refusal = refuseChange(table, entries.map(({ key }) => key), expectedLength) ?? refuseSizes(entries) ??
      refuseVersions(index, entries.map(({ key }) => key), index.isHash)
    if (refusal !== undefined) return refusal
    const versions: Array<bigint> = []
    for (const { key, value } of entries) {
      const version = segment.length
      // copied: what was decoded is a view of a whole frame
      const entry: Entry = { key: keyText(key.data), value: value.slice(), version }
      index.put(entry)
      this.host.storage.putRecord(
        recordKey(segment.key, entry.key),
        JSON.stringify([version, Buffer.from(entry.value).toString("base64")])
      )
      segment.length += entrySize(key.data.length, value.length)
      versions.push(BigInt(version))
    }
    if (entries.length > 0) this.host.changed(segment)
    return { _tag: "Updated", versions }
  }

  readonly remove = (
    name: string,
    keys: ReadonlyArray<TableKey>,
    expectedLength: bigint
  ): Done | TableChangeRefusal => {
    const table = this.find(name)
    if (table._tag !== "Table") return table
    const { index, segment } = table
    const refusal = refuseChange(table, keys, expectedLength) ?? refuseVersions(index, keys, false)
    if (refusal !== undefined) return refusal
    for (const { data } of keys) {
      const key = keyText(data)
      if (index.remove(key)) this.host.storage.deleteRecord(recordKey(segment.key, key))
      // a hash table notes removals among its entries, also those of keys that are not there
      if (index.isHash) segment.length += entrySize(data.length, 0)
    }
    if (keys.length > 0) this.host.changed(segment)
    return { _tag: "Done" }
  }

  readonly get = (
    name: string,
    keys: ReadonlyArray<TableKey>
  ): { readonly _tag: "Entries"; readonly entries: ReadonlyArray<TableEntry> } | TableRefusal => {
    const table = this.find(name)
    if (table._tag !== "Table") return table
    const refusal = refuseLengths(table.index, keys) ?? refuseReply(table.index, keys)
    if (refusal !== undefined) return refusal
    const entries = keys.map(({ data }): TableEntry => {
      const entry = table.index.get(keyText(data))
      return entry === undefined ? { key: { data, keyVersion: noVersion }, value: noBytes } : onWire(entry)
    })
    return { _tag: "Entries", entries }
  }

  readonly page = (name: string, range: TableRange): TablePage | TableRefusal => {
    const table = this.find(name)
    if (table._tag !== "Table") return table
    const { index } = table
    const { continuationToken, fromKey, suggestedCount, toKey } = range
    const refusal = refuseRange(index, range)
    if (refusal !== undefined) return refusal
    const isContinued = continuationToken.length > 0
    const from = isContinued ? continuationToken.subarray(1) : fromKey
    const found = index.range(
      isContinued || from.length > 0 ? keyText(from) : undefined,
      isContinued,
      toKey.length > 0 ? keyText(toKey) : undefined,
      suggestedCount,
      pageMaximum
    )
    const last = found.at(-1)
    // a token is never empty but at the end: the key has a byte before it
    const token = last === undefined ? noBytes : Uint8Array.of(tokenMark, ...keyBytes(last.key))
    return { _tag: "TablePage", entries: found.map(onWire), continuationToken: token }
  }

  readonly delta = (name: string, fromPosition: bigint, suggestedCount: number): TableDelta | TableRefusal => {
    const table = this.find(name)
    if (table._tag !== "Table") return table
    const { index, segment: { length } } = table
    if (!index.isHash) return { _tag: "Unsupported", operation: "readTableEntriesDelta" }
    if (fromPosition < 0n) return illegal("startOffset: startOffset must be a non-negative number.")
    if (fromPosition > BigInt(length)) {
      return illegal(`fromPosition (${fromPosition}) can not exceed the length (${length}) of the TableSegment.`)
    }
    const { entries: found, isAll } = index.since(Number(fromPosition), suggestedCount, pageMaximum)
    const last = found.at(-1)
    const reachedEnd = isAll || last === undefined
    const lastPosition = last === undefined
      ? 0
      : reachedEnd
      ? length
      : last.version + entrySize(last.key.length, last.value.length)
    return { _tag: "TableDelta", entries: found.map(onWire), shouldClear: false, reachedEnd, lastPosition }
  }

  private find(name: string): Table | TableRefusal {
    const segment = this.host.find(name)
    if (segment === undefined) return { _tag: "NoSuchSegment", segment: name }
    return segment.table === undefined ? { _tag: "NotATable" } : { _tag: "Table", segment, index: segment.table }
  }
}

const noBytes = new Uint8Array(0)
const tokenMark = 1

const onWire = ({ key, value, version }: Entry): TableEntry => ({
  key: { data: keyBytes(key), keyVersion: BigInt(version) },
  value
})

const illegal = (detail: string): IllegalArgument => ({ _tag: "IllegalArgument", detail })

const refuseChange = (
  { index, segment }: Table,
  keys: ReadonlyArray<TableKey>,
  expectedLength: bigint
): TableChangeRefusal | undefined => {
  const refusal = refuseLengths(index, keys)
  if (refusal !== undefined) return refusal
  if (keys.some(({ data }) => data.length > keyMaximum)) return illegal("Key too large.")
  if (segment.isSealed) return { _tag: "Sealed", segment: segment.name }
  if (expectedLength !== -1n && expectedLength !== BigInt(segment.length)) {
    return { _tag: "Truncated", startOffset: segment.length }
  }
  return undefined
}

const refuseLengths = (
  { isHash, keyLength }: TableIndex,
  keys: ReadonlyArray<TableKey>
): IllegalArgument | undefined => {
  const wrong = isHash ? undefined : keys.find(({ data }) => data.length !== keyLength)
  return wrong && illegal(`Expected Attribute Id length ${keyLength}, given ${wrong.data.length}.`)
}

/** A few keys, or one many times, could ask for more than there is memory. */
const refuseReply = (index: TableIndex, keys: ReadonlyArray<TableKey>): IllegalArgument | undefined => {
  let bytes = 0
  for (const { data } of keys) bytes += entrySize(data.length, index.get(keyText(data))?.value.length ?? 0)
  return bytes > pageMaximum && keys.length > 1
    ? illegal(`The entries have more than ${pageMaximum} bytes: ask for fewer keys.`)
    : undefined
}

const refuseSizes = (entries: ReadonlyArray<TableEntry>): IllegalArgument | undefined =>
  entries.some(({ key, value }) => entrySize(key.data.length, value.length) > entryMaximum)
    ? illegal("Key+Value serialization too large.")
    : undefined

/** A version that is asked of a missing key is a matter of its own only when entries are put into a hash table. */
const refuseVersions = (
  index: TableIndex,
  keys: ReadonlyArray<TableKey>,
  tellsMissing: boolean
): KeyDoesNotExist | BadKeyVersion | undefined => {
  let isBad = false
  for (const { data, keyVersion } of keys) {
    if (keyVersion === anyVersion) continue
    const entry = index.get(keyText(data))
    if (entry === undefined ? keyVersion === noVersion : keyVersion === BigInt(entry.version)) continue
    if (entry === undefined && tellsMissing) return { _tag: "KeyDoesNotExist" }
    isBad = true
  }
  return isBad ? { _tag: "BadKeyVersion" } : undefined
}

const refuseRange = (index: TableIndex, range: TableRange): TableRefusal | undefined => {
  const { continuationToken, fromKey, toKey } = range
  if (index.isHash) {
    if (fromKey.length + toKey.length > 0) return illegal("Range Iterators not supported for HashTableSegments.")
    const isToken = continuationToken.length === 0 || continuationToken[0] === tokenMark
    return isToken ? undefined : { _tag: "BadToken" }
  }
  if (continuationToken.length > 0) {
    return illegal("ContinuationToken not supported for FixedKeyLengthTableSegments.")
  }
  const bounds = [fromKey, toKey].filter((key) => key.length > 0).map((data) => ({ data, keyVersion: anyVersion }))
  const refusal = refuseLengths(index, bounds)
  if (refusal !== undefined) return refusal
  return fromKey.length > 0 && toKey.length > 0 && keyText(fromKey) > keyText(toKey)
    ? illegal("firstKey must be smaller than or equal to lastKey.")
    : undefined
}
