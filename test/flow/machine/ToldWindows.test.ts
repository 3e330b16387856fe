/** When windows are told before their end, in examples. The rules are held by properties elsewhere. */
import { assert, describe, it } from "@effect/vitest"
import { Aggregate, Flow, Window } from "effect-pravega/flow"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Machine from "../../../src/flow/machine/Machine.ts"
import { MemoryRun } from "../../../src/flow/machine/MemoryRun.ts"

const words = Flow.events<string>().pipe(Flow.keyBy("word", Schema.String, (word) => word))
const at = (time: number) => ({
  source: "events",
  value: "a",
  at: { time, source: "events", segment: 0n, offset: BigInt(time), ordinal: 0 }
})

/** What comes out of batches: their events' times, the watermark, the clock. */
const told = (
  flow: Flow.Flow<never, unknown, Flow.Mode, never, Flow.Stateful>,
  batches: ReadonlyArray<readonly [times: ReadonlyArray<number>, watermark: number, clock: number]>
) => {
  const run = new MemoryRun(Machine.compile(flow.node))
  return Effect.runSync(
    Effect.forEach(
      batches,
      ([times, watermark, clock]) =>
        Effect.map(run.run({ events: times.map(at), watermark, clock }), ({ values }) => values)
    )
  )
}

const minute = Window.tumbling(60)

describe("windows that are told early", () => {
  it("are told after so many inputs, with what is left at their end, and with what is late when the grace is over", () => {
    const flow = (emit: "updates" | "parts") =>
      words.pipe(
        Flow.window("windows", minute, Aggregate.count, { emit, early: { count: 2 }, grace: 10 }),
        Flow.map(({ value }) => value)
      )
    const batches = [
      [[1], 0, 0],
      [[2, 3], 0, 0],
      [[4], 60, 0],
      [[5], 61, 0],
      [[], 69, 0],
      [[], 70, 0]
    ] as const
    assert.deepStrictEqual(told(flow("updates"), batches), [[], [3], [4], [], [], [5]])
    assert.deepStrictEqual(told(flow("parts"), batches), [[], [3], [1], [], [], [1]])
  })

  it("are told so long after the first input that was not, by the time of events or by the clock", () => {
    const flow = (time: "event" | "processing") =>
      words.pipe(
        Flow.window("windows", minute, Aggregate.count, { emit: "updates", early: { after: 10, time } }),
        Flow.map(({ value }) => value)
      )
    const batches = [[[1], 5, 100], [[2], 10, 105], [[], 11, 109], [[3], 12, 110], [[], 60, 111]] as const
    assert.deepStrictEqual(told(flow("event"), batches), [[], [], [2], [], [3]])
    assert.deepStrictEqual(told(flow("processing"), batches), [[], [], [], [3], []])
  })

  it("are of all time, and end with it", () => {
    const options = { emit: "changes", early: { count: 3 } } as const
    const flow = words.pipe(Flow.window("total", Window.global, Aggregate.count, options))
    const result = (value: number) => ({ key: "a", value, window: { start: -8.64e15, end: 8.64e15 } })
    assert.deepStrictEqual(told(flow, [[[1, 2], 1000, 0], [[3], 2000, 0], [[4], 3000, 0], [[], Infinity, 0]]), [
      [],
      [{ _tag: "Added", after: result(3) }],
      [],
      [{ _tag: "Replaced", before: result(3), after: result(4) }]
    ])
  })

  it("are no sessions, no windows by count, and not final", () => {
    assert.throws(
      () =>
        words.pipe(Flow.window("w", Window.session({ gap: 1 }), Aggregate.count, { emit: "changes", early: "never" })),
      RangeError
    )
    assert.throws(
      () => words.pipe(Flow.window("w", minute, Aggregate.count, { early: "never" })),
      RangeError
    )
    assert.throws(
      () => words.pipe(Flow.window("w", minute, Aggregate.count, { emit: "updates", early: { count: 0 } })),
      RangeError
    )
  })
})
