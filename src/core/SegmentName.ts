/**
 * Segment names, read: `scope/stream/number.#epoch.epoch`, what may follow it, and the other forms that Pravega uses. A
 * name is read from the right, since only its last element holds number and epoch.
 *
 * Names are written in `Segment`.
 *
 * @see `NameUtils` of Pravega 0.13.0
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ScopedStream } from "./ScopedStream.ts"
import { ScopeName } from "./ScopeName.ts"
import { makeId, name as nameOf, type SegmentId } from "./Segment.ts"
import { StreamName } from "./StreamName.ts"
import * as TransactionId from "./TransactionId.ts"

/** A segment of a stream itself. @category models @since 0.1.0 */
export interface StreamSegment {
  readonly _tag: "StreamSegment"
  readonly stream: ScopedStream
  readonly id: SegmentId
}

/**
 * A transaction's part of a segment, `<segment>#transaction.<32 digits>`; `id` carries the transaction's epoch.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransactionSegment {
  readonly _tag: "TransactionSegment"
  readonly stream: ScopedStream
  readonly id: SegmentId
  readonly transaction: TransactionId.TransactionId
}

/**
 * A segment that a large event is put together in, `<segment>#transient.<32 digits>.<32 digits>`: the writer's UUID, then
 * a random one.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransientSegment {
  readonly _tag: "TransientSegment"
  readonly stream: ScopedStream
  readonly id: SegmentId
  /** As 32 digits. */
  readonly writer: string
  /** As 32 digits. */
  readonly nonce: string
}

/** A segment of a key-value table, `scope/<table>_kvtable/<number>.#epoch.<epoch>`. @category models @since 0.1.0 */
export interface TableSegment {
  readonly _tag: "TableSegment"
  readonly scope: ScopeName
  readonly table: string
  readonly id: SegmentId
}

/** @category models @since 0.1.0 */
export type SegmentName = StreamSegment | TransactionSegment | TransientSegment | TableSegment

/**
 * Reads a segment's name. None, if it is no segment's name, or that of a segment which a store keeps for itself (it contains
 * `$`). Names of old streams have no epoch: it is 0.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (name: string): Option.Option<SegmentName> => {
  const match = pattern.exec(name)
  if (match === null) return Option.none()
  const [, scope = "", container = "", number = "", epoch = "0", transaction, writer, nonce = ""] = match
  if (!isScopeName(scope) || !isInt31(number) || !isInt31(epoch)) return Option.none()
  const id = makeId(Number(number), Number(epoch))
  if (container.endsWith(tableSuffix)) {
    const table = container.slice(0, -tableSuffix.length)
    const isTable = isStreamName(table) && transaction === undefined && writer === undefined
    return isTable ? Option.some({ _tag: "TableSegment", scope, table, id }) : Option.none()
  }
  if (!isStreamName(container)) return Option.none()
  const stream = new ScopedStream({ scope, stream: container })
  if (transaction !== undefined) {
    return Option.some({ _tag: "TransactionSegment", stream, id, transaction: TransactionId.fromHex(transaction) })
  }
  if (writer !== undefined) return Option.some({ _tag: "TransientSegment", stream, id, writer, nonce })
  return Option.some({ _tag: "StreamSegment", stream, id })
}

/**
 * The name of the stream segment that a transaction or transient segment is made for; the name itself for others.
 *
 * @category getters
 * @since 0.1.0
 */
export const parent = (name: string): string => name.replace(suffix, "")

/** The name of a table's segment. @category naming @since 0.1.0 */
export const table = (scope: ScopeName, table: string, id: SegmentId): string =>
  nameOf({ scope, stream: `${table}${tableSuffix}` }, id)

const tableSuffix = "_kvtable"
const suffix = /#(?:transaction\.[0-9a-f]{32}|transient\.[0-9a-f]{32}\.[0-9a-f]{32})$/
const pattern = new RegExp(
  "^([^/]+)/([^/]+)/([0-9]+)(?:\\.#epoch\\.([0-9]+))?" +
    "(?:#transaction\\.([0-9a-f]{32})|#transient\\.([0-9a-f]{32})\\.([0-9a-f]{32}))?$"
)
const isScopeName = Schema.is(ScopeName)
const isStreamName = Schema.is(StreamName)
const isInt31 = (digits: string): boolean => Number(digits) <= 0x7fffffff
