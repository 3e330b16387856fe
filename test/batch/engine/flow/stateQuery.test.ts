/** What steps remember, asked while the query runs, from elsewhere, and when it does not run. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as StateQuery from "../../../../src/batch/engine/StateQuery.ts"
import { CheckpointLog } from "../../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../../../src/batch/sink/Sink.ts"
import * as Aggregate from "../../../../src/flow/aggregate/Aggregate.ts"
import * as Flow from "../../../../src/flow/Flow.ts"
import * as Window from "../../../../src/flow/time/Window.ts"
import * as QueryState from "../../../../src/state/QueryState.ts"
import { StateStore } from "../../../../src/state/StateStore.ts"
import * as Query from "../../../../src/stream/query/Query.ts"
import * as Trigger from "../../../../src/stream/query/Trigger.ts"
import { numbersSource } from "./numbersSource.ts"

const keyed = Flow.events<number>().pipe(Flow.keyBy("third", Schema.Int, (n) => n % 3))
const flow = Flow.merge([
  keyed.pipe(Flow.mapState("all", {
    order: "arrival",
    state: Schema.Array(Schema.Int),
    initial: [],
    onEvent: (numbers, n: number) => [[...numbers, n], [0]]
  })),
  keyed.pipe(Flow.window("tens", Window.tumbling("10 millis"), Aggregate.count), Flow.map(() => 0)),
  keyed.pipe(Flow.aggregate("sum", Aggregate.sum((n: number) => n)), Flow.map(() => 0)),
  keyed.pipe(Flow.deduplicate("once", { within: "1 second" }), Flow.map(() => 0))
])

const make = (until: { value: number }) =>
  Pipeline.make("asked", { source: numbersSource(until), flow, sink: Sink.memory<number>() })

const lists = { key: Schema.Int, value: Schema.Array(Schema.Int) }
const counts = { key: Schema.Int, value: Schema.Int }
const upTo = (end: number, key: number) => Array.from({ length: end }, (_, n) => n).filter((n) => n % 3 === key)
const layers = Layer.merge(CheckpointLog.layerMemory, StateStore.layerMemory())

/** What must be, by each of the two ways. */
const asAsked = Effect.fnUntraced(function*<E>({ state }: StateQuery.States<E>, end: number) {
  const all = state("all", lists)
  const batch = end / 3 - 1
  const entry = (key: number) => ({ key, value: upTo(end, key), window: undefined })
  assert.deepStrictEqual(yield* all.all, { batch, entries: [0, 1, 2].map(entry) })
  assert.deepStrictEqual(yield* all.get(1), { batch, entries: [entry(1)] })
  assert.deepStrictEqual(yield* all.get(7), { batch, entries: [] })
  assert.deepStrictEqual(yield* all.range({ from: 1 }), { batch, entries: [entry(1), entry(2)] })
  assert.deepStrictEqual(yield* all.range({ from: 0, to: 2 }), { batch, entries: [entry(0), entry(1)] })
  const windows = yield* state("tens", counts).get(2)
  const last = Math.floor((end - 1) / 10) * 10
  assert.deepStrictEqual(windows.entries.at(-1), {
    key: 2,
    value: upTo(end, 2).filter((n) => n >= last).length,
    window: { start: last, end: last + 10 }
  })
  const sums = yield* state("sum", { key: Schema.Int, value: Schema.Number }).all
  assert.deepStrictEqual(
    sums.entries.map(({ value }) => value),
    [0, 1, 2].map((key) => upTo(end, key).reduce((a, b) => a + b, 0))
  )
})

describe("State that is asked for", () => {
  it.live("of a query that runs, and from elsewhere; and of one that does not run", () =>
    Effect.gen(function*() {
      const until = { value: 27 }
      const pipeline = make(until)
      const elsewhere = yield* StateQuery.open(make(until))
      const never = yield* Effect.flip(elsewhere.state("all", lists).all)
      assert.include(never.message, "the query was never started")
      yield* Effect.scoped(Effect.gen(function*() {
        const query = yield* Query.start(pipeline, { trigger: Trigger.availableNow })
        yield* query.await
        yield* asAsked(query, 27)
        yield* asAsked(elsewhere, 27)
      }))
      yield* asAsked(elsewhere, 27)
    }).pipe(Effect.provide(layers)))

  it.live("each answer is of one batch, while batches come and snapshots are made and cleaned", () =>
    Effect.gen(function*() {
      const until = { value: 300 }
      const pipeline = make(until)
      const query = yield* Query.start(pipeline)
      const elsewhere = yield* StateQuery.open(make(until))
      const seen = new Set<number>()
      const look = <E>({ state }: StateQuery.States<E>) =>
        Effect.gen(function*() {
          const { batch, entries } = yield* state("all", lists).all
          seen.add(batch)
          for (const { key, value } of entries) {
            assert.deepStrictEqual(value, upTo((batch + 1) * 3, key), `batch ${batch}`)
          }
          assert.lengthOf(entries, batch < 0 ? 0 : 3)
          yield* Effect.yieldNow
          return batch
        })
      const looking = (states: StateQuery.States<unknown>) =>
        Effect.gen(function*() {
          while ((yield* look(states)) < 99);
        })
      const fiber = yield* Effect.forkChild(looking(elsewhere))
      yield* looking(query)
      yield* Fiber.join(fiber)
      assert.isAbove(seen.size, 3)
    }).pipe(
      Effect.provideService(QueryState.SnapshotPolicy, { deltas: 1, most: 1, bytesPerBatch: 1 }),
      Effect.provide(layers)
    ))

  it.live("what has no answer is said", () =>
    Effect.gen(function*() {
      const until = { value: 9 }
      const pipeline = make(until)
      yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      const { state } = yield* StateQuery.open(pipeline)
      const told = <A, E extends { readonly message: string }>(effect: Effect.Effect<A, E>) =>
        Effect.map(Effect.flip(effect), ({ message }) => message)
      assert.include(
        yield* told(state("al", lists).all),
        `no such step with state; it has "all", "tens", "sum", "once"`
      )
      assert.include(yield* told(state("once", lists).all), "keeps nothing to be asked for")
      assert.include(yield* told(state("all", counts).all), "the Schemas are not those of what is stored")
      const texts = { key: Schema.String, value: Schema.Array(Schema.Int) }
      assert.include(yield* told(state("all", texts).all), "the Schemas are not those of what is stored")
      const other = Pipeline.make("asked", {
        source: numbersSource(until),
        process: (events) => Stream.map(events, (n) => n),
        sink: Sink.memory<number>()
      })
      const wrong = yield* StateQuery.open(other)
      assert.include(yield* told(wrong.state("all", lists).all), "no such step")
      const changed = yield* StateQuery.open(
        Pipeline.make("asked", { source: numbersSource(until), flow, sink: Sink.memory<number>(), version: "2" })
      )
      assert.include(yield* told(changed.state("all", lists).all), "that of another pipeline")
    }).pipe(Effect.provide(layers)))
})
