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
export const isAtOrAfter = (later: ReadonlyArray<Placed>, earlier: ReadonlyArray<Placed>): boolean =>
  later.every((a) =>
    earlier.every((b) => a.id === b.id ? a.offset >= b.offset : a.id > b.id || !KeyRange.overlap(a.range, b.range))
  )

/** The position before the first byte that a stream ever had. @category getters @since 0.1.0 */
export const origin = (epochs: Epochs.Epochs): Cut => new Map(epochs[0]!.segments.map(({ id }) => [id, 0n]))

/**
 * All segments that a reader passes from one cut to another; an empty one stands for the stream's origin or its active
 * segments. Segments that are not the stream's count for nothing, as on a real server. "reversed": `to` lies before
 * `from`.
 *
 * @category getters
 * @since 0.1.0
 */
export const between = (
  epochs: Epochs.Epochs,
  from: Cut,
  to: Cut
): ReadonlyArray<SegmentWithRange> | "reversed" => {
  const start = known(epochs, from.size === 0 ? origin(epochs) : from)
  const end = to.size === 0
    ? Epochs.active(epochs).segments.map((segment) => ({ ...segment, offset: maxOffset }))
    : known(epochs, to)
  if (!isAtOrAfter(end, start)) return "reversed"
  return Epochs.all(epochs).filter(({ id, range }) =>
    start.every((before) => before.id <= id || !KeyRange.overlap(before.range, range)) &&
    end.every((after) => id <= after.id || !KeyRange.overlap(after.range, range))
  )
}

/** Of `segments`, those that lie wholly before the cut. @category getters @since 0.1.0 */
export const before = (
  epochs: Epochs.Epochs,
  cut: Cut,
  segments: ReadonlyArray<SegmentWithRange>
): ReadonlyArray<SegmentWithRange> => {
  const placed = place(epochs, cut) ?? []
  return segments.filter(({ id, range }) =>
    placed.every((entry) => id < entry.id || !KeyRange.overlap(entry.range, range))
  )
}

const maxOffset = (1n << 63n) - 1n
