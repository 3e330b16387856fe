/**
 * Positions: how far a reader of a group has read, in the segments that it owns, with the bytes that the Java client
 * gives them. Not a stream cut: it covers one reader's segments, of all the group's streams.
 *
 * @since 0.1.0
 */
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { MalformedBytes } from "./bytes/MalformedBytes.ts"
import { KeyRange } from "./KeyRange.ts"
import type { MalformedValue } from "./MalformedValue.ts"
import * as Reading from "./Reading.ts"
import { ScopedStream } from "./ScopedStream.ts"
import * as Segment from "./Segment.ts"
import * as Serialization from "./Serialization.ts"

/** An offset below zero is written as the largest compact number there is. */
const fullyReadBytes = Serialization.maxCompactLong

/** How far one segment was read. @category schemas @since 0.1.0 */
export const SegmentPosition = Schema.Struct({
  stream: ScopedStream,
  segment: Segment.SegmentId,
  /** The first byte not read; -1: the segment is completely read. */
  offset: Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: Segment.fullyRead, maximum: fullyReadBytes - 1n })),
  /** Absent when the reader that wrote it didn't know. */
  range: Schema.optionalKey(KeyRange)
})
/** @category models @since 0.1.0 */
export type SegmentPosition = typeof SegmentPosition.Type

/**
 * How far a reader has read. The order of the segments is kept, but it means nothing.
 *
 * @category models
 * @since 0.1.0
 */
export class Position extends Schema.Class<Position>("effect-pravega/Position")({
  segments: Schema.Array(SegmentPosition)
}) {
  /** The bytes that Java's `Position.toBytes` gives. */
  static readonly toBytes = (position: Position): Uint8Array => Serialization.toBytes(write, position)

  /** Reads the bytes of Java's `Position.toBytes`, those of older clients (without ranges) too. */
  static readonly fromBytes = (bytes: Uint8Array): Result.Result<Position, MalformedValue> =>
    Reading.fromBytes("Position", bytes, read)
}

const version = 0

const write: Serialization.Write<Position> = (writer, { segments }) => {
  const named = segments.map((position) => ({ name: Segment.name(position.stream, position.segment), position }))
  const offsets = new Map(named.map(({ name, position }) => [name, position.offset]))
  const ranges = new Map(named.map(({ name, position }) => [name, position.range]))
  Serialization.writeEnvelope(writer, version, [
    (body) => Serialization.writeMap(body, offsets, Serialization.writeUtf, writeOffset),
    (body) => Serialization.writeMap(body, ranges, Serialization.writeUtf, Serialization.writeRange)
  ])
}

const read: Serialization.Read<Position> = (reader) => {
  const envelope = Serialization.readEnvelope(reader, [version])
  const offsets = Serialization.readMap(envelope.revision(0), Serialization.readUtf, readOffset)
  const later = envelope.laterRevision(1)
  const ranges = later === undefined
    ? new Map<string, KeyRange | undefined>()
    : Serialization.readMap(later, Serialization.readUtf, Serialization.readRange)
  return new Position({
    segments: Array.from(offsets, ([name, offset]) => {
      const { id, stream } = Reading.segment(name)
      const range = ranges.get(name)
      return { stream, segment: id, offset, ...(range === undefined ? {} : { range: finite(range) }) }
    })
  })
}

const writeOffset: Serialization.Write<bigint> = (writer, offset) =>
  Serialization.writeCompactLong(writer, offset < 0n ? fullyReadBytes : offset)

const readOffset: Serialization.Read<bigint> = (reader) => {
  const offset = Serialization.readCompactLong(reader)
  return offset === fullyReadBytes ? Segment.fullyRead : offset
}

const finite = (range: KeyRange): KeyRange => {
  if (!Number.isFinite(range.low) || !Number.isFinite(range.high)) {
    throw new MalformedBytes(`key range from ${range.low} to ${range.high}`)
  }
  return range
}
