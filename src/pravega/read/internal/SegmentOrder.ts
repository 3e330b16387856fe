/**
 * Which of some segments come before which, where some were sealed and others took over their keys: a pure look at their
 * epochs and key ranges.
 *
 * @internal
 */
import * as Segment from "../../../core/Segment.ts"
import type { SegmentId, SegmentWithRange } from "../../../core/Segment.ts"

/**
 * Per segment, those that directly precede it: of the segments of lower epochs, the last ones that held a part of its
 * key range. Segments that are left out (there is nothing to read in them) are looked through: the segments
 * before them come before those after them. There are no cycles, because epochs grow.
 *
 * @category ordering
 * @since 0.1.0
 */
export const predecessors = (
  segments: ReadonlyArray<SegmentWithRange>
): ReadonlyMap<SegmentId, ReadonlyArray<SegmentId>> => {
  const byEpoch = Map.groupBy(segments, ({ id }) => Segment.epoch(id))
  const result = new Map<SegmentId, ReadonlyArray<SegmentId>>()
  let latest: ReadonlyArray<SegmentWithRange> = []
  for (const epoch of [...byEpoch.keys()].sort((a, b) => a - b)) {
    const created = byEpoch.get(epoch) ?? []
    for (const segment of created) {
      const before = latest.filter((earlier) => overlap(earlier, segment)).map((earlier) => earlier.id)
      result.set(segment.id, [...new Set(before)])
    }
    for (const segment of created) latest = latest.flatMap((earlier) => without(earlier, segment))
    latest = [...latest, ...created]
  }
  return result
}

const overlap = (a: SegmentWithRange, b: SegmentWithRange): boolean =>
  a.range.low < b.range.high && b.range.low < a.range.high

/** What is left of a segment's range when another has taken over its own. */
const without = (segment: SegmentWithRange, taken: SegmentWithRange): ReadonlyArray<SegmentWithRange> => {
  if (!overlap(segment, taken)) return [segment]
  const { high, low } = segment.range
  return [{ low, high: taken.range.low }, { low: taken.range.high, high }]
    .filter((range) => range.low < range.high)
    .map((range) => ({ id: segment.id, range }))
}
