/**
 * Exact sums of floats: nothing is rounded until the sum is asked for, and then once, so that how the numbers were grouped
 * is of no importance. Equal sums are equal values, whatever they were made of.
 *
 * Nearly always a sum is one float, and adding to it leaves no rest: then it is a number. Else it is an expansion: floats
 * that add up to it, of which each is what the sum of it and of those behind it rounds to (after Shewchuk, Adaptive
 * Precision Floating-Point Arithmetic, 1997). Sums beyond the floats' range are integers, in units of the least float.
 */
import * as Schema from "effect/Schema"

/** What is no number, or too much for one. @category models @since 0.2.0 */
export interface Wide {
  /** The largest first; none is zero. Empty beside `beyond`. */
  readonly parts: ReadonlyArray<number>
  /** A finite sum that rounds to infinity, in units of 2^-1074; else 0. */
  readonly beyond: bigint
  /** How many of the numbers were none, or infinite. */
  readonly nan: number
  readonly positive: number
  readonly negative: number
}

/** @category models @since 0.2.0 */
export type ExactSum = number | Wide

/** @category schemas @since 0.2.0 */
export const ExactSum: Schema.Codec<ExactSum, unknown> = Schema.Union([
  Schema.Finite,
  Schema.Struct({
    parts: Schema.Array(Schema.Finite),
    beyond: Schema.BigInt,
    nan: Schema.Int,
    positive: Schema.Int,
    negative: Schema.Int
  })
])

/** @category folding @since 0.2.0 */
export const add = (sum: ExactSum, value: number): ExactSum => {
  if (typeof sum === "number") {
    const total = sum + value
    const part = total - sum
    // what the addition left out: NaN when something is infinite
    if ((sum - (total - part)) + (value - part) === 0) return total
  }
  return addWide(sum, value, 1)
}

/** @category folding @since 0.2.0 */
export const subtract = (sum: ExactSum, value: number): ExactSum =>
  Number.isFinite(value) ? add(sum, -value) : addWide(sum, value, -1)

/** @category folding @since 0.2.0 */
export const merge = (a: ExactSum, b: ExactSum): ExactSum => {
  if (typeof b === "number") return add(a, b)
  if (typeof a === "number") return add(b, a)
  const counts = { nan: a.nan + b.nan, positive: a.positive + b.positive, negative: a.negative + b.negative }
  const parts = a.beyond === 0n && b.beyond === 0n ? b.parts.reduce(grown, a.parts) : undefined
  return of(parts ?? [NaN], () => unitsOf(a) + unitsOf(b), counts)
}

/** Rounded once, to the nearest float, ties to even. @category getters @since 0.2.0 */
export const toNumber = (sum: ExactSum): number => {
  if (typeof sum === "number") return sum
  if (sum.nan > 0 || (sum.positive > 0 && sum.negative > 0)) return NaN
  if (sum.positive > 0) return Infinity
  if (sum.negative > 0) return -Infinity
  return sum.beyond === 0n ? sum.parts[0] ?? 0 : sum.beyond > 0n ? Infinity : -Infinity
}

/** The sum divided by a whole number above zero: the quotient is rounded once. @category getters @since 0.2.0 */
export const dividedBy = (sum: ExactSum, count: number): number => {
  if (typeof sum === "number") return sum / count
  if (sum.nan > 0 || sum.positive > 0 || sum.negative > 0) return toNumber(sum)
  return quotient(unitsOf(sum), BigInt(count))
}

const none = { nan: 0, positive: 0, negative: 0 }

const addWide = (sum: ExactSum, value: number, sign: 1 | -1): ExactSum => {
  const wide: Wide = typeof sum === "number" ? { parts: sum === 0 ? [] : [sum], beyond: 0n, ...none } : sum
  if (!Number.isFinite(value)) {
    const name = Number.isNaN(value) ? "nan" : value > 0 ? "positive" : "negative"
    return narrowed({ ...wide, [name]: wide[name] + sign })
  }
  const parts = wide.beyond === 0n ? grown(wide.parts, value) : [NaN]
  return of(parts, () => unitsOf(wide) + toUnits(value), wide)
}

/** By floats where they suffice, else by whole units. */
const of = (
  parts: ReadonlyArray<number>,
  units: () => bigint,
  { nan, negative, positive }: Pick<Wide, "nan" | "positive" | "negative">
): ExactSum => {
  const canonical = toCanonical(parts)
  if (canonical !== undefined) return narrowed({ parts: canonical, beyond: 0n, nan, positive, negative })
  const exact = units()
  const expansion = fromUnits(exact)
  return narrowed(
    expansion === undefined
      ? { parts: [], beyond: exact, nan, positive, negative }
      : { parts: expansion, beyond: 0n, nan, positive, negative }
  )
}

const narrowed = (wide: Wide): ExactSum =>
  wide.parts.length < 2 && wide.beyond === 0n && wide.nan === 0 && wide.positive === 0 && wide.negative === 0
    ? wide.parts[0] ?? 0
    : wide

/** Adds a float to an expansion, exactly. Not canonical; a float that is none says that the range was left. */
const grown = (parts: ReadonlyArray<number>, value: number): ReadonlyArray<number> => {
  const rests: Array<number> = []
  let total = value
  for (let i = parts.length - 1; i >= 0; i--) {
    const part = parts[i]!
    const sum = total + part
    const shift = sum - total
    const rest = (total - (sum - shift)) + (part - shift)
    if (rest !== 0) rests.push(rest)
    total = sum
  }
  if (total !== 0) rests.push(total)
  return rests.reverse()
}

/** Each part is what the rest of the sum rounds to; undefined when floats do not suffice. */
const toCanonical = (expansion: ReadonlyArray<number>): ReadonlyArray<number> | undefined => {
  let rest = expansion
  const parts: Array<number> = []
  while (rest.length > 0) {
    const part = rounded(rest)
    if (!Number.isFinite(part)) return undefined
    parts.push(part)
    if (rest.length === 1) break
    rest = grown(rest, -part)
  }
  return parts
}

/** What an expansion without overlaps, the largest first, rounds to. */
const rounded = (parts: ReadonlyArray<number>): number => {
  let total = parts[0]!
  let index = 1
  let rest = 0
  while (index < parts.length && rest === 0) {
    const part = parts[index++]!
    const sum = total + part
    rest = part - (sum - total)
    total = sum
  }
  // half way between two floats, and what is behind decides: twice the rest is then one step
  const next = parts[index]
  if (next !== undefined && ((rest < 0 && next < 0) || (rest > 0 && next > 0))) {
    const step = rest * 2
    const stepped = total + step
    if (stepped - total === step) total = stepped
  }
  return total
}

/** A float is a whole number of these. */
const unitExponent = 1074

const bits = new DataView(new ArrayBuffer(8))

const toUnits = (value: number): bigint => {
  bits.setFloat64(0, value)
  const word = bits.getBigUint64(0)
  const exponent = Number((word >> 52n) & 0x7ffn)
  const fraction = word & 0xfffffffffffffn
  const magnitude = exponent === 0 ? fraction : (fraction | 0x10000000000000n) << BigInt(exponent - 1)
  return value < 0 ? -magnitude : magnitude
}

const unitsOf = ({ beyond, parts }: Wide): bigint => parts.reduce((sum, part) => sum + toUnits(part), beyond)

/** Undefined when it rounds to infinity. */
const fromUnits = (units: bigint): ReadonlyArray<number> | undefined => {
  const parts: Array<number> = []
  for (let rest = units; rest !== 0n;) {
    const part = quotient(rest, 1n)
    if (!Number.isFinite(part)) return undefined
    parts.push(part)
    rest -= toUnits(part)
  }
  return parts
}

/** Units divided by a number above zero, rounded once to the nearest float, ties to even. */
const quotient = (units: bigint, divisor: bigint): number => {
  const magnitude = units < 0n ? -units : units
  const whole = magnitude / divisor
  const rest = magnitude % divisor
  const value = whole < 0x20000000000000n ? nearest(whole, rest * 2n, divisor) : scaled(whole, rest !== 0n)
  return units < 0n ? -value : value
}

/** Below 2^53 units every whole one is a float, and there are none between. */
const nearest = (whole: bigint, twiceRest: bigint, divisor: bigint): number => {
  const up = twiceRest > divisor || (twiceRest === divisor && (whole & 1n) === 1n)
  return Number(up ? whole + 1n : whole) * Number.MIN_VALUE
}

/** Of more than 53 bits: the first 64 and a bit for what is behind them decide. */
const scaled = (whole: bigint, hasRest: boolean): number => {
  const shift = Math.max(0, whole.toString(2).length - 64)
  const kept = whole >> BigInt(shift)
  const isExact = !hasRest && kept << BigInt(shift) === whole
  const first = Number((kept << 1n) | (isExact ? 0n : 1n))
  // in two steps, as the power of two alone may be no float
  return first * powerOfTwo(-64) * powerOfTwo(shift - unitExponent + 63)
}

const powerOfTwo = (exponent: number): number => {
  if (exponent > 1023) return Infinity
  bits.setBigUint64(0, BigInt(exponent + 1023) << 52n)
  return bits.getFloat64(0)
}
