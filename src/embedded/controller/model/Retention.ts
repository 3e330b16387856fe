/**
 * Automatic truncation by a stream's retention policy: tails are recorded from time to time, and the stream is truncated
 * to one of them that is old enough, or leaves enough. With subscribers it is truncated to where the slowest of them is,
 * within the policy's bounds.
 *
 * Facts: Pravega 0.13's `StreamMetadataTasks.retention`.
 *
 * @internal
 */
import { name as segmentName } from "../../../core/Segment.ts"
import * as pb from "../../../pravega/controller/gen/Controller_pb.ts"
import type { World } from "../World.ts"
import type { StreamState } from "./ControllerState.ts"
import * as Cuts from "./Cuts.ts"
import * as Epochs from "./Epochs.ts"
import type { RecordedTails } from "./Model.ts"
import * as Streams from "./Streams.ts"

type Tail = RecordedTails[number]

/** To be called once per period for each stream. @category transitions @since 0.1.0 */
export const run = (world: World, state: StreamState): void => {
  const { isSealed, settings } = state.record
  const Type = pb.RetentionPolicy_RetentionPolicyType
  const { retention } = settings
  if (retention === undefined || retention.retentionType === Type.UNKNOWN || isSealed) return
  const tails = [...state.tails, tailOf(world, state)]
  const minimum = retention.retentionParam
  // older servers and clients leave the maximum at 0: no limit
  const maximum = retention.retentionMax > 0n ? retention.retentionMax : unlimited
  const now = tails.at(-1)!
  const choose = retention.retentionType === Type.TIME ? byTime : bySize
  const target = choose(world, state, { tails, now, minimum, maximum })
  if (target !== undefined) moveForward(world, state, target)
  const passed = target === undefined ? undefined : latestBefore(state, tails, target)
  world.state.putTails(state, thinned(passed === undefined ? tails : tails.slice(tails.indexOf(passed) + 1)))
}

/** All of them are one record: where a policy keeps them for long, every second one goes, but for the last. */
const tailsMaximum = 512

const thinned = (tails: RecordedTails): RecordedTails =>
  tails.length <= tailsMaximum ? tails : tails.filter((_, i) => i % 2 === 0 || i === tails.length - 1)

const unlimited = (1n << 63n) - 1n

/** A policy with what it decides on. What is left is measured in milliseconds or bytes, as the policy's bounds are. */
interface Choice {
  /** Oldest first; the last is `now`. */
  readonly tails: RecordedTails
  readonly now: Tail
  readonly minimum: bigint
  readonly maximum: bigint
}

const bySize = (
  world: World,
  state: StreamState,
  { maximum, minimum, now, tails }: Choice
): Cuts.Cut | undefined => {
  const leaves = ({ bytes }: Tail): bigint => BigInt(now.bytes - bytes)
  const nearest = leastThatKeeps(tails, minimum, leaves)
  const read = lowest(state)
  if (read === undefined) return nearest?.cut
  const behind = bytesBetween(world, state, read, now.cut)
  if (behind < minimum) {
    // the subscribers are so near to the tail that they may be passed by no more than the minimum lets
    if (nearest === undefined || isBefore(state, nearest.cut, read)) return nearest?.cut
    return latestBefore(state, tails, read)?.cut
  }
  if (behind < maximum) return read
  // they lag: what is beyond the maximum is lost to them
  const furthest = mostThatKeeps(tails, minimum, maximum, leaves) ?? nearest
  return furthest !== undefined && leaves(furthest) < behind ? furthest.cut : read
}

const byTime = (_: World, state: StreamState, { maximum, minimum, now, tails }: Choice): Cuts.Cut | undefined => {
  const leaves = ({ recorded }: Tail): bigint => BigInt(Math.floor(now.recorded - recorded))
  const nearest = leastThatKeeps(tails, minimum, leaves)
  const read = lowest(state)
  if (read === undefined || nearest === undefined) return nearest?.cut
  if (isBefore(state, nearest.cut, read)) return nearest.cut
  if (!isAtOrAfter(state, nearest.cut, read)) return latestBefore(state, tails, read)?.cut
  const tooOld = tails.findLast((tail) => leaves(tail) >= maximum)
  if (tooOld === undefined || isAtOrAfter(state, read, tooOld.cut)) return read
  if (!isBefore(state, read, tooOld.cut)) return tooOld.cut
  return (mostThatKeeps(tails, minimum, maximum, leaves) ?? nearest).cut
}

/** Of the tails that keep the minimum, the one that keeps least. */
const leastThatKeeps = (
  tails: RecordedTails,
  minimum: bigint,
  leaves: (tail: Tail) => bigint
): Tail | undefined => tails.findLast((tail) => leaves(tail) >= minimum)

/** Of the tails that keep the minimum and no more than the maximum, the one that keeps most. */
const mostThatKeeps = (
  tails: RecordedTails,
  minimum: bigint,
  maximum: bigint,
  leaves: (tail: Tail) => bigint
): Tail | undefined => tails.find((tail) => leaves(tail) >= minimum && leaves(tail) <= maximum)

/** Where the slowest of the subscribers is, segment by segment. Undefined: none has told where it is. */
const lowest = ({ record, subscribers }: StreamState): Cuts.Cut | undefined => {
  const told = Array.from(subscribers.values(), ({ cut }) => cut).filter(({ size }) => size > 0)
  return told.length === 0 ? undefined : Cuts.lowest(record.epochs, told)
}

const latestBefore = (state: StreamState, tails: RecordedTails, cut: Cuts.Cut): Tail | undefined =>
  tails.findLast((tail) => isAtOrAfter(state, cut, tail.cut))

const moveForward = (world: World, state: StreamState, cut: Cuts.Cut): void => {
  if (Cuts.covers(state.record.epochs, cut) && isAtOrAfter(state, cut, Streams.head(state))) {
    Streams.moveHead(world, state, cut)
  }
}

const isAtOrAfter = ({ record: { epochs } }: StreamState, later: Cuts.Cut, earlier: Cuts.Cut): boolean => {
  const [a, b] = [Cuts.place(epochs, later), Cuts.place(epochs, earlier)]
  return a !== undefined && b !== undefined && Cuts.isAtOrAfter(a, b)
}

/** Behind somewhere, and ahead nowhere. */
const isBefore = (state: StreamState, earlier: Cuts.Cut, later: Cuts.Cut): boolean =>
  isAtOrAfter(state, later, earlier) && !isAtOrAfter(state, earlier, later)

/** Segments that were truncated away count for nothing: what is behind the stream's head can't be lost any more. */
const bytesBetween = (
  { container }: World,
  { name, record: { epochs } }: StreamState,
  from: Cuts.Cut,
  to: Cuts.Cut
): bigint => {
  const between = Cuts.between(epochs, from, to)
  if (typeof between === "string") return 0n
  return between.reduce((bytes, { id }) => {
    const length = BigInt(container.info(segmentName(name, id))?.length ?? 0)
    const [start, end] = [from.get(id) ?? 0n, to.get(id) ?? length]
    return bytes + (end > start ? end - (start < 0n ? 0n : start) : 0n)
  }, 0n)
}

const tailOf = ({ container, now }: World, { name, record }: StreamState): Tail => {
  let bytes = record.sealedBytes
  const cut = new Map<bigint, bigint>()
  for (const { id } of Epochs.active(record.epochs).segments) {
    const length = container.info(segmentName(name, id))?.length ?? 0
    bytes += length
    cut.set(id, BigInt(length))
  }
  return { recorded: now(), bytes, cut }
}
