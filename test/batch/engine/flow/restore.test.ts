/** A query with state goes on from a savepoint: under another name, under its own, as another version of itself. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Savepoint from "../../../../src/batch/engine/Savepoint.ts"
import { CheckpointLog } from "../../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../../src/batch/pipeline/Pipeline.ts"
import { QueryName } from "../../../../src/batch/protocol/QueryName.ts"
import * as Sink from "../../../../src/batch/sink/Sink.ts"
import * as Aggregate from "../../../../src/flow/aggregate/Aggregate.ts"
import * as Flow from "../../../../src/flow/Flow.ts"
import * as Window from "../../../../src/flow/time/Window.ts"
import * as QueryState from "../../../../src/state/QueryState.ts"
import { StateStore } from "../../../../src/state/StateStore.ts"
import * as StateUpgrade from "../../../../src/state/StateUpgrade.ts"
import * as Query from "../../../../src/stream/query/Query.ts"
import * as Trigger from "../../../../src/stream/query/Trigger.ts"
import { numbersSource } from "./numbersSource.ts"

const parity = (n: number) => (n % 2 === 0 ? "even" : "odd")
const keyed = Flow.events<number>().pipe(Flow.keyBy("parity", Schema.String, parity))

const Sum = Schema.Struct({ sum: Schema.Number })

const sums = (name = "sums") =>
  keyed.pipe(Flow.mapState(name, {
    order: "arrival",
    state: Sum,
    initial: { sum: 0 },
    onEvent: ({ sum }, n: number) => [{ sum: sum + n }, [`${parity(n)} ${sum + n}`]]
  }))

type AnyFlow = Flow.Flow<{ readonly events: number }, string, Flow.Mode, never, Flow.Stateful>

const make = (name: string, flow: AnyFlow, until: { value: number }) => {
  const sink = Sink.memory<string>()
  // Flows of several modes are one type here, and compile each for itself.
  const pipeline = Pipeline.make(name, { source: numbersSource(until), flow: flow as ReturnType<typeof sums>, sink })
  return { sink, pipeline }
}

const expected = (from: number, to: number, before = 0): Array<string> => {
  const all = { even: before, odd: before }
  const outputs: Array<string> = []
  for (let n = 0; n < to; n++) {
    all[parity(n)] += n
    if (n >= from) outputs.push(`${parity(n)} ${all[parity(n)]}`)
  }
  return outputs.sort()
}

const layers = Layer.merge(CheckpointLog.layerMemory, StateStore.layerMemory())
const often = { deltas: 1, most: 1, bytesPerBatch: 1 }
const now = { trigger: Trigger.availableNow }

/** The old query, stopped at 8, with its savepoint. */
const begun = Effect.fnUntraced(function*(flow: AnyFlow = sums()) {
  const until = { value: 8 }
  const old = make("old", flow, until)
  yield* Query.run(old.pipeline, now)
  yield* Savepoint.create(QueryName.make("old"), "here")
  return { until, old }
})

const refusal = (error: unknown) => {
  const { message, reason } = error as Savepoint.RestoreError
  return [reason._tag, message] as const
}

describe("S11: a savepoint with state", () => {
  it.live("goes on under a new name, and the old query goes on by itself", () =>
    Effect.gen(function*() {
      const { old, until } = yield* begun()
      const next = make("new", sums(), until)
      yield* next.pipeline.pipe(Savepoint.restore("here"))
      until.value = 40
      yield* Query.run(next.pipeline, now)
      yield* Query.run(old.pipeline, now)
      assert.deepStrictEqual([...yield* next.sink.committed].sort(), expected(8, 40))
      assert.deepStrictEqual([...yield* old.sink.committed].sort(), expected(0, 40))
      until.value = 60
      yield* Query.run(next.pipeline, now)
      assert.deepStrictEqual([...yield* next.sink.committed].sort(), expected(8, 60))
    }).pipe(Effect.provideService(QueryState.SnapshotPolicy, often), Effect.provide(layers)))

  it.live("S22: is kept while the query goes on, however often its state is cleaned", () =>
    Effect.gen(function*() {
      const { old, until } = yield* begun()
      until.value = 120
      yield* Query.run(old.pipeline, now)
      const next = make("new", sums(), until)
      yield* next.pipeline.pipe(Savepoint.restore("here", { onPassed: "repeat" }))
      yield* Query.run(next.pipeline, now)
      assert.deepStrictEqual([...yield* next.sink.committed].sort(), expected(8, 120))
      const home = yield* Effect.flatMap(StateStore, (store) => store.open("old"))
      assert.isBelow((yield* home.list).length, 30)
    }).pipe(Effect.provideService(QueryState.SnapshotPolicy, often), Effect.provide(layers)))

  it.live("S22: where the query gives up state while a savepoint is made, it is made anew", () =>
    Effect.gen(function*() {
      const until = { value: 9 }
      const old = make("old", sums(), until)
      yield* Query.run(old.pipeline, now)
      const logs = yield* CheckpointLog
      // between the look at the query's log and the first record of the savepoint
      const goOn = Effect.suspend(() => {
        if (until.value > 9) return Effect.void
        until.value = 90
        return Effect.orDie(Query.run(old.pipeline, now))
      }).pipe(Effect.provideContext(yield* Effect.context<CheckpointLog | StateStore>()))
      const slow: typeof logs = {
        ...logs,
        open: (name) =>
          Effect.map(logs.open(name), (log) =>
            name === Savepoint.logName
              ? { ...log, append: (sequence, bytes) => Effect.andThen(goOn, log.append(sequence, bytes)) }
              : log)
      }
      const made = yield* Effect.provideService(Savepoint.create(QueryName.make("old"), "here"), CheckpointLog, slow)
      assert.strictEqual(made.batch, 30)
      const next = make("new", sums(), until)
      yield* next.pipeline.pipe(Savepoint.restore("here"))
      until.value = 120
      yield* Query.run(next.pipeline, now)
      assert.deepStrictEqual([...yield* next.sink.committed].sort(), expected(90, 120))
    }).pipe(Effect.provideService(QueryState.SnapshotPolicy, often), Effect.provide(layers)))

  it.live("goes into another home", () =>
    Effect.gen(function*() {
      const { until } = yield* begun()
      const stateFrom = yield* StateStore
      const other = yield* Layer.build(StateStore.layerMemory())
      const next = make("new", sums(), until)
      until.value = 20
      yield* Effect.gen(function*() {
        yield* next.pipeline.pipe(Savepoint.restore("here", { stateFrom }))
        yield* Query.run(next.pipeline, now)
      }).pipe(Effect.provideContext(other))
      assert.deepStrictEqual([...yield* next.sink.committed].sort(), expected(8, 20))
      const home = yield* Context.get(other, StateStore).open("new")
      assert.isAbove((yield* home.list).length, 0)
    }).pipe(Effect.provide(layers)))

  it.live("goes on under its own name, if it stands there, and takes the query from who runs it", () =>
    Effect.gen(function*() {
      const { old, until } = yield* begun()
      const doubled = make("old", sums().pipe(Flow.map((text) => `now ${text}`)), until)
      yield* doubled.pipeline.pipe(Savepoint.restore("here"))
      until.value = 20
      yield* Query.run(doubled.pipeline, now)
      assert.deepStrictEqual(
        [...yield* doubled.sink.committed].sort(),
        expected(8, 20).map((text) => `now ${text}`).sort()
      )
      assert.lengthOf(yield* old.sink.committed, 8)
      const again = yield* Effect.flip(doubled.pipeline.pipe(Savepoint.restore("here")))
      assert.strictEqual(again.reason._tag, "SavepointPassed")
      const repeated = yield* Effect.flip(doubled.pipeline.pipe(Savepoint.restore("here", { onPassed: "repeat" })))
      assert.include(repeated.message, "give it a new name")
    }).pipe(Effect.provide(layers)))

  it.live("whose state is gone is missing, before anything is written", () =>
    Effect.gen(function*() {
      const { until } = yield* begun()
      const next = make("new", sums(), until)
      const gone = next.pipeline.pipe(Savepoint.restore("here"), Effect.provide(StateStore.layerMemory()), Effect.flip)
      assert.strictEqual((yield* gone).reason._tag, "StateMissing")
      const log = yield* Effect.flatMap(CheckpointLog, (logs) => logs.open(QueryName.make("new")))
      assert.deepStrictEqual(yield* log.read(0), [])
    }).pipe(Effect.provide(layers)))
})

describe("S7, S20: another version of the flow", () => {
  /** Restores this flow under the old name, and runs it to 20. */
  const upgrade = Effect.fnUntraced(function*(
    then: AnyFlow,
    next: AnyFlow,
    options: StateUpgrade.StateUpgrade = {}
  ) {
    const { old, until } = yield* begun(then)
    const made = make("old", next, until)
    const restored = yield* Effect.result(made.pipeline.pipe(Savepoint.restore("here", { upgrade: options })))
    if (restored._tag === "Failure") {
      // nothing was touched: the old one goes on
      until.value = 11
      yield* Query.run(old.pipeline, now)
      return yield* Effect.fail(restored.failure)
    }
    until.value = 20
    yield* Query.run(made.pipeline, now)
    if (JSON.stringify(old.pipeline.structure) !== JSON.stringify(made.pipeline.structure)) {
      const error = yield* Effect.flip(Query.run(old.pipeline, now))
      assert.include(error.message, "began with another pipeline", "S20: a rollback is told")
    }
    return [...yield* made.sink.committed].sort()
  }, Effect.provide(layers))

  const withCount = (state: Schema.Codec<{ readonly sum: number; readonly count?: number }, unknown>) =>
    keyed.pipe(Flow.mapState("sums", {
      order: "arrival",
      state,
      initial: { sum: 0, count: 0 },
      onEvent: ({ count = 0, sum }, n: number) => [{ sum: sum + n, count: count + 1 }, [`${parity(n)} ${sum + n}`]]
    }))

  it.live("one that is not otherwise than in what keeps nothing goes on", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* upgrade(sums(), sums().pipe(Flow.map((text) => text))), expected(8, 20))
    }))

  it.live("a state Schema with one field more, which may be absent, is understood", () =>
    Effect.gen(function*() {
      const more = withCount(Schema.Struct({ sum: Schema.Number, count: Schema.optionalKey(Schema.Number) }))
      assert.deepStrictEqual(yield* upgrade(sums(), more), expected(8, 20))
    }))

  it.live("one field more that must be there is refused without a migration, and goes on with one", () =>
    Effect.gen(function*() {
      const Counted = Schema.Struct({ sum: Schema.Number, count: Schema.Number })
      const counting = keyed.pipe(Flow.mapState("sums", {
        order: "arrival",
        state: Counted,
        initial: { sum: 0, count: 0 },
        onEvent: ({ count, sum }, n: number) => [{ sum: sum + n, count: count + 1 }, [`${parity(n)} ${sum + n}`]]
      }))
      const [tag, message] = refusal(yield* Effect.flip(upgrade(sums(), counting)))
      assert.strictEqual(tag, "UpgradeRefused")
      assert.include(message, `step "sums": a stored row is none of its new Schema`)
      const migrate = { sums: StateUpgrade.migration(Sum, Counted, ({ sum }) => ({ sum: sum + 1000, count: 0 })) }
      assert.deepStrictEqual(
        yield* upgrade(sums(), counting, { migrate }),
        expected(8, 20, 1000)
      )
    }))

  it.live("a field that the new Schema would lose is refused", () =>
    Effect.gen(function*() {
      const lossy = keyed.pipe(Flow.mapState("sums", {
        order: "arrival",
        state: Schema.Struct({ total: Schema.optionalKey(Schema.Number) }),
        initial: {},
        onEvent: ({ total = 0 }, n: number) => [{ total: total + n }, [String(total)]]
      }))
      const [tag, message] = refusal(yield* Effect.flip(upgrade(sums(), lossy)))
      assert.strictEqual(tag, "UpgradeRefused")
      assert.include(message, "the new Schema would lose something")
    }))

  it.live("a step that is gone or renamed must be named", () =>
    Effect.gen(function*() {
      const [tag, message] = refusal(yield* Effect.flip(upgrade(sums(), sums("totals"))))
      assert.strictEqual(tag, "RestoreRefused")
      assert.include(message, `step "sums" is not in the flow, and there is state of it: name it in drop, or in rename`)
      assert.deepStrictEqual(yield* upgrade(sums(), sums("totals"), { rename: { sums: "totals" } }), expected(8, 20))
      const anew = yield* upgrade(sums(), sums("totals"), { drop: ["sums"] })
      assert.include(anew, "even 8")
    }))

  it.live("a step that is new begins with nothing", () =>
    Effect.gen(function*() {
      const both = Flow.merge([sums(), sums("more").pipe(Flow.map((text) => `more ${text}`))])
      const outputs = yield* upgrade(sums(), both)
      assert.include(outputs, "more even 8")
      assert.deepStrictEqual(outputs.filter((text) => !text.startsWith("more")), expected(8, 20))
    }))

  const windows = (size: "10 millis" | "20 millis") =>
    keyed.pipe(
      Flow.window("windows", Window.tumbling(size), Aggregate.count),
      Flow.map(({ key, value, window }) => `${key} ${window.start} ${value}`)
    )
  const totals = keyed.pipe(
    Flow.window("windows", Window.tumbling("10 millis"), Aggregate.sum((n: number) => n)),
    Flow.map(({ key, value, window }) => `${key} ${window.start} ${value}`)
  )

  it.live("other windows are refused, and a window that stays goes on where it was", () =>
    Effect.gen(function*() {
      const [tag, message] = refusal(yield* Effect.flip(upgrade(windows("10 millis"), windows("20 millis"))))
      assert.strictEqual(tag, "RestoreRefused")
      assert.include(message, `window of step "windows" is another one, so that its state is of no use`)
      const outputs = yield* upgrade(windows("10 millis"), windows("10 millis"))
      assert.deepStrictEqual(outputs, ["even 0 5", "odd 0 5"])
    }))

  it.live("another aggregate is refused, unless it is said what becomes of the accumulators", () =>
    Effect.gen(function*() {
      const [tag, message] = refusal(yield* Effect.flip(upgrade(windows("10 millis"), totals)))
      assert.strictEqual(tag, "RestoreRefused")
      assert.include(message, `aggregate of step "windows" is another one: say in migrate`)
    }))

  it.live("what an upgrade names must be there", () =>
    Effect.gen(function*() {
      const [, message] = refusal(
        yield* Effect.flip(upgrade(sums(), sums(), { drop: ["sum"], migrate: { s: { run: (x) => x } } }))
      )
      assert.include(message, `there was no step "sum"; the flow has no step "s"`)
    }))
})
