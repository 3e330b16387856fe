import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { ByteReader, MalformedBytes } from "../../src/core/internal/ByteReader.ts"
import * as Serialization from "../../src/core/internal/Serialization.ts"

const through = <A>(value: A, write: Serialization.Write<A>, read: Serialization.Read<A>): A => {
  const bytes = Serialization.toBytes(write, value)
  const reader = new ByteReader(bytes)
  const back = read(reader)
  assert.strictEqual(reader.remaining, 0)
  return back
}

/** Values of every magnitude, and those where the length of the encoding changes. */
const magnitudes = (bits: number) =>
  fc.oneof(
    fc.integer({ min: 0, max: bits }).chain((size) => fc.bigInt({ min: 0n, max: 1n << BigInt(size) })),
    fc.tuple(fc.integer({ min: 0, max: bits }), fc.constantFrom(-1n, 0n, 1n)).map(([size, by]) => {
      const value = (1n << BigInt(size)) + by
      return value < 0n ? 0n : value
    })
  )

describe("compact numbers", () => {
  const { maxCompactInt, maxCompactLong, maxCompactSignedLong, minCompactSignedLong } = Serialization

  it("survive up to their limits", () => {
    const within = (max: bigint) => magnitudes(62).filter((value) => value <= max)
    fc.assert(fc.property(within(BigInt(maxCompactInt)), (value) => {
      const number = Number(value)
      assert.strictEqual(through(number, Serialization.writeCompactInt, Serialization.readCompactInt), number)
    }))
    fc.assert(fc.property(within(maxCompactLong), (value) => {
      assert.strictEqual(through(value, Serialization.writeCompactLong, Serialization.readCompactLong), value)
    }))
    fc.assert(fc.property(within(maxCompactSignedLong), fc.boolean(), (magnitude, negative) => {
      const value = negative ? -magnitude - 1n : magnitude
      if (value < minCompactSignedLong) return
      assert.strictEqual(
        through(value, Serialization.writeCompactSignedLong, Serialization.readCompactSignedLong),
        value
      )
    }))
  })

  it("are refused beyond them", () => {
    const refused = <A>(write: Serialization.Write<A>, ...values: ReadonlyArray<A>) => {
      for (const value of values) assert.throws(() => Serialization.toBytes(write, value), MalformedBytes)
    }
    refused(Serialization.writeCompactInt, -1, maxCompactInt + 1, 0.5, Number.NaN)
    refused(Serialization.writeCompactLong, -1n, maxCompactLong + 1n)
    refused(Serialization.writeCompactSignedLong, minCompactSignedLong - 1n, maxCompactSignedLong + 1n)
    for (const limit of [minCompactSignedLong, maxCompactSignedLong]) {
      assert.strictEqual(
        through(limit, Serialization.writeCompactSignedLong, Serialization.readCompactSignedLong),
        limit
      )
    }
  })
})

describe("envelopes", () => {
  it("of one type among several carry it", () => {
    fc.assert(fc.property(fc.nat(255), fc.nat(255), fc.array(fc.uint8Array()), (typeId, version, bodies) => {
      const bytes = Serialization.toBytes(
        (w) => Serialization.writeTypedEnvelope(w, typeId, version, bodies.map((body) => (w) => void w.bytes(body))),
        undefined
      )
      const reader = new ByteReader(bytes)
      const read = Serialization.readTypedEnvelope(reader, (id) => id === typeId ? [version] : [])
      assert.strictEqual(read.typeId, typeId)
      bodies.forEach((body, id) => assert.deepStrictEqual(read.envelope.revision(id).rest(), body))
      assert.isUndefined(read.envelope.laterRevision(bodies.length))
      assert.throws(() => read.envelope.revision(bodies.length), MalformedBytes)
      assert.strictEqual(reader.remaining, 0)
      assert.throws(() => Serialization.readTypedEnvelope(new ByteReader(bytes), () => []), /unknown type/)
    }))
  })

  it("of an unknown format or version are refused", () => {
    assert.throws(() => Serialization.readEnvelope(new ByteReader(Uint8Array.of(1, 0, 0)), [0]), /format 1/)
    assert.throws(() => Serialization.readEnvelope(new ByteReader(Uint8Array.of(0, 7, 0)), [0, 1]), /version 7/)
  })
})

describe("collections", () => {
  it("that announce more elements than there are bytes are refused at once", () => {
    const bytes = Serialization.toBytes(Serialization.writeCompactInt, Serialization.maxCompactInt)
    const nothing = () => undefined
    assert.throws(() => Serialization.readCollection(new ByteReader(bytes), nothing), MalformedBytes)
    assert.throws(() => Serialization.readMap(new ByteReader(bytes), () => "", nothing), MalformedBytes)
    assert.throws(() => Serialization.readArray(new ByteReader(bytes)), MalformedBytes)
  })

  it("no range is a range of -1 to -1", () => {
    for (const range of [undefined, { low: 0, high: 0.25 }]) {
      assert.deepStrictEqual(through(range, Serialization.writeRange, Serialization.readRange), range)
    }
  })
})
