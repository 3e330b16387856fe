/**
 * Which segment of several comes first or last over a part of the key space. Pure. What clients send may name thousands
 * of segments, and comparing them pair by pair would take seconds: this takes n log n to make, and log n to ask.
 *
 * @internal
 */
import type { KeyRange } from "../../../core/KeyRange.ts"
import type { SegmentWithRange } from "../../../core/Segment.ts"

/** @category models @since 0.2.0 */
export interface Skyline {
  /** The highest (or lowest) id of the segments that overlap the range; undefined: none does. */
  readonly over: (range: KeyRange) => bigint | undefined
}

/** The segments may overlap each other. @category constructors @since 0.2.0 */
export const highest = (segments: ReadonlyArray<SegmentWithRange>): Skyline =>
  make(segments.toSorted((a, b) => compare(b.id, a.id)))

/** @category constructors @since 0.2.0 */
export const lowest = (segments: ReadonlyArray<SegmentWithRange>): Skyline =>
  make(segments.toSorted((a, b) => compare(a.id, b.id)))

const compare = (a: bigint, b: bigint): number => a < b ? -1 : a > b ? 1 : 0

const nobody = 0xffffffff

/** `ranked`: those that are preferred come first. */
const make = (ranked: ReadonlyArray<SegmentWithRange>): Skyline => {
  const bounds = Float64Array.from(new Set(ranked.flatMap(({ range }) => [range.low, range.high]))).sort()
  const levels = [paint(ranked, bounds)]
  for (let width = 1; width * 2 < bounds.length; width *= 2) levels.push(widen(levels.at(-1)!, width))
  return {
    over: ({ high, low }) => {
      const first = Math.max(0, above(bounds, low) - 1)
      const last = Math.min(bounds.length - 1, atOrAbove(bounds, high)) - 1
      if (first > last) return undefined
      const level = 31 - Math.clz32(last - first + 1)
      const best = Math.min(levels[level]![first]!, levels[level]![last + 1 - 2 ** level]!)
      return ranked[best]?.id
    }
  }
}

/** For each stretch between two bounds, the place of the first segment that holds it. Each stretch is written once. */
const paint = (ranked: ReadonlyArray<SegmentWithRange>, bounds: Float64Array): Uint32Array => {
  const painted = new Uint32Array(Math.max(0, bounds.length - 1)).fill(nobody)
  /** Where the next stretch that is not painted may be. */
  const next = Uint32Array.from({ length: bounds.length }, (_, i) => i)
  const unpainted = (from: number): number => {
    let at = from
    while (next[at]! !== at) at = next[at] = next[next[at]!]!
    return at
  }
  ranked.forEach(({ range }, rank) => {
    const end = atOrAbove(bounds, range.high)
    for (let at = unpainted(atOrAbove(bounds, range.low)); at < end; at = unpainted(at)) {
      painted[at] = rank
      next[at] = at + 1
    }
  })
  return painted
}

/** The best of twice as many stretches from each on. */
const widen = (level: Uint32Array, width: number): Uint32Array =>
  Uint32Array.from(
    { length: level.length - width },
    (_, i) => Math.min(level[i]!, level[i + width]!)
  )

/** The first bound that is no less than the value. */
const atOrAbove = (bounds: Float64Array, value: number): number => search(bounds, (bound) => bound >= value)

const above = (bounds: Float64Array, value: number): number => search(bounds, (bound) => bound > value)

const search = (bounds: Float64Array, isPast: (bound: number) => boolean): number => {
  let low = 0
  let high = bounds.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isPast(bounds[middle]!)) high = middle
    else low = middle + 1
  }
  return low
}
