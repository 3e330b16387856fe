/**
 * What the suites of Spark's connector for Pravega ask of a micro-batch reader, asked of a query, and the
 * defects that were found in it.
 */
import { assert } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { CheckpointLog } from "../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../src/batch/sink/Sink.ts"
import * as Source from "../../src/batch/source/Source.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import * as Query from "../../src/stream/query/Query.ts"
import * as Trigger from "../../src/stream/query/Trigger.ts"
import { randomScope } from "../names.ts"
import type { Cases } from "./Server.ts"

const numbers = Effect.fnUntraced(function*(segments: number) {
  const name = `${randomScope()}/numbers`
  yield* Admin.ensureStream(name, { scaling: { _tag: "Fixed", segments } })
  return EventStream.make(name, { schema: Schema.Int, routingKey: (n) => `key${n % 11}` })
})

const write = (stream: EventStream.EventStream<number>, from: number, to: number) =>
  Effect.scoped(Effect.flatMap(EventWriter.make(stream), (writer) => writer.writeAll(range(from, to))))

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
const sorted = (numbers: ReadonlyArray<number>) => numbers.toSorted((a, b) => a - b)

/** A query that can be run again and again, with its log and its sink. */
const copies = Effect.fnUntraced(function*(
  stream: EventStream.EventStream<number>,
  options: Source.MicroBatchOptions
) {
  const logs = yield* Layer.build(Layer.fresh(CheckpointLog.layerMemory))
  const sink = Sink.memory<number>()
  const pipeline = Pipeline.make("copies", {
    source: Source.microBatch(stream, options),
    process: (events) => Stream.map(events, ({ event }) => event),
    sink
  })
  const batches: Array<Query.BatchProgress> = []
  const run = (trigger: Trigger.Trigger = Trigger.availableNow) =>
    Query.run(pipeline, { trigger, onBatch: (progress) => Effect.sync(() => void batches.push(progress)) }).pipe(
      Effect.provideContext(logs)
    )
  return { batches, read: Effect.map(sink.committed, sorted), run }
})

export const parityCases = (it: Cases): void => {
  it.effect("from earliest, latest and a cut: stopped, added to and started again, while segments are added", () =>
    Effect.gen(function*() {
      for (const start of ["earliest", "latest", "cut"] as const) {
        const stream = yield* numbers(3)
        yield* write(stream, 0, 20)
        const cut = yield* Admin.latestCut(stream.name)
        yield* write(stream, 20, 40)
        const query = yield* copies(stream, { start: start === "cut" ? cut : start })
        // A query starts where it is when it is run for the first time.
        yield* query.run()
        const first = start === "earliest" ? 0 : start === "cut" ? 20 : 40
        assert.deepStrictEqual(yield* query.read, range(first, 40))
        yield* write(stream, 40, 60)
        yield* query.run()
        yield* Admin.scaleTo(stream.name, 6)
        yield* write(stream, 60, 90)
        yield* query.run()
        yield* query.run()
        assert.deepStrictEqual(yield* query.read, range(first, 90))
      }
    }).pipe(Effect.scoped))

  it.effect("ends at its end also when it is not told to stop there, and is ended then", () =>
    Effect.gen(function*() {
      const stream = yield* numbers(2)
      yield* write(stream, 0, 30)
      const end = yield* Admin.latestCut(stream.name)
      yield* write(stream, 30, 60)
      for (const trigger of [Trigger.asFastAsPossible, Trigger.availableNow, Trigger.every("10 millis")]) {
        const query = yield* copies(stream, { end, limit: { events: 7 } })
        yield* query.run(trigger)
        yield* query.run(trigger)
        assert.deepStrictEqual(yield* query.read, range(0, 30))
      }
    }).pipe(Effect.scoped))

  it.effect("limits in events and in bytes hold from the first batch on, and nothing is left out", () =>
    Effect.gen(function*() {
      const stream = yield* numbers(3)
      yield* write(stream, 0, 40)
      for (const events of [1, 10, 33, 1000, Number.MAX_SAFE_INTEGER]) {
        const query = yield* copies(stream, { limit: { events } })
        yield* query.run()
        assert.deepStrictEqual(yield* query.read, range(0, 40))
        for (const { eventsIn } of query.batches) assert.isAtMost(eventsIn, events)
        assert.isAtLeast(query.batches.length, Math.ceil(40 / events))
      }
      // 9 or 10 bytes each, 8 of them the header.
      for (const bytes of [1, 60, 1_000_000]) {
        const query = yield* copies(stream, { limit: { bytes } })
        yield* query.run()
        assert.deepStrictEqual(yield* query.read, range(0, 40))
        for (const { bytesIn, eventsIn } of query.batches) assert.isTrue(eventsIn === 1 || bytesIn <= bytes)
      }
      const first = yield* copies(stream, { limit: { events: 10 } })
      yield* first.run(Trigger.once)
      assert.strictEqual((yield* first.read).length, 10)
    }).pipe(Effect.scoped))

  it.effect("reading a stream that is not there is an error, and makes none", () =>
    Effect.gen(function*() {
      const scope = randomScope()
      const missing = EventStream.make(`${scope}/missing`, { schema: Schema.Int })
      yield* Admin.createScope(scope)
      const query = yield* copies(missing, {})
      const error = yield* Effect.flip(query.run())
      assert.strictEqual(error._tag, "ReadError")
      assert.isFalse(yield* Admin.streamExists(missing.name))
    }).pipe(Effect.scoped))

  it.effect("one stream read twice, and outputs to several streams by what they are", () =>
    Effect.gen(function*() {
      const stream = yield* numbers(2)
      yield* write(stream, 0, 30)
      const even = Sink.memory<number>("even")
      const odd = Sink.memory<number>("odd")
      const pipeline = Pipeline.make("routes", {
        source: Source.union({ all: Source.microBatch(stream), again: Source.microBatch(stream) }),
        process: (events) => Stream.map(events, ({ _tag, value }) => _tag === "all" ? value.event : -1 - value.event),
        sinks: [
          Sink.filterMapInput(even, (n: number) => n % 2 === 0 ? n : undefined),
          Sink.filterMapInput(odd, (n: number) => n % 2 === 0 ? undefined : n)
        ],
        deterministic: true
      })
      yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      const all = range(-30, 30)
      assert.deepStrictEqual(sorted(yield* even.committed), all.filter((n) => n % 2 === 0))
      assert.deepStrictEqual(sorted(yield* odd.committed), all.filter((n) => n % 2 !== 0))
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("a changed schema is a changed structure: the query does not go on as if nothing were", () =>
    Effect.gen(function*() {
      const stream = yield* numbers(1)
      yield* write(stream, 0, 5)
      const run = <A, I>(schema: Schema.Codec<A, I>) =>
        Query.run(
          Pipeline.make("q", {
            source: Source.microBatch(EventStream.make(stream.name, { schema })),
            process: (events) => Stream.map(events, () => 1),
            sink: Sink.memory<number>()
          }),
          { trigger: Trigger.availableNow }
        )
      yield* run(Schema.Int)
      // Only another name for the same.
      yield* run(Schema.Int.annotate({ title: "a number" }))
      const error = yield* Effect.flip(run(Schema.Struct({ n: Schema.Int })))
      assert.strictEqual(error._tag === "CommitError" && error.reason._tag, "StructureChanged")
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))
}
