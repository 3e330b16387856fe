/**
 * What a controller says about stream cuts: which are valid, which is ahead of which, which segments lie between two.
 * Pure. Cuts are as clients sent them: any segment ids with any offsets.
 *
 * Facts: Pravega 0.13.
 *
 * @internal
 */
import * as KeyRange from "../../../core/KeyRange.ts"
import type { SegmentWithRange } from "../../../core/Segment.ts"
import * as Epochs from "./Epochs.ts"
import * as Skyline from "./Skyline.ts"

/** An offset per segment. @category models @since 0.1.0 */
export type Cut = ReadonlyMap<bigint, bigint>

/** A segment of a cut. */
interface Placed extends SegmentWithRange {
  readonly offset: bigint
}

/** Those of the cut's segments that are the stream's. */
const known = (epochs: Epochs.Epochs, cut: Cut): ReadonlyArray<Placed> =>
  Array.from(cut).flatMap(([id, offset]) => {
    const segment = Epochs.find(epochs, id)
    return segment === undefined ? [] : [{ id: segment.id, range: segment.range, offset }]
  })

/** The cut's segments, or undefined when the stream never had one of them. @category getters @since 0.1.0 */
export const place = (epochs: Epochs.Epochs, cut: Cut): ReadonlyArray<Placed> | undefined => {
  const placed: Array<Placed> = []
  for (const [id, offset] of cut) {
    const segment = Epochs.find(epochs, id)
    if (segment === undefined) return undefined
    placed.push({ id: segment.id, range: segment.range, offset })
  }
  return placed
}

/** Whether the cut's segments are the stream's and cover its keys once. @category guards @since 0.1.0 */
export const covers = (epochs: Epochs.Epochs, cut: Cut): boolean => {
  const placed = place(epochs, cut)
  return placed !== undefined && KeyRange.coverOnce(placed.map(({ range }) => range))
}

/**
 * Whether wherever the two overlap, `later` is at `earlier` or after it: by offset, else by the segments' order.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAtOrAfter = (later: ReadonlyArray<Placed>, earlier: ReadonlyArray<Placed>): boolean => {
  const highest = Skyline.highest(earlier)
  const offsets = new Map(earlier.map(({ id, offset }) => [id, offset]))
  return later.every(({ id, offset, range }) =>
    offset >= (offsets.get(id) ?? offset) && (highest.over(range) ?? id) <= id
  )
}

/**
 * The nearest of several positions: in every segment the lowest offset, and nothing of segments that follow another.
 *
 * @category getters
 * @since 0.2.0
 */
export const lowest = (epochs: Epochs.Epochs, cuts: ReadonlyArray<Cut>): Cut => {
  const nearest = new Map<bigint, Placed>()
  for (const placed of cuts.flatMap((cut) => known(epochs, cut))) {
    const other = nearest.get(placed.id)
    if (other === undefined || placed.offset < other.offset) nearest.set(placed.id, placed)
  }
  const all = Array.from(nearest.values())
  const first = Skyline.lowest(all)
  return new Map(all.flatMap(({ id, offset, range }) => first.over(range) === id ? [[id, offset]] : []))
}

/** The position before the first byte that a stream ever had. @category getters @since 0.1.0 */
export const origin = (epochs: Epochs.Epochs): Cut => new Map(epochs[0]!.segments.map(({ id }) => [id, 0n]))

/**
 * All segments that a reader passes from one cut to another; an empty one stands for the stream's origin or its active
 * segments. Segments that are not the stream's count for nothing, as on a real server, if there are others: a cut of
 * nothing else ("foreign") is no position of this stream, but of an earlier one of its name. "reversed": `to` lies before
 * `from`.
 *
 * @category getters
 * @since 0.1.0
 */
export const between = (
  epochs: Epochs.Epochs,
  from: Cut,
  to: Cut
): ReadonlyArray<SegmentWithRange> | "reversed" | "foreign" => {
  const start = known(epochs, from.size === 0 ? origin(epochs) : from)
  const end = to.size === 0
    ? Epochs.active(epochs).segments.map((segment) => ({ ...segment, offset: maxOffset }))
    : known(epochs, to)
  if (start.length === 0 || end.length === 0) return "foreign"
  if (!isAtOrAfter(end, start)) return "reversed"
  const [first, last] = [Skyline.highest(start), Skyline.lowest(end)]
  return Epochs.all(epochs).filter(({ id, range }) => (first.over(range) ?? id) <= id && id <= (last.over(range) ?? id))
}

/** Of `segments`, those that lie wholly before the cut. @category getters @since 0.1.0 */
export const before = (
  epochs: Epochs.Epochs,
  cut: Cut,
  segments: ReadonlyArray<SegmentWithRange>
): ReadonlyArray<SegmentWithRange> => {
  const first = Skyline.lowest(place(epochs, cut) ?? [])
  return segments.filter(({ id, range }) => id < (first.over(range) ?? maxOffset))
}

const maxOffset = (1n << 63n) - 1n
