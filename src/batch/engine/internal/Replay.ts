/**
 * A batch that is processed again, though something of an earlier try stays: outputs of another sink, or what somebody may
 * have seen. Then it must come to the same (rule 10), which is checked before its outcome is fixed. When a batch is processed
 * again is `Commit`'s.
 */
import * as Effect from "effect/Effect"
import type { UnfinishedBatch } from "../../log/LogState.ts"
import type { FlowHead, PreparedSink } from "../../protocol/CheckpointRecord.ts"
import { CommitError, NonDeterministicReplay } from "../../protocol/CommitError.ts"
import type { Run } from "../BatchRun.ts"

/**
 * Whether a try must come to what an earlier one did. It must where another sink keeps the outputs of the first run. It must
 * too where a flow's outputs may have been seen, though their sink has lost them (S15). `isUnseen`: no sink has any of them.
 *
 * @category getters
 * @since 0.2.0
 */
export const mustMatch = <E, R>(
  { flow, mayBeSeenEarly }: Run<E, R>,
  { prepared }: UnfinishedBatch,
  isUnseen: boolean
): boolean => prepared !== undefined && (!isUnseen || (flow !== undefined && mayBeSeenEarly))

/**
 * Fails if a try has other outputs than the earlier one, in one of its sinks, or if the flow remembers something else.
 *
 * @category running
 * @since 0.2.0
 */
export const compare = <E, R>(
  { log }: Run<E, R>,
  { batch, head, prepared: before }: UnfinishedBatch,
  { names, prepared, remembered }: {
    readonly names: ReadonlyArray<string>
    readonly prepared: Readonly<Record<string, PreparedSink | null>>
    readonly remembered: FlowHead | undefined
  }
): Effect.Effect<void, CommitError> => {
  const other = names.find((name) => before?.get(name)?.digest !== prepared[name]?.digest) ??
    (isSameState(head, remembered) ? undefined : "the flow's state")
  if (other === undefined) return Effect.void
  return Effect.fail(
    new CommitError({ reason: new NonDeterministicReplay({ query: log.query, batch, sink: other }) })
  )
}

/** The same changes, at the same time: by which try they were made makes no difference. */
const isSameState = (one: FlowHead | undefined, other: FlowHead | undefined): boolean =>
  one?.digest === other?.digest && JSON.stringify(one?.watermark) === JSON.stringify(other?.watermark)
