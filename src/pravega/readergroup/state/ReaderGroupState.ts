/**
 * The state that all members of a reader group share, as a value, and what can be asked of it. How it changes is in
 * `ReaderGroupTransition`, what a reader should do next in `ReaderGroupBalance`.
 *
 * Values are never changed: each update makes a new state, which shares what did not change.
 *
 * @since 0.1.0
 */
import type { ReaderGroupConfig } from "../../../core/ReaderGroupConfig.ts"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import * as Segment from "../../../core/Segment.ts"
import type { Positions, RangedPositions, Successors } from "../../../core/SegmentPositions.ts"
import type { StreamCut } from "../../../core/StreamCut.ts"
import * as CheckpointState from "./CheckpointState.ts"

/**
 * A segment is in at most one of `assigned` (of one reader), `unassigned` and `future`; a segment in none of them is
 * completed, or not reached yet.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReaderGroupState {
  readonly config: ReaderGroupConfig
  readonly checkpoints: CheckpointState.CheckpointState
  /** Milliseconds that each reader says it is behind, at least 30000; 2^63 - 1 right after it joined. */
  readonly distanceToTail: ReadonlyMap<string, bigint>
  /** Segments that wait for others to be completed. */
  readonly future: Successors
  /** Of each online reader, its segments with the offsets at which they were acquired or last checkpointed. */
  readonly assigned: ReadonlyMap<string, RangedPositions>
  /** Segments that any reader may acquire, with the offsets to start at. */
  readonly unassigned: RangedPositions
  /** How far each readable segment was read, as far as readers told; for time windows, not for recovery. */
  readonly lastRead: RangedPositions
  /** Where reading ends in segments of the ending cuts. */
  readonly endSegments: Positions
  /** Somebody is changing the configuration through the controller. */
  readonly updatingConfig: boolean
}

/** The initial state's contents: where a group starts. @category models @since 0.1.0 */
export interface ReaderGroupStart {
  readonly config: ReaderGroupConfig
  readonly startingSegments: RangedPositions
  readonly endSegments: Positions
  readonly updatingConfig: boolean
}

/** No readers, no checkpoints, all segments unassigned. @category constructors @since 0.1.0 */
export const initial = (start: ReaderGroupStart): ReaderGroupState => ({
  config: start.config,
  checkpoints: CheckpointState.empty,
  distanceToTail: new Map(),
  future: new Map(),
  assigned: new Map(),
  unassigned: start.startingSegments,
  lastRead: start.startingSegments,
  endSegments: start.endSegments,
  updatingConfig: start.updatingConfig
})

/** Where a segment of the ending cuts that is to be read to its own end stops: 2^63 - 1. @category constants @since 0.1.0 */
export const endOfSegment = (1n << 63n) - 1n

/**
 * What a group of this configuration starts with: of each stream the starting cut, or its head where that is unbounded,
 * and the ending cuts. `heads` must hold a cut for each stream whose start is unbounded; others are ignored.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = (config: ReaderGroupConfig, heads: ReadonlyArray<StreamCut>): ReaderGroupStart => {
  const starting = Array.from(config.startingStreamCuts, ([stream, bound]) => {
    const cut = bound === "unbounded" ? heads.find((head) => head.stream.toString() === stream) : bound
    if (cut === undefined) throw new Error(`the head of stream ${stream} is missing`)
    return cut
  })
  const ending = Array.from(config.endingStreamCuts.values()).filter((bound) => bound !== "unbounded")
  return {
    config,
    startingSegments: new Map(
      starting.flatMap(named).map(([segment, offset]) => [segment, { offset, range: undefined }] as const)
    ),
    endSegments: new Map(
      ending.flatMap(named).map(([segment, offset]) => [segment, offset < 0n ? endOfSegment : offset] as const)
    ),
    updatingConfig: false
  }
}

const named = (cut: StreamCut): ReadonlyArray<readonly [string, bigint]> =>
  Array.from(cut.positions, ([id, offset]) => [Segment.name(cut.stream, id), offset] as const)

/** @category guards @since 0.1.0 */
export const isOnline = (state: ReaderGroupState, reader: string): boolean => state.assigned.has(reader)

/** The segments that are being read or could be; not those of the future. @category getters @since 0.1.0 */
export const numberOfSegments = (state: ReaderGroupState): number =>
  Array.from(state.assigned.values()).reduce((sum, segments) => sum + segments.size, state.unassigned.size)

/** Everything is read: there is no segment left, nor will there be. @category guards @since 0.1.0 */
export const isEndOfData = (state: ReaderGroupState): boolean =>
  state.future.size === 0 && numberOfSegments(state) === 0

/** The recorded offsets of all segments, assigned or not. @category getters @since 0.1.0 */
export const positions = (state: ReaderGroupState): RangedPositions =>
  new Map([state.unassigned, ...state.assigned.values()].flatMap((segments) => Array.from(segments)))

/** The part of a map over segments that belongs to one stream. @category getters @since 0.1.0 */
export const ofStream = <A>(segments: ReadonlyMap<string, A>, stream: ScopedStream): ReadonlyMap<string, A> => {
  const prefix = `${stream.toString()}/`
  return new Map(Array.from(segments).filter(([segment]) => segment.startsWith(prefix)))
}

/**
 * Whether another checkpoint may be asked for: silent ones always, others while fewer than the configured number are
 * unfinished.
 *
 * @category guards
 * @since 0.1.0
 */
export const mayCheckpoint = (state: ReaderGroupState, checkpoint: string): boolean =>
  CheckpointState.isSilent(checkpoint) ||
  CheckpointState.outstanding(state.checkpoints).length < state.config.maxOutstandingCheckpoints
