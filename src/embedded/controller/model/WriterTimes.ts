/**
 * Writers' times: what each writer of a stream last noted, and the watermarks that follow from it in the stream's mark
 * stream.
 *
 * Facts: Pravega 0.13.
 *
 * @internal
 */
import * as EventFrame from "../../../core/bytes/EventFrame.ts"
import type * as KeyRange from "../../../core/KeyRange.ts"
import { name as segmentName, SegmentId, type SegmentWithRange } from "../../../core/Segment.ts"
import * as StreamName from "../../../core/StreamName.ts"
import { Watermark } from "../../../core/Watermark.ts"
import * as pb from "../../../pravega/controller/gen/Controller_pb.ts"
import { findStream, type World } from "../World.ts"
import type { StreamState } from "./ControllerState.ts"
import * as Cuts from "./Cuts.ts"
import * as Epochs from "./Epochs.ts"
import type { WriterMark } from "./Model.ts"
import * as Skyline from "./Skyline.ts"

/** The position may be any: only that it does not go back is checked. @category transitions @since 0.1.0 */
export const note = (
  world: World,
  state: StreamState,
  writer: string,
  timestamp: bigint,
  position: Cuts.Cut
): pb.TimestampResponse_Status => {
  const Status = pb.TimestampResponse_Status
  const last = state.writers.get(writer)
  if (last !== undefined) {
    if (timestamp < last.timestamp) return Status.INVALID_TIME
    const [now, before] = [Cuts.place(state.record.epochs, position), Cuts.place(state.record.epochs, last.position)]
    if (now !== undefined && before !== undefined && !Cuts.isAtOrAfter(now, before)) return Status.INVALID_POSITION
  }
  world.state.putWriter(state, writer, { timestamp, position, noted: world.now() })
  return Status.SUCCESS
}

/**
 * The writer will note no more. It counts until a watermark has passed its last time.
 *
 * @category transitions
 * @since 0.1.0
 */
export const remove = (
  world: World,
  scope: string,
  stream: string,
  writer: string
): pb.RemoveWriterResponse_Status => {
  const Status = pb.RemoveWriterResponse_Status
  const state = findStream(world, scope, stream)
  const mark = state?.writers.get(writer)
  if (state === undefined || mark === undefined) return Status.UNKNOWN_WRITER
  world.state.putWriter(state, writer, { ...mark, isGone: true })
  return Status.SUCCESS
}

/**
 * Writes a watermark when every writer has passed the last one. A writer that is gone, or was silent for longer than the
 * stream's aggregation time-out, is not waited for.
 *
 * @category transitions
 * @since 0.1.0
 */
export const advance = (world: World, state: StreamState): void => {
  if (state.writers.size === 0 || state.record.isSealed) return
  const passed = state.watermark?.lowerTime
  const marks: Array<WriterMark> = []
  for (const [writer, mark] of state.writers) {
    if (passed === undefined || mark.timestamp > passed) marks.push(mark)
    else if (mark.isGone === true || isSilent(world, state, mark)) world.state.putWriter(state, writer, undefined)
    else return
  }
  if (marks.length === 0) return
  const times = marks.map(({ timestamp }) => timestamp)
  const lowerTime = times.reduce((a, b) => a < b ? a : b)
  const upperTime = times.reduce((a, b) => a > b ? a : b)
  const { epochs } = state.record
  const noted = join(epochs, [state.watermark?.position ?? new Map(), ...marks.map((m) => m.position)])
  if (noted.size === 0) return
  const position = complete(epochs, noted)
  if (append(world, state, lowerTime, upperTime, position)) {
    world.state.putWatermark(state, { lowerTime, upperTime, position })
  }
}

const isSilent = ({ now }: World, { record }: StreamState, { noted }: WriterMark): boolean =>
  BigInt(now() - noted) > record.settings.timestampAggregationTimeout

/** False: the stream's mark stream is not there, or sealed. */
const append = (world: World, { name, record }: StreamState, lower: bigint, upper: bigint, cut: Cuts.Cut): boolean => {
  const marks = findStream(world, name.scope, `${StreamName.markPrefix}${name.stream}`)
  const segment = marks === undefined ? undefined : Epochs.active(marks.record.epochs).segments[0]
  if (marks === undefined || segment === undefined) return false
  const positions = (Cuts.place(record.epochs, cut) ?? [])
    .map(({ id, offset, range }) => ({ segment: SegmentId.make(id), range, offset }))
  const event = Watermark.toBytes(new Watermark({ lowerTime: lower, upperTime: upper, positions }))
  return world.container.appendOwn(segmentName(marks.name, segment.id), EventFrame.encode(event), 1)._tag === "Appended"
}

/**
 * The furthest of several positions: in every segment the highest offset, and where one is in a segment and another
 * beyond it, what follows that segment. Covers the keys once if one of the positions does.
 *
 * @category transitions
 * @since 0.1.0
 */
export const join = (epochs: Epochs.Epochs, positions: ReadonlyArray<Cuts.Cut>): Cuts.Cut => {
  const furthest = new Map<bigint, bigint>()
  for (const position of positions) {
    for (const { id, offset } of Cuts.place(epochs, position) ?? []) {
      const known = furthest.get(id)
      if (known === undefined || offset > known) furthest.set(id, offset)
    }
  }
  for (;;) {
    const segments = [...furthest.keys()].map((id) => Epochs.find(epochs, id)!)
    const last = Skyline.highest(segments)
    const passed = segments.filter(({ id, range }) => last.over(range) !== id)
    if (passed.length === 0) return furthest
    for (const { id } of passed) furthest.delete(id)
    for (const { id } of passed.flatMap((segment) => Epochs.successors(epochs, segment.id))) {
      if (!furthest.has(id)) furthest.set(id, 0n)
    }
  }
}

/**
 * The position with what it lacks of the keys, at the beginning of segments of its latest epoch. What a writer noted
 * stays as it is: of a segment that nobody has written to yet that is -1, which readers take for its end.
 *
 * @category transitions
 * @since 0.1.0
 */
export const complete = (epochs: Epochs.Epochs, position: Cuts.Cut): Cuts.Cut => {
  if (Cuts.covers(epochs, position)) return position
  const placed = Cuts.place(epochs, position) ?? []
  const latest = epochs[Math.max(...placed.map(({ id }) => Number(id >> 32n)))]!
  const covered = joined(placed)
  const missing = latest.segments.filter(({ id, range }) => !position.has(id) && !isCovered(range, covered))
  const furthest = join(epochs, [position, new Map(missing.map(({ id }) => [id, 0n]))])
  return furthest.size === position.size && missing.length === 0 ? furthest : complete(epochs, furthest)
}

/** What the segments hold of the keys, from low to high, as few ranges as can be. */
const joined = (segments: ReadonlyArray<SegmentWithRange>): ReadonlyArray<KeyRange.KeyRange> => {
  const ranges: Array<KeyRange.KeyRange> = []
  for (const { range } of segments.toSorted((a, b) => a.range.low - b.range.low)) {
    const last = ranges.at(-1)
    if (last === undefined || range.low > last.high) ranges.push(range)
    else if (range.high > last.high) ranges[ranges.length - 1] = { low: last.low, high: range.high }
  }
  return ranges
}

const isCovered = ({ high, low }: KeyRange.KeyRange, ranges: ReadonlyArray<KeyRange.KeyRange>): boolean => {
  let [first, end] = [0, ranges.length]
  while (first < end) {
    const middle = (first + end) >>> 1
    if (ranges[middle]!.high < high) first = middle + 1
    else end = middle
  }
  return (ranges[first]?.low ?? high) <= low
}
