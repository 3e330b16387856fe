// A flow of your own, held to its meaning: run in pieces of any size, it makes what `Flow.model` says of all its input. And
// that meaning held to what you expect of it: each click is counted in one window. Tests of vitest, in memory.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { Aggregate, EventTime, Flow, Window } from "effect-pravega/flow"
import fc from "fast-check"

interface Click {
  readonly page: string
  readonly at: number
}

const perSecond = Flow.events<Click>().pipe(
  Flow.keyBy("page", Schema.String, (click) => click.page),
  Flow.window("per second", Window.tumbling("1 second"), Aggregate.count),
  Flow.map(({ key, value, window }) => ({ page: key, second: window.start / 1000, clicks: value }))
)

// clicks of up to ten seconds, in any order
const clicks = fc.array(fc.record({ page: fc.constantFrom("/", "/help"), at: fc.nat(10_000) }))

const meaning = (events: ReadonlyArray<Click>) =>
  Flow.model(perSecond, { events: events.map((value) => ({ time: value.at, value })) })

describe("clicks per second", () => {
  it("counts each click once", () => {
    fc.assert(fc.property(clicks, (events) => {
      assert.strictEqual(meaning(events).reduce((sum, { clicks }) => sum + clicks, 0), events.length)
    }))
  })

  it("makes the same of any pieces of its input", () =>
    fc.assert(fc.asyncProperty(clicks, fc.integer({ min: 1, max: 10 }), async (events, size) => {
      const time = EventTime.from((click: Click) => click.at, { disorder: "10 seconds" })
      const outputs = Stream.fromIterable(events).pipe(Stream.rechunk(size), Flow.toStream(perSecond, { time }))
      assert.sameDeepMembers(await Effect.runPromise(Stream.runCollect(outputs)), [...meaning(events)])
    })))
})
