import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as Murmur3 from "../../src/core/internal/Murmur3.ts"
import * as KeyHash from "../../src/core/KeyHash.ts"
import * as RoutingKey from "../../src/core/RoutingKey.ts"

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value)
const rotate = (value: bigint, bits: bigint): bigint => wrap(value << bits) | (value >> (64n - bits))
const c1 = 0x87c37b91114253d5n
const c2 = 0x4cf5ad432745937fn
const mix1 = (k: bigint): bigint => wrap(rotate(wrap(k * c1), 31n) * c2)
const mix2 = (k: bigint): bigint => wrap(rotate(wrap(k * c2), 33n) * c1)
const shiftXor = (value: bigint): bigint => value ^ (value >> 33n)
const avalanche = (value: bigint): bigint =>
  shiftXor(wrap(shiftXor(wrap(shiftXor(value) * 0xff51afd7ed558ccdn)) * 0xc4ceb9fe1a85ec53n))

/** The algorithm as it is published, in 64-bit arithmetic. */
const reference = (bytes: Uint8Array, seed: number): readonly [bigint, bigint] => {
  let h1 = wrap(BigInt(seed))
  let h2 = h1
  const padded = new Uint8Array(Math.ceil(bytes.length / 16) * 16)
  padded.set(bytes)
  const view = new DataView(padded.buffer)
  for (let at = 0; at < padded.length; at += 16) {
    const k1 = mix1(view.getBigUint64(at, true))
    const k2 = mix2(view.getBigUint64(at + 8, true))
    if (at + 16 <= bytes.length) {
      h1 = wrap((rotate(h1 ^ k1, 27n) + h2) * 5n + 0x52dce729n)
      h2 = wrap((rotate(h2 ^ k2, 31n) + h1) * 5n + 0x38495ab5n)
    } else {
      h1 ^= k1
      h2 ^= k2
    }
  }
  h1 ^= BigInt(bytes.length)
  h2 ^= BigInt(bytes.length)
  h1 = wrap(h1 + h2)
  h2 = wrap(h2 + h1)
  h1 = avalanche(h1)
  h2 = avalanche(h2)
  h1 = wrap(h1 + h2)
  h2 = wrap(h2 + h1)
  return [h1, h2]
}

const seed = fc.integer()

const halves = ({ first, second }: Murmur3.Hash128): readonly [bigint, bigint] => [
  wrap(first.toBigInt()),
  wrap(second.toBigInt())
]

describe("murmur3 in 32-bit limbs", () => {
  it("agrees with 64-bit arithmetic, for bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), seed, (bytes, seed) => {
        assert.deepStrictEqual(halves(Murmur3.hashBytes(bytes, seed)), reference(bytes, seed))
      }),
      { numRuns: 1000 }
    )
  })

  it("agrees with 64-bit arithmetic, for the UTF-16 units of any text", () => {
    const text = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 50 }).map((units) =>
      String.fromCharCode(...units)
    )
    fc.assert(
      fc.property(text, seed, (text, seed) => {
        const bytes = new Uint8Array(text.length * 2)
        const view = new DataView(bytes.buffer)
        for (let i = 0; i < text.length; i++) view.setUint16(2 * i, text.charCodeAt(i), true)
        assert.deepStrictEqual(halves(Murmur3.hashText(text, seed)), reference(bytes, seed))
      }),
      { numRuns: 1000 }
    )
  })

  it("the position is the hash's upper 52 bits, below 1", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (key) => {
      const position = RoutingKey.position(key)
      assert.isTrue(position >= 0 && position < 1)
      assert.strictEqual(BigInt(position * 2 ** 52), wrap(RoutingKey.hash(key)) >> 12n)
    }))
    const word = new Murmur3.Word64(-1, -1)
    assert.strictEqual(KeyHash.toPosition({ first: word, second: word }), 1 - 2 ** -52)
  })
})
