/**
 * Watermarks: the events that the controller writes to a stream's mark stream, in the bytes that it gives them. Not the
 * event-time watermarks of a pipeline, which may be made from them.
 *
 * @since 0.1.0
 */
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { MalformedBytes } from "./bytes/MalformedBytes.ts"
import { KeyRange } from "./KeyRange.ts"
import type { MalformedValue } from "./MalformedValue.ts"
import * as Reading from "./Reading.ts"
import { SegmentId } from "./Segment.ts"
import * as Serialization from "./Serialization.ts"

const Long = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: -(1n << 63n), maximum: (1n << 63n) - 1n }))

/**
 * What the writers of a stream noted about its time, as of a position in all its segments.
 *
 * @category models
 * @since 0.1.0
 */
export class Watermark extends Schema.Class<Watermark>("effect-pravega/Watermark")({
  /** The least of the times that the stream's writers had noted, in their own unit. */
  lowerTime: Long,
  /** The greatest of them. */
  upperTime: Long,
  /** The position: an offset per segment. The order is kept, but it means nothing. */
  positions: Schema.Array(Schema.Struct({ segment: SegmentId, range: KeyRange, offset: Long }))
}) {
  /** The bytes that the controller writes. */
  static readonly toBytes = (watermark: Watermark): Uint8Array => Serialization.toBytes(write, watermark)

  /** Reads the bytes that the controller writes. */
  static readonly fromBytes = (bytes: Uint8Array): Result.Result<Watermark, MalformedValue> =>
    Reading.fromBytes("Watermark", bytes, read)
}

const version = 0
const segmentVersion = 0

type SegmentOffset = Watermark["positions"][number]

const write: Serialization.Write<Watermark> = (writer, { lowerTime, positions, upperTime }) =>
  Serialization.writeEnvelope(writer, version, [(body) => {
    body.i64(lowerTime).i64(upperTime)
    Serialization.writeCollection(body, positions, writePosition)
  }])

const read: Serialization.Read<Watermark> = (reader) => {
  const body = Serialization.readEnvelope(reader, [version]).revision(0)
  return new Watermark({
    lowerTime: body.i64(),
    upperTime: body.i64(),
    positions: Serialization.readCollection(body, readPosition)
  })
}

/** An entry of Java's map: the key is an envelope of its own. */
const writePosition: Serialization.Write<SegmentOffset> = (writer, { offset, range, segment }) => {
  Serialization.writeEnvelope(writer, segmentVersion, [(key) => key.i64(segment).f64(range.low).f64(range.high)])
  writer.i64(offset)
}

const readPosition: Serialization.Read<SegmentOffset> = (reader) => {
  const key = Serialization.readEnvelope(reader, [segmentVersion]).revision(0)
  const segment = Reading.segmentId(key.i64())
  const range = { low: key.f64(), high: key.f64() }
  if (!Number.isFinite(range.low) || !Number.isFinite(range.high)) {
    throw new MalformedBytes(`key range from ${range.low} to ${range.high}`)
  }
  return { segment, range, offset: reader.i64() }
}
