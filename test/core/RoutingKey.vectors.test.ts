import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as JavaString from "../../src/core/bytes/JavaString.ts"
import * as KeyHash from "../../src/core/KeyHash.ts"
import * as KeyRange from "../../src/core/KeyRange.ts"
import * as RoutingKey from "../../src/core/RoutingKey.ts"
import { SegmentId } from "../../src/core/Segment.ts"
import { SegmentRouting } from "../../src/core/SegmentRouting.ts"
import { readVectors } from "../vectors/vectors.ts"

const Range = { minKey: Schema.Finite, maxKey: Schema.Finite }
const SegmentIdText = Schema.toCodecJson(SegmentId)
const PositionOf = { position: Schema.Finite, positionBits: Schema.String }
const RangedSegment = Schema.Struct({ segmentId: SegmentIdText, ...Range })

const { routing } = Schema.decodeUnknownSync(Schema.Struct({
  routing: Schema.Struct({
    seed: Schema.Int,
    keys: Schema.Array(Schema.Struct({
      key: Schema.String,
      hash64: Schema.BigIntFromString,
      ...PositionOf,
      segment: Schema.Record(Schema.String, Schema.Int)
    })),
    equalRanges: Schema.Array(Schema.Struct({
      segments: Schema.Int,
      javaClientAccepts: Schema.String,
      ranges: Schema.Array(Schema.Struct({
        segmentNumber: Schema.Int,
        minKeyBits: Schema.String,
        maxKeyBits: Schema.String,
        ...Range
      }))
    })),
    replacements: Schema.Array(Schema.Struct({
      name: Schema.String,
      current: Schema.Array(RangedSegment),
      sealedSegmentId: SegmentIdText,
      successors: Schema.Array(RangedSegment),
      afterReplacement: Schema.Array(Schema.Struct({ ...PositionOf, segmentId: SegmentIdText }))
    })),
    otherSeeds: Schema.Array(Schema.Struct({
      seedText: Schema.String,
      seed: Schema.Int,
      text: Schema.String,
      hash64: Schema.BigIntFromString,
      ...PositionOf,
      uuid: Schema.String
    })),
    kvt: Schema.Struct({
      seedText: Schema.String,
      seed: Schema.Int,
      keys: Schema.Array(Schema.Struct({ primaryKeyHex: Schema.Uint8ArrayFromHex, ...PositionOf }))
    })
  })
}))(readVectors("routing"))

const bitsOf = (value: number): string => {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  return view.getBigUint64(0).toString(16).padStart(16, "0")
}

const withRange = (segment: typeof RangedSegment.Type) => ({
  id: segment.segmentId,
  range: { low: segment.minKey, high: segment.maxKey }
})

describe("routing keys, against Java's", () => {
  it("the seeds are Java's hash codes", () => {
    assert.strictEqual(KeyHash.eventRouterSeed, routing.seed)
    assert.strictEqual(KeyHash.keyValueTableSeed, routing.kvt.seed)
    assert.strictEqual(JavaString.hashCode(routing.kvt.seedText), routing.kvt.seed)
  })

  it("hash and position of a key", () => {
    assert.isAbove(routing.keys.length, 0)
    for (const vector of routing.keys) {
      assert.strictEqual(RoutingKey.hash(vector.key), vector.hash64, JSON.stringify(vector.key))
      assert.strictEqual(RoutingKey.position(vector.key), vector.position, JSON.stringify(vector.key))
      assert.strictEqual(bitsOf(vector.position), vector.positionBits, JSON.stringify(vector.key))
    }
  })

  it("the segment of a key, in a stream of n equal segments", () => {
    for (const vector of routing.keys) {
      for (const [count, number] of Object.entries(vector.segment)) {
        const segments = KeyRange.equal(Number(count)).map((range, i) => ({ id: SegmentId.make(BigInt(i)), range }))
        const position = RoutingKey.position(vector.key)
        assert.strictEqual(RoutingKey.segmentFor(segments, position)?.id, BigInt(number))
        assert.strictEqual(SegmentRouting.make(segments).segmentFor(position)?.id, BigInt(number))
      }
    }
  })

  it("the ranges of n equal segments", () => {
    for (const vector of routing.equalRanges) {
      const ranges = KeyRange.equal(vector.segments)
      assert.strictEqual(ranges.length, vector.ranges.length)
      for (const expected of vector.ranges) {
        const range = ranges[expected.segmentNumber]!
        assert.deepStrictEqual(range, { low: expected.minKey, high: expected.maxKey })
        assert.deepStrictEqual([bitsOf(range.low), bitsOf(range.high)], [expected.minKeyBits, expected.maxKeyBits])
      }
      // what Java's client fails at is routed here
      assert.strictEqual(ranges.at(-1)?.high === 1, vector.javaClientAccepts === "ok", `${vector.segments}`)
      assert.isTrue(KeyRange.coverOnce(ranges))
      const segments = ranges.map((range, i) => ({ id: SegmentId.make(BigInt(i)), range }))
      const highest = 1 - Number.EPSILON / 2
      assert.strictEqual(SegmentRouting.make(segments).segmentFor(highest)?.id, BigInt(vector.segments - 1))
    }
  })

  it("what takes the place of a sealed segment", () => {
    for (const vector of routing.replacements) {
      const replaced = Result.getOrThrow(
        SegmentRouting.make(vector.current.map(withRange)).replace(
          vector.sealedSegmentId,
          vector.successors.map(withRange)
        )
      )
      for (const { position, positionBits, segmentId } of vector.afterReplacement) {
        assert.strictEqual(bitsOf(position), positionBits)
        assert.strictEqual(replaced.segmentFor(position)?.id, segmentId, `${vector.name} at ${position}`)
      }
    }
  })

  it("other seeds, and the hash as a UUID", () => {
    for (const vector of routing.otherSeeds) {
      assert.strictEqual(JavaString.hashCode(vector.seedText), vector.seed)
      const hash = KeyHash.ofText(vector.text, vector.seed)
      assert.strictEqual(KeyHash.toLong(hash), vector.hash64)
      assert.strictEqual(KeyHash.toPosition(hash), vector.position)
      assert.strictEqual(bitsOf(vector.position), vector.positionBits)
      assert.strictEqual(KeyHash.toUuid(hash), vector.uuid)
    }
  })

  it("raw bytes, as key-value tables hash them", () => {
    for (const vector of routing.kvt.keys) {
      const hash = KeyHash.ofBytes(vector.primaryKeyHex, routing.kvt.seed)
      assert.strictEqual(KeyHash.toPosition(hash), vector.position)
      assert.strictEqual(bitsOf(vector.position), vector.positionBits)
    }
  })
})
