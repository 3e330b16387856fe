import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { CheckpointLog } from "../../src/batch/CheckpointLog.ts"
import * as Pipeline from "../../src/batch/Pipeline.ts"
import * as Sink from "../../src/batch/Sink.ts"
import * as Source from "../../src/batch/Source.ts"
import * as Query from "../../src/stream/Query.ts"
import * as Trigger from "../../src/stream/Trigger.ts"

/** The numbers below `available`, ten per batch; an end only if `last` is given. */
const numbers = (available: { value: number }, last?: number) =>
  Source.make<number, never, never, number, readonly [number, number], null, number, unknown, null>({
    name: "numbers",
    structure: null,
    asked: null,
    position: Schema.Natural,
    plan: Schema.Tuple([Schema.Natural, Schema.Natural]),
    identity: Schema.Null,
    open: Effect.succeed({
      start: Effect.succeed({ identity: null, start: 0, end: last }),
      verify: () => Effect.void,
      latest: Effect.sync(() => available.value),
      plan: (from, ends) =>
        Effect.sync(() => {
          const to = Math.min(from + 10, available.value, ...ends)
          if (ends.some((end) => from >= end)) return { _tag: "ended" as const }
          return to === from
            ? { _tag: "idle" as const }
            : { _tag: "range" as const, plan: [from, to] as const, next: to }
        }),
      partitions: ([from, to]) => Effect.succeed([{ id: 0, predecessors: [], events: Stream.range(from, to - 1) }])
    })
  })

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)

const make = (available: { value: number }, last?: number) => {
  const sink = Sink.memory<number>()
  return { sink, pipeline: Pipeline.make("q", { source: numbers(available, last), process: (events) => events, sink }) }
}

describe("Query", () => {
  it.effect("once: one batch; availableNow: what is there; then it goes on where it was", () =>
    Effect.gen(function*() {
      const available = { value: 25 }
      const { pipeline, sink } = make(available)
      yield* Query.run(pipeline, { trigger: Trigger.once })
      assert.deepStrictEqual(sink.committed(), upTo(10))
      yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      assert.deepStrictEqual(sink.committed(), upTo(25))
      available.value = 30
      yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      assert.deepStrictEqual(sink.committed(), upTo(30))
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("every: a batch per interval", () =>
    Effect.gen(function*() {
      const { pipeline, sink } = make({ value: 100 })
      const query = yield* Query.start(pipeline, { trigger: Trigger.every("1 second") })
      for (let second = 1; second < 4; second++) {
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(sink.committed().length, 10 * second)
        yield* TestClock.adjust("999 millis")
      }
      yield* query.stop
      assert.isAtMost(sink.committed().length, 40)
    }).pipe(Effect.provide(CheckpointLog.layerMemory), Effect.scoped))

  it.effect("ends where the source ends; progress tells of each batch and ends with it", () =>
    Effect.gen(function*() {
      const { pipeline, sink } = make({ value: 100 }, 35)
      const query = yield* Query.start(pipeline)
      const progress = yield* Stream.runCollect(query.progress)
      yield* query.await
      assert.deepStrictEqual(sink.committed(), upTo(35))
      assert.deepStrictEqual(progress.map(({ batch, eventsIn }) => [batch, eventsIn]), [[0, 10], [1, 10], [2, 10], [
        3,
        5
      ]])
      assert.deepStrictEqual(progress.at(-1)?.positions, { numbers: 35 })
      assert.strictEqual((yield* Stream.runCollect(query.progress)).length, 4)
    }).pipe(Effect.provide(CheckpointLog.layerMemory), Effect.scoped))

  it.effect("stops gracefully: the batch that runs is finished", () =>
    Effect.gen(function*() {
      const sink = Sink.memory<number>()
      const pipeline = Pipeline.make("q", {
        source: numbers({ value: 1000 }),
        process: (events) => Stream.tap(events, () => Effect.sleep("1 second")),
        sink
      })
      const query = yield* Query.start(pipeline)
      yield* TestClock.adjust("15 seconds")
      const stop = yield* Effect.forkChild(query.stop)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(stop)
      assert.deepStrictEqual(sink.committed(), upTo(20))
    }).pipe(Effect.provide(CheckpointLog.layerMemory), Effect.scoped))

  it.effect("a batch that fails is tried again as the Schedule says, and its failure is typed", () =>
    Effect.gen(function*() {
      const tries = yield* Ref.make(0)
      const sink = Sink.memory<number>()
      const pipeline = (failures: number) =>
        Pipeline.make("q", {
          source: numbers({ value: 20 }),
          process: (events, { batch }) =>
            Stream.mapEffect(events, (n) =>
              n === 15
                ? Effect.flatMap(
                  Ref.updateAndGet(tries, (t) => t + 1),
                  (t) => t <= failures ? Effect.fail(`batch ${batch}` as const) : Effect.succeed(n)
                )
                : Effect.succeed(n)),
          sink
        })
      const options = { trigger: Trigger.availableNow, retry: Schedule.recurs(2) }
      assert.strictEqual(yield* Effect.flip(Query.run(pipeline(99), options)), "batch 1")
      assert.strictEqual(yield* Ref.get(tries), 3)
      assert.deepStrictEqual(sink.committed(), upTo(10))
      yield* Query.run(pipeline(4), options)
      assert.deepStrictEqual(sink.committed(), upTo(20))
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("refuses a log that another pipeline wrote", () =>
    Effect.gen(function*() {
      const { pipeline } = make({ value: 10 })
      yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      const changed = Pipeline.make("q", { ...pipeline, version: "2", sink: Sink.memory<number>() })
      const error = yield* Effect.flip(Query.run(changed, { trigger: Trigger.availableNow }))
      assert.strictEqual(error.reason._tag, "StructureChanged")
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it("refuses what it can't run when the pipeline is made", () => {
    const parts = { source: numbers({ value: 1 }), process: (events: Stream.Stream<number>) => events }
    const sink = Sink.memory<number>()
    assert.throws(() => Pipeline.make("a/b", { ...parts, sink }), Pipeline.PipelineRefused)
    assert.throws(
      () => Pipeline.make("q", { ...parts, sinks: [sink, sink], deterministic: true }),
      Pipeline.PipelineRefused
    )
    // @ts-expect-error several sinks need a deterministic process
    Pipeline.make("q", { ...parts, sinks: [sink, Sink.memory<number>("other")] })
  })
})
