/**
 * Counts of floats by their first bits: sign, exponent and some of the fraction. Between a power of two and the next all
 * buckets are of one width, so a float is known to within a part of it. No logarithm is taken: every machine agrees.
 */
import * as Schema from "effect/Schema"

/** Sorted by bucket; no count is zero, so that what holds the same is the same. @category models @since 0.2.0 */
export interface Buckets {
  readonly indices: ReadonlyArray<number>
  readonly counts: ReadonlyArray<number>
}

/** @category schemas @since 0.2.0 */
export const Buckets: Schema.Codec<Buckets, unknown> = Schema.Struct({
  indices: Schema.Array(Schema.Int),
  counts: Schema.Array(Schema.Int)
})

/** @category constants @since 0.2.0 */
export const empty: Buckets = { indices: [], counts: [] }

/** Bits of the fraction in the upper half of a float. */
const upperBits = 20
/** Those of infinity, without the fraction. */
const infiniteExponent = 0x7ff

/** How many bits of the fraction are enough: the middle of a bucket is at most half its width away. @category getters @since 0.2.0 */
export const bitsOf = (accuracy: number): number => Math.max(0, Math.ceil(Math.log2(1 / accuracy)) - 1)

const word = new DataView(new ArrayBuffer(8))

/** 0 is zero's; below are negative numbers, above positive ones, then infinity, then NaN. @category getters @since 0.2.0 */
export const indexOf = (value: number, bits: number): number => {
  if (value === 0) return 0
  if (Number.isNaN(value)) return infinity(bits) + 1
  word.setFloat64(0, value)
  const magnitude = ((word.getInt32(0) & 0x7fffffff) >>> (upperBits - bits)) + 1
  return value < 0 ? -magnitude : magnitude
}

const infinity = (bits: number): number => (infiniteExponent << bits) + 1

/** The middle of a bucket. @category getters @since 0.2.0 */
export const valueOf = (index: number, bits: number): number => {
  if (index === 0) return 0
  const magnitude = Math.abs(index)
  if (magnitude > infinity(bits)) return NaN
  const half = magnitude === infinity(bits) ? 0 : 1
  word.setUint32(0, (magnitude - 1) << (upperBits - bits))
  word.setUint32(4, 0)
  // half a bucket is the bit behind those of the index
  if (bits < upperBits) word.setUint32(0, word.getUint32(0) | (half << (upperBits - bits - 1)))
  else word.setUint32(4, half << 31)
  const value = word.getFloat64(0)
  return index < 0 ? -value : value
}

/** @category folding @since 0.2.0 */
export const added = ({ counts, indices }: Buckets, index: number, count: number): Buckets => {
  let low = 0
  let high = indices.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (indices[middle]! < index) low = middle + 1
    else high = middle
  }
  if (indices[low] !== index) {
    return { indices: indices.toSpliced(low, 0, index), counts: counts.toSpliced(low, 0, count) }
  }
  const left = counts[low]! + count
  return left === 0
    ? { indices: indices.toSpliced(low, 1), counts: counts.toSpliced(low, 1) }
    : { indices, counts: counts.with(low, left) }
}

/** @category folding @since 0.2.0 */
export const merged = (a: Buckets, b: Buckets): Buckets => {
  const indices: Array<number> = []
  const counts: Array<number> = []
  let [i, j] = [0, 0]
  while (i < a.indices.length || j < b.indices.length) {
    const x = a.indices[i] ?? Infinity
    const y = b.indices[j] ?? Infinity
    const index = Math.min(x, y)
    const count = (x === index ? a.counts[i++]! : 0) + (y === index ? b.counts[j++]! : 0)
    if (count === 0) continue
    indices.push(index)
    counts.push(count)
  }
  return { indices, counts }
}

/** The bucket of the number that at least this part of all do not exceed. @category getters @since 0.2.0 */
export const find = ({ counts, indices }: Buckets, fraction: number): number => {
  const total = counts.reduce((sum, count) => sum + count, 0)
  let left = Math.max(1, Math.ceil(fraction * total))
  for (let i = 0; i < counts.length; i++) {
    left -= counts[i]!
    if (left <= 0) return indices[i]!
  }
  return indices.at(-1)!
}
