/**
 * Places: where an input of a flow came from, and of what time it is. Two inputs never have the same place, so places give
 * all inputs one order, by which ties are decided: the order in which they happen to arrive decides nothing.
 *
 * Not an `EventPointer`: a place is that of anything that a flow's step takes in, a window's result as well.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"

/**
 * Where an input came from.
 *
 * @category models
 * @since 0.2.0
 */
export interface Place {
  /** The input's time, in whole milliseconds since 1970. */
  readonly time: number
  /** The name of the source, or of the step that made the input. */
  readonly source: string
  /** The segment's id; of an input that a step made, its slot. */
  readonly segment: bigint
  /** Where it starts in its segment, in bytes; of an input that a step made, its number. */
  readonly offset: bigint
  /** Its number among the inputs that one event became: 0, unless a step before makes several of one. */
  readonly ordinal: number
}

/** @category schemas @since 0.2.0 */
export const Place: Schema.Codec<Place, unknown> = Schema.Struct({
  time: Schema.Int,
  source: Schema.String,
  segment: Schema.BigInt,
  offset: Schema.BigInt,
  ordinal: Schema.Int
})

/**
 * The order of places: by time, source (by code point), segment, offset, ordinal. Below zero when the first is the earlier.
 *
 * @category ordering
 * @since 0.2.0
 */
export const compare = (a: Place, b: Place): number => {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1
  if (a.source !== b.source) return compareTexts(a.source, b.source)
  if (a.segment !== b.segment) return a.segment < b.segment ? -1 : 1
  if (a.offset !== b.offset) return a.offset < b.offset ? -1 : 1
  return a.ordinal - b.ordinal
}

/**
 * By code point. JavaScript's `<` compares UTF-16 units, by which a character beyond U+FFFF comes before U+E000.
 *
 * @category ordering
 * @since 0.2.0
 */
export const compareTexts = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

/** Surrogates stand for characters beyond all other units. */
const rank = (unit: number): number => unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
