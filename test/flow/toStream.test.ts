/** Flows on plain Effect Streams. What steps mean is held by `rules.test.ts`. */
import { assert, describe, it } from "@effect/vitest"
import { Aggregate, EventTime, Flow, FlowRefused, FutureEvent, LateEvents, Window } from "effect-pravega/flow"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"

const Click = Schema.Struct({ page: Schema.String, at: Schema.Int })
type Click = typeof Click.Type
const time = EventTime.from((click: Click) => click.at)
const click = (page: string, at: number): Click => ({ page, at })
const clicks = Stream.fromArrays([click("a", 10), click("b", 20)], [click("a", 1_010)], [click("a", 30)])

const byPage = Flow.events<Click>().pipe(Flow.keyBy("page", Schema.String, (click) => click.page))
const perSecond = byPage.pipe(Flow.window("per second", Window.tumbling("1 second"), Aggregate.count))

describe("Flow.toStream", () => {
  it.effect("closes windows as time passes, and all of them when the Stream ends", () =>
    Effect.gen(function*() {
      const late: Array<unknown> = []
      const onLeftOut = (leftOut: unknown) => Effect.sync(() => void late.push(leftOut))
      const results = yield* clicks.pipe(Flow.toStream(perSecond, { time, onLeftOut }), Stream.runCollect)
      assert.deepStrictEqual(results, [
        { key: "a", value: 1, window: { start: 0, end: 1_000 } },
        { key: "b", value: 1, window: { start: 0, end: 1_000 } },
        { key: "a", value: 1, window: { start: 1_000, end: 2_000 } }
      ])
      assert.deepStrictEqual(late, [{ late: { "per second": 1 } }])
    }))

  it.effect("gives late events to an output of their own", () =>
    Effect.gen(function*() {
      const hourly = byPage.pipe(
        Flow.window("per second", Window.tumbling("1 second"), Aggregate.count, { late: "output" })
      )
      const flow = Flow.outputs({ counts: hourly, late: Flow.late(hourly) })
      const results = yield* clicks.pipe(Flow.toStream(flow, { time }), Stream.runCollect)
      assert.deepStrictEqual(results.filter(({ _tag }) => _tag === "late"), [{ _tag: "late", value: click("a", 30) }])
      assert.lengthOf(results, 4)
      assert.throws(() => Flow.toStream(hourly, { time }), FlowRefused)
    }))

  it.effect("fails for late events where it was to", () =>
    Effect.gen(function*() {
      const strict = byPage.pipe(
        Flow.window("per second", Window.tumbling("1 second"), Aggregate.count, { late: "fail" })
      )
      const failure = yield* clicks.pipe(Flow.toStream(strict, { time }), Stream.runDrain, Effect.flip)
      assert.deepStrictEqual(failure, new LateEvents({ step: "per second", count: 1, time: 30, watermark: 1_010 }))
    }))

  it.effect("does not believe the future", () =>
    Effect.gen(function*() {
      const near = (beyond: "refuse" | "late") =>
        EventTime.from((click: Click) => click.at, { maxAhead: "1 second", beyond })
      const failure = yield* clicks.pipe(
        Flow.toStream(perSecond, { time: near("refuse") }),
        Stream.runDrain,
        Effect.flip
      )
      assert.deepStrictEqual(failure, new FutureEvent({ time: 1_010, clock: 0, maxAhead: 1_000 }))
      const results = yield* clicks.pipe(Flow.toStream(perSecond, { time: near("late") }), Stream.runCollect)
      assert.deepStrictEqual(results.map(({ value }) => value), [2, 1])
    }))

  it.effect("asks the world, in order", () =>
    Effect.gen(function*() {
      const asked = Flow.events<number>().pipe(
        Flow.mapEffect("slow", (n) => Effect.as(Effect.sleep(10 - n), n * 2), { concurrency: 4 })
      )
      const running = yield* Stream.make(1, 2, 3).pipe(Flow.toStream(asked), Stream.runCollect, Effect.forkChild)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(running), [2, 4, 6])
    }))

  it.effect("lets the clock fire what nobody waits for", () =>
    Effect.gen(function*() {
      const timed = Flow.events<string>().pipe(
        Flow.keyBy("word", Schema.String, (word) => word),
        Flow.mapState("timer", {
          order: "arrival",
          state: Schema.Null,
          initial: null,
          timers: ["over"],
          onEvent: (state, _word, { clock }) => [state, [], { timers: { over: { clock: clock + 5_000 } } }],
          onTimer: (state, _timer, { clock, key }) => [state, [`${key} ${clock}`]]
        })
      )
      const running = yield* Stream.concat(Stream.make("a"), Stream.never).pipe(
        Flow.toStream(timed),
        Stream.runHead,
        Effect.forkChild
      )
      for (let second = 0; second < 7; second++) yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Effect.fromOption(yield* Fiber.join(running)), "a 5000")
    }))

  it.effect("waits for no clock when the Stream ends", () =>
    Effect.gen(function*() {
      const byClock = byPage.pipe(
        Flow.window("by the clock", Window.tumbling("1 second", { time: "processing" }), Aggregate.count)
      )
      const timed = byPage.pipe(Flow.mapState("timer", {
        order: "arrival",
        event: Click,
        state: Schema.Null,
        initial: null,
        timers: ["over"],
        onEvent: (state, _click, { clock }) => [state, [], { timers: { over: { clock: clock + 60_000 } } }],
        onTimer: (state, _timer, { key }) => [state, [`${key} is over`]]
      }))
      const counts = yield* clicks.pipe(Flow.toStream(byClock), Stream.runCollect)
      assert.deepStrictEqual(counts.map(({ key, value }) => [key, value]), [["a", 3], ["b", 1]])
      assert.deepStrictEqual(yield* clicks.pipe(Flow.toStream(timed), Stream.runCollect), ["a is over", "b is over"])
    }))

  it("without steps is a function over chunks, and with them wants to know where times are", () => {
    assert.throws(() => Flow.toStream(perSecond), FlowRefused)
    assert.throws(
      () =>
        Flow.toStream(
          Flow.merge([perSecond, byPage.pipe(Flow.window("per second", Window.tumbling(1), Aggregate.count))]),
          { time }
        ),
      FlowRefused
    )
  })

  it.effect("has a twin that fails where it throws", () =>
    Effect.gen(function*() {
      const refused = yield* Effect.flip(Effect.fromResult(Flow.toStreamResult(perSecond)))
      assert.instanceOf(refused, FlowRefused)
      const through = yield* Effect.fromResult(Flow.toStreamResult(perSecond, { time }))
      assert.deepStrictEqual(
        yield* Stream.runCollect(through(clicks)),
        yield* Stream.runCollect(Flow.toStream(perSecond, { time })(clicks))
      )
      // What no flow is refused for is a defect of whoever wrote it.
      const broken = {
        ...perSecond,
        get node(): never {
          throw new TypeError("broken")
        }
      }
      assert.throws(() => Flow.toStreamResult(broken, { time }), TypeError, "broken")
    }))

  it("is what the model says", () => {
    const events = [10, 20, 1_010].map((at) => ({ time: at, value: click("a", at) }))
    assert.deepStrictEqual(Flow.model(perSecond, { events }).map(({ value }) => value), [2, 1])
  })
})
