/**
 * The updates of a reader group's state as values. Their binary form is in `ReaderGroupUpdateCodec`, what they do in
 * `ReaderGroupTransition`.
 *
 * The names are Java's, so that logs of both sides can be read together. Segments are full names.
 *
 * @see `ReaderGroupState` of Pravega 0.13.0
 * @since 0.1.0
 */
import type { KeyRange } from "../../../core/KeyRange.ts"
import type { Positions, RangedPositions, Successors } from "../../../core/SegmentPositions.ts"
import type { ReaderGroupStart, ReaderGroupState } from "./ReaderGroupState.ts"

/** Replaces the whole state by a fresh one: at creation, and when the configuration changes. @category models @since 0.1.0 */
export interface ReaderGroupStateInit extends ReaderGroupStart {
  readonly _tag: "ReaderGroupStateInit"
}

/** Replaces the whole state by this one, so that older entries can be truncated. @category models @since 0.1.0 */
export interface CompactReaderGroupState {
  readonly _tag: "CompactReaderGroupState"
  readonly state: ReaderGroupState
}

/** A reader joins. @category models @since 0.1.0 */
export interface AddReader {
  readonly _tag: "AddReader"
  readonly reader: string
}

/**
 * A reader leaves, or is declared offline; its segments go on at the given offsets, or at the recorded ones where none is
 * given.
 *
 * @category models
 * @since 0.1.0
 */
export interface RemoveReader {
  readonly _tag: "RemoveReader"
  readonly reader: string
  readonly positions: Positions
}

/** A reader gives a segment back, to be read on at an offset. @category models @since 0.1.0 */
export interface ReleaseSegment {
  readonly _tag: "ReleaseSegment"
  readonly reader: string
  readonly segment: string
  readonly offset: bigint
}

/** A reader takes an unassigned segment. @category models @since 0.1.0 */
export interface AcquireSegment {
  readonly _tag: "AcquireSegment"
  readonly reader: string
  readonly segment: string
}

/** How far behind a reader is, in milliseconds, and how far it has read. @category models @since 0.1.0 */
export interface UpdateDistanceToTail {
  readonly _tag: "UpdateDistanceToTail"
  readonly reader: string
  readonly distance: bigint
  readonly lastRead: RangedPositions
}

/** A segment is read to its end; these follow it, each after all its predecessors. @category models @since 0.1.0 */
export interface SegmentCompleted {
  readonly _tag: "SegmentCompleted"
  readonly reader: string
  readonly segment: string
  readonly range: KeyRange | undefined
  readonly successors: Successors
}

/** A reader's answer to a checkpoint: its positions. @category models @since 0.1.0 */
export interface CheckpointReader {
  readonly _tag: "CheckpointReader"
  readonly checkpoint: string
  readonly reader: string
  readonly positions: Positions
}

/** Asks all readers for their positions. @category models @since 0.1.0 */
export interface CreateCheckpoint {
  readonly _tag: "CreateCheckpoint"
  readonly checkpoint: string
}

/** Forgets all checkpoints created before this one. @category models @since 0.1.0 */
export interface ClearCheckpointsBefore {
  readonly _tag: "ClearCheckpointsBefore"
  readonly checkpoint: string
}

/** Whether the last checkpoint was reported to the controller. @category models @since 0.1.0 */
export interface UpdateCheckpointPublished {
  readonly _tag: "UpdateCheckpointPublished"
  readonly published: boolean
}

/** Whether somebody is changing the configuration. @category models @since 0.1.0 */
export interface UpdatingConfig {
  readonly _tag: "UpdatingConfig"
  readonly updating: boolean
}

/** Gives up the unfinished checkpoints that are not silent. @category models @since 0.1.0 */
export interface RemoveOutstandingCheckpoints {
  readonly _tag: "RemoveOutstandingCheckpoints"
}

/** What a state can begin with. @category models @since 0.1.0 */
export type InitialUpdate = ReaderGroupStateInit | CompactReaderGroupState

/** @category models @since 0.1.0 */
export type ReaderGroupUpdate =
  | InitialUpdate
  | AddReader
  | RemoveReader
  | ReleaseSegment
  | AcquireSegment
  | UpdateDistanceToTail
  | SegmentCompleted
  | CheckpointReader
  | CreateCheckpoint
  | ClearCheckpointsBefore
  | UpdateCheckpointPublished
  | UpdatingConfig
  | RemoveOutstandingCheckpoints
