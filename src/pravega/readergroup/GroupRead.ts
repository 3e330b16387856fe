/**
 * An event as a reader of a group read it: the event, where it stands, and what it is to the group. Only such an event can
 * be acknowledged: `EventReader.acknowledge` takes no event that a `BatchReader` read.
 *
 * @since 0.2.0
 */
import type { Position } from "../../core/Position.ts"
import type { TimeWindow } from "../../core/TimeWindow.ts"
import type { EventRead, EventRun } from "../read/EventRead.ts"

/**
 * A run of events that a reader of a group handed out.
 *
 * @category models
 * @since 0.2.0
 */
export interface GroupRun extends EventRun {
  readonly group: GroupMark
}

/**
 * What a run of events has to do with the reader group that it was read in. `EventReader`'s functions ask it.
 *
 * @category models
 * @since 0.2.0
 */
export interface GroupMark {
  /** All events of the segment before the offset are processed. */
  readonly acknowledge: (endOffset: bigint) => void
  /** The reader's, after the event that ends there. */
  readonly position: (endOffset: bigint) => Position
  readonly window: TimeWindow
}

/**
 * An event that an `EventReader` read, with its place in the stream and in its group.
 *
 * @category models
 * @since 0.2.0
 */
export interface GroupRead<out A> extends EventRead<A, GroupRun> {}
