/**
 * The history of a stream's segments: its epochs, how one follows from another, and which segment follows which. Pure;
 * it knows no bytes and no offsets.
 *
 * Facts: Pravega 0.13.
 *
 * @internal
 */
import * as Schema from "effect/Schema"
import * as KeyRange from "../../../core/KeyRange.ts"
import { epoch as epochOf, makeId, number, SegmentWithRange } from "../../../core/Segment.ts"

/**
 * The segments that were active together. `reference`: the epoch that this one is a copy of, or its own number. Only the
 * copies that rolling transactions make differ from their reference.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Epoch = Schema.Struct({
  epoch: Schema.Int,
  reference: Schema.Int,
  segments: Schema.Array(SegmentWithRange)
})
/** @category models @since 0.1.0 */
export type Epoch = typeof Epoch.Type

/** All epochs of a stream, in order: an epoch's number is its index. Never empty. @category models @since 0.1.0 */
export type Epochs = ReadonlyArray<Epoch>

/** Epoch 0 of a new stream, whose segments are numbered from `firstNumber` on. @category getters @since 0.1.0 */
export const first = (count: number, firstNumber: number): Epoch => ({
  epoch: 0,
  reference: 0,
  segments: KeyRange.equal(count).map((range, i) => ({ id: makeId(firstNumber + i, 0), range }))
})

/** @category getters @since 0.1.0 */
export const active = (epochs: Epochs): Epoch => epochs.at(-1)!

/**
 * Of all segments that the stream ever had: the next stream of that name begins above it.
 *
 * @category getters
 * @since 0.1.0
 */
export const highestNumber = (epochs: Epochs): number =>
  epochs.reduce((highest, { segments }) => segments.reduce((max, { id }) => Math.max(max, number(id)), highest), -1)

/** @category models @since 0.1.0 */
export type ScalePlan =
  | { readonly _tag: "Planned"; readonly next: Epoch; readonly created: ReadonlyArray<SegmentWithRange> }
  | { readonly _tag: "NotActive" }
  | { readonly _tag: "DoesNotTile" }

/**
 * The epoch after replacing segments by others. The ranges, merged where they touch, must be exactly those of the sealed
 * segments: the bounds are compared as they are.
 *
 * @category transitions
 * @since 0.1.0
 */
export const scale = (
  epochs: Epochs,
  seal: ReadonlyArray<bigint>,
  ranges: ReadonlyArray<KeyRange.KeyRange>
): ScalePlan => {
  const current = active(epochs)
  const sealed = new Set(seal)
  const replaced = current.segments.filter(({ id }) => sealed.has(id))
  if (replaced.length !== sealed.size) return { _tag: "NotActive" }
  const fits = seal.length === sealed.size && tiles(ranges, replaced.map(({ range }) => range))
  if (!fits) return { _tag: "DoesNotTile" }
  const epoch = current.epoch + 1
  const highest = current.segments.reduce((max, { id }) => Math.max(max, number(id)), -1)
  const created = ranges.map(({ high, low }, i) => ({ id: makeId(highest + 1 + i, epoch), range: { low, high } }))
  const kept = current.segments.filter(({ id }) => !sealed.has(id))
  return { _tag: "Planned", created, next: { epoch, reference: epoch, segments: [...kept, ...created] } }
}

/**
 * The two epochs that committing a transaction of an older epoch adds: a copy of the transaction's epoch, to merge it
 * into, and a copy of the active one, to go on with.
 *
 * @category transitions
 * @since 0.1.0
 */
export const roll = (epochs: Epochs, transactionEpoch: Epoch): readonly [copy: Epoch, next: Epoch] => {
  const current = active(epochs)
  return [
    copyOf(transactionEpoch, current.epoch + 1),
    copyOf(current, current.epoch + 2)
  ]
}

const copyOf = ({ reference, segments }: Epoch, epoch: number): Epoch => ({
  epoch,
  reference,
  segments: segments.map(({ id, range }) => ({ id: makeId(number(id), epoch), range }))
})

/** @category models @since 0.1.0 */
export interface Successor extends SegmentWithRange {
  readonly predecessors: ReadonlyArray<bigint>
}

/**
 * What a reader goes on with after a segment: the segments of the first epoch without it that overlap it, each with all
 * that it follows. None for a segment that is active, or was never there.
 *
 * @category getters
 * @since 0.1.0
 */
export const successors = (epochs: Epochs, id: bigint): ReadonlyArray<Successor> => {
  const segment = find(epochs, id)
  if (segment === undefined) return []
  let after = epochOf(segment.id) + 1
  while (after < epochs.length && byId(epochs[after]!).has(id)) after++
  if (after === epochs.length) return []
  const before = epochs[after - 1]!.segments
  return epochs[after]!.segments
    .filter(({ range }) => KeyRange.overlap(range, segment.range))
    .map((successor) => ({
      ...successor,
      predecessors: before.filter(({ range }) => KeyRange.overlap(range, successor.range)).map((other) => other.id)
    }))
}

/** A segment by its id, which names the epoch it was created in. @category getters @since 0.1.0 */
export const find = (epochs: Epochs, id: bigint): SegmentWithRange | undefined => {
  const epoch = epochs[Number(id >> 32n)]
  return epoch && byId(epoch).get(id)
}

const segmentsById = new WeakMap<Epoch, ReadonlyMap<bigint, SegmentWithRange>>()

const byId = (epoch: Epoch): ReadonlyMap<bigint, SegmentWithRange> => {
  let found = segmentsById.get(epoch)
  if (found === undefined) {
    found = new Map(epoch.segments.map((segment) => [segment.id, segment]))
    segmentsById.set(epoch, found)
  }
  return found
}

/** All segments that the stream ever had, in the order of their ids. @category getters @since 0.1.0 */
export const all = (epochs: Epochs): ReadonlyArray<SegmentWithRange> =>
  epochs.flatMap(({ epoch, segments }) => segments.filter(({ id }) => epochOf(id) === epoch))

/** Whether both cover the same part of the key space, each once. */
const tiles = (ranges: ReadonlyArray<KeyRange.KeyRange>, target: ReadonlyArray<KeyRange.KeyRange>): boolean => {
  const merged = merge(ranges)
  const wanted = merge(target)
  return merged !== undefined && wanted !== undefined && merged.length === wanted.length &&
    merged.every(({ high, low }, i) => low === wanted[i]!.low && high === wanted[i]!.high)
}

/** The ranges joined where they touch; undefined when one is empty or inverted, when some overlap, or without any. */
const merge = (ranges: ReadonlyArray<KeyRange.KeyRange>): ReadonlyArray<KeyRange.KeyRange> | undefined => {
  const merged: Array<{ readonly low: number; high: number }> = []
  for (const { high, low } of ranges.toSorted((a, b) => a.low - b.low)) {
    const last = merged.at(-1)
    // negated, so that NaN is refused
    if (!(low < high) || (last !== undefined && low < last.high)) return undefined
    if (last !== undefined && last.high === low) last.high = high
    else merged.push({ low, high })
  }
  return merged.length === 0 ? undefined : merged
}
