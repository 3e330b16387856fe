/** What a window of many slices costs: calls of the aggregate are counted. */
import { assert, describe, it } from "@effect/vitest"
import { Aggregate, Flow, Window } from "effect-pravega/flow"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as FastCheck from "fast-check"
import * as Machine from "../../../src/flow/machine/Machine.ts"
import { MemoryRun } from "../../../src/flow/machine/MemoryRun.ts"
import { type Pane, Panes } from "../../../src/flow/machine/Panes.ts"

const event = (time: number) => ({
  source: "events",
  value: time,
  at: { time, source: "events", segment: 0n, offset: BigInt(time), ordinal: 0 }
})

/** One event in each slice, in batches of so many, through windows of `slices` slices. */
const calls = (slices: number, emit: "final" | "updates" | "changes", events: number, batch: number) => {
  const counts = { add: 0, merge: 0, results: 0 }
  const counted = Aggregate.make({
    name: "counted",
    accumulator: Schema.Int,
    initial: 0,
    add: (sum, _input: number) => (counts.add++, sum + 1),
    merge: (a, b) => (counts.merge++, a + b),
    result: (sum) => (counts.results++, sum),
    empty: true
  })
  const flow = Flow.events<number>().pipe(
    Flow.keyBy("all", Schema.String, () => ""),
    Flow.window("windows", Window.sliding({ size: slices * 10, every: 10 }), counted, { emit })
  )
  const run = new MemoryRun(Machine.compile(flow.node))
  for (let from = 0; from < events; from += batch) {
    const times = Array.from({ length: Math.min(batch, events - from) }, (_, i) => event((from + i) * 10))
    Effect.runSync(run.run({ events: times, watermark: times.at(-1)!.at.time, clock: 0 }))
  }
  Effect.runSync(run.run({ events: [], watermark: Infinity, clock: 0 }))
  return counts
}

describe("windows of many slices", () => {
  for (const slices of [5, 50, 500]) {
    it(`take in an event once, and a slice three times at most, where they have ${slices}`, () => {
      const { add, merge, results } = calls(slices, "final", 1000, 1000)
      assert.strictEqual(add, 1000)
      assert.strictEqual(results, 1000 + slices - 1)
      assert.isAtMost(merge, 3 * results)
    })

    for (const emit of ["updates", "changes"] as const) {
      it(`are told for three sums each, where they have ${slices} and emit ${emit}`, () => {
        const { add, merge, results } = calls(slices, emit, 1000, 100)
        assert.strictEqual(add, 1000)
        assert.isAtMost(merge, 3 * results)
      })
    }
  }

  it("add an event once also where each comes in a batch of its own", () => {
    assert.strictEqual(calls(50, "final", 200, 1).add, 200)
  })

  it("F8: have the sums of their slices in order, wherever they jump to", () => {
    const merge = (a: unknown, b: unknown) => `${String(a)}${String(b)}`
    FastCheck.assert(FastCheck.property(
      FastCheck.uniqueArray(FastCheck.nat(40)),
      FastCheck.array(FastCheck.record({ step: FastCheck.nat(8), longer: FastCheck.nat(5) })),
      (starts, windows) => {
        const slices = starts.toSorted((a, b) => a - b).map((start): Pane => ({ start, accumulator: `${start},` }))
        const panes = new Panes(merge, (from, to) => slices.filter(({ start }) => start >= from && start < to))
        let start = 0
        let end = 5
        for (const { longer, step } of windows) {
          start += step
          end = Math.max(end, start) + longer
          const expected = slices.filter((slice) => slice.start >= start && slice.start < end)
          const sum = panes.sum(start, end)
          assert.strictEqual(sum?.accumulator ?? "", expected.map(({ accumulator }) => accumulator).join(""))
        }
      }
    ))
  })
})
