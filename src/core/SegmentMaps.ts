/**
 * The pieces that all serialisations of a reader group are made of: maps keyed by segments. Segments are written as full
 * names; names are brought to their canonical form when they are read, since they are map keys here.
 *
 * @internal
 */
import { MalformedBytes } from "./bytes/MalformedBytes.ts"
import type { KeyRange } from "./KeyRange.ts"
import * as SegmentKey from "./SegmentKey.ts"
import type { Positions, RangedOffset, RangedPositions } from "./SegmentPositions.ts"
import * as Serialization from "./Serialization.ts"

const minI64 = -(1n << 63n)
const maxI64 = (1n << 63n) - 1n

/** Java's `long`; a bigint beyond it is refused, not cut off. @category encoding @since 0.1.0 */
export const writeI64: Serialization.Write<bigint> = (writer, value) => {
  if (value < minI64 || value > maxI64) throw new MalformedBytes(`${value} takes more than 64 bits`)
  writer.i64(value)
}

/** @category decoding @since 0.1.0 */
export const readSegment: Serialization.Read<string> = (reader) => SegmentKey.canonical(reader.utf())

/** @category encoding @since 0.1.0 */
export const writePositions: Serialization.Write<Positions> = (writer, positions) =>
  Serialization.writeMap(writer, positions, Serialization.writeUtf, writeI64)

/** @category decoding @since 0.1.0 */
export const readPositions: Serialization.Read<Map<string, bigint>> = (reader) =>
  Serialization.readMap(reader, readSegment, Serialization.readI64)

/** The offsets alone, as the first revisions hold them. @category encoding @since 0.1.0 */
export const writeOffsets: Serialization.Write<RangedPositions> = (writer, positions) =>
  Serialization.writeMap(writer, positions, Serialization.writeUtf, (w, at) => writeI64(w, at.offset))

/** seg, range, i64 offset. @category encoding @since 0.1.0 */
export const writeRangedPositions: Serialization.Write<RangedPositions> = (writer, positions) => {
  Serialization.writeCompactInt(writer, positions.size)
  for (const [segment, at] of positions) {
    writer.utf(segment)
    Serialization.writeRange(writer, at.range)
    writeI64(writer, at.offset)
  }
}

/** @category decoding @since 0.1.0 */
export const readRangedPositions: Serialization.Read<RangedPositions> = (reader) => {
  const offsets = new Map<string, RangedOffset>()
  for (const [segment, at] of Serialization.readCollection(reader, readRangedEntry)) offsets.set(segment, at)
  return offsets
}

const readRangedEntry: Serialization.Read<readonly [string, RangedOffset]> = (reader) => {
  const segment = readSegment(reader)
  const range = Serialization.readRange(reader)
  return [segment, { offset: reader.i64(), range }]
}

/** @category models @since 0.1.0 */
export type Ranges = ReadonlyMap<string, KeyRange | undefined>

/** @category encoding @since 0.1.0 */
export const writeRanges: Serialization.Write<Ranges> = (writer, ranges) =>
  Serialization.writeMap(writer, ranges, Serialization.writeUtf, Serialization.writeRange)

/** @category decoding @since 0.1.0 */
export const readRanges: Serialization.Read<Ranges> = (reader) =>
  Serialization.readMap(reader, readSegment, Serialization.readRange)

/**
 * Joins offsets of a first revision with the ranges that a later one may have brought.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withRanges = (positions: Positions, ranges: Ranges): RangedPositions => {
  const ranged = new Map<string, RangedOffset>()
  for (const [segment, offset] of positions) ranged.set(segment, { offset, range: ranges.get(segment) })
  return ranged
}

/** @category constants @since 0.1.0 */
export const noRanges: Ranges = new Map()
