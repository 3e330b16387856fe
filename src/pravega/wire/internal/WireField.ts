/**
 * The field types that wire commands are made of, and how each is read and written. It knows no command: `WireCommand.ts`
 * is the table of those, `WireCodec.ts` puts the two together.
 *
 * Facts: Pravega 0.13's `WireCommands`, fixed by vectors that its Java library made.
 */
import { ByteReader, MalformedBytes } from "../../../core/bytes/ByteReader.ts"
import { ByteWriter } from "../../../core/bytes/ByteWriter.ts"

/** A chunk of a segment in long-term storage. Lengths and offsets in bytes. @category models @since 0.1.0 */
export interface ChunkInfo {
  readonly lengthInMetadata: bigint
  readonly lengthInStorage: bigint
  readonly startOffset: bigint
  readonly chunkName: string
  readonly existsInStorage: boolean
}

/**
 * `attributeUpdateType`: 0 set, 1 replace, 2 replace if greater, 3 accumulate, 4 replace if equal.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConditionalAttributeUpdate {
  readonly attributeId: string
  readonly attributeUpdateType: number
  readonly newValue: bigint
  readonly oldValue: bigint
}

/** @category models @since 0.1.0 */
export interface MergedSource {
  readonly source: string
  readonly newTargetWriteOffset: bigint
}

/** An empty key carries no version: it reads as -2^63. @category models @since 0.1.0 */
export interface TableKey {
  readonly data: Uint8Array
  readonly keyVersion: bigint
}

/** @category models @since 0.1.0 */
export interface TableEntry {
  readonly key: TableKey
  readonly value: Uint8Array
}

/**
 * Each may be absent from the end of a frame, and is empty then. `prefixFilter` is always empty since Pravega 0.10.
 *
 * @category models
 * @since 0.1.0
 */
export interface TableIteratorArgs {
  readonly continuationToken: Uint8Array
  readonly prefixFilter: Uint8Array
  readonly fromKey: Uint8Array
  readonly toKey: Uint8Array
}

/**
 * The field types by name, and what each is in TypeScript. Numbers are big-endian and signed.
 *
 * @category models
 * @since 0.1.0
 */
export interface FieldTypes {
  readonly i8: number
  readonly i32: number
  readonly i64: bigint
  /** One byte; any but zero is true. */
  readonly bool: boolean
  /** u16 byte count, modified UTF-8. */
  readonly utf: string
  /** 16 bytes; lower-case text with hyphens. */
  readonly uuid: string
  /** i32 count, bytes. */
  readonly bytes32: Uint8Array
  /** All bytes up to the end of the frame. */
  readonly rest: Uint8Array
  /** The frame's length: its bytes mean nothing, and are written as zeros. */
  readonly zeros: number
  /** A framed event: i32 0, i32 count, bytes. */
  readonly event: Uint8Array
  /** i32 4+n, i32 n, n bytes. */
  readonly TableValue: Uint8Array
  /** i32 4+n+8, i32 n, n bytes, i64 version; empty: i32 12, i32 0. */
  readonly TableKey: TableKey
  readonly TableEntry: TableEntry
  readonly TableIteratorArgs: TableIteratorArgs
  readonly ChunkInfo: ChunkInfo
  readonly ConditionalAttributeUpdate: ConditionalAttributeUpdate
  readonly MergedSource: MergedSource
  /** Lists: i32 count, items. */
  readonly "list<i64>": ReadonlyArray<bigint>
  readonly "list<utf>": ReadonlyArray<string>
  readonly "list<ChunkInfo>": ReadonlyArray<ChunkInfo>
  readonly "list<ConditionalAttributeUpdate>": ReadonlyArray<ConditionalAttributeUpdate>
  readonly "list<MergedSource>": ReadonlyArray<MergedSource>
  readonly "list<TableKey>": ReadonlyArray<TableKey>
  readonly "list<TableEntry>": ReadonlyArray<TableEntry>
}

/** @category models @since 0.1.0 */
export type FieldType = keyof FieldTypes

/** A field that a frame of an older peer may end before; it means `absent` then. @category models @since 0.1.0 */
export interface OptionalField<T extends FieldType> {
  readonly type: T
  readonly absent: FieldTypes[T]
}

/** Fields in wire order, by name. @category models @since 0.1.0 */
export type Fields = Readonly<Record<string, FieldType | { readonly [T in FieldType]: OptionalField<T> }[FieldType]>>

/** @category constructors @since 0.1.0 */
export const absent = <T extends FieldType, const A extends FieldTypes[T]>(type: T, absent: A): {
  readonly type: T
  readonly absent: A
} => ({ type, absent })

const noBytes = new Uint8Array(0)

/** The layouts of the structures that are nothing but their fields in order. @category constants @since 0.1.0 */
export const structs = {
  TableEntry: { key: "TableKey", value: "TableValue" },
  TableIteratorArgs: {
    continuationToken: absent("bytes32", noBytes),
    prefixFilter: absent("bytes32", noBytes),
    fromKey: absent("bytes32", noBytes),
    toKey: absent("bytes32", noBytes)
  },
  ChunkInfo: {
    lengthInMetadata: "i64",
    lengthInStorage: "i64",
    startOffset: "i64",
    chunkName: "utf",
    existsInStorage: "bool"
  },
  ConditionalAttributeUpdate: { attributeId: "uuid", attributeUpdateType: "i8", newValue: "i64", oldValue: "i64" },
  MergedSource: { source: "utf", newTargetWriteOffset: "i64" }
} as const satisfies { readonly [S in FieldType]?: LayoutOf<FieldTypes[S]> }

/** The fields that a struct must have: a layout that forgets or mistypes one does not compile. */
type LayoutOf<A> = { readonly [K in keyof A]: TypeNameOf<A[K]> | OptionalField<TypeNameOf<A[K]>> }
type TypeNameOf<A> = {
  [T in FieldType]: FieldTypes[T] extends A ? (A extends FieldTypes[T] ? T : never) : never
}[FieldType]

/**
 * Collects a frame. Payloads of some size become parts of their own instead of being copied.
 *
 * @category models
 * @since 0.1.0
 */
export class FrameWriter {
  /** What was written since the last part. */
  out: ByteWriter
  private readonly parts: Array<Uint8Array> = []
  private partsLength = 0

  constructor(capacity: number) {
    this.out = new ByteWriter(capacity)
  }

  get length(): number {
    return this.partsLength + this.out.length
  }

  payload(bytes: Uint8Array): void {
    if (bytes.length < payloadPartMinimum) {
      this.out.bytes(bytes)
    } else {
      this.close()
      this.add(bytes)
      this.out = new ByteWriter(64)
    }
  }

  finish(): Array<Uint8Array> {
    this.close()
    return this.parts
  }

  private close(): void {
    if (this.out.length > 0) this.add(this.out.finish())
  }

  private add(part: Uint8Array): void {
    this.parts.push(part)
    this.partsLength += part.length
  }
}

/** Below this a copy is cheaper than another element of a writev. In bytes. */
const payloadPartMinimum = 4096

/** Reads the fields of one frame, in which no list has more than `longestList` items. @category models @since 0.2.0 */
export class FieldReader extends ByteReader {
  readonly longestList: number

  constructor(bytes: Uint8Array, start: number, end: number, longestList: number) {
    super(bytes, start, end)
    this.longestList = longestList
  }
}

/** @category models @since 0.1.0 */
export interface FieldCodec<in out A> {
  readonly read: (from: FieldReader) => A
  readonly write: (to: FrameWriter, value: A) => void
}

/** One field of a layout, ready to be read and written. @category models @since 0.1.0 */
export interface LayoutField {
  readonly name: string
  readonly codec: FieldCodec<unknown>
  readonly isOptional: boolean
  readonly absent: unknown
}

/** Looks the codecs of some fields up once. @category constructors @since 0.1.0 */
export const layout = (fields: Fields): ReadonlyArray<LayoutField> =>
  Object.entries(fields).map(([name, field]) =>
    typeof field === "string"
      ? { name, codec: codecs[field] as FieldCodec<unknown>, isOptional: false, absent: undefined }
      : { name, codec: codecs[field.type] as FieldCodec<unknown>, isOptional: true, absent: field.absent }
  )

/** Reads the fields of `of` into `target`. @category decoding @since 0.1.0 */
export const readFields = (
  of: ReadonlyArray<LayoutField>,
  from: FieldReader,
  target: Record<string, unknown>
): void => {
  for (const field of of) {
    target[field.name] = field.isOptional && from.remaining === 0 ? field.absent : field.codec.read(from)
  }
}

/** Writes all fields of `of`, the optional ones too. @category encoding @since 0.1.0 */
export const writeFields = (
  of: ReadonlyArray<LayoutField>,
  to: FrameWriter,
  source: Readonly<Record<string, unknown>>
): void => {
  for (const field of of) field.codec.write(to, source[field.name])
}

const integer = (value: number, bits: number): number => {
  const limit = 2 ** (bits - 1)
  if (!Number.isInteger(value) || value < -limit || value >= limit) {
    throw new MalformedBytes(`${value} is no ${bits}-bit integer`)
  }
  return value
}

const long = (value: bigint): bigint => {
  if (BigInt.asIntN(64, value) !== value) throw new MalformedBytes(`${value} is no 64-bit integer`)
  return value
}

const list = <A>(item: FieldCodec<A>): FieldCodec<ReadonlyArray<A>> => ({
  read: (from) => {
    const count = from.i32()
    // every item takes at least two bytes, so a count that the frame cannot hold is refused before anything is made
    if (count < 0 || count * 2 > from.remaining) {
      throw new MalformedBytes(`a list of ${count} in ${from.remaining} bytes`)
    }
    if (count > from.longestList) throw new MalformedBytes(`a list of ${count}, which may have ${from.longestList}`)
    const items: Array<A> = []
    for (let i = 0; i < count; i++) items.push(item.read(from))
    return items
  },
  write: (to, value) => {
    to.out.i32(value.length)
    for (const element of value) item.write(to, element)
  }
})

const struct = <A>(fields: Fields): FieldCodec<A> => {
  // made at first use: `codecs` is not complete yet when this runs
  let made: ReadonlyArray<LayoutField> | undefined
  return {
    read: (from) => {
      const target: Record<string, unknown> = {}
      readFields(made ??= layout(fields), from, target)
      return target as A // `structs` is checked against the type
    },
    write: (to, value) => writeFields(made ??= layout(fields), to, value as Readonly<Record<string, unknown>>)
  }
}

const bytes32: FieldCodec<Uint8Array> = {
  read: (from) => from.bytes32(),
  write: (to, value) => {
    to.out.i32(value.length)
    to.payload(value)
  }
}

/** The version of a key that has none: Java's Long.MIN_VALUE. */
const noVersion = -(2n ** 63n)

const tableKey: FieldCodec<TableKey> = {
  read: (from) => {
    const size = from.i32()
    const data = from.bytes32()
    if (data.length === 0) return { data, keyVersion: noVersion }
    if (size < 4 + data.length + 8) throw new MalformedBytes(`table key of ${data.length} bytes in ${size}`)
    return { data, keyVersion: from.i64() }
  },
  write: (to, { data, keyVersion }) => {
    to.out.i32(4 + data.length + 8)
    bytes32.write(to, data)
    if (data.length > 0) to.out.i64(long(keyVersion))
  }
}

const tableValue: FieldCodec<Uint8Array> = {
  read: (from) => {
    const size = from.i32()
    const data = from.bytes32()
    if (size < 4 + data.length) throw new MalformedBytes(`table value of ${data.length} bytes in ${size}`)
    return data
  },
  write: (to, value) => {
    to.out.i32(4 + value.length)
    bytes32.write(to, value)
  }
}

const utf: FieldCodec<string> = {
  read: (from) => from.utf(),
  write: (to, value) => void to.out.utf(value)
}

const i64: FieldCodec<bigint> = {
  read: (from) => from.i64(),
  write: (to, value) => void to.out.i64(long(value))
}

const tableEntry = struct<TableEntry>(structs.TableEntry)
const chunkInfo = struct<ChunkInfo>(structs.ChunkInfo)
const attributeUpdate = struct<ConditionalAttributeUpdate>(structs.ConditionalAttributeUpdate)
const mergedSource = struct<MergedSource>(structs.MergedSource)

/** @category constants @since 0.1.0 */
export const codecs: { readonly [T in FieldType]: FieldCodec<FieldTypes[T]> } = {
  i8: { read: (from) => from.i8(), write: (to, value) => void to.out.i8(integer(value, 8)) },
  i32: { read: (from) => from.i32(), write: (to, value) => void to.out.i32(integer(value, 32)) },
  i64,
  bool: { read: (from) => from.bool(), write: (to, value) => void to.out.bool(value) },
  utf,
  uuid: { read: (from) => from.uuid(), write: (to, value) => void to.out.uuid(value) },
  bytes32,
  rest: { read: (from) => from.rest(), write: (to, value) => to.payload(value) },
  zeros: {
    read: (from) => from.rest().length,
    write: (to, value) => {
      if (!(value >= 0 && value <= 0xff_ffff)) throw new MalformedBytes(`${value} zeros`) // before any are made
      to.payload(new Uint8Array(value))
    }
  },
  event: {
    read: (from) => {
      const type = from.i32()
      if (type !== 0) throw new MalformedBytes(`type code ${type} where an event must be`)
      return from.bytes32()
    },
    write: (to, value) => {
      to.out.i32(0)
      bytes32.write(to, value)
    }
  },
  TableValue: tableValue,
  TableKey: tableKey,
  TableEntry: tableEntry,
  TableIteratorArgs: struct(structs.TableIteratorArgs),
  ChunkInfo: chunkInfo,
  ConditionalAttributeUpdate: attributeUpdate,
  MergedSource: mergedSource,
  "list<i64>": list(i64),
  "list<utf>": list(utf),
  "list<ChunkInfo>": list(chunkInfo),
  "list<ConditionalAttributeUpdate>": list(attributeUpdate),
  "list<MergedSource>": list(mergedSource),
  "list<TableKey>": list(tableKey),
  "list<TableEntry>": list(tableEntry)
}
