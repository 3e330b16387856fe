/**
 * The part of the key space [0, 1) that a segment holds. Keys get their place in it in `RoutingKey`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * From `low` up to `high`. The bound that two neighbours have in common belongs to the lower one (`RoutingKey.segmentFor`).
 *
 * @category models
 * @since 0.1.0
 */
export interface KeyRange {
  readonly low: number
  readonly high: number
}

/** @category schemas @since 0.1.0 */
export const KeyRange = Schema.Struct({ low: Schema.Finite, high: Schema.Finite })

/**
 * The ranges of a new stream's n segments, in Java's double arithmetic: for some n (49, 98, 103, ...) the last one ends
 * just below 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const equal = (count: number): ReadonlyArray<KeyRange> => {
  const width = 1 / count
  return Array.from({ length: count }, (_, i) => ({ low: i * width, high: (i + 1) * width }))
}

/**
 * Both hold a part of the key space; touching is not overlapping.
 *
 * @category guards
 * @since 0.1.0
 */
export const overlap = (a: KeyRange, b: KeyRange): boolean => a.low < b.high && b.low < a.high

/**
 * Whether ranges cover [0, 1) once, without a gap. The last one may end just below 1, as `equal` makes them.
 *
 * @category guards
 * @since 0.1.0
 */
export const coverOnce = (ranges: ReadonlyArray<KeyRange>): boolean => {
  const sorted = ranges.toSorted((a, b) => a.low - b.low)
  return sorted.length > 0 &&
    sorted.every((range, i) => range.low === (sorted[i - 1]?.high ?? 0) && range.low < range.high) &&
    isEnd(sorted.at(-1)?.high ?? 0)
}

/** Neighbours may lie so far apart, as the client that scaled a stream may have rounded their common bound. */
const rounding = 1e-6

/**
 * The first part of [0, 1) that none of the ranges holds; undefined: they hold all of it.
 *
 * @category getters
 * @since 0.2.0
 */
export const firstGap = (ranges: Iterable<KeyRange>): KeyRange | undefined => {
  let end = 0
  for (const { high, low } of Array.from(ranges).toSorted((a, b) => a.low - b.low)) {
    if (low > end + rounding) return { low: end, high: low }
    end = Math.max(end, high)
  }
  return end < 1 - rounding ? { low: end, high: 1 } : undefined
}

/** 1, or what rounding made of it: n * (1 / n) is at most one step below. */
const isEnd = (high: number): boolean => high === 1 || high === 1 - Number.EPSILON / 2
