/**
 * The state with which a pipeline goes on from a savepoint: a copy of the savepoint's own, as the pipeline's flow is now. Loaded
 * only where a savepoint has state.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as StateCopy from "../../../state/StateCopy.ts"
import type { StateStoreError } from "../../../state/StateError.ts"
import { StateStore } from "../../../state/StateStore.ts"
import * as StateUpgrade from "../../../state/StateUpgrade.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import type { FlowHead } from "../../protocol/CheckpointRecord.ts"
import { TimeState } from "../../protocol/TimeRecord.ts"
import type { Savepoint } from "../SavepointLog.ts"
import * as FlowProgress from "./flow/FlowProgress.ts"
import * as FlowChanges from "./FlowChanges.ts"

/** @category options @since 0.2.0 */
export interface Options {
  readonly upgrade: StateUpgrade.StateUpgrade
  /** Where the savepoint's state is; undefined: in the store around. */
  readonly from: StateStore["Service"] | undefined
  /** The log that goes on, and the epoch that it is claimed with. */
  readonly log: string
  readonly epoch: number
}

/** Makes it durable. `refused`: says why not; then nothing was written. @category running @since 0.2.0 */
export const make = Effect.fnUntraced(function*<A, B, ES, E, R, E2>(
  pipeline: Pick<Pipeline<A, B, ES, E, R>, "name" | "flow" | "structure">,
  savepoint: Pick<Savepoint, "query" | "structure">,
  recorded: FlowHead,
  { epoch, from, log, upgrade }: Options,
  refused: (detail: string) => Effect.Effect<never, E2>
): Effect.fn.Return<FlowHead, E2 | StateStoreError> {
  if (savepoint.structure === undefined) {
    return yield* refused("it has state, and does not say of which steps: make the savepoint again")
  }
  const { problems, same } = FlowChanges.compare(savepoint.structure, pipeline.structure, upgrade)
  if (problems.length > 0) return yield* refused(problems.join("; "))
  const { state, time } = yield* FlowProgress.decode(recorded).pipe(
    Effect.catch(({ message }) => refused(message))
  )
  if (time === undefined) return recorded
  const steps = Object.entries(time.steps).flatMap(([name, reached]) => {
    const next = StateUpgrade.nameOf(upgrade, name)
    return next === undefined ? [] : [[next, reached] as const]
  })
  const { at, sources, watermark } = time
  const reached = new TimeState({ at, watermark, sources, steps: Object.fromEntries(steps) })
  if (state === undefined) return FlowProgress.encode(undefined, reached)
  const store = Option.getOrUndefined(yield* Effect.serviceOption(StateStore))
  if (store === undefined) return yield* refused("it has state, and there is no StateStore to put it into: provide one")
  const copied = yield* StateCopy.make({
    from: { home: yield* (from ?? store).open(savepoint.query), query: savepoint.query, head: state },
    to: { home: yield* store.open(pipeline.name), query: pipeline.name, log, epoch },
    operators: Object.fromEntries(
      (pipeline.flow?.program.stages ?? []).flatMap((stage) =>
        stage._tag === "Step" ? [[stage.name, stage.operator.rows] as const] : []
      )
    ),
    upgrade,
    same
  })
  return FlowProgress.encode(copied, reached)
})
