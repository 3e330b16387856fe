/**
 * Stream cuts: a position over all segments of a stream, with the text and the bytes that the Java client gives them.
 *
 * The order of cuts, their distance and their validity need to know the stream's segments: `StreamCutOrder`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"
import type { ByteReader } from "./bytes/ByteReader.ts"
import * as GzipText from "./bytes/GzipText.ts"
import { MalformedBytes } from "./bytes/MalformedBytes.ts"
import type { MalformedValue } from "./MalformedValue.ts"
import * as Reading from "./Reading.ts"
import { ScopedStream } from "./ScopedStream.ts"
import * as Segment from "./Segment.ts"
import * as Serialization from "./Serialization.ts"

/** The largest that the bytes can hold: 2^62 - 2, that is epochs below 2^30. Text could hold more. */
const maxSegmentId = Serialization.maxCompactLong
/** The largest that the bytes can hold: 2^61 - 2, two exbibytes. */
const maxOffset = Serialization.maxCompactSignedLong

/** What Java calls `StreamCut.UNBOUNDED`. As a start it means the stream's head, as an end it means no end. @category models @since 0.1.0 */
export type Unbounded = "unbounded"

/**
 * A position in a stream: an offset in bytes for each of some segments that together cover the key space once.
 *
 * **Details**
 *
 * Offset -1 means that the segment is sealed and completely read. The order of the entries is kept, also in text and bytes, but
 * it means nothing.
 *
 * **Gotchas**
 *
 * Segments of epochs from 2^30 on and offsets above 2^61 - 2 are refused: Java's bytes have no room for them.
 *
 * **Example**
 *
 * ```ts
 * import { StreamCut } from "effect-pravega"
 * import { Result } from "effect"
 *
 * // a position kept by a Java program, or by the Spark or Flink connector
 * const resume = (text: string) =>
 *   Result.map(StreamCut.fromText(text), (cut) => (cut === "unbounded" ? "earliest" : cut))
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export class StreamCut extends Schema.Class<StreamCut>("effect-pravega/StreamCut")({
  stream: ScopedStream,
  positions: Schema.ReadonlyMap(
    Segment.SegmentId.check(Schema.isLessThanOrEqualToBigInt(maxSegmentId)),
    Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: Segment.fullyRead, maximum: maxOffset }))
  )
}) {
  /**
   * The text that Java's `StreamCut.asText` gives, apart from gzip's headers: Base64 of gzip. The Spark and Flink connectors
   * store and show it. The text of an unbounded cut is `UNBOUNDED`.
   */
  static readonly toText = (cut: StreamCut | Unbounded): string =>
    cut === "unbounded" ? unboundedText : GzipText.pack(plainText(cut))

  /**
   * Reads the text of Java's `StreamCut.asText`. A cut of more than 20,000 segments is refused before it is read: a few
   * bytes of text could stand for millions.
   */
  static readonly fromText = (text: string): Result.Result<StreamCut | Unbounded, MalformedValue> => {
    return Reading.attempt(
      "StreamCut",
      "text",
      () => text === unboundedText ? "unbounded" : fromPlainText(GzipText.unpack(text, maxTextBytes))
    )
  }

  /** The bytes that Java's `StreamCut.toBytes` gives; none for an unbounded cut. */
  static readonly toBytes = (cut: StreamCut | Unbounded): Uint8Array =>
    cut === "unbounded" ? new Uint8Array() : Serialization.toBytes(writeStreamCut, cut)

  /** Reads the bytes of Java's `StreamCut.toBytes`, those of older clients (version 0) too. */
  static readonly fromBytes = (bytes: Uint8Array): Result.Result<StreamCut | Unbounded, MalformedValue> =>
    bytes.length === 0 ? Result.succeed("unbounded") : Reading.fromBytes("StreamCut", bytes, readStreamCut)

  /** The text before it is packed, for logs, and for comparing what two libraries wrote. */
  override toString(): string {
    return plainText(this)
  }
}

/**
 * A stream cut in its text form (see `StreamCut.toText`). `UNBOUNDED` is refused. `Schema.toCodecJson(StreamCut)` gives JSON
 * that people can read.
 *
 * **Example**
 *
 * ```ts
 * import { StreamCutFromText } from "effect-pravega"
 * import { Schema } from "effect"
 *
 * const Bookmark = Schema.Struct({ user: Schema.String, position: StreamCutFromText })
 * ```
 *
 * @category schemas
 * @since 0.1.0
 */
export const StreamCutFromText = Schema.String.pipe(
  Schema.decodeTo(
    Schema.toType(StreamCut),
    SchemaTransformation.transformEffect({
      decode: (text: string, options) => {
        const cut = Result.map(StreamCut.fromText(text), (read) => read === "unbounded" ? undefined : read)
        const issue = (message: string) => Effect.fail(new SchemaIssue.InvalidValue({ message }, text, options))
        if (Result.isFailure(cut)) return issue(cut.failure.message)
        return cut.success === undefined ? issue("an unbounded stream cut") : Effect.succeed(cut.success)
      },
      encode: (cut: StreamCut) => Effect.succeed(StreamCut.toText(cut))
    })
  )
)

// -----------------------------------------------------------------------------
// text: 0:scope/stream:numbers:epochs:offsets, the three lists in the same order
// -----------------------------------------------------------------------------

const unboundedText = "UNBOUNDED"
/** Streams have hundreds of segments, thousands at the most. */
const maxTextSegments = 20_000
/** As many of the longest numbers with a comma each, and a stream's name. */
const maxTextBytes = 1024 * 1024
const textVersion = "0"

const plainText = (cut: StreamCut): string => {
  const ids = [...cut.positions.keys()]
  return [
    textVersion,
    cut.stream.toString(),
    ids.map(Segment.number).join(","),
    ids.map(Segment.epoch).join(","),
    [...cut.positions.values()].join(",")
  ].join(":")
}

const fromPlainText = (text: string): StreamCut => {
  const [version, stream, numbers, epochs, offsets, ...rest] = text.split(":", 6)
  if (version !== textVersion) throw new MalformedBytes(`version "${version?.slice(0, 20)}", known is ${textVersion}`)
  if (
    stream === undefined || numbers === undefined || epochs === undefined || offsets === undefined || rest.length > 0
  ) {
    throw new MalformedBytes("five parts with colons between them are needed")
  }
  const numberList = list(numbers)
  const epochList = list(epochs)
  const offsetList = list(offsets)
  if (numberList.length !== epochList.length || numberList.length !== offsetList.length) {
    throw new MalformedBytes("as many epochs and offsets as segments are needed")
  }
  const positions = numberList.map((number, i) => {
    return [Reading.segmentIdOf(number, epochList[i]!), Reading.long(offsetList[i]!)] as const
  })
  return make(Reading.stream(stream), positions)
}

const list = (text: string): ReadonlyArray<string> => {
  if (text === "") return []
  // one more than is taken tells that there are more
  const items = text.split(",", maxTextSegments + 1)
  if (items.length > maxTextSegments) throw new MalformedBytes(`more than ${maxTextSegments} segments`)
  return items
}

// -----------------------------------------------------------------------------
// bytes: version 0 had unsigned offsets
// -----------------------------------------------------------------------------

const bytesVersion = 1

/** @internal @category encoding @since 0.1.0 */
export const writeStreamCut: Serialization.Write<StreamCut> = (writer, cut) =>
  Serialization.writeEnvelope(writer, bytesVersion, [(body) => {
    body.utf(cut.stream.toString())
    Serialization.writeMap(
      body,
      cut.positions,
      Serialization.writeCompactLong,
      Serialization.writeCompactSignedLong
    )
  }])

/** Throws `MalformedBytes`. @internal @category decoding @since 0.1.0 */
export const readStreamCut: Serialization.Read<StreamCut> = (reader: ByteReader) => {
  const envelope = Serialization.readEnvelope(reader, [0, bytesVersion])
  const body = envelope.revision(0)
  const stream = Reading.stream(body.utf())
  const readOffset = envelope.version === 0 ? Serialization.readCompactLong : Serialization.readCompactSignedLong
  return make(stream, Serialization.readMap(body, Serialization.readCompactLong, readOffset))
}

const make = (stream: ScopedStream, positions: Iterable<readonly [bigint, bigint]>): StreamCut => {
  const checked = new Map<Segment.SegmentId, bigint>()
  for (const [id, offset] of positions) {
    const segment = Reading.segmentId(id)
    if (segment > maxSegmentId) throw new MalformedBytes(`segment ${id}, of an epoch from 2^30 on`)
    if (offset < Segment.fullyRead || offset > maxOffset) throw new MalformedBytes(`offset ${offset} of segment ${id}`)
    if (checked.has(segment)) throw new MalformedBytes(`segment ${id} twice`)
    checked.set(segment, offset)
  }
  return new StreamCut({ stream, positions: checked })
}
