/**
 * Streams from their creation to their end: created with their mark streams, configured, scaled, truncated, sealed,
 * deleted. Reading their history is `Epochs` and `Cuts`.
 *
 * Facts: Pravega 0.13.
 *
 * @internal
 */
import * as KeyRange from "../../../core/KeyRange.ts"
import { name as segmentName, type SegmentWithRange } from "../../../core/Segment.ts"
import * as StreamName from "../../../core/StreamName.ts"
import * as pb from "../../../pravega/controller/gen/Controller_pb.ts"
import { createSegments, findStream, refuseTooMany, sealSegments, type World } from "../World.ts"
import { scopedStream, type StreamState } from "./ControllerState.ts"
import * as Cuts from "./Cuts.ts"
import * as Epochs from "./Epochs.ts"
import type { StreamSettings } from "./Model.ts"
import * as Transactions from "./Transactions.ts"

/** Names that a real server takes for scopes and streams. @category guards @since 0.1.0 */
export const isName = (name: string): boolean => /^_?[A-Za-z0-9.-]+$/.test(name) && name.length <= 255

/** Creates a stream and, unless it is one itself, its mark stream. @category transitions @since 0.1.0 */
export const create = (
  world: World,
  scope: string,
  stream: string,
  settings: StreamSettings
): pb.CreateStreamStatus_Status => {
  const Status = pb.CreateStreamStatus_Status
  if (!isName(stream)) return Status.INVALID_STREAM_NAME
  if (!world.state.scopes.has(scope)) return Status.SCOPE_NOT_FOUND
  if (findStream(world, scope, stream) !== undefined) return Status.STREAM_EXISTS
  if (settings.scaling.minNumSegments < 1) return Status.FAILURE
  refuseTooMany(world, settings.scaling.minNumSegments)
  make(world, scope, stream, settings)
  const mark = markOf(stream)
  if (mark !== undefined && findStream(world, scope, mark) === undefined) make(world, scope, mark, ofSegments(1))
  return Status.SUCCESS
}

/** The names of a reader group's stream and of mark streams break the rule for names. */
const make = (world: World, scope: string, stream: string, settings: StreamSettings): void => {
  const name = scopedStream(scope, stream)
  const epoch = Epochs.first(settings.scaling.minNumSegments, world.state.firstNumber(name))
  createSegments(world, name, settings, epoch.segments)
  world.state.putStream(name, {
    settings,
    isSealed: false,
    epochs: [epoch],
    sealedBytes: 0
  })
}

/** Undefined: a mark stream itself. */
const markOf = (stream: string): string | undefined =>
  stream.startsWith(StreamName.markPrefix) ? undefined : `${StreamName.markPrefix}${stream}`

/** A number of segments that stays, and nothing else. @category constructors @since 0.2.0 */
export const ofSegments = (count: number): StreamSettings => ({
  scaling: { scaleType: 0, targetRate: 0, scaleFactor: 0, minNumSegments: count },
  tags: [],
  timestampAggregationTimeout: 0n,
  rolloverSizeBytes: 0n
})

/**
 * Replaces the configuration. A fixed number of segments is brought about at once, and so is a minimum that is above
 * the present number: all segments are replaced by equal ones.
 *
 * Deviation: a real server never answers when the equal ranges end elsewhere than the present ones (49, 98, 103, ...),
 * or when there are to be none. Here the update fails and changes nothing.
 *
 * @category transitions
 * @since 0.1.0
 */
export const update = (
  world: World,
  scope: string,
  stream: string,
  settings: StreamSettings
): pb.UpdateStreamStatus_Status => {
  const Status = pb.UpdateStreamStatus_Status
  const state = findStream(world, scope, stream)
  if (state === undefined) return Status.STREAM_NOT_FOUND
  if (state.record.isSealed) return Status.STREAM_SEALED
  const { minNumSegments, scaleType } = settings.scaling
  if (minNumSegments < 1) return Status.FAILURE
  refuseTooMany(world, minNumSegments)
  const { segments } = Epochs.active(state.record.epochs)
  const isFixed = scaleType === pb.ScalingPolicy_ScalingPolicyType.FIXED_NUM_SEGMENTS
  const scales = isFixed ? segments.length !== minNumSegments : segments.length < minNumSegments
  if (!scales) {
    world.state.putStream(state.name, { ...state.record, settings })
    return Status.SUCCESS
  }
  const plan = Epochs.scale(state.record.epochs, segments.map(({ id }) => id), KeyRange.equal(minNumSegments))
  if (plan._tag !== "Planned") return Status.FAILURE
  applyScale(world, world.state.putStream(state.name, { ...state.record, settings }), plan.next, plan.created)
  return Status.SUCCESS
}

/** @category models @since 0.1.0 */
export type ScaleResult =
  | { readonly _tag: "Started"; readonly epoch: number; readonly created: ReadonlyArray<SegmentWithRange> }
  | { readonly _tag: "PreconditionFailed" }
  | { readonly _tag: "Failure" }

/** A scale is done when this returns; `epoch`: the one before it. @category transitions @since 0.1.0 */
export const scale = (
  world: World,
  scope: string,
  stream: string,
  seal: ReadonlyArray<bigint>,
  ranges: ReadonlyArray<KeyRange.KeyRange>
): ScaleResult => {
  const state = findStream(world, scope, stream)
  if (state === undefined || state.record.isSealed) return { _tag: "Failure" }
  const { epochs, settings } = state.record
  const { epoch } = Epochs.active(epochs)
  // as the real one does
  if (seal.length === 0 && ranges.length === 0) return { _tag: "Started", epoch, created: [] }
  refuseTooMany(world, Epochs.active(epochs).segments.length - seal.length + ranges.length)
  const plan = Epochs.scale(epochs, seal, ranges)
  if (plan._tag === "NotActive") return { _tag: "PreconditionFailed" }
  if (plan._tag === "DoesNotTile") return { _tag: "Failure" }
  if (plan.next.segments.length < settings.scaling.minNumSegments) return { _tag: "PreconditionFailed" }
  applyScale(world, state, plan.next, plan.created)
  return { _tag: "Started", epoch, created: plan.created }
}

const applyScale = (
  world: World,
  { name, record }: StreamState,
  next: Epochs.Epoch,
  created: ReadonlyArray<SegmentWithRange>
): void => {
  createSegments(world, name, record.settings, created)
  const kept = new Set(next.segments.map(({ id }) => id))
  const sealed = sealSegments(world, name, Epochs.active(record.epochs).segments.filter(({ id }) => !kept.has(id)))
  world.state.putStream(name, {
    ...record,
    epochs: [...record.epochs, next],
    sealedBytes: record.sealedBytes + sealed
  })
}

/** Where the stream begins. @category getters @since 0.1.0 */
export const head = ({ record }: StreamState): Cuts.Cut => record.head ?? Cuts.origin(record.epochs)

/**
 * Offsets beyond a segment's end are taken, as the real server takes them; the segment then begins at its end.
 *
 * @category transitions
 * @since 0.1.0
 */
export const truncate = (
  world: World,
  scope: string,
  stream: string,
  cut: Cuts.Cut
): pb.UpdateStreamStatus_Status => {
  const Status = pb.UpdateStreamStatus_Status
  const state = findStream(world, scope, stream)
  if (state === undefined) return Status.STREAM_NOT_FOUND
  if (state.record.isSealed) return Status.STREAM_SEALED
  const { epochs } = state.record
  const to = Cuts.place(epochs, cut)
  const from = Cuts.place(epochs, head(state))
  if (to === undefined || from === undefined) {
    // an epoch that never was is no record to a real server, a segment that its epoch has not is a wrong cut
    return Array.from(cut.keys()).some((id) => Number(id >> 32n) >= epochs.length)
      ? Status.STREAM_NOT_FOUND
      : Status.FAILURE
  }
  if (!Cuts.covers(epochs, cut) || !Cuts.isAtOrAfter(to, from)) return Status.FAILURE
  moveHead(world, state, cut)
  return Status.SUCCESS
}

/** The cut must be valid, and not before the present head. @category transitions @since 0.1.0 */
export const moveHead = (world: World, state: StreamState, cut: Cuts.Cut): void => {
  const { name, record } = state
  for (const { id } of Cuts.before(record.epochs, cut, Epochs.all(record.epochs))) {
    world.container.delete(segmentName(name, id))
  }
  for (const { id, offset } of Cuts.place(record.epochs, cut) ?? []) {
    const segment = segmentName(name, id)
    const info = world.container.info(segment)
    if (info === undefined) continue
    const end = BigInt(info.length)
    const at = Number(offset < 0n || offset > end ? end : offset)
    if (at > info.startOffset) world.container.truncate(segment, at)
  }
  world.state.putStream(name, { ...record, head: cut })
}

/**
 * For ever. Open transactions are aborted, those that are to be committed are committed first.
 *
 * @category transitions
 * @since 0.1.0
 */
export const seal = (world: World, scope: string, stream: string): pb.UpdateStreamStatus_Status => {
  const Status = pb.UpdateStreamStatus_Status
  const state = findStream(world, scope, stream)
  if (state === undefined) return Status.STREAM_NOT_FOUND
  if (state.record.isSealed) return Status.SUCCESS
  Transactions.endAll(world, state)
  const { record } = state
  const bytes = sealSegments(world, state.name, Epochs.active(record.epochs).segments)
  world.state.putStream(state.name, { ...record, isSealed: true, sealedBytes: record.sealedBytes + bytes })
  return Status.SUCCESS
}

/** With its mark stream; both names keep the numbers of their segments. @category transitions @since 0.1.0 */
export const remove = (world: World, scope: string, stream: string): pb.DeleteStreamStatus_Status => {
  const Status = pb.DeleteStreamStatus_Status
  const state = findStream(world, scope, stream)
  if (state === undefined) return Status.STREAM_NOT_FOUND
  if (!state.record.isSealed) return Status.STREAM_NOT_SEALED
  discard(world, state)
  const mark = markOf(stream)
  const markState = mark === undefined ? undefined : findStream(world, scope, mark)
  if (markState !== undefined) discard(world, markState)
  return Status.SUCCESS
}

const discard = (world: World, state: StreamState): void => {
  const { epochs } = state.record
  for (const { id } of Epochs.all(epochs)) world.container.delete(segmentName(state.name, id))
  world.state.deleteStream(state, Epochs.highestNumber(epochs) + 1)
}
