/** What must hold of any flow in the engine, as one property: used as it is, and to see that it notices mistakes. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "fast-check"
import type { FlowPart, OpenState } from "../../../../src/batch/pipeline/FlowPart.ts"
import { StateStoreError, StateUnavailable } from "../../../../src/state/StateError.ts"
import type { StateStore } from "../../../../src/state/StateStore.ts"
import { byMoment, cut, results } from "../../../flow/cuts.ts"
import { model, type Moment, type Outcome } from "../../../flow/Interpreter.ts"
import { type AnyFlow, chained, cuttable, flows, honest } from "../../../flow/randomFlows.ts"
import * as FlowWorld from "./FlowWorld.ts"
import { modeOf } from "./modeOf.ts"
import { scaled, scalings } from "./scalings.ts"

export type Part = FlowPart<unknown, StateStore>

export const takes = FastCheck.array(FastCheck.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 12 })
export const stops = FastCheck.array(FastCheck.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 })

export const meant = (flow: AnyFlow, moments: ReadonlyArray<Moment>): ReadonlyArray<Outcome> =>
  Effect.runSync(model.run(flow, moments))
export const resultsOf = (flow: AnyFlow, outcomes: ReadonlyArray<Outcome>) => results(modeOf(flow), outcomes)
export const withoutTimes = ({ late, outputs }: Outcome): Outcome => ({
  late,
  outputs: outputs.map(({ value }) => ({ value, at: FlowWorld.nowhere }))
})

export const withState = (
  part: Part,
  change: (state: OpenState<unknown>) => OpenState<unknown>
): Part => ({ ...part, open: (options) => Effect.map(part.open(options), change) })

/** Each batch's first try fails when its delta is written: the second one counts. */
export const flaky = (part: Part): Part =>
  withState(part, (state) => ({
    ...state,
    begin: (batch, attempt) => {
      const tried = state.begin(batch, attempt)
      return attempt === 1 ? { ...tried, prepare: Effect.andThen(tried.prepare, Effect.fail(away)) } : tried
    }
  }))

const away = new StateStoreError({
  reason: new StateUnavailable({ query: FlowWorld.query, operation: "create", cause: "away" })
})

/** The engine is the model, batch by batch, whatever is late; and over the run where nothing is. */
export const agrees = (
  { flow: of, ...options }: Pick<FlowWorld.Options, "part" | "source" | "log"> & {
    readonly flow?: FastCheck.Arbitrary<AnyFlow>
  }
) =>
  FastCheck.asyncProperty(
    FastCheck.record({
      flow: of ?? FastCheck.oneof(cuttable, flows, chained),
      events: honest,
      takes,
      stops,
      scalings,
      isHonest: FastCheck.boolean(),
      fails: FastCheck.boolean()
    }),
    async ({ events, fails, flow, isHonest, scalings, stops, takes }) => {
      const { disorder } = events
      const input = { segments: scaled(events, scalings), takes, disorder: isHonest ? disorder : 0 }
      const part = (own: Part, life: number): Part => {
        const changed = options.part?.(own, life) ?? own
        return fails ? flaky(changed) : changed
      }
      const { moments, outcomes } = await Effect.runPromise(FlowWorld.run(flow, input, { ...options, stops, part }))
      assert.deepStrictEqual(byMoment(outcomes.map(withoutTimes)), byMoment(meant(flow, moments).map(withoutTimes)))
      if (!isHonest || !isCuttable(flow)) return
      assert.deepStrictEqual(resultsOf(flow, outcomes), resultsOf(flow, meant(flow, cut(events, []))))
    }
  )

/** Those whose results depend on where a batch ends say so by their steps' names. */
const isCuttable = ({ node }: AnyFlow): boolean =>
  node._tag === "Step" && ["windows", "top", "sessions", "joined", "latest", "second"].includes(node.name)
