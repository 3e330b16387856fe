/** Windows, as the machine runs them, in examples. The rules are held by properties elsewhere. */
import { assert, describe, it } from "@effect/vitest"
import { Aggregate, Flow, Window } from "effect-pravega/flow"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Machine from "../../../src/flow/machine/Machine.ts"
import { MemoryRun } from "../../../src/flow/machine/MemoryRun.ts"

const event = (time: number, origin: string) => ({
  source: "events",
  value: { origin, isCancelled: false },
  at: { time, source: "events", segment: 0n, offset: BigInt(time), ordinal: 0 }
})

const perAirport = (window: Window.Window<unknown, "merge">) =>
  Flow.events<{ readonly origin: string; readonly isCancelled: boolean }>().pipe(
    Flow.filter((flight) => !flight.isCancelled),
    Flow.keyBy("origin", Schema.String, (flight) => flight.origin),
    Flow.window("flights", window, Aggregate.count, { grace: 2 }),
    Flow.map(({ key, value, window }) => `${key} ${window.start} ${value}`)
  )

describe("windows", () => {
  it.effect("come once, when the watermark has passed end and grace", () =>
    Effect.gen(function*() {
      const run = new MemoryRun(Machine.compile(perAirport(Window.sliding({ size: 10, every: 5 })).node))
      const batch = (events: ReadonlyArray<ReturnType<typeof event>>, watermark: number) =>
        Effect.map(run.run({ events, watermark, clock: 0 }), ({ late, values }) => ({ values, late: [...late] }))
      assert.deepStrictEqual(yield* batch([event(1, "a"), event(7, "b"), event(9, "a")], 8), {
        values: ["a -5 1"],
        late: []
      })
      assert.deepStrictEqual(yield* batch([event(3, "a"), event(8, "a")], 17), {
        values: ["a 0 4", "b 0 1", "a 5 2", "b 5 1"],
        late: []
      })
      // Too late for both of its windows.
      assert.deepStrictEqual(yield* batch([event(3, "a")], Infinity), {
        values: [],
        late: [["flights", 1]]
      })
    }))
})
