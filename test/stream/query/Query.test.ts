import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as Tracer from "effect/Tracer"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Source from "../../../src/batch/source/Source.ts"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as QueryMetrics from "../../../src/stream/query/QueryMetrics.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import { numbersSource } from "../../batch/source/numbersSource.ts"

/** The numbers below `available`, ten per batch; an end only if `last` is given. */
const numbers = (available: { value: number }, last?: number) =>
  numbersSource<never>({
    available: () => available.value,
    end: last,
    perBatch: 10,
    partitions: (from, to) => [{ id: 0, predecessors: [], events: Stream.range(from, to - 1) }]
  })

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)

const make = (available: { value: number }, last?: number) => {
  const sink = Sink.memory<number>()
  const options = { source: numbers(available, last), process: (events: Stream.Stream<number>) => events }
  return { sink, options, pipeline: Pipeline.make("q", { ...options, sink }) }
}

type Failure<P> = P extends Pipeline.Pipeline<infer _A, infer _B, infer _ES, infer E, infer _R> ? E : never
type Needs<P> = P extends Pipeline.Pipeline<infer _A, infer _B, infer _ES, infer _E, infer R> ? R : never
type IsSame<A, B> = [A, B] extends [B, A] ? true : false

describe("Query", () => {
  it.effect("once: one batch; availableNow: what is there; then it goes on where it was", () =>
    Effect.gen(function*() {
      const available = { value: 25 }
      const { pipeline, sink } = make(available)
      yield* Query.run(pipeline, { trigger: Trigger.once })
      assert.deepStrictEqual(yield* sink.committed, upTo(10))
      yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      assert.deepStrictEqual(yield* sink.committed, upTo(25))
      available.value = 30
      yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      assert.deepStrictEqual(yield* sink.committed, upTo(30))
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("sources, sinks and pipelines can be piped, into functions with options and without", () =>
    Effect.gen(function*() {
      const even = Sink.memory<string>()
      const source = numbers({ value: 20 }).pipe((source) => ({ ...source, name: "renamed" }))
      const pipeline = Pipeline.make("q", {
        source,
        process: (events) => events,
        sink: even.pipe(Sink.filterMapInput((n: number) => n % 2 === 0 ? String(n) : undefined))
      })
      const fails: IsSame<Pipeline.Error<typeof pipeline>, never> = true
      const reads: IsSame<Source.Event<typeof source>, number> = true
      assert.isTrue(fails && reads)
      yield* pipeline.pipe(Query.run({ trigger: Trigger.availableNow }))
      assert.deepStrictEqual(yield* even.committed, ["0", "2", "4", "6", "8", "10", "12", "14", "16", "18"])
      const started = yield* pipeline.pipe(Query.start())
      yield* started.stop
    }).pipe(Effect.provide(CheckpointLog.layerMemory), Effect.scoped))

  it.effect("a sink may get ready for the next batch while one is committed: one that is known, or of a query that goes on", () =>
    Effect.gen(function*() {
      const memory = Sink.memory<number>()
      const happened: Array<string> = []
      const note = (what: string) => Effect.sync(() => void happened.push(what))
      const sink: typeof memory = {
        ...memory,
        open: Effect.map(memory.open, (session) => ({
          ...session,
          begin: (id, past) => Effect.andThen(note(`begin ${id.batch}`), session.begin(id, past)),
          getReady: note("get ready"),
          commit: (id, prepared) => Effect.andThen(note(`commit ${id.batch}`), session.commit(id, prepared))
        }))
      }
      const process = (events: Stream.Stream<number>) => Stream.tap(events, () => Effect.yieldNow)
      const there = Pipeline.make("eager", { source: numbers({ value: 25 }), process, sink })
      yield* Query.run(there, { trigger: Trigger.availableNow })
      assert.deepStrictEqual(happened, [
        "begin 0",
        "get ready",
        "commit 0",
        "begin 1",
        "get ready",
        "commit 1",
        "begin 2",
        "commit 2"
      ])
      // with an end of its own, which a query that goes on for ever can't know either
      happened.length = 0
      const endless = Pipeline.make("endless", { source: numbers({ value: 10 }, 10), process, sink })
      yield* Query.run(endless, { trigger: Trigger.asFastAsPossible })
      assert.deepStrictEqual(happened, ["begin 0", "get ready", "commit 0"])
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("every: a batch per interval", () =>
    Effect.gen(function*() {
      const { pipeline, sink } = make({ value: 100 })
      const query = yield* Query.start(pipeline, { trigger: Trigger.every("1 second") })
      for (let second = 1; second < 4; second++) {
        yield* TestClock.adjust("1 millis")
        assert.strictEqual((yield* sink.committed).length, 10 * second)
        yield* TestClock.adjust("999 millis")
      }
      yield* query.stop
      assert.isAtMost((yield* sink.committed).length, 40)
    }).pipe(Effect.provide(CheckpointLog.layerMemory), Effect.scoped))

  it.effect("ends where the source ends; progress tells of each batch and ends with it", () =>
    Effect.gen(function*() {
      const { pipeline, sink } = make({ value: 100 }, 35)
      const query = yield* Query.start(pipeline)
      const progress = yield* Stream.runCollect(query.progress)
      yield* query.await
      assert.deepStrictEqual(yield* sink.committed, upTo(35))
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
      assert.deepStrictEqual(yield* sink.committed, upTo(20))
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
      assert.deepStrictEqual(yield* sink.committed, upTo(10))
      yield* Query.run(pipeline(4), options)
      assert.deepStrictEqual(yield* sink.committed, upTo(20))
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("a batch that is tried again keeps what was planned ahead of it", () =>
    Effect.gen(function*() {
      const plans = Effect.fnUntraced(function*(name: string, failures: number) {
        let count = 0
        let tries = 0
        const source = numbers({ value: 20 }, 20)
        const counted: typeof source = {
          ...source,
          open: Effect.map(source.open, (session) => ({
            ...session,
            plan: (from, ends) =>
              Effect.suspend(() => {
                count++
                return session.plan(from, ends)
              })
          }))
        }
        const pipeline = Pipeline.make(name, {
          source: counted,
          process: (events) =>
            Stream.mapEffect(events, (n) =>
              Effect.suspend(() => n === 5 && tries++ < failures ? Effect.fail("no" as const) : Effect.succeed(n))),
          sink: Sink.memory<number>()
        })
        yield* Query.run(pipeline, { retry: Schedule.recurs(5) })
        return count
      })
      assert.strictEqual(yield* plans("again", 4), yield* plans("once", 0))
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("a query that is behind looks for the next range while it reads one, else when it is done with it", () =>
    Effect.gen(function*() {
      const run = Effect.fnUntraced(function*(name: string, available: { value: number }, end: number) {
        const trace: Array<string> = []
        const source = numbers(available, end)
        const traced: typeof source = {
          ...source,
          open: Effect.map(source.open, (session) => ({
            ...session,
            plan: (from, ends) =>
              Effect.suspend(() => {
                trace.push(`plan from ${JSON.stringify(from)}`)
                return session.plan(from, ends)
              })
          }))
        }
        const pipeline = Pipeline.make(name, {
          source: traced,
          process: (events) =>
            Stream.mapEffect(events, (n) =>
              // as whatever waits for a network does
              Effect.map(Effect.replicateEffect(Effect.yieldNow, 20, { discard: true }), () => {
                trace.push(`event ${n}`)
                // comes while the batch is read: as many as there are, and no batch is full
                available.value = Math.min(end, available.value + 1)
                return n
              })),
          sink: Sink.memory<number>()
        })
        yield* Query.run(pipeline)
        return trace
      })
      const keepsUp = yield* run("keeps-up", { value: 2 }, 6)
      assert.deepStrictEqual(keepsUp.slice(0, 7), [
        "plan from 0",
        "event 0",
        "event 1",
        "plan from 2",
        "event 2",
        "event 3",
        "plan from 4"
      ])
      const isBehind = yield* run("is-behind", { value: 30 }, 30)
      assert.isBelow(isBehind.indexOf("plan from 10"), isBehind.indexOf("event 9"))
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("refuses a log that another pipeline wrote", () =>
    Effect.gen(function*() {
      const { options, pipeline } = make({ value: 10 })
      yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      const changed = Pipeline.make("q", { ...options, version: "2", sink: Sink.memory<number>() })
      const error = yield* Effect.flip(Query.run(changed, { trigger: Trigger.availableNow }))
      assert.strictEqual(error.reason._tag, "StructureChanged")
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("a query that always has more to read compacts its log all the same", () =>
    Effect.gen(function*() {
      const sink = Sink.memory<number>()
      // Takes turns, as whatever waits for a network does: the next range is found before the batch is committed.
      const pipeline = Pipeline.make("q", {
        source: numbers({ value: 5000 }),
        process: (events) => Stream.tap(events, () => Effect.yieldNow),
        sink
      })
      const log = yield* (yield* CheckpointLog).open(pipeline.name)
      let longest = 0
      const onBatch = () =>
        Effect.map(Effect.orDie(log.read(0)), ({ length }) => {
          longest = Math.max(longest, length)
        })
      yield* Query.run(pipeline, { trigger: Trigger.availableNow, onBatch })
      assert.deepStrictEqual(yield* sink.committed, upTo(5000))
      assert.isBelow(longest, 300)
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("every: a wall clock that is set back does not stop it", () =>
    Effect.gen(function*() {
      const { pipeline, sink } = make({ value: 100 })
      const clock = yield* Clock.Clock
      let behind = 0
      const millis = () => clock.currentTimeMillisUnsafe() - behind
      const setBack: Clock.Clock = {
        currentTimeMillisUnsafe: millis,
        currentTimeMillis: Effect.sync(millis),
        currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe() - BigInt(behind) * BigInt(1_000_000),
        currentTimeNanos: Effect.sync(() => clock.currentTimeNanosUnsafe() - BigInt(behind) * BigInt(1_000_000)),
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
        monotonicTimeNanos: clock.monotonicTimeNanos,
        sleep: (duration) => clock.sleep(duration)
      }
      const query = yield* Query.start(pipeline, { trigger: Trigger.every("1 second") }).pipe(
        Effect.provideService(Clock.Clock, setBack)
      )
      yield* TestClock.adjust("1500 millis")
      behind = 3_600_000
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* sink.committed).length, 40)
      yield* query.stop
    }).pipe(Effect.provide(CheckpointLog.layerMemory), Effect.scoped))

  it.effect("a pipeline that the log is not of takes nothing from the query that runs", () =>
    Effect.gen(function*() {
      const { options, pipeline, sink } = make({ value: 30 }, 30)
      const query = yield* Query.start(pipeline, { trigger: Trigger.every("1 second") })
      yield* TestClock.adjust("1 millis")
      const changed = Pipeline.make("q", { ...options, version: "2", sink: Sink.memory<number>() })
      assert.strictEqual((yield* Effect.flip(Query.run(changed))).reason._tag, "StructureChanged")
      yield* TestClock.adjust("5 seconds")
      yield* query.await
      assert.deepStrictEqual(yield* sink.committed, upTo(30))
    }).pipe(Effect.provide(CheckpointLog.layerMemory), Effect.scoped))

  it.effect("a defect ends the query, is told to who waits for it, and is logged", () =>
    Effect.gen(function*() {
      const logged: Array<unknown> = []
      const logger = Logger.make(({ cause, message }) => void logged.push(message, Cause.pretty(cause)))
      const sink = Sink.memory<number>()
      const pipeline = Pipeline.make("q", {
        source: numbers({ value: 20 }),
        process: () => Stream.die(new Error("a mistake in the process")),
        sink
      })
      yield* Effect.gen(function*() {
        const query = yield* Query.start(pipeline)
        const exit = yield* Effect.exit(query.await)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      }).pipe(Effect.provide(Logger.layer([logger])))
      assert.include(JSON.stringify(logged), "a mistake in the process")
      assert.deepStrictEqual(yield* sink.committed, [])
    }).pipe(Effect.provide(CheckpointLog.layerMemory), Effect.scoped))

  it.effect("who does not read the progress makes it no longer than it may be", () =>
    Effect.gen(function*() {
      const { pipeline } = make({ value: 20_000 }, 20_000)
      const slow = yield* Deferred.make<void>()
      const query = yield* Query.start(pipeline)
      const seen = yield* Stream.runCollect(Stream.tap(query.progress, () => Deferred.await(slow))).pipe(
        Effect.forkChild({ startImmediately: true })
      )
      yield* query.await
      yield* Deferred.succeed(slow, undefined)
      const progress = yield* Fiber.join(seen)
      assert.isAtMost(progress.length, 1100)
      assert.strictEqual(progress.at(-1)?.batch, 1999)
    }).pipe(Effect.provide(CheckpointLog.layerMemory), Effect.scoped))

  it.effect("a batch may have more outputs than a call has arguments", () =>
    Effect.gen(function*() {
      const sink = Sink.memory<number>()
      const pipeline = Pipeline.make("q", {
        source: numbers({ value: 1 }),
        process: () => Stream.rechunk(Stream.range(1, 500_000), 500_000),
        sink
      })
      yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      assert.strictEqual((yield* sink.committed).length, 500_000)
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("a sink begins nothing when what was chosen for it is left out by what it is made of", () =>
    Effect.gen(function*() {
      const begun = yield* Ref.make(0)
      const memory = Sink.memory<number>()
      const counted: Sink.Sink<number, never, never> = {
        ...memory,
        open: Effect.map(memory.open, (session) => ({
          ...session,
          begin: (batch, past) => Effect.andThen(Ref.update(begun, (n) => n + 1), session.begin(batch, past))
        }))
      }
      const inner = Sink.filterMapInput(counted, (n: number) => n > 100 ? n : undefined)
      const sink = Sink.filterMapInput(inner, (n: number) => n + 1)
      const pipeline = Pipeline.make("q", { source: numbers({ value: 20 }), process: (events) => events, sink })
      yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      assert.strictEqual(yield* Ref.get(begun), 0)
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("several sources: tagged, each in its limits, ended when all have ended, positions of each in the log", () =>
    Effect.gen(function*() {
      const sink = Sink.memory<string>()
      const source = Source.union({ few: numbers({ value: 100 }, 15), many: numbers({ value: 100 }, 42) })
      const pipeline = Pipeline.make("q", {
        source,
        process: (events) => Stream.map(events, ({ _tag, value }) => `${_tag} ${value}`),
        sink
      })
      const batches: Array<Query.BatchProgress> = []
      const onBatch = (progress: Query.BatchProgress) => Effect.sync(() => void batches.push(progress))
      // Stopped and started again in between.
      yield* Query.run(pipeline, { trigger: Trigger.once, onBatch })
      yield* Query.run(pipeline, { onBatch })
      const expected = [...upTo(15).map((n) => `few ${n}`), ...upTo(42).map((n) => `many ${n}`)]
      assert.deepStrictEqual((yield* sink.committed).toSorted(), expected.toSorted())
      assert.deepStrictEqual(batches.map(({ positions }) => positions), [
        { few: 10, many: 10 },
        { few: 15, many: 20 },
        { few: 15, many: 30 },
        { few: 15, many: 40 },
        { few: 15, many: 42 }
      ])
      assert.deepStrictEqual(
        batches.map(({ sources }) => [...sources].map(([name, { events }]) => [name, events])[0]),
        [
          ["few", 10],
          ["few", 5],
          ["few", 0],
          ["few", 0],
          ["few", 0]
        ]
      )
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("availableNow: the latest of each of several sources", () =>
    Effect.gen(function*() {
      const sink = Sink.memory<number>()
      const available = { value: 20 }
      const pipeline = Pipeline.make("q", {
        source: Source.union({ a: numbers({ value: 33 }), b: numbers(available) }),
        process: (events) => Stream.map(events, ({ value }) => value),
        sink
      })
      const onBatch = () => Effect.sync(() => void (available.value += 10))
      yield* Query.run(pipeline, { trigger: Trigger.availableNow, onBatch })
      assert.strictEqual((yield* sink.committed).length, 33 + 20)
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("looks again every 100 ms where a source can't tell of more, else every 2 seconds at most", () =>
    Effect.gen(function*() {
      const looks = Effect.fnUntraced(function*(name: string, arrival: Source.SourceSession<number, never>["arrival"]) {
        let plans = 0
        const source = numbers({ value: 0 })
        const counted: typeof source = {
          ...source,
          open: Effect.map(source.open, (session) => ({
            ...session,
            arrival,
            plan: (from, ends) =>
              Effect.suspend(() => {
                plans++
                return session.plan(from, ends)
              })
          }))
        }
        yield* Query.start(
          Pipeline.make(name, { source: counted, process: (events) => events, sink: Sink.memory<number>() })
        )
        yield* TestClock.adjust("10 seconds")
        return plans
      })
      assert.strictEqual(yield* looks("asks", undefined), 101)
      assert.strictEqual(yield* looks("waits", () => Effect.never), 6)
    }).pipe(Effect.provide(CheckpointLog.layerMemory), Effect.scoped))

  it.effect("tells its status, its last batches and their rates", () =>
    Effect.gen(function*() {
      const available = { value: 20 }
      const sink = Sink.memory<number>()
      const pipeline = Pipeline.make("q", {
        source: numbers(available, 40),
        process: (events) => Stream.tap(events, () => Effect.sleep("100 millis")),
        sink
      })
      const query = yield* Query.start(pipeline)
      const changes = yield* Effect.forkChild(Stream.runCollect(query.statusChanges), { startImmediately: true })
      yield* TestClock.adjust("500 millis")
      assert.deepStrictEqual(yield* query.status, { _tag: "running", batch: 0, step: "process" })
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* query.status, { _tag: "waiting" })
      available.value = 40
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* query.status, { _tag: "ended" })
      assert.deepStrictEqual((yield* Fiber.join(changes)).at(-1), { _tag: "ended" })
      const [first, second] = yield* query.recent
      assert.deepStrictEqual([first?.rates.eventsIn, first?.rates.eventsOut, first?.took.process], [10, 10, 1000])
      assert.deepStrictEqual(second?.rates.eventsIn, 10)
      const stopped = yield* Query.start(make({ value: 0 }).pipeline)
      yield* Effect.exit(stopped.stop)
    }).pipe(Effect.provide(CheckpointLog.layerMemory), Effect.scoped))

  it.effect("a query that does not get on says so once, with what is known of it, until it gets on again", () =>
    Effect.gen(function*() {
      const warnings: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => {
        if (logLevel === "Warn") warnings.push(String(Array.isArray(message) ? message[0] : message))
      })
      const gate = yield* Deferred.make<void>()
      const sink = Sink.memory<number>()
      const slow: Sink.Sink<number, never, never> = {
        ...sink,
        open: Effect.map(sink.open, (session) => ({
          ...session,
          commit: (batch, prepared) => Effect.andThen(Deferred.await(gate), session.commit(batch, prepared))
        }))
      }
      const pipeline = Pipeline.make("q", {
        source: numbers({ value: 20 }, 20),
        process: (events) => events,
        sink: slow
      })
      yield* Effect.gen(function*() {
        const query = yield* Query.start(pipeline, { stallAfter: "10 seconds" })
        yield* TestClock.adjust("9 seconds")
        assert.deepStrictEqual(yield* query.status, { _tag: "running", batch: 0, step: "commit" })
        yield* TestClock.adjust("51 seconds")
        const status = yield* query.status
        assert.isTrue(status._tag === "stalled")
        if (status._tag !== "stalled") return
        assert.strictEqual(status.evidence.step, "commit")
        assert.deepStrictEqual(status.evidence.awaiting, { memory: "0.0" })
        assert.isAtLeast(Duration.toMillis(status.evidence.preparedFor ?? Duration.zero), 50_000)
        assert.strictEqual(warnings.length, 1)
        const stalled = Metric.value(Metric.withAttributes(QueryMetrics.stalled, { query: "q" }))
        const age = Metric.value(Metric.withAttributes(QueryMetrics.preparedAgeMillis, { query: "q" }))
        assert.strictEqual((yield* stalled).value, 1)
        assert.isAtLeast((yield* age).value, 50_000)
        yield* Deferred.succeed(gate, undefined)
        yield* TestClock.adjust("10 seconds")
        yield* query.await
        assert.deepStrictEqual(yield* query.status, { _tag: "ended" })
        assert.deepStrictEqual([(yield* stalled).value, (yield* age).value], [0, 0])
      }).pipe(Effect.provide(Logger.layer([logger])))
      assert.deepStrictEqual(yield* sink.committed, upTo(20))
      assert.strictEqual(warnings.length, 1)
    }).pipe(Effect.provide(CheckpointLog.layerMemory), Effect.scoped))

  it.effect("tries that fail again and again are no progress; waiting for input is no stall", () =>
    Effect.gen(function*() {
      const sink = Sink.memory<number>()
      const pipeline = Pipeline.make("q", {
        source: numbers({ value: 20 }),
        process: (events) => Stream.mapEffect(events, (n) => n === 15 ? Effect.fail("no" as const) : Effect.succeed(n)),
        sink
      })
      const query = yield* Query.start(pipeline, { stallAfter: "10 seconds", retry: Schedule.spaced("1 second") })
      yield* TestClock.adjust("1 minute")
      const status = yield* query.status
      assert.isTrue(status._tag === "stalled")
      if (status._tag !== "stalled") return
      assert.deepStrictEqual([status.evidence.batch, status.evidence.step, status.evidence.failure], [
        1,
        "process",
        "no"
      ])
      assert.isAbove(status.evidence.attempts, 10)
      const idle = yield* Query.start(
        Pipeline.make("idle", { source: numbers({ value: 0 }), process: (e) => e, sink }),
        {
          stallAfter: "10 seconds"
        }
      )
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* idle.status, { _tag: "waiting" })
    }).pipe(Effect.provide(CheckpointLog.layerMemory), Effect.scoped))

  it.effect("a source that does not say what there is to read stalls a query too", () =>
    Effect.gen(function*() {
      const source = numbers({ value: 20 })
      const hangs: typeof source = {
        ...source,
        open: Effect.map(source.open, (session) => ({ ...session, plan: () => Effect.never }))
      }
      const pipeline = Pipeline.make("q", { source: hangs, process: (events) => events, sink: Sink.memory<number>() })
      const query = yield* Query.start(pipeline, { stallAfter: "10 seconds" })
      yield* TestClock.adjust("1 minute")
      const status = yield* query.status
      assert.deepStrictEqual(status._tag === "stalled" && [status.evidence.batch, status.evidence.step], [0, "plan"])
    }).pipe(Effect.provide(CheckpointLog.layerMemory), Effect.scoped))

  it.effect("counts what it does, and has a span per batch and step", () =>
    Effect.gen(function*() {
      const spans: Array<string> = []
      const tracer = Tracer.make({
        span: (options) => {
          spans.push(options.name)
          return new Tracer.NativeSpan(options)
        }
      })
      const { options } = make({ value: 35 }, 35)
      const sink = Sink.memory<number>("numbers out")
      const pipeline = Pipeline.make("metrics", { ...options, sink })
      yield* Query.run(pipeline).pipe(Effect.withTracer(tracer))
      const of = (metric: Metric.Counter<number>, attributes: Record<string, string>) =>
        Effect.map(
          Metric.value(Metric.withAttributes(metric, { query: "metrics", ...attributes })),
          ({ count }) => count
        )
      assert.strictEqual(yield* of(QueryMetrics.batches, {}), 4)
      assert.strictEqual(yield* of(QueryMetrics.attempts, {}), 4)
      assert.strictEqual(yield* of(QueryMetrics.eventsIn, { source: "numbers" }), 35)
      assert.strictEqual(yield* of(QueryMetrics.eventsOut, { sink: "numbers out" }), 35)
      const count = (name: string) => spans.filter((span) => span === name).length
      assert.deepStrictEqual(
        ["Query.batch", "Query.process", "Query.prepare", "Query.commit"].map(count).map((n) => Math.ceil(n / 2)),
        [2, 2, 2, 4]
      )
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("says that nothing is left of a segment that is read to its end or gone, and nothing of a query that has ended", () =>
    Effect.gen(function*() {
      const left: Array<Record<string, number>> = [{ one: 7, two: 5 }, { two: 3, three: 1 }]
      const source = numbers({ value: 20 })
      let batch = 0
      const lagging: typeof source = {
        ...source,
        open: Effect.map(source.open, (session) => ({
          ...session,
          lag: () => Effect.sync(() => ({ bytes: 9, parts: left[batch++] ?? {} }))
        }))
      }
      const pipeline = Pipeline.make("lagging", {
        source: lagging,
        process: (events) => events,
        sink: Sink.memory<number>()
      })
      const query = yield* Query.start(pipeline)
      yield* TestClock.adjust("1 second")
      const of = (segment: string) =>
        Effect.map(
          Metric.value(Metric.withAttributes(QueryMetrics.lagSegmentBytes, {
            query: "lagging",
            source: "numbers",
            segment
          })),
          ({ value }) => value
        )
      assert.deepStrictEqual(yield* Effect.forEach(["one", "two", "three"], of), [0, 3, 1])
      yield* query.stop
      assert.deepStrictEqual(yield* Effect.forEach(["one", "two", "three"], of), [0, 0, 0])
    }).pipe(Effect.provide(CheckpointLog.layerMemory), Effect.scoped))

  it.effect("an interrupted query that was stalled is not stalled any more", () =>
    Effect.gen(function*() {
      const source = numbers({ value: 20 })
      const hangs: typeof source = {
        ...source,
        open: Effect.map(source.open, (session) => ({ ...session, plan: () => Effect.never }))
      }
      const stalled = Metric.value(Metric.withAttributes(QueryMetrics.stalled, { query: "hangs" }))
      yield* Effect.scoped(Effect.gen(function*() {
        yield* Query.start(
          Pipeline.make("hangs", { source: hangs, process: (events) => events, sink: Sink.memory<number>() }),
          { stallAfter: "10 seconds" }
        )
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* stalled).value, 1)
      }))
      assert.strictEqual((yield* stalled).value, 0)
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it("refuses limits under which nothing would ever be read", () => {
    const events = EventStream.make("s/t", { codec: EventCodec.utf8 })
    for (const limit of [{ bytes: 0 }, { bytes: Number.NaN }, { events: 0 }, { events: -1 }, { events: 1.5 }]) {
      assert.throws(() => Source.microBatch(events, { limit }), RangeError, "limit", JSON.stringify(limit))
    }
    Source.microBatch(events, { limit: { bytes: 1, events: 1 } })
    const keyed = EventStream.make("s/t", { codec: EventCodec.utf8, routingKey: (event) => event })
    for (
      const options of [{ lanes: 0 }, { lanes: 2, ordering: "none" as const }, { start: { text: "no cut" } }, {
        retentionSubscriber: "a/b"
      }, { atLeast: { bytes: 0, delay: "1 second" as const } }]
    ) {
      assert.throws(() => Source.microBatch(keyed, options), RangeError, "Source.microBatch", JSON.stringify(options))
    }
    assert.throws(() => Source.microBatch(events, { lanes: 2 }), RangeError)
    Source.microBatch(keyed, { lanes: 2, start: { text: "UNBOUNDED" } })
  })

  it.effect("several sinks of different kinds: fails as each of them may, and needs what each of them needs", () =>
    Effect.gen(function*() {
      class One extends Context.Service<One, number>()("effect-pravega/test/One") {}
      class Two extends Context.Service<Two, number>()("effect-pravega/test/Two") {}
      const seen: Array<number> = []
      const see = (n: number) => Effect.sync(() => void seen.push(n))
      const parts = { source: numbers({ value: 1 }, 1), process: (events: Stream.Stream<number>) => events }
      const pipeline = Pipeline.make("q", {
        ...parts,
        sinks: [
          Sink.foreachBatch(
            "a",
            (_, outputs: ReadonlyArray<number>) =>
              Effect.flatMap(One, (one) => outputs.length > 1 ? Effect.fail("a" as const) : see(one))
          ),
          Sink.foreachBatch(
            "b",
            (_, outputs: ReadonlyArray<number>) =>
              Effect.flatMap(Two, (two) => outputs.length > 1 ? Effect.fail("b" as const) : see(two))
          )
        ],
        deterministic: true
      })
      const failure: IsSame<Failure<typeof pipeline>, "a" | "b"> = true
      const needs: IsSame<Needs<typeof pipeline>, One | Two> = true
      assert.isTrue(failure && needs)
      yield* Query.run(pipeline).pipe(Effect.provideService(One, 1), Effect.provideService(Two, 2))
      assert.sameMembers(seen, [1, 2])
      // @ts-expect-error one of them takes other outputs
      Pipeline.make("q", {
        ...parts,
        sinks: [Sink.memory<number>("numbers"), Sink.memory<string>("texts")],
        deterministic: true
      })
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it("refuses what it can't run when the pipeline is made", () => {
    const parts = { source: numbers({ value: 1 }), process: (events: Stream.Stream<number>) => events }
    const sink = Sink.memory<number>()
    assert.throws(() => Pipeline.make("a/b", { ...parts, sink }), Pipeline.PipelineRefused)
    const refused = Pipeline.makeResult("a/b", { ...parts, sink })
    assert.instanceOf(Result.isFailure(refused) ? refused.failure : undefined, Pipeline.PipelineRefused)
    assert.strictEqual(String(Result.getOrThrow(Pipeline.makeResult("q", { ...parts, sink })).name), "q")
    assert.throws(
      () => Pipeline.make("q", { ...parts, sinks: [sink, sink], deterministic: true }),
      Pipeline.PipelineRefused
    )
    assert.throws(
      // @ts-expect-error several sinks need a deterministic process
      () => Pipeline.make("q", { ...parts, sinks: [sink, Sink.memory<number>("other")] }),
      Pipeline.PipelineRefused
    )
  })
})
