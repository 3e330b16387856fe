/**
 * Routing keys: events of one key go to one segment at a time, and keep their order. A key is hashed to a position in
 * [0, 1), and the segment whose range holds the position takes its events.
 *
 * `SegmentRouting` knows which segment that is, and which ones take its place when it is sealed.
 *
 * @since 0.1.0
 */
import * as KeyHash from "./KeyHash.ts"
import type { SegmentWithRange } from "./Segment.ts"

/**
 * A key's place in the key space [0, 1). Java's clients compute the same. Any text is a key, also the empty one.
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
 * The segment that takes a position, or undefined if there are no segments.
 *
 * **Details**
 *
 * It is the first segment whose upper bound is not below the position, so that a bound belongs to the lower segment. A position
 * above every bound goes to the last segment: the ranges of 49 or 98 equal segments, for example, end just below 1.
 *
 * **Gotchas**
 *
 * This looks at every segment. For many events, make a `SegmentRouting` once.
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
