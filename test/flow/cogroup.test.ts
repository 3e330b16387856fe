/** Flows that are added up side by side, against the plain meaning of it. */
import { assert, describe, it } from "@effect/vitest"
import { Aggregate, Flow, Window } from "effect-pravega/flow"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as FastCheck from "fast-check"
import { cut, results } from "./cuts.ts"
import { machine } from "./Interpreter.ts"
import { type Event, honest } from "./randomFlows.ts"

const from = Flow.sources<{ left: Event; right: Event }>()
const keyed = (name: "left" | "right") => from(name).pipe(Flow.keyBy("key", Schema.String, ({ key }) => key))
const takes = FastCheck.array(FastCheck.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 12 })

describe("Flow.cogroup", () => {
  it("F1: each key and window that any side has comes once, with what each side has", () => {
    const flow = Flow.cogroup("both", Window.tumbling(10), {
      sum: Flow.side(keyed("left"), Aggregate.sum(({ value }) => value)),
      most: Flow.side(keyed("right"), Aggregate.max(({ value }) => value))
    })
    FastCheck.assert(
      FastCheck.property(honest, takes, (events, some) => {
        const outcomes = Effect.runSync(machine().run(flow, cut(events, some)))
        const all = events.segments.flat()
        const windows = Map.groupBy(all, ({ value }) => {
          const { key, time } = value as Event
          return JSON.stringify([key, Math.floor(time / 10) * 10])
        })
        const expected = [...windows].map(([window, events]) => {
          const [key, start] = JSON.parse(window) as [string, number]
          const of = (source: string) =>
            events.flatMap((event) => event.source === source ? [(event.value as Event).value] : [])
          const right = of("right")
          return {
            key,
            value: {
              most: right.length === 0 ? Option.none() : Option.some(Math.max(...right)),
              sum: of("left").reduce((a, b) => a + b, 0)
            },
            window: { start, end: start + 10 }
          }
        })
        assert.deepStrictEqual(
          results("events", outcomes),
          results("events", [{ late: {}, outputs: expected.map((value) => ({ value, at: all[0]!.at })) }])
        )
      })
    )
  })

  it("is the same flow in whichever order its sides are written", () => {
    const sides = {
      a: Flow.side(keyed("left"), Aggregate.count),
      b: Flow.side(keyed("right"), Aggregate.count)
    }
    assert.deepStrictEqual(
      Flow.describe(Flow.cogroup("both", Window.tumbling(10), sides)).structure,
      Flow.describe(Flow.cogroup("both", Window.tumbling(10), { b: sides.b, a: sides.a })).structure
    )
  })

  it("says which side is late", () => {
    const both = Flow.cogroup("both", Window.session({ gap: 5 }), {
      a: Flow.side(keyed("left"), Aggregate.count),
      b: Flow.side(keyed("right"), Aggregate.count)
    }, { late: "output" })
    const late = { key: "k", value: 1, time: 1 }
    const at = { time: 1, source: "right", segment: 0n, offset: 0n, ordinal: 0 }
    const outcomes = Effect.runSync(
      machine().run(Flow.late(both), [
        { events: [], watermark: 10, clock: 0 },
        { events: [{ source: "right", value: late, at }], watermark: 10, clock: 0 }
      ])
    )
    assert.deepStrictEqual(outcomes[1]!.outputs.map(({ value }) => value), [{ _tag: "b", value: late }])
  })
})
