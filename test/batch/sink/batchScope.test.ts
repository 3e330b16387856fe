/** What a batch opens ends with it: nothing of it stays until the query ends. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { queryObjects } from "node:v8"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Source from "../../../src/batch/source/Source.ts"
import * as SqliteClient from "../../../src/batch/sql/SqliteClient.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as Transaction from "../../../src/pravega/transaction/Transaction.ts"
import * as EventWriter from "../../../src/pravega/write/EventWriter.ts"
import { SegmentAppender } from "../../../src/pravega/write/internal/SegmentAppender.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import { type Numbered, numberedEvents, numberedStream } from "../../numbered.ts"
import { numbersSource } from "../source/numbersSource.ts"

const source = numberedStream("scopes/source")
const sink = numberedStream("scopes/sink")
const segments = 3

/** Those that can still be reached: garbage is collected first. */
const liveAppenders = Effect.sync(() => queryObjects(SegmentAppender, { format: "count" }))

const streams = Effect.forEach(
  [source, sink],
  ({ name }) => Admin.ensureStream(name, { scaling: { _tag: "Fixed", segments } }),
  { discard: true }
)

describe("Appenders", () => {
  const sinks: Readonly<Record<string, Sink.Sink<Numbered, unknown, Pravega>>> = {
    "exactly-once": Sink.pravega(sink, { guarantee: "exactly-once" }),
    idempotent: Sink.pravega(sink, { guarantee: "idempotent" }),
    "at-least-once": Sink.pravega(sink, { guarantee: "at-least-once" })
  }
  for (const [guarantee, to] of Object.entries(sinks)) {
    it.live(`of a query's batches do not pile up: ${guarantee}`, () =>
      Effect.gen(function*() {
        yield* streams
        const writer = yield* EventWriter.make(source)
        const query = yield* Query.start(Pipeline.make("scopes", {
          source: Source.microBatch(source),
          process: (reads) => Stream.map(reads, ({ event }) => event),
          sink: to,
          deterministic: true
        }))
        let count = 0
        const batches = Effect.fnUntraced(function*(more: number) {
          for (let n = 0; n < more; n++) {
            const before = (yield* query.recent).at(-1)?.batch
            yield* writer.writeAll(numberedEvents(8, 8, count))
            count += 8
            while ((yield* query.recent).at(-1)?.batch === before) yield* Effect.sleep("5 millis")
          }
          return yield* liveAppenders
        })
        const early = yield* batches(5)
        const late = yield* batches(20)
        // one batch's more or less may be there: the last one is not closed yet
        assert.isAtMost(late, early + 2 * segments)
      }).pipe(Effect.provide(Layer.merge(Pravega.layerEmbedded(), CheckpointLog.layerMemory))))
  }

  it.live("of a stream's transactions do not pile up", () =>
    Effect.gen(function*() {
      yield* streams
      let written = 0
      const seen: Array<number> = []
      yield* Stream.range(1, 25).pipe(
        Stream.map((number): Numbered => ({ key: `key${number % 4}`, number })),
        Stream.rechunk(1),
        Stream.tap(() =>
          ++written % 10 === 0 ? Effect.map(liveAppenders, (live) => void seen.push(live)) : Effect.void
        ),
        Stream.run(Transaction.sink(sink, { per: "chunk" }))
      )
      const [early = 0, late = Infinity] = seen
      assert.isAtMost(late, early)
    }).pipe(Effect.provide(Pravega.layerEmbedded())))
})

describe("A Scope that a user's effect asks for", () => {
  const use = (open: { count: number; most: number }) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        open.most = Math.max(open.most, ++open.count)
      }),
      () => Effect.sync(() => open.count--)
    )
  const numbers = numbersSource<never>({
    available: () => 20,
    end: 20,
    perBatch: 5,
    partitions: (from, to) => [{ id: 0, predecessors: [], events: Stream.range(from, to - 1) }]
  })
  const run = <E>(to: Sink.Sink<number, E, SqlClient>) =>
    Query.run(Pipeline.make("scopes", { source: numbers, process: (events) => events, sink: to })).pipe(
      Effect.provide(Layer.merge(CheckpointLog.layerMemory, SqliteClient.layer(":memory:")))
    )

  it.live("is its batch's own: foreachBatch", () =>
    Effect.gen(function*() {
      const open = { count: 0, most: 0 }
      yield* run(Sink.foreachBatch("each", () => use(open)))
      assert.deepStrictEqual(open, { count: 0, most: 1 })
    }))

  it.live("is its batch's own: sql", () =>
    Effect.gen(function*() {
      const open = { count: 0, most: 0 }
      yield* run(Sink.sql("rows", { schema: Schema.Number, write: () => use(open) }))
      assert.deepStrictEqual(open, { count: 0, most: 1 })
    }))
})
