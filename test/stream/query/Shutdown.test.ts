/** How queries begin and end where something does not answer: opening is tried again, the way out is bounded, both are said. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Layer, Logger, References, Schedule, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import { CheckpointLogError, LogUnavailable } from "../../../src/batch/protocol/CheckpointLogError.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as WayOut from "../../../src/core/WayOut.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import { numbersSource } from "../../batch/source/numbersSource.ts"

const logging = () => {
  const logged: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    const [first] = Array.isArray(message) ? message : [message]
    logged.push(`${logLevel}: ${String(first)}`)
  })
  return { logged, layer: Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, "Info")) }
}

const settle = Effect.promise(() => new Promise((resolve) => setImmediate(resolve))).pipe(Effect.repeat({ times: 5 }))
const pass = (seconds: number) =>
  Effect.repeat(Effect.andThen(TestClock.adjust("500 millis"), settle), { times: 2 * seconds - 1 })

/** A pipeline whose processing waits for `gate`, interruptibly or not. */
const pipeline = (gate: Effect.Effect<void>) =>
  Pipeline.make("gated", {
    source: numbersSource<never>({
      available: () => 4,
      end: undefined,
      perBatch: 10,
      partitions: (from, to) => [{ id: 0, predecessors: [], events: Stream.range(from, to - 1) }]
    }),
    sink: Sink.memory<number>(),
    process: (events) => Stream.tap(events, () => gate)
  })

/** A log whose first openings fail. */
const failing = (failures: number, opened: { count: number }) =>
  Layer.effect(
    CheckpointLog,
    Effect.map(CheckpointLog, (log) => ({
      ...log,
      open: (query) =>
        Effect.suspend(() => {
          opened.count++
          const cause = new Error("locked")
          return opened.count > failures
            ? log.open(query)
            : Effect.fail(new CheckpointLogError({ reason: new LogUnavailable({ query, operation: "open", cause }) }))
        })
    }))
  ).pipe(Layer.provide(CheckpointLog.layerMemory))

const options = { trigger: Trigger.availableNow }

describe("opening a query", () => {
  it.effect("is tried again like its batches, and said when it takes long", () => {
    const { layer, logged } = logging()
    const opened = { count: 0 }
    return Effect.gen(function*() {
      const running = yield* Effect.forkChild(
        Query.run(pipeline(Effect.void), {
          ...options,
          stallAfter: "10 seconds",
          retry: Schedule.spaced("4 seconds")
        })
      )
      yield* pass(14)
      assert.match(logged[0] ?? "", /^Warn: query "gated" has been opening for 10s; it is tried again/)
      yield* pass(10)
      yield* Fiber.join(running)
      assert.strictEqual(opened.count, 5)
    }).pipe(Effect.provide(Layer.merge(failing(4, opened), layer)))
  })

  it.effect("fails after the tries that it has", () => {
    const opened = { count: 0 }
    return Effect.gen(function*() {
      const running = yield* Effect.forkChild(Effect.flip(Query.run(pipeline(Effect.void), options)))
      yield* pass(20)
      assert.strictEqual((yield* Fiber.join(running))._tag, "CheckpointLogError")
      assert.strictEqual(opened.count, 6)
    }).pipe(Effect.provide(failing(1e9, opened)))
  })
})

describe("a query's way out", () => {
  it.effect("gives the batch the time that it was given, and then interrupts it", () => {
    const { layer, logged } = logging()
    return Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const gated = pipeline(Deferred.await(gate))
      const start = Effect.forkChild(Query.run(gated, { ...options, shutdown: { finish: "20 seconds" } }))
      const first = yield* start
      yield* pass(1)
      const ending = yield* Effect.forkChild(Fiber.interrupt(first))
      yield* pass(19)
      assert.isUndefined(ending.pollUnsafe())
      assert.deepStrictEqual(logged, [
        "Info: query \"gated\" is stopping: batch 0 is at process, and is given 20s"
      ])
      yield* pass(3)
      yield* Fiber.join(ending)

      const second = yield* start
      yield* pass(1)
      const finishing = yield* Effect.forkChild(Fiber.interrupt(second))
      yield* pass(1)
      yield* Deferred.succeed(gate, undefined)
      yield* pass(1)
      yield* Fiber.join(finishing)
    }).pipe(Effect.provide(Layer.merge(CheckpointLog.layerMemory, layer)))
  })

  it.effect("leaves what can't be interrupted to itself, and says so", () => {
    const { layer, logged } = logging()
    return Effect.gen(function*() {
      const stuck = pipeline(Effect.uninterruptible(Effect.never))
      const running = yield* Effect.forkChild(Query.run(stuck, options))
      yield* pass(1)
      const ending = yield* Effect.forkChild(Fiber.interrupt(running))
      yield* pass(2)
      assert.match(logged[0] ?? "", /^Info: query "gated" was interrupted: batch 0 is at process; .* is given 10s$/)
      yield* pass(9)
      yield* Fiber.join(ending)
      assert.match(logged[1] ?? "", /^Warn: query "gated" is left to itself: batch 0 is at process, and does not end/)
      assert.lengthOf(logged, 2)
    }).pipe(Effect.provide(Layer.merge(CheckpointLog.layerMemory, layer)))
  })

  it.effect("is bounded where a Scope closes, and where it is asked to stop", () =>
    Effect.gen(function*() {
      const stuck = pipeline(Effect.uninterruptible(Effect.never))
      const scope = yield* Scope.make()
      const query = yield* Scope.provide(Query.start(stuck, { shutdown: { leave: "2 seconds" } }), scope)
      yield* pass(1)
      const stopping = yield* Effect.forkChild(query.stopWithin("3 seconds"))
      yield* pass(6)
      assert.strictEqual(yield* Fiber.join(stopping), "left")
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* pass(3)
      yield* Fiber.join(closing)
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("is the query's own end where that comes in time", () =>
    Effect.gen(function*() {
      const query = yield* Query.start(pipeline(Effect.void))
      yield* pass(1)
      const stopping = yield* Effect.forkChild(query.stopWithin("30 seconds"))
      yield* pass(1)
      assert.strictEqual(yield* Fiber.join(stopping), "finished")
      assert.deepStrictEqual(yield* query.status, { _tag: "stopped" })
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("hands on how an Effect ends that nobody interrupts", () =>
    Effect.gen(function*() {
      const bounded = WayOut.bounded({
        ask: Effect.void,
        finish: Duration.zero,
        leave: Duration.zero,
        tell: () => Effect.void
      })
      assert.strictEqual(yield* bounded(Effect.succeed(1)), 1)
      assert.strictEqual(yield* Effect.flip(bounded(Effect.fail("no"))), "no")
    }))
})
