/**
 * Routing keys: events of one key go to one segment at a time, and keep their order. A key is hashed to a position in
 * [0, 1), and the segment whose range holds the position takes its events.
 *
 * Which segment that is, and what takes its place when it is sealed, is `SegmentRouting`'s business.
 *
 * @since 0.1.0
 */
import * as KeyHash from "./KeyHash.ts"
import type { SegmentWithRange } from "./Segment.ts"

/**
 * A key's place in the key space [0, 1), the same as every Java client's. Any text is a key, the empty one too.
 *
 * @see `HashHelper.hashToRange` of Pravega 0.13.0
 * @category getters
 * @since 0.1.0
 */
export const position = (key: string): number => KeyHash.toPosition(KeyHash.ofText(key, KeyHash.eventRouterSeed))

/**
 * The 64-bit hash (signed) that the position is the upper 52 bits of.
 *
 * @category getters
 * @since 0.1.0
 */
export const hash = (key: string): bigint => KeyHash.toLong(KeyHash.ofText(key, KeyHash.eventRouterSeed))

/**
 * The segment that takes a position: the first whose upper bound is not below it, so that a bound belongs to the lower
 * segment; the last one when the position lies above every bound (the ranges of 49 or 98 equal segments, for example, end
 * just below 1). Undefined when there are no segments.
 *
 * Looks at every segment: for many events, make a `SegmentRouting` once.
 *
 * **Example**
 *
 * ```ts
 * import { Admin, RoutingKey } from "effect-pravega"
 * import { Effect } from "effect"
 *
 * const whereAcmeGoes = Effect.map(
 *   Admin.segments("market/trades"),
 *   (segments) => RoutingKey.segmentFor(segments, RoutingKey.position("ACME"))?.id
 * )
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const segmentFor = <S extends SegmentWithRange>(segments: ReadonlyArray<S>, position: number): S | undefined => {
  let best: S | undefined
  let last: S | undefined
  for (const segment of segments) {
    const high = segment.range.high
    if (high >= position && (best === undefined || high < best.range.high)) best = segment
    if (last === undefined || high > last.range.high) last = segment
  }
  return best ?? last
}
