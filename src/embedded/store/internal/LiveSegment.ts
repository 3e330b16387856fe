/**
 * A segment of a container while the server runs: what is stored of it, and who waits for more.
 *
 * @internal
 */
import type { SegmentAttributes } from "../SegmentAttributes.ts"
import type { PollQueue } from "./LongPolls.ts"
import type { TableIndex } from "./TableIndex.ts"

/** A segment, live. @category models @since 0.1.0 */
export interface LiveSegment {
  readonly key: number
  readonly name: string
  readonly tableKeyLength: number | undefined
  readonly table: TableIndex | undefined
  readonly attributes: SegmentAttributes
  readonly polls: PollQueue
  startOffset: number
  length: number
  isSealed: boolean
  isDeleted: boolean
  lastModified: number
}
