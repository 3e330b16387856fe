/**
 * What each update does to a reader group's state. Every member of a group, Java's and ours, replays the same updates and
 * must come to the same state, so this follows Java in every detail; what looks odd is marked.
 *
 * Pure: nothing is read, written or waited for.
 *
 * @see `ReaderGroupState` and its `update` methods of Pravega 0.13.0
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as SegmentKey from "../../../core/SegmentKey.ts"
import type { RangedOffset, RangedPositions, Successor } from "../../../core/SegmentPositions.ts"
import * as CheckpointState from "./CheckpointState.ts"
import * as HashOrder from "./HashOrder.ts"
import * as ReaderGroupState from "./ReaderGroupState.ts"
import type * as Update from "./ReaderGroupUpdate.ts"
import type { UpdateRefusedReason } from "./UpdateRefused.ts"
import {
  NoStartingSegments,
  NotInitialized,
  ReaderAlreadyOnline,
  ReaderNotOnline,
  SegmentNotAssigned,
  SegmentNotUnassigned,
  UpdateRefused
} from "./UpdateRefused.ts"

type State = ReaderGroupState.ReaderGroupState
type Applied = Result.Result<State, UpdateRefused>

/** The lag, in milliseconds, below which readers are not told apart. @category constants @since 0.1.0 */
export const assumedLagMillis = 30_000n

/** The distance of a reader that has just joined: 2^63 - 1. @category constants @since 0.1.0 */
export const unknownDistance = (1n << 63n) - 1n

/**
 * The state after an update; `state` is undefined before the first initial one. An update that isn't allowed fails with
 * `UpdateRefused`, and the state stays as it was.
 *
 * @category transitions
 * @since 0.1.0
 */
export const apply = (state: State | undefined, update: Update.ReaderGroupUpdate): Applied => {
  switch (update._tag) {
    case "ReaderGroupStateInit":
      return update.startingSegments.size === 0
        ? failed(new NoStartingSegments())
        : Result.succeed(ReaderGroupState.initial(update))
    case "CompactReaderGroupState":
      return Result.succeed(update.state)
    default:
      return state === undefined ? failed(new NotInitialized({ update: update._tag })) : change(state, update)
  }
}

/** The state after several updates, in order; stops at the first that isn't allowed. @category transitions @since 0.1.0 */
export const applyAll = (
  state: State | undefined,
  updates: ReadonlyArray<Update.ReaderGroupUpdate>
): Result.Result<State | undefined, UpdateRefused> => {
  let current = state
  for (const update of updates) {
    const applied = apply(current, update)
    if (Result.isFailure(applied)) return applied
    current = applied.success
  }
  return Result.succeed(current)
}

const failed = (reason: UpdateRefusedReason): Result.Result<never, UpdateRefused> =>
  Result.fail(new UpdateRefused({ reason }))

const change = (state: State, update: Exclude<Update.ReaderGroupUpdate, Update.InitialUpdate>): Applied => {
  switch (update._tag) {
    case "AddReader":
      return addReader(state, update)
    case "RemoveReader":
      return Result.succeed(removeReader(state, update))
    case "ReleaseSegment":
      return releaseSegment(state, update)
    case "AcquireSegment":
      return acquireSegment(state, update)
    case "UpdateDistanceToTail":
      return Result.succeed(updateDistanceToTail(state, update))
    case "SegmentCompleted":
      return segmentCompleted(state, update)
    case "CheckpointReader":
      return checkpointReader(state, update)
    case "CreateCheckpoint":
      return Result.succeed(createCheckpoint(state, update.checkpoint))
    case "ClearCheckpointsBefore":
      return checkpoints(state, CheckpointState.clearBefore(state.checkpoints, update.checkpoint))
    case "UpdateCheckpointPublished":
      return checkpoints(state, CheckpointState.setPublished(state.checkpoints, update.published))
    case "UpdatingConfig":
      return Result.succeed({ ...state, updatingConfig: update.updating })
    case "RemoveOutstandingCheckpoints":
      return checkpoints(state, CheckpointState.removeOutstanding(state.checkpoints))
  }
}

const checkpoints = (state: State, checkpoints: CheckpointState.CheckpointState): Applied =>
  Result.succeed({ ...state, checkpoints })

const addReader = (state: State, { reader }: Update.AddReader): Applied => {
  if (state.assigned.has(reader)) return failed(new ReaderAlreadyOnline({ reader }))
  return Result.succeed({
    ...state,
    assigned: new Map(state.assigned).set(reader, new Map()),
    // a reader that is not online can have reported a distance: it stays
    distanceToTail: state.distanceToTail.has(reader)
      ? state.distanceToTail
      : new Map(state.distanceToTail).set(reader, unknownDistance)
  })
}

/** A reader that is not online leaves nothing behind, but still counts as checkpointed and loses its distance. */
const removeReader = (state: State, { positions, reader }: Update.RemoveReader): State => {
  const owned: RangedPositions = state.assigned.get(reader) ?? new Map()
  const unassigned = new Map(state.unassigned)
  const final = new Map<string, bigint>()
  for (const segment of HashOrder.rangedSegments(owned.keys())) {
    const at = owned.get(segment)!
    const offset = positions.get(segment) ?? at.offset
    final.set(segment, offset)
    unassigned.set(segment, { ...at, offset })
  }
  return {
    ...state,
    assigned: without(state.assigned, reader),
    unassigned,
    distanceToTail: without(state.distanceToTail, reader),
    checkpoints: CheckpointState.removeReader(state.checkpoints, reader, final)
  }
}

const releaseSegment = (state: State, { offset, reader, segment }: Update.ReleaseSegment): Applied => {
  const owned = state.assigned.get(reader)
  if (owned === undefined) return failed(new ReaderNotOnline({ reader }))
  const at = owned.get(segment)
  if (at === undefined) return failed(new SegmentNotAssigned({ reader, segment }))
  return Result.succeed({
    ...state,
    assigned: new Map(state.assigned).set(reader, without(owned, segment)),
    unassigned: new Map(state.unassigned).set(segment, { ...at, offset }),
    lastRead: replaceOffsets(state.lastRead, [[segment, offset]])
  })
}

const acquireSegment = (state: State, { reader, segment }: Update.AcquireSegment): Applied => {
  const owned = state.assigned.get(reader)
  if (owned === undefined) return failed(new ReaderNotOnline({ reader }))
  const at = state.unassigned.get(segment)
  if (at === undefined) return failed(new SegmentNotUnassigned({ reader, segment }))
  return Result.succeed({
    ...state,
    assigned: new Map(state.assigned).set(reader, new Map(owned).set(segment, at)),
    unassigned: without(state.unassigned, segment)
  })
}

/** Accepted from readers that are not online as well. */
const updateDistanceToTail = (state: State, { distance, lastRead, reader }: Update.UpdateDistanceToTail): State => ({
  ...state,
  distanceToTail: new Map(state.distanceToTail).set(reader, distance > assumedLagMillis ? distance : assumedLagMillis),
  lastRead: replaceOffsets(state.lastRead, Array.from(lastRead, ([segment, { offset }]) => [segment, offset]))
})

/**
 * Ids are struck from all future segments, whatever their stream: in a group of several streams, completing segment 0 of
 * one also strikes id 0 of another. So does Java, and all members must agree.
 */
const segmentCompleted = (state: State, { reader, segment, successors }: Update.SegmentCompleted): Applied => {
  const owned = state.assigned.get(reader)
  if (owned === undefined) return failed(new ReaderNotOnline({ reader }))
  if (!owned.has(segment)) return failed(new SegmentNotAssigned({ reader, segment }))
  const completed = SegmentKey.id(segment)
  const awaited = new Map([...successors, ...state.future])
  const future = new Map<string, Successor>()
  const unassigned = new Map(state.unassigned)
  const lastRead = without(state.lastRead, segment)
  for (const name of HashOrder.rangedSegments(new Set([...state.future.keys(), ...successors.keys()]))) {
    const { predecessors, range } = awaited.get(name)!
    const remaining = new Set(predecessors)
    remaining.delete(completed)
    if (remaining.size > 0) {
      future.set(name, { range, predecessors: remaining })
    } else {
      unassigned.set(name, { offset: 0n, range: unassigned.get(name)?.range ?? range })
      if (!lastRead.has(name)) lastRead.set(name, { offset: 0n, range })
    }
  }
  return Result.succeed({
    ...state,
    assigned: new Map(state.assigned).set(reader, without(owned, segment)),
    future,
    unassigned,
    lastRead
  })
}

/**
 * Overwrites the reader's recorded offsets, unless the checkpoint is silent: also when the checkpoint is complete, and
 * when its name is unknown.
 */
const checkpointReader = (state: State, { checkpoint, positions, reader }: Update.CheckpointReader): Applied => {
  const answered = CheckpointState.readerCheckpointed(state.checkpoints, checkpoint, reader, positions)
  if (Result.isFailure(answered)) return Result.fail(answered.failure)
  if (CheckpointState.isSilent(checkpoint)) return checkpoints(state, answered.success)
  const owned = state.assigned.get(reader)
  if (owned === undefined) return failed(new ReaderNotOnline({ reader }))
  return Result.succeed({
    ...state,
    assigned: new Map(state.assigned).set(reader, replaceOffsets(owned, positions)),
    checkpoints: answered.success
  })
}

const createCheckpoint = (state: State, checkpoint: string): State => ({
  ...state,
  checkpoints: CheckpointState.begin(
    state.checkpoints,
    checkpoint,
    HashOrder.texts(state.assigned.keys()),
    new Map(Array.from(state.unassigned, ([segment, { offset }]) => [segment, offset] as const))
  )
})

/** Only segments that are there already; their ranges stay. */
const replaceOffsets = (
  segments: RangedPositions,
  offsets: Iterable<readonly [string, bigint]>
): Map<string, RangedOffset> => {
  const replaced = new Map(segments)
  for (const [segment, offset] of offsets) {
    const at = replaced.get(segment)
    if (at !== undefined) replaced.set(segment, { ...at, offset })
  }
  return replaced
}

const without = <A>(map: ReadonlyMap<string, A>, key: string): Map<string, A> => {
  const rest = new Map(map)
  rest.delete(key)
  return rest
}
