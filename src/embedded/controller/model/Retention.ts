/**
 * Automatic truncation by a stream's retention policy: tails are recorded from time to time, and the stream is truncated
 * to one of them that is old enough, or leaves enough. With subscribers it is truncated to where the slowest of them is,
 * within the policy's bounds.
 *
 * Facts: Pravega 0.13.
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
  const tails = state.tails
  const now = tailOf(world, state)
  const leaves = ({ bytes, recorded }: Tail): bigint =>
    BigInt(retention.retentionType === Type.TIME ? now.recorded - recorded : now.bytes - bytes)
  // older servers and clients leave the maximum at 0: no limit
  const maximum = retention.retentionMax > 0n ? retention.retentionMax : unlimited
  const nearest = tails.findLast((tail) => leaves(tail) >= retention.retentionParam)
  const furthest = tails.findLast((tail) => leaves(tail) >= maximum)
  const target = choose(state, nearest?.cut, furthest?.cut)
  if (target !== undefined) moveForward(world, state, target)
  const from = target === undefined ? 0 : tails.findLastIndex(({ cut }) => isAtOrAfter(state, target, cut))
  world.state.putTails(state, [...tails.slice(Math.max(0, from)), now])
}

const unlimited = (1n << 63n) - 1n

/** `nearest`: what keeps the minimum; `furthest`: what keeps the maximum. */
const choose = (
  state: StreamState,
  nearest: Cuts.Cut | undefined,
  furthest: Cuts.Cut | undefined
): Cuts.Cut | undefined => {
  if (nearest === undefined || state.subscribers.size === 0) return nearest
  const read = lowest(state)
  if (read === undefined) return furthest
  if (isAtOrAfter(state, read, nearest)) return nearest
  return furthest !== undefined && isAtOrAfter(state, furthest, read) ? furthest : read
}

/** The subscribers' cut that no other one is behind; none while they are entangled, or one has told nothing yet. */
const lowest = (state: StreamState): Cuts.Cut | undefined => {
  const cuts = Array.from(state.subscribers.values(), ({ cut }) => cut)
  if (cuts.some(({ size }) => size === 0)) return undefined
  return cuts.find((cut) => cuts.every((other) => isAtOrAfter(state, other, cut)))
}

const moveForward = (world: World, state: StreamState, cut: Cuts.Cut): void => {
  if (isAtOrAfter(state, cut, Streams.head(state))) Streams.moveHead(world, state, cut)
}

const isAtOrAfter = ({ record: { epochs } }: StreamState, later: Cuts.Cut, earlier: Cuts.Cut): boolean => {
  const [a, b] = [Cuts.place(epochs, later), Cuts.place(epochs, earlier)]
  return a !== undefined && b !== undefined && Cuts.isAtOrAfter(a, b)
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
