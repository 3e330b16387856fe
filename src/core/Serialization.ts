/**
 * Java's serialisation framework for values that outlive a process: an envelope of versions and revisions, and the
 * primitive encodings inside it. Not a codec of any value: stream cuts, positions, checkpoints and the states of reader
 * groups are built on it.
 *
 * ```
 * one type      00 | version u8 | revision count u8 | per revision: id u8, length i32, body
 * one of types  00 | type id u8 | version u8 | revision count u8 | per revision: ...
 * ```
 *
 * Revisions come in the order of their ids, 0, 1, 2, ..., none left out. A new version is incompatible; a revision only
 * adds, so a reader takes those it knows and skips the rest by length.
 * Bytes after the last revision are the caller's: Java often hands out a whole backing buffer, zeros at its end.
 *
 * Plain and synchronous; what is malformed, or does not fit an encoding, throws `MalformedBytes`.
 *
 * @see `VersionedSerializer` and `RevisionDataOutput` of Pravega 0.13.0
 * @internal
 */
import { ByteReader, MalformedBytes } from "./bytes/ByteReader.ts"
import { ByteWriter } from "./bytes/ByteWriter.ts"
import type { KeyRange } from "./KeyRange.ts"

/** @category models @since 0.1.0 */
export type Write<A> = (writer: ByteWriter, value: A) => void
/** @category models @since 0.1.0 */
export type Read<A> = (reader: ByteReader) => A

// -----------------------------------------------------------------------------
// envelope
// -----------------------------------------------------------------------------

/** The only version of the framework itself. */
const formatVersion = 0

/** The version and the bodies of the revisions 0, 1, 2, ... that were found. @category models @since 0.1.0 */
export class Envelope {
  readonly version: number
  private readonly bodies: ReadonlyArray<ByteReader>

  constructor(version: number, bodies: ReadonlyArray<ByteReader>) {
    this.version = version
    this.bodies = bodies
  }

  /** The body of a revision that every writer writes. */
  revision(id: number): ByteReader {
    const body = this.bodies[id]
    if (body === undefined) throw new MalformedBytes(`revision ${id} is missing`)
    return body
  }

  /** The body of a revision that older writers don't know. */
  laterRevision(id: number): ByteReader | undefined {
    return this.bodies[id]
  }
}

/** Writes an envelope with the revisions 0, 1, 2, ... @category encoding @since 0.1.0 */
export const writeEnvelope = (
  writer: ByteWriter,
  version: number,
  revisions: ReadonlyArray<(writer: ByteWriter) => void>
): void => {
  writer.u8(formatVersion)
  writeRevisions(writer, version, revisions)
}

/** Writes an envelope of one type among several. @category encoding @since 0.1.0 */
export const writeTypedEnvelope = (
  writer: ByteWriter,
  typeId: number,
  version: number,
  revisions: ReadonlyArray<(writer: ByteWriter) => void>
): void => {
  writer.u8(formatVersion).u8(typeId)
  writeRevisions(writer, version, revisions)
}

/**
 * Reads an envelope whole: the reader then stands behind it. Fails for a version that is not among `versions`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const readEnvelope = (reader: ByteReader, versions: ReadonlyArray<number>): Envelope => {
  readFormat(reader)
  return readRevisions(reader, versions)
}

/**
 * Reads the envelope of one type among several; `versionsOf` gives the versions known of a type, none if it is unknown.
 *
 * @category decoding
 * @since 0.1.0
 */
export const readTypedEnvelope = (
  reader: ByteReader,
  versionsOf: (typeId: number) => ReadonlyArray<number>
): { readonly typeId: number; readonly envelope: Envelope } => {
  readFormat(reader)
  const typeId = reader.u8()
  const versions = versionsOf(typeId)
  if (versions.length === 0) throw new MalformedBytes(`unknown type ${typeId}`)
  return { typeId, envelope: readRevisions(reader, versions) }
}

/** The bytes that `write` makes of a value. @category encoding @since 0.1.0 */
export const toBytes = <A>(write: Write<A>, value: A): Uint8Array => {
  const writer = new ByteWriter()
  write(writer, value)
  return writer.finish()
}

const readFormat = (reader: ByteReader): void => {
  const format = reader.u8()
  if (format !== formatVersion) throw new MalformedBytes(`unknown serialisation format ${format}`)
}

const writeRevisions = (
  writer: ByteWriter,
  version: number,
  revisions: ReadonlyArray<(writer: ByteWriter) => void>
): void => {
  writer.u8(version).u8(revisions.length)
  revisions.forEach((write, id) => {
    writer.u8(id)
    const lengthAt = writer.length
    writer.i32(0)
    write(writer)
    writer.patchI32(lengthAt, writer.length - lengthAt - 4)
  })
}

const readRevisions = (reader: ByteReader, versions: ReadonlyArray<number>): Envelope => {
  const version = reader.u8()
  if (!versions.includes(version)) throw new MalformedBytes(`unknown version ${version}`)
  const count = reader.u8()
  const bodies: Array<ByteReader> = []
  for (let i = 0; i < count; i++) {
    const id = reader.u8()
    if (id !== i) throw new MalformedBytes(`revision ${id} in place of revision ${i}`)
    bodies.push(subReader(reader, reader.i32()))
  }
  return new Envelope(version, bodies)
}

/** A reader over the next `length` bytes, which the given one skips. */
const subReader = (reader: ByteReader, length: number): ByteReader => {
  const start = reader.position
  reader.view8(length)
  return new ByteReader(reader.bytes, start, start + length)
}

// -----------------------------------------------------------------------------
// compact numbers: the top bits of the first byte give the length; what Java does not write is not read either
// -----------------------------------------------------------------------------

/** 2^30 - 2: Java keeps the largest encodable value to itself. @category constants @since 0.1.0 */
export const maxCompactInt = 0x3ffffffe
/** 2^62 - 2. @category constants @since 0.1.0 */
export const maxCompactLong = (1n << 62n) - 2n
/** 2^61 - 2. @category constants @since 0.1.0 */
export const maxCompactSignedLong = (1n << 61n) - 2n
/** -(2^61 - 1). @category constants @since 0.1.0 */
export const minCompactSignedLong = 1n - (1n << 61n)

/** @category encoding @since 0.1.0 */
export const writeCompactInt: Write<number> = (writer, value) => {
  if (!Number.isInteger(value) || value < 0 || value > maxCompactInt) throw outOfRange(value, 0, maxCompactInt)
  if (value < 1 << 7) writer.u8(value)
  else if (value < 1 << 14) writer.u16(value | 0x8000)
  else writer.i32(value | (3 << 30))
}

/** @category decoding @since 0.1.0 */
export const readCompactInt: Read<number> = (reader) => {
  const first = reader.u8()
  if (first < 0x80) return first
  if (first < 0xc0) return ((first & 0x3f) << 8) | reader.u8()
  const value = ((first & 0x3f) << 24) | (reader.u8() << 16) | reader.u16()
  if (value > maxCompactInt) throw outOfRange(value, 0, maxCompactInt)
  return value
}

/** @category encoding @since 0.1.0 */
export const writeCompactLong: Write<bigint> = (writer, value) => {
  if (value < 0n || value > maxCompactLong) throw outOfRange(value, 0, maxCompactLong)
  if (value < 1n << 6n) writer.u8(Number(value))
  else if (value < 1n << 14n) writer.u16(Number(value) | 0x4000)
  else if (value < 1n << 30n) writer.i32(Number(value) | (2 << 30))
  else writer.i64(BigInt.asIntN(64, value | (3n << 62n)))
}

/** @category decoding @since 0.1.0 */
export const readCompactLong: Read<bigint> = (reader) => {
  const first = reader.u8()
  const value = readPayload(reader, first >> 6, first & 0x3f)
  if (value > maxCompactLong) throw outOfRange(value, 0, maxCompactLong)
  return value
}

/** @category encoding @since 0.1.0 */
export const writeCompactSignedLong: Write<bigint> = (writer, value) => {
  if (value < minCompactSignedLong || value > maxCompactSignedLong) {
    throw outOfRange(value, minCompactSignedLong, maxCompactSignedLong)
  }
  const sign = value < 0n ? 1 : 0
  const magnitude = value < 0n ? -value - 1n : value
  if (magnitude < 1n << 5n) writer.u8(Number(magnitude) | (sign << 7))
  else if (magnitude < 1n << 13n) writer.u16(Number(magnitude) | (sign << 15) | 0x2000)
  else if (magnitude < 1n << 29n) writer.i32(Number(magnitude) | (sign << 31) | (2 << 29))
  else writer.i64(BigInt.asIntN(64, magnitude | (BigInt(sign) << 63n) | (3n << 61n)))
}

/** @category decoding @since 0.1.0 */
export const readCompactSignedLong: Read<bigint> = (reader) => {
  const first = reader.u8()
  const magnitude = readPayload(reader, (first >> 5) & 3, first & 0x1f)
  const value = first >= 0x80 ? -magnitude - 1n : magnitude
  if (value < minCompactSignedLong || value > maxCompactSignedLong) {
    throw outOfRange(value, minCompactSignedLong, maxCompactSignedLong)
  }
  return value
}

/** The rest of a compact number: `first` holds its leading bits, `sizeClass` says how many bytes follow. */
const readPayload = (reader: ByteReader, sizeClass: number, first: number): bigint => {
  switch (sizeClass) {
    case 0:
      return BigInt(first)
    case 1:
      return BigInt((first << 8) | reader.u8())
    case 2:
      return BigInt((first << 24) | (reader.u8() << 16) | reader.u16())
    default: {
      const high = (first << 24) | (reader.u8() << 16) | reader.u16()
      return (BigInt(high) << 32n) | BigInt(reader.i32() >>> 0)
    }
  }
}

const outOfRange = (value: number | bigint, low: number | bigint, high: number | bigint): MalformedBytes =>
  new MalformedBytes(`${value} is outside of ${low} to ${high}`)

// -----------------------------------------------------------------------------
// composites
// -----------------------------------------------------------------------------

/** @category encoding @since 0.1.0 */
export const writeUtf: Write<string> = (writer, text) => {
  writer.utf(text)
}
/** @category decoding @since 0.1.0 */
export const readUtf: Read<string> = (reader) => reader.utf()

/** @category encoding @since 0.1.0 */
export const writeI64: Write<bigint> = (writer, value) => {
  writer.i64(value)
}
/** @category decoding @since 0.1.0 */
export const readI64: Read<bigint> = (reader) => reader.i64()

/** Java's byte arrays and buffers. @category encoding @since 0.1.0 */
export const writeArray: Write<Uint8Array> = (writer, bytes) => {
  writeCompactInt(writer, bytes.length)
  writer.bytes(bytes)
}

/** A view, not a copy. @category decoding @since 0.1.0 */
export const readArray: Read<Uint8Array> = (reader) => reader.view8(readCompactInt(reader))

/** @category encoding @since 0.1.0 */
export const writeCollection = <A>(writer: ByteWriter, items: ReadonlyArray<A>, write: Write<A>): void => {
  writeCompactInt(writer, items.length)
  for (const item of items) write(writer, item)
}

/** @category decoding @since 0.1.0 */
export const readCollection = <A>(reader: ByteReader, read: Read<A>): Array<A> => {
  const count = readCount(reader)
  const items: Array<A> = []
  for (let i = 0; i < count; i++) items.push(read(reader))
  return items
}

/** @category encoding @since 0.1.0 */
export const writeMap = <K, V>(
  writer: ByteWriter,
  map: ReadonlyMap<K, V>,
  writeKey: Write<K>,
  writeValue: Write<V>
): void => {
  writeCompactInt(writer, map.size)
  for (const [key, value] of map) {
    writeKey(writer, key)
    writeValue(writer, value)
  }
}

/**
 * The entries in the order they were written. Keys are compared as JavaScript does, so they must be primitives; one that
 * comes twice is refused, since no map wrote it.
 *
 * @category decoding
 * @since 0.1.0
 */
export const readMap = <K extends string | bigint | number, V>(
  reader: ByteReader,
  readKey: Read<K>,
  readValue: Read<V>
): Map<K, V> => {
  const count = readCount(reader)
  const map = new Map<K, V>()
  for (let i = 0; i < count; i++) {
    const key = readKey(reader)
    if (map.has(key)) throw new MalformedBytes(`the key ${key} comes twice`)
    map.set(key, readValue(reader))
  }
  return map
}

/** No range is -1, -1. @category encoding @since 0.1.0 */
export const writeRange: Write<KeyRange | undefined> = (writer, range) => {
  writer.f64(range?.low ?? -1).f64(range?.high ?? -1)
}

/** Java takes a range with any bound below zero for none. @category decoding @since 0.1.0 */
export const readRange: Read<KeyRange | undefined> = (reader) => {
  const low = reader.f64()
  const high = reader.f64()
  return low < 0 || high < 0 ? undefined : { low, high }
}

/** An element takes a byte at least: a larger count is refused before anything is allocated for it. */
const readCount = (reader: ByteReader): number => {
  const count = readCompactInt(reader)
  if (count > reader.remaining) throw new MalformedBytes(`${count} elements announced, ${reader.remaining} bytes left`)
  return count
}
