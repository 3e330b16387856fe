/**
 * murmur3_x64_128, as Guava and smhasher compute it, with the seed sign-extended to 64 bits. Not a cryptographic hash.
 *
 * It is called once per event, so 64-bit values are pairs of 32-bit limbs: with BigInt a short key takes about 1.1 us, this
 * way about 0.13 us.
 *
 * @internal
 */

/** A 64-bit register; every operation changes it in place and wraps around. @category models @since 0.1.0 */
export class Word64 {
  high: number
  low: number

  constructor(high: number, low: number) {
    this.high = high | 0
    this.low = low | 0
  }

  set(high: number, low: number): this {
    this.high = high
    this.low = low
    return this
  }

  xor(other: Word64): this {
    this.high ^= other.high
    this.low ^= other.low
    return this
  }

  add(other: Word64): this {
    return this.addLimbs(other.high, other.low)
  }

  addLimbs(high: number, low: number): this {
    const sum = (this.low >>> 0) + (low >>> 0)
    this.high = (this.high + high + (sum > 0xffffffff ? 1 : 0)) | 0
    this.low = sum | 0
    return this
  }

  multiply(high: number, low: number): this {
    const a = this.low
    const crossed = Math.imul(this.high, low) + Math.imul(a, high)
    this.high = (multiplyHigh(a, low) + crossed) | 0
    this.low = Math.imul(a, low)
    return this
  }

  /** By less than 32 bits. */
  rotateLeft(bits: number): this {
    const { high, low } = this
    this.high = (high << bits) | (low >>> (32 - bits))
    this.low = (low << bits) | (high >>> (32 - bits))
    return this
  }

  /** By 32 bits: the limbs change places. */
  swap(): this {
    return this.set(this.low, this.high)
  }

  /** `x ^= x >>> 33` */
  xorShift33(): this {
    this.low ^= this.high >>> 1
    return this
  }

  toBigInt(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low >>> 0)
  }
}

/** The two halves of a 128-bit hash. @category models @since 0.1.0 */
export interface Hash128 {
  readonly first: Word64
  readonly second: Word64
}

/**
 * Hashes the UTF-16 units of a text, little-endian; unpaired surrogates are units like any other.
 *
 * @category hashing
 * @since 0.1.0
 */
export const hashText = (text: string, seed: number): Hash128 => {
  const state = new State(seed)
  const unit = (i: number): number => i < text.length ? text.charCodeAt(i) : 0
  const limb = (i: number): number => unit(i) | (unit(i + 1) << 16)
  const whole = text.length & ~7
  for (let i = 0; i < whole; i += 8) state.block(limb(i + 2), limb(i), limb(i + 6), limb(i + 4))
  if (whole < text.length) state.tail(limb(whole + 2), limb(whole), limb(whole + 6), limb(whole + 4))
  return state.finish(text.length * 2)
}

/** Hashes bytes. @category hashing @since 0.1.0 */
export const hashBytes = (bytes: Uint8Array, seed: number): Hash128 => {
  const state = new State(seed)
  const whole = bytes.length & ~15
  for (let i = 0; i < whole; i += 16) {
    state.block(limbAt(bytes, i + 4), limbAt(bytes, i), limbAt(bytes, i + 12), limbAt(bytes, i + 8))
  }
  if (whole < bytes.length) {
    rest.fill(0)
    for (let i = whole; i < bytes.length; i++) rest[i - whole] = bytes[i]!
    state.tail(limbAt(rest, 4), limbAt(rest, 0), limbAt(rest, 12), limbAt(rest, 8))
  }
  return state.finish(bytes.length)
}

/** What is left of the bytes that are being hashed; an array for each would cost more than their hash. */
const rest = new Uint8Array(16)

/** Four bytes, little-endian, all of which are there. */
const limbAt = (bytes: Uint8Array, i: number): number =>
  bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)

class State {
  private readonly h1: Word64
  private readonly h2: Word64
  private readonly k1 = new Word64(0, 0)
  private readonly k2 = new Word64(0, 0)

  constructor(seed: number) {
    this.h1 = new Word64(seed >> 31, seed)
    this.h2 = new Word64(seed >> 31, seed)
  }

  /** Takes in 16 bytes, as two little-endian 64-bit values. */
  block(high1: number, low1: number, high2: number, low2: number): void {
    this.mix1(high1, low1)
    this.h1.rotateLeft(27).add(this.h2).multiply(0, 5).addLimbs(0, 0x52dce729)
    this.mix2(high2, low2)
    this.h2.rotateLeft(31).add(this.h1).multiply(0, 5).addLimbs(0, 0x38495ab5)
  }

  /** Takes in the last bytes, zeros in the place of what is missing: a zero value leaves the state as it is. */
  tail(high1: number, low1: number, high2: number, low2: number): void {
    this.mix2(high2, low2)
    this.mix1(high1, low1)
  }

  finish(byteLength: number): Hash128 {
    const { h1, h2 } = this
    h1.low ^= byteLength
    h2.low ^= byteLength
    h1.add(h2)
    h2.add(h1)
    avalanche(h1)
    avalanche(h2)
    h1.add(h2)
    h2.add(h1)
    return { first: h1, second: h2 }
  }

  private mix1(high: number, low: number): void {
    const k = this.k1.set(high, low)
    this.h1.xor(k.multiply(0x87c37b91, 0x114253d5).rotateLeft(31).multiply(0x4cf5ad43, 0x2745937f))
  }

  private mix2(high: number, low: number): void {
    const k = this.k2.set(high, low)
    this.h2.xor(k.multiply(0x4cf5ad43, 0x2745937f).swap().rotateLeft(1).multiply(0x87c37b91, 0x114253d5))
  }
}

const avalanche = (word: Word64): Word64 =>
  word.xorShift33().multiply(0xff51afd7, 0xed558ccd).xorShift33().multiply(0xc4ceb9fe, 0x1a85ec53).xorShift33()

/** The upper 32 bits of the product of two unsigned 32-bit numbers, from 16-bit halves. */
const multiplyHigh = (a: number, b: number): number => {
  const aHigh = a >>> 16
  const aLow = a & 0xffff
  const bHigh = b >>> 16
  const bLow = b & 0xffff
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const carry = (middle & 0xffff) + aLow * bHigh
  return aHigh * bHigh + (middle / 0x10000 | 0) + (carry / 0x10000 | 0)
}
