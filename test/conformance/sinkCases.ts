import { assert } from "@effect/vitest"
import { type Array as Arr, Effect, Layer, Schedule, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import * as Fs from "node:fs/promises"
import { CheckpointLog } from "../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../src/batch/pipeline/Pipeline.ts"
import { CheckpointLogError, Fenced } from "../../src/batch/protocol/CheckpointLogError.ts"
import { PreparedSink } from "../../src/batch/protocol/CheckpointRecord.ts"
import { CommitError } from "../../src/batch/protocol/CommitError.ts"
import { QueryName } from "../../src/batch/protocol/QueryName.ts"
import * as Sink from "../../src/batch/sink/Sink.ts"
import * as Source from "../../src/batch/source/Source.ts"
import * as SqliteClient from "../../src/batch/sql/SqliteClient.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import type { Pravega } from "../../src/pravega/Pravega.ts"
import * as BatchReader from "../../src/pravega/read/BatchReader.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import * as Query from "../../src/stream/query/Query.ts"
import * as Trigger from "../../src/stream/query/Trigger.ts"
import * as SinkLaws from "../../src/testing/laws/SinkLaws.ts"
import { randomScope } from "../names.ts"
import { temporaryFolder } from "../temporary.ts"
import type { Cases } from "./Server.ts"

/** Events of the laws: a partition has a key of its own. */
const numbers = Effect.fnUntraced(function*(scope: string, name: string, segments = 2) {
  yield* Admin.ensureStream(`${scope}/${name}`, { scaling: { _tag: "Fixed", segments } })
  return EventStream.make(`${scope}/${name}`, {
    schema: Schema.Int,
    routingKey: (number) => String(Math.floor(number / 10) % 10)
  })
})

const contents = <A>(stream: EventStream.EventStream<A>) =>
  Effect.map(
    Stream.runCollect(BatchReader.stream(stream, { ordering: "perKey" })),
    (read) => read.map(({ event }) => event)
  )

const wire = Schema.fromJsonString(Schema.toCodecJson(Sink.Share))

const sorted = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)

const checksummed = Schema.StructWithRest(
  Schema.Struct({ checksum: Schema.Int, form: Schema.Int }),
  [Schema.Record(Schema.String, Schema.Json)]
)

export const sinkCases = (it: Cases): void => {
  const exactlyOnce = Effect.gen(function*() {
    const stream = yield* numbers(randomScope(), "out")
    const sink = Sink.pravega(stream, { guarantee: "exactly-once" })
    return { sink, visible: contents(stream), output: (number: number) => number }
  })
  for (const law of SinkLaws.laws(exactlyOnce, { runs: 3 })) it.effect(`exactly once: ${law.name}`, () => law.check)

  it.effect("other processes write into a try by its handle; what they wrote is committed with it, and decides it when it is forgotten", () =>
    Effect.gen(function*() {
      const stream = yield* numbers(randomScope(), "out")
      const even = (number: number) => number % 2 === 0 ? number : undefined
      const open = Sink.filterMapInput(Sink.pravega(stream, { guarantee: "exactly-once", isOwned: true }), even).open
      const batch = { query: "q", batch: 0 }
      const driver = yield* open
      const attempt = yield* driver.begin(batch)
      yield* attempt.write(0, [1, 2])
      const share = (partition: number, outputs: Arr.NonEmptyReadonlyArray<number>) =>
        Effect.scoped(Effect.gen(function*() {
          const { join } = yield* open
          if (join === undefined) return yield* Effect.die("it can't be joined")
          const worker = yield* join(attempt.handle)
          yield* worker.write(partition, outputs)
          yield* worker.flush(partition)
          const encoded = yield* Schema.encodeEffect(wire)(yield* worker.written)
          return yield* Schema.decodeEffect(wire)(encoded)
        }))
      const shares = yield* Effect.all([share(1, [11, 12, 14]), share(2, [22, 23])], { concurrency: 2 })
      // A message that came twice: who writes the same partition has other numbers to continue from.
      const twice = yield* Effect.flip(share(1, [12]))
      assert.include(twice.message, "another writer has appended 2 events")
      for (const written of shares) yield* attempt.absorb?.(written) ?? Effect.die("it takes none")
      assert.include((yield* Effect.flip(attempt.absorb?.(shares[0]) ?? Effect.void)).message, "the same partition")
      const written = yield* attempt.prepare
      assert.strictEqual(written.events, 4)
      yield* attempt.keep
      yield* driver.commit(batch, new PreparedSink({ ...written, handle: attempt.handle }))
      assert.deepStrictEqual(sorted(yield* contents(stream)), [2, 12, 14, 22])
      const forgotten = new PreparedSink({ ...written, handle: "00000000-0000-0000-0000-00000000abcd" })
      assert.deepStrictEqual(yield* driver.recover(batch, forgotten), { _tag: "committed" })
    }).pipe(Effect.scoped))

  it.effect("nobody writes into a try that was given up", () =>
    Effect.gen(function*() {
      const stream = yield* numbers(randomScope(), "out")
      const session = yield* Sink.pravega(stream, { guarantee: "exactly-once" }).open
      const handle = yield* Effect.scoped(Effect.map(session.begin({ query: "q", batch: 0 }), ({ handle }) => handle))
      const late = Effect.scoped(Effect.gen(function*() {
        const worker = yield* session.join?.(handle) ?? Effect.die("it can't be joined")
        yield* worker.write(0, [1])
        return yield* worker.written
      }))
      assert.strictEqual((yield* Effect.flip(late))._tag, "TransactionError")
      assert.deepStrictEqual(yield* contents(stream), [])
    }).pipe(Effect.scoped))

  it.effect("rule 12: what a forgotten outcome leaves open is never guessed from a stream that was truncated or made anew", () =>
    Effect.gen(function*() {
      const stream = yield* numbers(randomScope(), "out")
      const batch = { query: "q", batch: 0 }
      const session = yield* Sink.pravega(stream, { guarantee: "exactly-once", isOwned: true }).open
      const attempt = yield* session.begin(batch)
      yield* attempt.write(0, [1, 2, 3])
      const written = yield* attempt.prepare
      yield* attempt.keep
      yield* session.commit(batch, new PreparedSink({ ...written, handle: attempt.handle }))
      const forgotten = new PreparedSink({ ...written, handle: "00000000-0000-0000-0000-00000000abcd" })
      const outcome = Effect.map(session.recover(batch, forgotten), ({ _tag }) => _tag)
      assert.strictEqual(yield* outcome, "committed")
      yield* Admin.truncateStream(yield* Admin.latestCut(stream.name))
      assert.strictEqual(yield* outcome, "unknown")
      yield* Admin.deleteStream(stream.name, { seal: true })
      yield* Admin.createStream(stream.name, { scaling: { _tag: "Fixed", segments: 2 } })
      assert.strictEqual(yield* outcome, "unknown")
    }).pipe(Effect.scoped))

  it.effect("rule 12: that a forgotten batch is not there is proved by what others wrote; that it is there never", () =>
    Effect.gen(function*() {
      const stream = yield* numbers(randomScope(), "out", 1)
      const batch = { query: "q", batch: 0 }
      const session = yield* Sink.pravega(stream, { guarantee: "exactly-once" }).open
      const writer = yield* EventWriter.make(stream)
      const attempt = yield* session.begin(batch)
      yield* attempt.write(0, [10, 20, 30])
      const written = yield* attempt.prepare
      yield* attempt.keep
      const forgotten = new PreparedSink({ ...written, handle: "00000000-0000-0000-0000-00000000abcd" })
      const outcome = Effect.map(session.recover(batch, forgotten), ({ _tag }) => _tag)
      assert.strictEqual(yield* outcome, "lost")
      yield* writer.writeAll([10, 20])
      assert.strictEqual(yield* outcome, "lost", "fewer bytes than the batch has")
      yield* writer.writeAll([11])
      assert.strictEqual(yield* outcome, "lost", "as many bytes, other events")
      yield* writer.writeAll([12, 30, 13, 14])
      assert.strictEqual(yield* outcome, "lost", "more bytes, the batch's events in pieces")
      yield* session.commit(batch, new PreparedSink({ ...written, handle: attempt.handle }))
      assert.strictEqual(yield* outcome, "unknown", "it is there, and others might have written it")
      yield* writer.writeAll([15, 16])
      assert.strictEqual(yield* outcome, "unknown", "with events before and after")
    }).pipe(Effect.scoped))

  it.effect("rule 12: as many bytes are no proof that a forgotten batch is in its own sink", () =>
    Effect.gen(function*() {
      const stream = yield* numbers(randomScope(), "out", 1)
      const batch = { query: "q", batch: 0 }
      const session = yield* Sink.pravega(stream, { guarantee: "exactly-once", isOwned: true }).open
      const attempt = yield* session.begin(batch)
      yield* attempt.write(0, [10, 20, 30])
      const written = yield* attempt.prepare
      yield* attempt.keep
      const forgotten = new PreparedSink({ ...written, handle: "00000000-0000-0000-0000-00000000abcd" })
      const writer = yield* EventWriter.make(stream)
      yield* writer.writeAll([10, 20, 31])
      const outcome = yield* session.recover(batch, forgotten)
      if (outcome._tag !== "unknown") return assert.fail(outcome._tag)
      assert.include(outcome.detail, "as many bytes")
    }).pipe(Effect.scoped))

  it.effect("a commit is refused where the transaction was aborted, and the batch is lost: the next try is another one", () =>
    Effect.gen(function*() {
      const stream = yield* numbers(randomScope(), "out")
      const batch = { query: "q", batch: 0 }
      const sink = Sink.pravega(stream, { guarantee: "exactly-once" })
      const session = yield* sink.open
      const prepare = Effect.gen(function*() {
        const attempt = yield* session.begin(batch)
        yield* attempt.write(0, [1, 2, 3])
        const written = yield* attempt.prepare
        yield* attempt.keep
        return new PreparedSink({ ...written, handle: attempt.handle })
      })
      const prepared = yield* prepare
      assert.strictEqual(yield* session.abort(prepared.handle), "aborted")
      const error = yield* Effect.flip(session.commit(batch, prepared))
      if (error._tag !== "TransactionError") return assert.fail(error._tag)
      assert.strictEqual(error.reason._tag, "TransactionNotOpen")
      assert.isTrue(sink.isRetryable?.(error))
      assert.deepStrictEqual(yield* session.recover(batch, prepared), { _tag: "lost" })
      assert.deepStrictEqual(yield* contents(stream), [])
      yield* session.commit(batch, yield* prepare)
      assert.deepStrictEqual(sorted(yield* contents(stream)), [1, 2, 3])
    }).pipe(Effect.scoped))

  it.effect("rule 12: a checksum of another form, or of none that is named, calls no batch lost", () =>
    Effect.gen(function*() {
      for (const isOwned of [true, false]) {
        const stream = yield* numbers(randomScope(), "out", 1)
        const batch = { query: "q", batch: 0 }
        const session = yield* Sink.pravega(stream, { guarantee: "exactly-once", isOwned }).open
        const attempt = yield* session.begin(batch)
        yield* attempt.write(0, [10, 20, 30])
        const { evidence, ...written } = yield* attempt.prepare
        yield* attempt.keep
        const { checksum, form, ...rest } = yield* Schema.decodeUnknownEffect(checksummed)(evidence)
        // An older build's: other numbers for the same events.
        const outcomeWith = (changed: Schema.JsonObject) =>
          Effect.map(
            session.recover(
              batch,
              new PreparedSink({
                ...written,
                evidence: Object.assign({}, rest, changed),
                handle: "00000000-0000-0000-0000-00000000abcd"
              })
            ),
            ({ _tag }) => _tag
          )
        const others = [{ checksum: checksum + 1 }, { checksum: checksum + 1, form: form + 1 }]
        for (const other of others) assert.strictEqual(yield* outcomeWith(other), "lost", "nothing came")
        yield* session.commit(batch, new PreparedSink({ ...written, evidence, handle: attempt.handle }))
        for (const other of others) assert.strictEqual(yield* outcomeWith(other), "unknown")
        assert.strictEqual(yield* outcomeWith({ checksum: checksum + 1, form }), isOwned ? "unknown" : "lost")
        assert.strictEqual(yield* outcomeWith({ checksum }), isOwned ? "committed" : "unknown")
      }
    }).pipe(Effect.scoped))

  it.effect("rule 12: among what others wrote to several segments a forgotten batch may be in pieces", () =>
    Effect.gen(function*() {
      const stream = yield* numbers(randomScope(), "out", 4)
      const batch = { query: "q", batch: 0 }
      const session = yield* Sink.pravega(stream, { guarantee: "exactly-once" }).open
      const writer = yield* EventWriter.make(stream)
      const attempt = yield* session.begin(batch)
      const own: Arr.NonEmptyReadonlyArray<number> = [10, 20, 30, 40, 50, 60, 70, 80, 90]
      yield* attempt.write(0, own)
      const written = yield* attempt.prepare
      yield* attempt.keep
      const forgotten = new PreparedSink({ ...written, handle: "00000000-0000-0000-0000-00000000abcd" })
      const outcome = Effect.map(session.recover(batch, forgotten), ({ _tag }) => _tag)
      yield* writer.writeAll(own.map((number) => number + 1))
      assert.strictEqual(yield* outcome, "lost", "as many bytes, other events")
      yield* writer.writeAll([12])
      assert.strictEqual(yield* outcome, "unknown", "more bytes, in pieces")
      yield* session.commit(batch, new PreparedSink({ ...written, handle: attempt.handle }))
      assert.strictEqual(yield* outcome, "unknown")
    }).pipe(Effect.scoped))

  it.effect("an owned sink notices a checkpoint log that was put back, and a stream that lost what was committed", () =>
    Effect.gen(function*() {
      const scope = randomScope()
      const source = yield* numbers(scope, "in")
      const out = yield* numbers(scope, "out")
      const directory = yield* temporaryFolder
      const run = Effect.fnUntraced(function*(from: number, isOwned = true) {
        const writer = yield* EventWriter.make(source)
        yield* writer.writeAll(Array.from({ length: 20 }, (_, i) => from + i))
        const pipeline = Pipeline.make("back", {
          source: Source.microBatch(source, { limit: { events: 10 } }),
          process: (events) => Stream.map(events, ({ event }) => event),
          sink: Sink.pravega(out, { guarantee: "exactly-once", isOwned })
        })
        yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      }, Effect.scoped)
      const copy = (from: string, to: string) =>
        Effect.promise(async () => {
          await Fs.rm(`${directory}/${to}`, { recursive: true, force: true })
          await Fs.cp(`${directory}/${from}`, `${directory}/${to}`, { recursive: true })
        })
      const refused = <A, E>(effect: Effect.Effect<A, E | CommitError, Pravega | CheckpointLog>) =>
        Effect.map(Effect.flip(effect), (error) => error instanceof CommitError ? error.reason._tag : error)
      yield* Effect.gen(function*() {
        yield* run(0)
        yield* copy("log", "copy")
        yield* run(20)
        yield* Admin.scaleTo(out.name, 3)
        yield* run(40)
        assert.deepStrictEqual(sorted(yield* contents(out)), Array.from({ length: 60 }, (_, i) => i))
        yield* copy("log", "newest")
        yield* copy("copy", "log")
        assert.strictEqual(yield* refused(run(60)), "SinkAhead")
        yield* copy("newest", "log")
        yield* run(80)
        assert.deepStrictEqual(sorted(yield* contents(out)), Array.from({ length: 100 }, (_, i) => i))
        // what was truncated can't be counted any more
        yield* Admin.truncateStream(yield* Admin.latestCut(out.name))
        yield* run(100)
        yield* Admin.deleteStream(out.name, { seal: true })
        yield* Admin.createStream(out.name, { scaling: { _tag: "Fixed", segments: 2 } })
        assert.strictEqual(yield* refused(run(120)), "SinkBehind")
        yield* run(140, false)
        assert.deepStrictEqual(sorted(yield* contents(out)), Array.from({ length: 40 }, (_, i) => 120 + i))
      }).pipe(Effect.provide(CheckpointLog.layerFileSystem(`${directory}/log`)))
    }).pipe(Effect.scoped))

  it.effect("rule 19: an idempotent sink that has numbers of later batches, or of one that nobody began, says that the log went back", () =>
    Effect.gen(function*() {
      const stream = yield* numbers(randomScope(), "out", 1)
      const session = yield* Sink.pravega(stream, { guarantee: "idempotent" }).open
      const write = (
        batch: number,
        handles: ReadonlyArray<Schema.Json>,
        checkOwner: Effect.Effect<void, CheckpointLogError>
      ) =>
        Effect.scoped(Effect.gen(function*() {
          const attempt = yield* session.begin({ query: "q", batch }, { log: "l", handles, checkOwner })
          yield* attempt.write(0, [batch * 10, batch * 10 + 1])
          yield* attempt.prepare
          return attempt.handle
        }))
      const failure = <A, E>(effect: Effect.Effect<A, E>) =>
        Effect.map(Effect.flip(effect), (error) => error instanceof CommitError ? error.reason : error)
      const first = yield* write(1, [], Effect.void)
      // A try again, of this process or of the next, and the next batch.
      yield* write(1, [first], Effect.void)
      yield* write(2, [], Effect.void)
      const unknown = yield* failure(write(2, [], Effect.void))
      assert.include(String(unknown), "SinkAhead")
      assert.match(
        unknown.message,
        /has numbers up to 8589934594 of its writer [-0-9a-f]{36}, those of batch 2 begin after/
      )
      assert.include(String(yield* failure(write(0, [first], Effect.void))), "SinkAhead")
      assert.include(String(yield* failure(write(1, [first], Effect.void))), "SinkAhead")
      // Where another process owns the query by now, that is why.
      const fenced = new CheckpointLogError({
        reason: new Fenced({ query: QueryName.make("q"), epoch: 1, claimedBy: "b", claimedEpoch: 2 })
      })
      assert.strictEqual(yield* failure(write(2, [], Effect.fail(fenced))), fenced)
      assert.deepStrictEqual(yield* contents(stream), [10, 11, 20, 21])
    }).pipe(Effect.scoped))

  it.effect("an idempotent sink notices a checkpoint log that was put back", () =>
    Effect.gen(function*() {
      const scope = randomScope()
      const source = yield* numbers(scope, "in", 1)
      const out = yield* numbers(scope, "out", 1)
      const directory = yield* temporaryFolder
      const run = Effect.fnUntraced(function*(from: number) {
        const writer = yield* EventWriter.make(source)
        yield* writer.writeAll(Array.from({ length: 20 }, (_, i) => from + i))
        const pipeline = Pipeline.make("back", {
          source: Source.microBatch(source, { limit: { events: 10 } }),
          process: (events) => Stream.map(events, ({ event }) => event),
          sink: Sink.pravega(out, { guarantee: "idempotent" }),
          deterministic: true
        })
        yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      }, Effect.scoped)
      const copy = (from: string, to: string) =>
        Effect.promise(async () => {
          await Fs.rm(`${directory}/${to}`, { recursive: true, force: true })
          await Fs.cp(`${directory}/${from}`, `${directory}/${to}`, { recursive: true })
        })
      yield* Effect.gen(function*() {
        yield* run(0)
        yield* copy("log", "copy")
        yield* run(20)
        yield* copy("log", "newest")
        yield* copy("copy", "log")
        const error = yield* Effect.flip(run(40))
        assert.strictEqual(error instanceof CommitError ? error.reason._tag : error, "SinkAhead")
        yield* copy("newest", "log")
        yield* run(60)
        assert.deepStrictEqual(sorted(yield* contents(out)), Array.from({ length: 80 }, (_, i) => i))
      }).pipe(Effect.provide(CheckpointLog.layerFileSystem(`${directory}/log`)))
    }).pipe(Effect.scoped))

  it.effect("at least once: a batch that fails when half of it is written is written again, and none of it is missing", () =>
    Effect.gen(function*() {
      const scope = randomScope()
      const source = yield* numbers(scope, "in", 1)
      const out = yield* numbers(scope, "out")
      yield* Effect.scoped(
        Effect.flatMap(EventWriter.make(source), (writer) => writer.writeAll(Array.from({ length: 50 }, (_, i) => i)))
      )
      let fails = true
      const pipeline = Pipeline.make("again", {
        source: Source.microBatch(source),
        process: (events) =>
          Stream.map(events, ({ event }) => event).pipe(
            Stream.rechunk(5),
            Stream.tap((event) => {
              if (event !== 30 || !fails) return Effect.void
              fails = false
              return Effect.fail("half of it is written")
            })
          ),
        sink: Sink.pravega(out, { guarantee: "at-least-once" })
      })
      yield* Query.run(pipeline, { trigger: Trigger.availableNow, retry: Schedule.recurs(1) })
      const seen = yield* contents(out)
      assert.deepStrictEqual([...new Set(sorted(seen))], Array.from({ length: 50 }, (_, i) => i))
      // The second try is whole, and in order per key, after what the first one left.
      assert.isAbove(seen.length, 50)
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("one batch goes to streams with transactions and without, to a database, and to an Effect", () =>
    Effect.gen(function*() {
      const scope = randomScope()
      const source = yield* numbers(scope, "in")
      const even = yield* numbers(scope, "even")
      const odd = yield* numbers(scope, "odd")
      const sql = yield* SqlClient
      yield* sql`CREATE TABLE numbers (number INTEGER PRIMARY KEY)`
      const batches: Array<readonly [number, ReadonlyArray<number>]> = []
      const pipeline = Pipeline.make("route", {
        source: Source.microBatch(source, { limit: { events: 40 } }),
        process: (events) => Stream.map(events, ({ event }) => event),
        sinks: [
          // Which output goes where: one sink per stream.
          Sink.filterMapInput(
            Sink.pravega(even, { guarantee: "exactly-once" }),
            (number: number) => number % 2 === 0 ? number : undefined
          ),
          Sink.filterMapInput(
            Sink.pravega(odd, { guarantee: "at-least-once" }),
            (number: number) => number % 2 === 1 ? number : undefined
          ),
          Sink.filterMapInput(
            Sink.sql("numbers", {
              schema: Schema.Struct({ number: Schema.Int }),
              write: (rows) => sql`INSERT INTO numbers ${sql.insert(rows)}`
            }),
            (number: number) => ({ number })
          ),
          Sink.foreachBatch(
            "each",
            ({ batch }, outputs: ReadonlyArray<number>) => Effect.sync(() => void batches.push([batch, outputs]))
          )
        ],
        deterministic: true
      })
      for (const from of [0, 100]) {
        yield* Effect.scoped(
          Effect.flatMap(
            EventWriter.make(source),
            (writer) => writer.writeAll(Array.from({ length: 100 }, (_, i) => from + i))
          )
        )
        yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      }
      const all = Array.from({ length: 200 }, (_, i) => i)
      assert.deepStrictEqual(sorted(yield* contents(even)), all.filter((number) => number % 2 === 0))
      assert.deepStrictEqual(sorted(yield* contents(odd)), all.filter((number) => number % 2 === 1))
      const rows = yield* sql<{ readonly number: number }>`SELECT number FROM numbers ORDER BY number`
      assert.deepStrictEqual(rows.map(({ number }) => number), all)
      assert.deepStrictEqual(sorted(batches.flatMap(([, outputs]) => outputs)), all)
      assert.deepStrictEqual(batches.map(([batch]) => batch), batches.map((_, i) => i))
      assert.deepStrictEqual([...yield* sql`SELECT sink, batch FROM pravega_sinks`], [
        { sink: "numbers", batch: batches.length - 1 }
      ])
      assert.deepStrictEqual([...yield* sql`SELECT * FROM pravega_sinks_spool`], [])
    }).pipe(Effect.provide([
      CheckpointLog.layerSql().pipe(Layer.provideMerge(SqliteClient.layer(":memory:")))
    ])))
}
