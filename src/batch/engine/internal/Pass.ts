/**
 * What a try of a batch goes by, and what it leaves behind, besides the outputs.
 */
import type { PutAside } from "../../protocol/CheckpointRecord.ts"
import type { CommitError } from "../../protocol/CommitError.ts"

/** What was read of one source. @category models @since 0.1.0 */
export interface Read {
  events: number
  bytes: number
}

/** What a try of a batch goes by, and what it leaves behind. @category models @since 0.1.0 */
export interface Pass {
  /** Per source. */
  readonly reads: Map<string, Read>
  /**
   * A sink of the batch keeps the outputs of an earlier try: what was put aside then is put aside again, and no more.
   * Undefined: nothing is decided yet.
   */
  readonly decided: ReadonlyArray<PutAside> | undefined
  /** Filled: the events that were put aside. */
  readonly aside: Array<PutAside>
  /** Set: an event was to be put aside that may not be. */
  refused: CommitError | undefined
}
