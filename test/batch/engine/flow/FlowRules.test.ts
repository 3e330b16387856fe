/**
 * The rules of flows in the batch engine, as properties: random flows over random events, cut into batches anywhere, read
 * from segments that were scaled, by processes that are stopped and started again.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "fast-check"
import { byMoment, cut, results } from "../../../flow/cuts.ts"
import { model, type Moment, type Outcome } from "../../../flow/Interpreter.ts"
import { type AnyFlow, clocked, cuttable, flows, honest } from "../../../flow/randomFlows.ts"
import * as FlowWorld from "./FlowWorld.ts"
import { modeOf } from "./modeOf.ts"
import { scaled, scalings } from "./scalings.ts"

const takes = FastCheck.array(FastCheck.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 12 })
const stops = FastCheck.array(FastCheck.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 })
const parallelism = FastCheck.integer({ min: 1, max: 4 })
const chunk = FastCheck.integer({ min: 1, max: 5 })

const meant = (flow: AnyFlow, moments: ReadonlyArray<Moment>): ReadonlyArray<Outcome> =>
  Effect.runSync(model.run(flow, moments))
const resultsOf = (flow: AnyFlow, outcomes: ReadonlyArray<Outcome>) => results(modeOf(flow), outcomes)

describe("meaning, in the engine", () => {
  it("F1: results are the model's, however the input is cut, scaled and read, and whoever is stopped", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.record({
          flow: cuttable,
          events: honest,
          takes,
          stops,
          parallelism,
          chunk,
          scalings,
          ahead: FastCheck.boolean()
        }),
        async ({ ahead, chunk, events, flow, parallelism, scalings, stops, takes }) => {
          const input = { segments: scaled(events, scalings), takes, disorder: events.disorder }
          const { outcomes } = await Effect.runPromise(
            FlowWorld.run(flow, input, { stops, parallelism, chunk, ahead })
          )
          assert.deepStrictEqual(resultsOf(flow, outcomes), resultsOf(flow, meant(flow, cut(events, []))))
          assert.deepStrictEqual(outcomes.flatMap(({ late }) => Object.values(late)), [])
        }
      ),
      { numRuns: 100 }
    ))

  it("F1, S1: each batch's outputs and state follow from its plan, whoever runs it, and however", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.record({ flow: flows, events: honest, takes, stops, parallelism, chunk, scalings }),
        async ({ chunk, events, flow, parallelism, scalings, stops, takes }) => {
          const input = { segments: scaled(events, scalings), takes, disorder: 0 }
          const one = await Effect.runPromise(FlowWorld.run(flow, input, { parallelism: 1, ahead: false }))
          const other = await Effect.runPromise(FlowWorld.run(flow, input, { stops, parallelism, chunk, ahead: true }))
          assert.deepStrictEqual(
            other.outcomes.map(({ outputs }) => outputs),
            one.outcomes.map(({ outputs }) => outputs)
          )
          assert.deepStrictEqual(
            other.states.map((state) => [state?.version, state?.digest]),
            one.states.map((state) => [state?.version, state?.digest])
          )
        }
      ),
      { numRuns: 40 }
    ))

  it("F3: engine and model agree on every batch, also on what is late", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.record({
          flow: FastCheck.oneof({ arbitrary: flows, weight: 6 }, { arbitrary: clocked, weight: 1 }),
          events: honest,
          takes,
          stops,
          scalings
        }),
        async ({ events, flow, scalings, stops, takes }) => {
          // The disorder is more than was said.
          const input = { segments: scaled(events, scalings), takes, disorder: 0 }
          const { moments, outcomes } = await Effect.runPromise(FlowWorld.run(flow, input, { stops }))
          assert.deepStrictEqual(
            byMoment(outcomes.map(withoutTimes)),
            byMoment(meant(flow, moments).map(withoutTimes))
          )
        }
      ),
      { numRuns: 100 }
    ))
})

const withoutTimes = ({ late, outputs }: Outcome): Outcome => ({
  late,
  outputs: outputs.map(({ at, value }) => ({
    value,
    at: { time: 0, source: at.source, segment: at.segment, offset: at.offset, ordinal: at.ordinal }
  }))
})
