import { assert, describe, it } from "@effect/vitest"
import { Aggregate, EventTime, Flow, Window } from "effect-pravega/flow"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import fc from "fast-check"
import * as FlowLaws from "../../../src/testing/laws/FlowLaws.ts"

const Click = Schema.Struct({ page: Schema.String, at: Schema.Int })
type Click = typeof Click.Type
const events = fc.array(fc.record({ page: fc.constantFrom("a", "b"), at: fc.nat(50) }), { maxLength: 12 })
const time = EventTime.from((click: Click) => click.at)
const perPage = Flow.events<Click>().pipe(Flow.keyBy("page", Schema.String, ({ page }) => page))

describe("FlowLaws.meansItsModel", () => {
  it.effect("holds for windows, sessions and state in order of time, in one line each", () =>
    Effect.gen(function*() {
      const tens = Flow.window(perPage, "tens", Window.tumbling(10), Aggregate.count)
      const visits = Flow.window(perPage, "visits", Window.session({ gap: 5 }), Aggregate.count)
      const sums = Flow.mapState(perPage, "sums", {
        event: Click,
        state: Schema.Int,
        initial: 0,
        onEvent: (sum, { at }) => [sum + at, [sum + at]]
      })
      yield* FlowLaws.meansItsModel(tens, { events, time })
      yield* FlowLaws.meansItsModel(visits, { events, time })
      yield* FlowLaws.meansItsModel(sums, { events, time })
      yield* FlowLaws.meansItsModel(Flow.events<Click>().pipe(Flow.map(({ at }) => at)), { events, time })
    }))

  it.effect("is broken by state that goes by how events arrive, and by a variable outside", () =>
    Effect.gen(function*() {
      const byBatch = Flow.mapState(perPage, "watermarks", {
        order: "arrival",
        state: Schema.Int,
        initial: 0,
        onEvent: (n, _, { watermark }) => [n, [watermark]]
      })
      let calls = 0
      const counting = Flow.events<Click>().pipe(Flow.map(() => calls++))
      for (
        const law of [
          FlowLaws.meansItsModel(byBatch, { events, time }),
          FlowLaws.meansItsModel(counting, { events, time })
        ]
      ) {
        const exit = yield* Effect.exit(law)
        assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "it holds", "not what its model says")
      }
    }))
})
