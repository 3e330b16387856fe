/**
 * How far a flow is after a batch, as the log's records have it: the version of its state, and its time.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { StateHead } from "../../../../state/StateHead.ts"
import { FlowHead } from "../../../protocol/CheckpointRecord.ts"
import type { CommitError } from "../../../protocol/CommitError.ts"
import { jsonState } from "../../../protocol/JsonState.ts"
import { TimeState } from "../../../protocol/TimeRecord.ts"

/** @category models @since 0.2.0 */
export interface FlowProgress {
  /** Undefined: no batch has changed a row yet. */
  readonly state: StateHead | undefined
  /** Undefined: there was no batch yet. */
  readonly time: TimeState | undefined
}

const Text = Schema.fromJsonString(Schema.toCodecJson(Schema.NullOr(StateHead)))
const textOf = Schema.encodeSync(Text)
const time = jsonState("the flow's time", TimeState)
const version = jsonState("the flow's state", Text)

/** As `prepared` names it. @category encoding @since 0.2.0 */
export const encode = (state: StateHead | undefined, reached: TimeState): FlowHead =>
  new FlowHead({ head: textOf(state ?? null), digest: state?.digest ?? "", watermark: time.encode(reached) })

/** Fails with `StateUnreadable`. @category decoding @since 0.2.0 */
export const decode = (head: FlowHead | undefined): Effect.Effect<FlowProgress, CommitError> => {
  if (head === undefined) return Effect.succeed({ state: undefined, time: undefined })
  return Effect.map(
    Effect.all([version.decode(head.head), time.decode(head.watermark ?? null)]),
    ([state, time]) => ({ state: state ?? undefined, time })
  )
}
