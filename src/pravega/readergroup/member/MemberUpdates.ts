/**
 * What a reader of a group writes into the group's state, decided on the newest one: pure, so that it can be decided again
 * when somebody else was faster. When it is asked is `GroupReader`'s.
 *
 * All members must decide alike, so this follows Java's.
 *
 * @see `ReaderGroupStateManager` of Pravega 0.13.0
 * @internal
 */
import type { Positions, RangedPositions, Successors } from "../../../core/SegmentPositions.ts"
import * as CheckpointState from "../state/CheckpointState.ts"
import * as ReaderGroupBalance from "../state/ReaderGroupBalance.ts"
import * as ReaderGroupState from "../state/ReaderGroupState.ts"
import { unknownDistance } from "../state/ReaderGroupTransition.ts"
import type { ReaderGroupUpdate } from "../state/ReaderGroupUpdate.ts"
import * as SignsOfLife from "../state/SignsOfLife.ts"

type State = ReaderGroupState.ReaderGroupState

/** Updates, and what they mean for the reader. @category models @since 0.1.0 */
export interface Decided<A> {
  readonly updates: ReadonlyArray<ReaderGroupUpdate>
  readonly value: A
}

const nothing = <A>(value: A): Decided<A> => ({ updates: [], value })

/** Where a reader is, and how far behind. @category models @since 0.1.0 */
export interface Report {
  readonly lag: bigint
  readonly lastRead: RangedPositions
}

const distance = (reader: string, { lag, lastRead }: Report) =>
  ({ _tag: "UpdateDistanceToTail", reader, distance: lag, lastRead }) as const

/**
 * The lag that a reader reports before it has read anything: the largest of the others. Java's readers say 0 then. What
 * they say later is so large beside it that readers with a lag count for everything and the others for nothing: a reader that
 * owns many silent segments would never give any up.
 *
 * @category getters
 * @since 0.1.0
 */
export const assumedLag = (state: State, reader: string): bigint =>
  Array.from(state.distanceToTail).reduce(
    (largest, [other, lag]) =>
      other !== reader && lag > largest && lag !== unknownDistance && ReaderGroupState.isOnline(state, other)
        ? lag
        : largest,
    0n
  )

/** Whether a checkpoint waits for the reader: then it moves no segments. */
const isAsked = (state: State, reader: string): boolean =>
  CheckpointState.nextFor(state.checkpoints, reader) !== undefined

/** False: the id is in use. @category transitions @since 0.1.0 */
export const join = (state: State, reader: string): Decided<boolean> =>
  ReaderGroupState.isOnline(state, reader)
    ? nothing(false)
    : { updates: SignsOfLife.joining(reader), value: true }

/** @category transitions @since 0.1.0 */
export const leave = (state: State, reader: string, positions: Positions): Decided<void> =>
  ReaderGroupState.isOnline(state, reader)
    ? { updates: [{ _tag: "RemoveReader", reader, positions }], value: undefined }
    : nothing(undefined)

/** The segments that are the reader's now, with where to start. @category transitions @since 0.1.0 */
export const acquire = (state: State, reader: string, report: Report): Decided<RangedPositions> => {
  const count = isAsked(state, reader) ? 0 : ReaderGroupBalance.segmentsToAcquire(state, reader)
  if (count === 0) return nothing(new Map())
  const acquired = Array.from(state.unassigned).slice(0, count)
  return {
    updates: [
      ...acquired.map(([segment]) => ({ _tag: "AcquireSegment", reader, segment }) as const),
      distance(reader, report)
    ],
    value: new Map(acquired)
  }
}

/** True: the segment is given up. @category transitions @since 0.1.0 */
export const release = (
  state: State,
  reader: string,
  { offset, segment }: { readonly segment: string; readonly offset: bigint },
  report: Report
): Decided<boolean> =>
  isAsked(state, reader) || !ReaderGroupBalance.ownsTooMuch(state, reader) ||
    state.assigned.get(reader)?.has(segment) !== true
    ? nothing(false)
    : { updates: [{ _tag: "ReleaseSegment", reader, segment, offset }, distance(reader, report)], value: true }

/** True: the segment is done with, and what follows it handed on. @category transitions @since 0.1.0 */
export const complete = (
  state: State,
  reader: string,
  completed: Pick<Extract<ReaderGroupUpdate, { readonly _tag: "SegmentCompleted" }>, "segment" | "range"> & {
    readonly successors: Successors
  }
): Decided<boolean> =>
  isAsked(state, reader) || state.assigned.get(reader)?.has(completed.segment) !== true
    ? nothing(false)
    : { updates: [{ _tag: "SegmentCompleted", reader, ...completed }], value: true }

/** The reader's answer to the checkpoint that waits for it. @category transitions @since 0.1.0 */
export const answer = (state: State, reader: string, checkpoint: string, positions: Positions): Decided<void> =>
  CheckpointState.nextFor(state.checkpoints, reader) === checkpoint
    ? { updates: [{ _tag: "CheckpointReader", checkpoint, reader, positions }], value: undefined }
    : nothing(undefined)

/** An automatic checkpoint; it replaces those before it. @category transitions @since 0.1.0 */
export const checkpoint = (state: State, name: string): Decided<void> =>
  CheckpointState.isOngoing(state.checkpoints)
    ? nothing(undefined)
    : {
      updates: [{ _tag: "CreateCheckpoint", checkpoint: name }, { _tag: "ClearCheckpointsBefore", checkpoint: name }],
      value: undefined
    }

/** Says where the reader is, and that it lives. @category transitions @since 0.1.0 */
export const report = (reader: string, at: Report): ReadonlyArray<ReaderGroupUpdate> =>
  SignsOfLife.beating(distance(reader, at))

/**
 * Takes a reader out of which nothing was heard any more: its segments go on from where it last reported to be. True: it was
 * in the group until now, and silent.
 *
 * @category transitions
 * @since 0.2.0
 */
export const expire = (state: State, reader: string, isSilent: boolean): Decided<boolean> =>
  isSilent && ReaderGroupState.isOnline(state, reader)
    ? { updates: [{ _tag: "RemoveReader", reader, positions: new Map() }], value: true }
    : nothing(false)
