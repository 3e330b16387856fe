import { assert, describe, it } from "@effect/vitest"
import * as Hex from "effect/encoding/Hex"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { ByteReader } from "../../src/core/bytes/ByteReader.ts"
import * as GzipText from "../../src/core/bytes/GzipText.ts"
import { Checkpoint } from "../../src/core/Checkpoint.ts"
import { EventPointer } from "../../src/core/EventPointer.ts"
import { Position } from "../../src/core/Position.ts"
import * as Reading from "../../src/core/Reading.ts"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import { ScopeName } from "../../src/core/ScopeName.ts"
import { SegmentId } from "../../src/core/Segment.ts"
import * as Serialization from "../../src/core/Serialization.ts"
import { StreamCut } from "../../src/core/StreamCut.ts"
import { StreamName } from "../../src/core/StreamName.ts"
import { Watermark } from "../../src/core/Watermark.ts"
import { readVectors } from "../vectors/vectors.ts"

const Long = Schema.BigIntFromString
const Id = Schema.toCodecJson(SegmentId)
const Bytes = Schema.Uint8ArrayFromHex
const Range = Schema.NullOr(Schema.Tuple([Schema.Finite, Schema.Finite]))
const encoded = { bytesHex: Bytes, byteExact: Schema.Boolean }

const BoundedCut = Schema.Struct({
  unbounded: Schema.Literal(false),
  scope: ScopeName,
  stream: StreamName,
  positions: Schema.Array(Schema.Struct({ segmentId: Id, offset: Long })),
  decompressedText: Schema.String,
  text: Schema.optionalKey(Schema.String),
  ...encoded
})
const UnboundedCut = Schema.Struct({ unbounded: Schema.Literal(true), text: Schema.String, bytesHex: Bytes })
const Cut = Schema.Union([BoundedCut, UnboundedCut])

const vectors = Schema.decodeUnknownSync(Schema.Struct({
  primitives: Schema.Struct({
    compactLong: Schema.Array(Schema.Struct({ value: Long, hex: Bytes })),
    compactSignedLong: Schema.Array(Schema.Struct({ value: Long, hex: Bytes })),
    compactInt: Schema.Array(Schema.Struct({ value: Schema.Int, hex: Bytes })),
    utf: Schema.Array(Schema.Struct({ value: Schema.String, hex: Bytes })),
    misc: Schema.Array(Schema.Union([
      Schema.Struct({ type: Schema.Literal("uuid"), value: Schema.String, hex: Bytes }),
      Schema.Struct({ type: Schema.Literal("double"), value: Schema.Finite, hex: Bytes }),
      Schema.Struct({ type: Schema.Literal("long"), value: Long, hex: Bytes }),
      Schema.Struct({ type: Schema.Literal("int"), value: Schema.Int, hex: Bytes }),
      Schema.Struct({ type: Schema.Literal("boolean"), value: Schema.Boolean, hex: Bytes }),
      Schema.Struct({ type: Schema.Literal("byteArray"), value: Bytes, hex: Bytes }),
      Schema.Struct({ type: Schema.Literal("collection<long>"), value: Schema.Array(Long), hex: Bytes }),
      Schema.Struct({
        type: Schema.Literal("map<utf,compactLong>"),
        value: Schema.Array(Schema.Struct({ key: Schema.String, value: Long })),
        hex: Bytes
      })
    ])),
    envelope: Schema.Struct({
      oneRevision: Schema.Struct({ name: Schema.String, hex: Bytes }),
      twoRevisions: Schema.Struct({ name: Schema.String, extra: Long, hex: Bytes })
    })
  }),
  streamCuts: Schema.Array(Cut),
  streamCutsVersion0: Schema.Array(BoundedCut),
  eventPointers: Schema.Array(Schema.Struct({
    segment: Schema.String,
    eventStartOffset: Long,
    eventLength: Schema.Int,
    text: Schema.String,
    ...encoded
  })),
  positions: Schema.Array(Schema.Struct({
    ownedSegments: Schema.Array(Schema.Struct({ segment: Schema.String, offset: Long })),
    segmentRanges: Schema.Array(Schema.Struct({ segment: Schema.String, range: Range })),
    ...encoded
  })),
  checkpoints: Schema.Array(Schema.Struct({
    name: Schema.String,
    positions: Schema.Array(Schema.Struct({ stream: Schema.String, cut: BoundedCut })),
    ...encoded
  })),
  watermarks: Schema.Array(Schema.Struct({
    lowerTimeBound: Long,
    upperTimeBound: Long,
    streamCut: Schema.Array(Schema.Struct({
      segmentId: Id,
      range: Schema.Tuple([Schema.Finite, Schema.Finite]),
      offset: Long
    })),
    ...encoded
  }))
}))(readVectors("serialization"))

const hex = (bytes: Uint8Array): string => Hex.encode(bytes)

/** The same entries, in whatever order: that of a Java hash map says nothing. */
const unordered = <A>(items: Iterable<A>, key: (item: A) => unknown): Record<string, A> =>
  Object.fromEntries(Array.from(items, (item) => [String(key(item)), item] as const))

/** Encodes to the vector's bytes, where their order is the value's, and decodes from them. */
const checkBytes = <A>(options: {
  readonly value: A
  readonly vector: { readonly bytesHex: Uint8Array; readonly byteExact: boolean }
  readonly toBytes: (value: A) => Uint8Array
  readonly fromBytes: (bytes: Uint8Array) => Result.Result<A, Error>
  readonly comparable: (value: A) => unknown
}) => {
  const { comparable, fromBytes, toBytes, value, vector } = options
  if (vector.byteExact) assert.strictEqual(hex(toBytes(value)), hex(vector.bytesHex))
  assert.strictEqual(toBytes(value).length, vector.bytesHex.length)
  assert.deepStrictEqual(comparable(Result.getOrThrow(fromBytes(vector.bytesHex))), comparable(value))
  assert.deepStrictEqual(comparable(Result.getOrThrow(fromBytes(toBytes(value)))), comparable(value))
}

const roundTrip = <A>(
  value: A,
  bytes: Uint8Array,
  write: Serialization.Write<A>,
  read: Serialization.Read<A>
): void => {
  assert.strictEqual(hex(Serialization.toBytes(write, value)), hex(bytes), String(value))
  readsAs(value, bytes, read)
}

const readsAs = <A>(value: A, bytes: Uint8Array, read: Serialization.Read<A>): void => {
  const reader = new ByteReader(bytes)
  assert.deepStrictEqual(read(reader), value)
  assert.strictEqual(reader.remaining, 0)
}

/** In whatever order the entries are in the bytes. */
const checkMap = (value: ReadonlyMap<string, bigint>, bytes: Uint8Array): void => {
  const read: Serialization.Read<ReadonlyMap<string, bigint>> = (reader) =>
    Serialization.readMap(reader, Serialization.readUtf, Serialization.readCompactLong)
  readsAs(value, bytes, read)
  roundTrip(
    read(new ByteReader(bytes)),
    bytes,
    (writer, map) => Serialization.writeMap(writer, map, Serialization.writeUtf, Serialization.writeCompactLong),
    read
  )
}

const cutOf = (vector: typeof BoundedCut.Type): StreamCut =>
  new StreamCut({
    stream: new ScopedStream(vector),
    positions: new Map(vector.positions.map(({ offset, segmentId }) => [segmentId, offset] as const))
  })

const comparableCut = (cut: StreamCut | "unbounded"): unknown =>
  cut === "unbounded" ? cut : { stream: cut.stream.toString(), ...unordered(cut.positions, ([id]) => id) }

describe("primitive encodings, against Java's", () => {
  const { primitives } = vectors

  it("compact numbers", () => {
    assert.isNotEmpty(primitives.compactInt)
    for (const { hex, value } of primitives.compactInt) {
      roundTrip(value, hex, Serialization.writeCompactInt, Serialization.readCompactInt)
    }
    for (const { hex, value } of primitives.compactLong) {
      roundTrip(value, hex, Serialization.writeCompactLong, Serialization.readCompactLong)
    }
    for (const { hex, value } of primitives.compactSignedLong) {
      roundTrip(value, hex, Serialization.writeCompactSignedLong, Serialization.readCompactSignedLong)
    }
  })

  it("modified UTF-8", () => {
    assert.isNotEmpty(primitives.utf)
    for (const { hex, value } of primitives.utf) roundTrip(value, hex, Serialization.writeUtf, Serialization.readUtf)
  })

  it("the others", () => {
    assert.isNotEmpty(primitives.misc)
    for (const vector of primitives.misc) {
      switch (vector.type) {
        case "uuid":
          roundTrip(vector.value, vector.hex, (w, v) => w.uuid(v), (r) => r.uuid())
          break
        case "double":
          roundTrip(vector.value, vector.hex, (w, v) => w.f64(v), (r) => r.f64())
          break
        case "long":
          roundTrip(vector.value, vector.hex, Serialization.writeI64, Serialization.readI64)
          break
        case "int":
          roundTrip(vector.value, vector.hex, (w, v) => w.i32(v), (r) => r.i32())
          break
        case "boolean":
          roundTrip(vector.value, vector.hex, (w, v) => w.bool(v), (r) => r.bool())
          break
        case "byteArray":
          roundTrip(
            vector.value,
            vector.hex,
            Serialization.writeArray,
            (r) => Uint8Array.from(Serialization.readArray(r))
          )
          break
        case "collection<long>":
          roundTrip(
            [...vector.value],
            vector.hex,
            (w, v) => Serialization.writeCollection(w, v, Serialization.writeI64),
            (r) => Serialization.readCollection(r, Serialization.readI64)
          )
          break
        case "map<utf,compactLong>":
          checkMap(new Map(vector.value.map(({ key, value }) => [key, value])), vector.hex)
          break
      }
    }
  })

  it("envelopes: a reader of one revision skips the second", () => {
    const { oneRevision, twoRevisions } = primitives.envelope
    const readName: Serialization.Read<string> = (r) => Serialization.readEnvelope(r, [0]).revision(0).utf()
    roundTrip(
      oneRevision.name,
      oneRevision.hex,
      (w, name) => Serialization.writeEnvelope(w, 0, [(body) => void body.utf(name)]),
      readName
    )
    const reader = new ByteReader(twoRevisions.hex)
    assert.strictEqual(readName(reader), twoRevisions.name)
    assert.strictEqual(reader.remaining, 0)
    roundTrip(
      { name: twoRevisions.name, extra: twoRevisions.extra },
      twoRevisions.hex,
      (w, { extra, name }) =>
        Serialization.writeEnvelope(w, 0, [
          (body) => void body.utf(name),
          (body) => Serialization.writeCompactLong(body, extra)
        ]),
      (r) => {
        const envelope = Serialization.readEnvelope(r, [0])
        return { name: envelope.revision(0).utf(), extra: Serialization.readCompactLong(envelope.revision(1)) }
      }
    )
  })
})

describe("values, against Java's", () => {
  it("stream cuts, bytes", () => {
    assert.isNotEmpty(vectors.streamCuts)
    for (const vector of vectors.streamCuts) {
      checkBytes<StreamCut | "unbounded">({
        value: vector.unbounded ? "unbounded" : cutOf(vector),
        vector: { byteExact: true, ...vector },
        toBytes: StreamCut.toBytes,
        fromBytes: StreamCut.fromBytes,
        comparable: comparableCut
      })
    }
  })

  it("stream cuts, text", () => {
    for (const vector of vectors.streamCuts) {
      const value = vector.unbounded ? "unbounded" : cutOf(vector)
      if (vector.unbounded) {
        assert.strictEqual(StreamCut.toText("unbounded"), vector.text)
      } else if (vector.byteExact) {
        assert.strictEqual(GzipText.unpack(StreamCut.toText(value), 1_000_000), vector.decompressedText)
        assert.strictEqual(value.toString(), vector.decompressedText)
      }
      if (vector.text === undefined) continue
      const read = Result.getOrThrow(StreamCut.fromText(vector.text))
      assert.deepStrictEqual(comparableCut(read), comparableCut(value))
    }
  })

  it("stream cuts of older clients are read", () => {
    for (const vector of vectors.streamCutsVersion0) {
      const read = Result.getOrThrow(StreamCut.fromBytes(vector.bytesHex))
      assert.deepStrictEqual(comparableCut(read), comparableCut(cutOf(vector)))
    }
  })

  it("event pointers", () => {
    assert.isNotEmpty(vectors.eventPointers)
    for (const vector of vectors.eventPointers) {
      const { id, stream } = Reading.segment(vector.segment)
      const value = new EventPointer({
        stream,
        segment: id,
        offset: vector.eventStartOffset,
        length: vector.eventLength
      })
      checkBytes({
        value,
        vector,
        toBytes: EventPointer.toBytes,
        fromBytes: EventPointer.fromBytes,
        comparable: (pointer) => pointer
      })
      assert.strictEqual(value.toString(), vector.text)
      assert.deepStrictEqual(Result.getOrThrow(EventPointer.fromText(vector.text)), value)
    }
  })

  it("positions", () => {
    assert.isNotEmpty(vectors.positions)
    for (const vector of vectors.positions) {
      const ranges = new Map(vector.segmentRanges.map(({ range, segment }) => [segment, range]))
      const value = new Position({
        segments: vector.ownedSegments.map(({ offset, segment }) => {
          const { id, stream } = Reading.segment(segment)
          const range = ranges.get(segment)
          return { stream, segment: id, offset, ...(range ? { range: { low: range[0], high: range[1] } } : {}) }
        })
      })
      checkBytes({
        value,
        vector,
        toBytes: Position.toBytes,
        fromBytes: Position.fromBytes,
        comparable: ({ segments }) => unordered(segments, ({ segment, stream }) => `${stream.toString()}/${segment}`)
      })
    }
  })

  it("checkpoints", () => {
    assert.isNotEmpty(vectors.checkpoints)
    for (const vector of vectors.checkpoints) {
      const value = new Checkpoint({ name: vector.name, cuts: vector.positions.map(({ cut }) => cutOf(cut)) })
      checkBytes({
        value,
        vector,
        toBytes: Checkpoint.toBytes,
        fromBytes: Checkpoint.fromBytes,
        comparable: ({ cuts, name }) => ({
          name,
          cuts: Object.fromEntries(cuts.map((cut) => [cut.stream.toString(), comparableCut(cut)]))
        })
      })
      for (const { cut, stream } of vector.positions) {
        assert.deepStrictEqual(value.cutOf(ScopedStream.fromTextUnsafe(stream)), cutOf(cut))
      }
    }
  })

  it("watermarks", () => {
    assert.isNotEmpty(vectors.watermarks)
    for (const vector of vectors.watermarks) {
      const value = new Watermark({
        lowerTime: vector.lowerTimeBound,
        upperTime: vector.upperTimeBound,
        positions: vector.streamCut.map(({ offset, range: [low, high], segmentId }) => ({
          segment: segmentId,
          range: { low, high },
          offset
        }))
      })
      checkBytes({
        value,
        vector,
        toBytes: Watermark.toBytes,
        fromBytes: Watermark.fromBytes,
        comparable: ({ lowerTime, positions, upperTime }) => ({
          lowerTime,
          upperTime,
          positions: unordered(positions, ({ segment }) => segment)
        })
      })
    }
  })
})
