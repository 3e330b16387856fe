import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { ByteReader, MalformedBytes } from "../../src/core/bytes/ByteReader.ts"
import * as Serialization from "../../src/core/Serialization.ts"

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

  it("that Java keeps to itself are not read either", () => {
    const unread = <A>(read: Serialization.Read<A>, first: number, length: number) => {
      const bytes = new Uint8Array(length).fill(0xff)
      bytes[0] = first
      assert.throws(() => read(new ByteReader(bytes)), /is outside of/)
    }
    unread(Serialization.readCompactInt, 0xff, 4)
    unread(Serialization.readCompactLong, 0xff, 8)
    unread(Serialization.readCompactSignedLong, 0x7f, 8)
    unread(Serialization.readCompactSignedLong, 0xff, 8)
  })

  it("that are read can be written", () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), (bytes) => {
      const rewritten = <A>(read: Serialization.Read<A>, write: Serialization.Write<A>) => {
        let value: A
        try {
          value = read(new ByteReader(bytes))
        } catch (cause) {
          return assert.instanceOf(cause, MalformedBytes)
        }
        assert.strictEqual(through(value, write, read), value)
      }
      rewritten(Serialization.readCompactInt, Serialization.writeCompactInt)
      rewritten(Serialization.readCompactLong, Serialization.writeCompactLong)
      rewritten(Serialization.readCompactSignedLong, Serialization.writeCompactSignedLong)
    }))
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

  it("are refused when their revisions are not 0, 1, 2, ...", () => {
    fc.assert(fc.property(fc.array(fc.nat(3), { maxLength: 4 }), (ids) => {
      const bytes = Uint8Array.from([0, 0, ids.length, ...ids.flatMap((id) => [id, 0, 0, 0, 0])])
      const read = () => Serialization.readEnvelope(new ByteReader(bytes), [0])
      if (ids.every((id, i) => id === i)) assert.isUndefined(read().laterRevision(ids.length))
      else assert.throws(read, /in place of revision/)
    }))
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

  it("with a key that comes twice are refused", () => {
    const entries: ReadonlyArray<readonly [string, string]> = [["a", "b"], ["c", "b"], ["a", "d"]]
    const bytes = Serialization.toBytes(
      (writer, items) =>
        Serialization.writeCollection(writer, items, (writer, [key, value]) => void writer.utf(key).utf(value)),
      entries
    )
    const read = () => Serialization.readMap(new ByteReader(bytes), Serialization.readUtf, Serialization.readUtf)
    assert.throws(read, /the key a comes twice/)
  })
})

describe("key ranges", () => {
  it("no range is a range of -1 to -1", () => {
    for (const range of [undefined, { low: 0, high: 0.25 }]) {
      assert.deepStrictEqual(through(range, Serialization.writeRange, Serialization.readRange), range)
    }
  })

  it("with any bound below zero are none", () => {
    for (const [low, high] of [[-1, 0.5], [0.5, -1], [-0.25, -2]] as const) {
      const bytes = Serialization.toBytes(Serialization.writeRange, { low, high })
      assert.isUndefined(Serialization.readRange(new ByteReader(bytes)))
    }
  })
})
