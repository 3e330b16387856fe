/**
 * Positions over segments, as a reader group keeps them: maps keyed by full segment names
 * (`scope/stream/number.#epoch.epoch`). Key ranges are along for information and never part of a segment's identity.
 * Not stream cuts: one map holds the segments of all the group's streams.
 *
 * @since 0.1.0
 */
import type { KeyRange } from "./KeyRange.ts"
import type { SegmentId } from "./Segment.ts"

/** Full segment name to offset in bytes. Offset -1: read to its end. @category models @since 0.1.0 */
export type Positions = ReadonlyMap<string, bigint>

/** An offset, with the segment's key range where somebody knew it. @category models @since 0.1.0 */
export interface RangedOffset {
  readonly offset: bigint
  readonly range: KeyRange | undefined
}

/** Full segment name to offset and range. @category models @since 0.1.0 */
export type RangedPositions = ReadonlyMap<string, RangedOffset>

/** A segment that may be read only after others. @category models @since 0.1.0 */
export interface Successor {
  readonly range: KeyRange | undefined
  readonly predecessors: ReadonlySet<SegmentId>
}

/** Full segment name to what has to be read before it. @category models @since 0.1.0 */
export type Successors = ReadonlyMap<string, Successor>
