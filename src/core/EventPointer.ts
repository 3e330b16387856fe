/**
 * Event pointers: where one event lies, so that it can be fetched again. With the text and the bytes that the Java
 * client gives them.
 *
 * @since 0.1.0
 */
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { MalformedBytes } from "./bytes/MalformedBytes.ts"
import type { MalformedValue } from "./MalformedValue.ts"
import * as Reading from "./Reading.ts"
import { ScopedStream } from "./ScopedStream.ts"
import * as Segment from "./Segment.ts"
import * as Serialization from "./Serialization.ts"

/** The header in front of each event's payload in a segment, in bytes. */
const headerLength = 8

/**
 * An event's place: segment, offset, and length in bytes, its 8-byte header included.
 *
 * @category models
 * @since 0.1.0
 */
export class EventPointer extends Schema.Class<EventPointer>("effect-pravega/EventPointer")({
  stream: ScopedStream,
  segment: Segment.SegmentId,
  /** Where the event's header starts. */
  offset: Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: Serialization.maxCompactLong })),
  /** Header and payload, in bytes. */
  length: Schema.Int.check(Schema.isBetween({ minimum: headerLength, maximum: Serialization.maxCompactInt }))
}) {
  /** Reads the text form, `segment:offset-length`. */
  static readonly fromText = (text: string): Result.Result<EventPointer, MalformedValue> => {
    return Reading.attempt("EventPointer", "text", () => {
      const match = /^(.+):([0-9]+)-([0-9]+)$/.exec(text)
      if (match === null) throw new MalformedBytes("not of the form segment:offset-length")
      const [, segment = "", offset = "", length = ""] = match
      return make(segment, Reading.long(offset), Number(length))
    })
  }

  /** The bytes that Java's `EventPointer.toBytes` gives. */
  static readonly toBytes = (pointer: EventPointer): Uint8Array => Serialization.toBytes(write, pointer)

  /** Reads the bytes of Java's `EventPointer.toBytes`. */
  static readonly fromBytes = (bytes: Uint8Array): Result.Result<EventPointer, MalformedValue> =>
    Reading.fromBytes("EventPointer", bytes, read)

  /** The text form, the same as Java's: `scope/stream/number.#epoch.epoch:offset-length`. */
  override toString(): string {
    return `${Segment.name(this.stream, this.segment)}:${this.offset}-${this.length}`
  }
}

const version = 0

const write: Serialization.Write<EventPointer> = (writer, pointer) =>
  Serialization.writeEnvelope(writer, version, [(body) => {
    body.utf(Segment.name(pointer.stream, pointer.segment))
    Serialization.writeCompactLong(body, pointer.offset)
    Serialization.writeCompactInt(body, pointer.length)
  }])

const read: Serialization.Read<EventPointer> = (reader) => {
  const body = Serialization.readEnvelope(reader, [version]).revision(0)
  return make(body.utf(), Serialization.readCompactLong(body), Serialization.readCompactInt(body))
}

const make = (segmentName: string, offset: bigint, length: number): EventPointer => {
  const { id, stream } = Reading.segment(segmentName)
  if (offset > Serialization.maxCompactLong) throw new MalformedBytes(`offset ${offset}`)
  if (length < headerLength || length > Serialization.maxCompactInt) throw new MalformedBytes(`length ${length}`)
  return new EventPointer({ stream, segment: id, offset, length })
}
