/** How time goes on in the engine, where the source says little of itself, or one runs ahead; and what a log goes on with. */
import { assert, describe, it } from "@effect/vitest"
import { Aggregate, EventTime, Flow, Window } from "effect-pravega/flow"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as FastCheck from "fast-check"
import * as BatchRun from "../../../../src/batch/engine/BatchRun.ts"
import * as Commit from "../../../../src/batch/engine/Commit.ts"
import { CheckpointLog } from "../../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../../../src/batch/sink/Sink.ts"
import { StateStore } from "../../../../src/state/StateStore.ts"
import type { SourceEvent } from "../../../flow/Interpreter.ts"
import type { Event } from "../../../flow/randomFlows.ts"
import { numbersSource } from "../../source/numbersSource.ts"
import * as FlowWorld from "./FlowWorld.ts"

const layers = Layer.mergeAll(CheckpointLog.layerMemory, StateStore.layerMemory())
const retry = Schedule.recurs(0)

const numbers = (options: EventTime.Options & { readonly available: () => number }) => ({
  ...numbersSource<never>({
    available: options.available,
    end: undefined,
    perBatch: 100,
    partitions: (from, to) => [{
      id: 0,
      predecessors: [],
      events: Stream.fromArray(Array.from({ length: to - from }, (_, n) => from + n))
    }]
  }),
  time: EventTime.from((number: number) => number, options),
  inFlow: { value: (number: number) => number, time: (number: number) => number }
})

const tens = (size: number) =>
  Flow.events<number>().pipe(
    Flow.keyBy("all", Schema.String, () => "all"),
    Flow.window("windows", Window.tumbling(size), Aggregate.count),
    Flow.map(({ value, window }) => `${window.start}: ${value}`)
  )

const step = <E, R>(run: BatchRun.Run<E, R>) => Commit.step(run, { until: undefined, more: false })

describe("time, in the engine", () => {
  it.effect("T9: a source that tells no parts is not idle when it was read", () =>
    Effect.gen(function*() {
      let available = 10
      const sink = Sink.memory<string>()
      const source = numbers({ available: () => available, idleAfter: "1 minute" })
      const run = yield* BatchRun.open(Pipeline.make("numbers", { source, flow: tens(10), sink }), { retry })
      for (let n = 1; n <= 4; n++) {
        assert.strictEqual((yield* step(run))._tag, "done")
        assert.strictEqual(run.flow?.report()?.watermark, available - 1)
        assert.strictEqual((yield* step(run))._tag, "idle")
        yield* TestClock.adjust("2 minutes")
        available += 10
      }
      assert.deepStrictEqual(yield* sink.committed, ["0: 10", "10: 10", "20: 10"])
    }).pipe(Effect.scoped, Effect.provide(layers)))

  it.effect("T6: time alone makes one batch when something is due, and none when nothing is", () =>
    Effect.gen(function*() {
      const sink = Sink.memory<string>()
      const source = numbers({ available: () => 10, idleAfter: "1 minute", whenAllIdle: "clock", disorder: "1 minute" })
      const run = yield* BatchRun.open(Pipeline.make("numbers", { source, flow: tens(5), sink }), { retry })
      assert.strictEqual((yield* step(run))._tag, "done")
      // A look that finds nothing to do is not recorded: idleness is measured from the last one that was.
      assert.strictEqual((yield* step(run))._tag, "idle")
      assert.deepStrictEqual(yield* sink.committed, [])
      yield* TestClock.adjust("3 minutes")
      assert.strictEqual((yield* step(run))._tag, "done")
      assert.deepStrictEqual(yield* sink.committed, ["0: 5", "5: 5"])
      for (let n = 0; n < 3; n++) {
        assert.strictEqual((yield* step(run))._tag, "idle")
        yield* TestClock.adjust("3 minutes")
      }
    }).pipe(Effect.scoped, Effect.provide(layers)))

  for (const beyond of ["refuse", "late", "clamp"] as const) {
    it.effect(`T7: an event from the future, ${beyond}`, () =>
      Effect.gen(function*() {
        const sink = Sink.memory<string>()
        const source = numbers({ available: () => 100, maxAhead: 49, beyond })
        const run = yield* BatchRun.open(Pipeline.make("numbers", { source, flow: tens(10), sink }), { retry })
        if (beyond === "refuse") {
          const error = yield* Effect.flip(step(run))
          assert.strictEqual(error.reason._tag, "EventFromFuture")
          return
        }
        assert.strictEqual((yield* step(run))._tag, "done")
        assert.strictEqual(run.flow?.report()?.future, 50)
        assert.strictEqual(run.flow?.report()?.watermark, 49)
        assert.deepStrictEqual(yield* sink.committed, ["0: 10", "10: 10", "20: 10", "30: 10"])
      }).pipe(Effect.scoped, Effect.provide(layers)))
  }

  it("T12: nothing is planned of a source that is too far ahead, while the other has something", () => {
    const flow = Flow.merge([
      Flow.sources<Record<string, Event>>()("left"),
      Flow.sources<Record<string, Event>>()("right")
    ])
      .pipe(
        Flow.keyBy("key", Schema.String, ({ key }) => key),
        Flow.window("windows", Window.tumbling(10), Aggregate.count)
      )
    const event = (source: string, time: number, offset: number): SourceEvent => ({
      source,
      value: { key: "a", value: 1, time },
      at: { source, time, segment: 0n, offset: BigInt(offset), ordinal: 0 }
    })
    const of = (source: string, every: number) => [{
      after: [],
      events: Array.from({ length: 20 }, (_, n) => event(source, n * every, n))
    }]
    return FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.integer({ min: 5, max: 40 }),
        FastCheck.array(FastCheck.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 6 }),
        async (maxDrift, takes) => {
          const segments = { left: of("left", 10), right: of("right", 1) }
          const { moments } = await Effect.runPromise(
            FlowWorld.run(flow, { segments, takes, disorder: 0, maxDrift }, { ahead: false })
          )
          let reached = -Infinity
          let left = 20
          moments.forEach(({ events }, n) => {
            const before = moments[n - 1]?.watermark ?? -Infinity
            const own = events.filter(({ source }) => source === "left")
            if (own.length > 0 && left > 0 && before > -Infinity) assert.isAtMost(reached - before, maxDrift)
            for (const { at } of own) reached = Math.max(reached, at.time)
            left -= events.length - own.length
          })
          assert.strictEqual(moments.flatMap(({ events }) => events).length, 40)
        }
      ),
      { numRuns: 30 }
    )
  })
})

describe("state, in the engine", () => {
  const open = (size: number) =>
    Effect.scoped(Effect.gen(function*() {
      const source = numbers({ available: () => 20 })
      const flow = tens(size)
      const run = yield* BatchRun.open(Pipeline.make("numbers", { source, flow, sink: Sink.memory<string>() }), {
        retry
      })
      return (yield* step(run))._tag
    }))

  const reasonOf = (error: { readonly _tag: string } | { readonly reason: { readonly _tag: string } }) =>
    "reason" in error ? error.reason._tag : error._tag

  it.effect("S20: a window of another size does not go on with the log", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* open(10), "done")
      assert.strictEqual(reasonOf(yield* Effect.flip(open(20))), "StructureChanged")
      assert.strictEqual(yield* open(10), "idle")
    }).pipe(Effect.provide(layers)))

  it.effect("S3: a log whose state is gone, or another log's, is refused", () =>
    Effect.gen(function*() {
      const lost = Effect.provide(open(10), StateStore.layerMemory())
      assert.strictEqual(yield* open(10), "done")
      assert.strictEqual(reasonOf(yield* Effect.flip(lost)), "StateMissing")
      const begunAnew = Effect.provide(open(10), Layer.fresh(CheckpointLog.layerMemory))
      assert.strictEqual(reasonOf(yield* Effect.flip(begunAnew)), "ForeignState")
      assert.strictEqual(yield* open(10), "idle")
    }).pipe(Effect.provide(layers)))
})
