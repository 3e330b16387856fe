import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import fc from "fast-check"
import { MalformedValue } from "../../src/core/MalformedValue.ts"
import { ScopedStream, ScopedStreamFromText } from "../../src/core/ScopedStream.ts"
import * as ScopeName from "../../src/core/ScopeName.ts"
import * as Segment from "../../src/core/Segment.ts"
import * as SegmentName from "../../src/core/SegmentName.ts"
import * as TransactionId from "../../src/core/TransactionId.ts"

const stream = ScopedStream.fromTextUnsafe("_system/_RGgroup")
const int31 = fc.integer({ min: 0, max: 0x7fffffff })

describe("segment names", () => {
  it("survive the way there and back", () => {
    fc.assert(fc.property(int31, int31, fc.uuid(), (number, epoch, uuid) => {
      const id = Segment.makeId(number, epoch)
      const transaction = TransactionId.TransactionId.make(uuid)
      assert.deepStrictEqual([Segment.number(id), Segment.epoch(id)], [number, epoch])
      const plain = SegmentName.parse(Segment.name(stream, id))
      assert.deepStrictEqual(plain, Option.some({ _tag: "StreamSegment", stream, id }))
      const part = SegmentName.parse(Segment.transactionName(stream, id, transaction))
      assert.deepStrictEqual(part, Option.some({ _tag: "TransactionSegment", stream, id, transaction }))
    }))
  })

  it("that are none read as none, whatever the text", () => {
    const digits = "0".repeat(32)
    const names = [
      "",
      "stream/0.#epoch.0",
      "a/b/c/0.#epoch.0",
      "a/b/x.#epoch.0",
      "a/b/-1.#epoch.0",
      "a/b/2147483648.#epoch.0",
      "a/b/0.#epoch.2147483648",
      "a/b/0.#epoch.0#transaction.0",
      `a/b/0.#epoch.0#transaction.${digits}#transaction.${digits}`,
      "a/b/0.#epoch.0$attributes.index",
      "a b/c/0.#epoch.0",
      "a/b_c/0.#epoch.0",
      "a/_kvtable/0.#epoch.0",
      `a/b_kvtable/0.#epoch.0#transaction.${digits}`
    ]
    for (const name of names) assert.isTrue(Option.isNone(SegmentName.parse(name)), name)
    fc.assert(fc.property(fc.string(), (text) => assert.isTrue(Option.isNone(SegmentName.parse(text)))))
  })

  it("a stream's text is read to a result, or thrown at who wrote it", () => {
    for (const bad of ["", "a", "a/b/c", "a b/c", "a/", "/b"]) {
      const read = ScopedStream.fromText(bad)
      assert.strictEqual(Result.isFailure(read) ? read.failure.value : "", "ScopedStream", bad)
      assert.throws(() => ScopedStream.fromTextUnsafe(bad), MalformedValue, "not the text of a ScopedStream", bad)
    }
    assert.deepStrictEqual(ScopedStream.fromText(stream.toString()), Result.succeed(stream))
  })

  it("ids are made of numbers and epochs in their range only", () => {
    for (const bad of [-1, 0.5, 0x80000000, Number.NaN]) {
      assert.throws(() => Segment.makeId(bad, 0), RangeError)
      assert.throws(() => Segment.makeId(0, bad), RangeError)
    }
    assert.isFalse(Schema.is(Segment.SegmentId)(-1n))
    assert.isFalse(Schema.is(Segment.SegmentId)(1n << 63n))
    assert.isFalse(Schema.is(Segment.SegmentId)(1n << 31n))
    assert.isFalse(Schema.is(Segment.SegmentId)((5n << 32n) - 1n))
  })

  it("every id has a number and an epoch, and a name that reads as it", () => {
    fc.assert(fc.property(fc.bigInt({ min: -(1n << 64n), max: 1n << 64n }), (value) => {
      const id = Segment.SegmentId.makeOption(value)
      assert.strictEqual(Option.isSome(id), value >= 0n && value < 1n << 63n && value % (1n << 32n) < 1n << 31n)
      if (Option.isNone(id)) return
      assert.strictEqual(Segment.makeId(Segment.number(id.value), Segment.epoch(id.value)), id.value)
      const parsed = SegmentName.parse(Segment.name(stream, id.value))
      assert.deepStrictEqual(parsed, Option.some({ _tag: "StreamSegment", stream, id: id.value }))
    }))
  })
})

describe("names of streams and transactions", () => {
  it("a stream's full name is a text too", () => {
    assert.strictEqual(Schema.encodeSync(ScopedStreamFromText)(stream), "_system/_RGgroup")
    assert.deepStrictEqual(Schema.decodeSync(ScopedStreamFromText)("_system/_RGgroup"), stream)
    assert.deepStrictEqual([ScopeName.isInternal(stream.scope)], [true])
  })

  it("a transaction's halves and digits give it back", () => {
    fc.assert(fc.property(fc.uuid(), (uuid) => {
      const id = TransactionId.TransactionId.make(uuid)
      assert.strictEqual(TransactionId.fromBits(TransactionId.toBits(id)), id)
      assert.strictEqual(TransactionId.fromHex(TransactionId.toHex(id)), id)
    }))
    assert.throws(() => TransactionId.fromHex("0"))
  })
})
