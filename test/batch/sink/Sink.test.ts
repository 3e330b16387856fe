import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as TestConsole from "effect/testing/TestConsole"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import { CompactAfter } from "../../../src/batch/log/OwnedLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import { PreparedSink } from "../../../src/batch/protocol/CheckpointRecord.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import { DatabaseAhead, DatabaseBehind, SqlSinkError } from "../../../src/batch/sink/SqlSinkError.ts"
import * as SqliteClient from "../../../src/batch/sql/SqliteClient.ts"
import * as CauseText from "../../../src/core/CauseText.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import * as SinkLaws from "../../../src/testing/laws/SinkLaws.ts"
import { numbersSource } from "../source/numbersSource.ts"
import { sqlSubject } from "./sqlSinkSubject.ts"

describe("Sink.memory", () => {
  const fresh = Effect.sync(() => {
    const sink = Sink.memory<string>()
    return { sink, visible: sink.committed, output: String }
  })
  for (const law of SinkLaws.laws(fresh)) it.live(law.name, () => law.check)
})

describe("Sink.foreachBatch", () => {
  const fresh = Effect.sync(() => {
    const seen = new Map<number, ReadonlyArray<number>>()
    const sink = Sink.foreachBatch(
      "each",
      ({ batch }, outputs: ReadonlyArray<number>) => Effect.sync(() => void seen.set(batch, outputs))
    )
    return { sink, visible: Effect.sync(() => [...seen.values()].flat()), output: (n: number) => n }
  })
  for (const law of SinkLaws.laws(fresh, { outlivesProcess: false })) it.live(law.name, () => law.check)
})

describe("Sink.sql on SQLite", () => {
  let directory = ""
  beforeAll(async () => {
    directory = await Fs.mkdtemp(Path.join(Os.tmpdir(), "sql-sink-"))
  })
  afterAll(() => Fs.rm(directory, { recursive: true, force: true }))
  let files = 0
  const fresh = Effect.flatMap(
    Effect.suspend(() => Layer.build(SqliteClient.layer(Path.join(directory, `${files++}.sqlite`)))),
    (context) => sqlSubject(Context.get(context, SqlClient))
  )
  for (const law of SinkLaws.laws(fresh, { runs: 30 })) it.live(law.name, () => law.check)
})

describe("Sink.sql, when something is wrong", () => {
  const provided = Effect.provide(SqliteClient.layer(":memory:"))
  const id = (batch: number) => ({ query: "q", batch })
  const prepare = Effect.fnUntraced(function*<E>(session: Sink.SinkSession<string, E>, batch: number, output: string) {
    const attempt = yield* session.begin(id(batch))
    yield* attempt.write(0, [output])
    const written = yield* attempt.prepare
    yield* attempt.keep
    return new PreparedSink({ ...written, handle: attempt.handle })
  })

  it.effect("waits for 45 seconds for a database that does not answer, and says so", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      const session = yield* Sink.sql("texts", { schema: Schema.String, write: () => Effect.void }).open
      const prepared = yield* prepare(session, 0, "one")
      // there is one connection
      const isHeld = yield* Deferred.make<void>()
      yield* Effect.forkScoped(
        sql.withTransaction(Effect.andThen(Deferred.succeed(isHeld, undefined), Effect.never))
      )
      yield* Deferred.await(isHeld)
      const looks = [
        Effect.asVoid(session.recover(id(0), prepared)),
        Effect.asVoid(session.abort(prepared.handle)),
        Effect.asVoid(session.compare?.("q", null) ?? Effect.die("it compares")),
        Effect.asVoid(Effect.scoped(session.begin(id(1))))
      ]
      const failing = yield* Effect.forkScoped(
        Effect.forEach(looks, (look) => Effect.flip(look), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("45 seconds")
      for (const error of yield* Fiber.join(failing)) {
        assert.isTrue(error.isRetryable)
        assert.match(CauseText.of(error), /the database has not answered within 45s/)
      }
    }).pipe(Effect.scoped, provided))

  it.live("undoes rows whose transaction fails, and commits them by the next try", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      yield* sql`CREATE TABLE texts (text TEXT)`
      let fails = true
      const sink = Sink.sql("texts", {
        schema: Schema.String,
        write: (texts) =>
          Effect.forEach(texts, (text) => sql`INSERT INTO texts VALUES (${text})`).pipe(
            Effect.andThen(Effect.suspend(() => fails ? Effect.fail("refused" as const) : Effect.void))
          )
      })
      const session = yield* sink.open
      const prepared = yield* prepare(session, 0, "one")
      assert.strictEqual(yield* Effect.flip(session.commit(id(0), prepared)), "refused")
      assert.deepStrictEqual([...yield* sql`SELECT * FROM texts`], [])
      assert.deepStrictEqual(yield* session.recover(id(0), prepared), { _tag: "committable" })
      fails = false
      yield* session.commit(id(0), prepared)
      assert.deepStrictEqual([...yield* sql`SELECT * FROM texts`], [{ text: "one" }])
    }).pipe(provided))

  it.live("a query begun anew under its old name does not take the database's batches for its own", () =>
    Effect.gen(function*() {
      const sink = Sink.sql("texts", { schema: Schema.String, write: () => Effect.void })
      const session = yield* sink.open
      for (const batch of [0, 1]) yield* session.commit(id(batch), yield* prepare(session, batch, "x"))
      const anew = yield* sink.open
      const error = yield* Effect.flip(anew.begin(id(0)))
      assert.strictEqual(error._tag === "SqlSinkError" ? error.reason._tag : error._tag, "DatabaseAhead")
      yield* anew.begin({ query: "another", batch: 0 })
    }).pipe(provided))

  it.live("outputs that are gone before they were committed are lost, not committed as none", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      const sink = Sink.sql("texts", { schema: Schema.String, write: () => Effect.void })
      const session = yield* sink.open
      const prepared = yield* prepare(session, 0, "one")
      yield* sql`DELETE FROM pravega_sinks_spool`
      assert.deepStrictEqual(yield* session.recover(id(0), prepared), { _tag: "lost" })
      const error = yield* Effect.flip(session.commit(id(0), prepared))
      assert.strictEqual(error._tag === "SqlSinkError" ? error.reason._tag : error._tag, "SpoolDamaged")
      const again = yield* prepare(session, 0, "one")
      yield* session.commit(id(0), again)
      assert.deepStrictEqual(yield* session.recover(id(0), again), { _tag: "committed" })
    }).pipe(provided))

  it.live("a batch that another process commits while it is asked about is committed, not lost", () =>
    Effect.gen(function*() {
      const sink = Sink.sql("texts", { schema: Schema.String, write: () => Effect.void })
      const session = yield* sink.open
      const other = yield* sink.open
      const prepared = yield* prepare(session, 0, "one")
      const commit = Effect.provideService(other.commit(id(0), prepared), Statement.CurrentTransformer, undefined)
      /** Another process commits between the statements that ask. */
      const recover = (before: number) =>
        Effect.suspend(() => {
          let asked = 0
          return Effect.provideService(
            session.recover(id(0), prepared),
            Statement.CurrentTransformer,
            (statement) =>
              Effect.suspend(() => asked++ === before ? Effect.orDie(commit) : Effect.void).pipe(Effect.as(statement))
          )
        })
      assert.notDeepEqual(yield* recover(1), { _tag: "lost" })
      assert.deepStrictEqual(yield* recover(0), { _tag: "committed" })
    }).pipe(provided))

  it("has another structure with another schema, or another table", () => {
    const structure = (schema: Schema.Codec<unknown, unknown>, table?: string) =>
      JSON.stringify(Sink.sql("texts", { schema, table, write: () => Effect.void }).structure)
    const fields = { text: Schema.String }
    assert.strictEqual(structure(Schema.Struct(fields)), structure(Schema.Struct(fields), "pravega_sinks"))
    assert.notStrictEqual(structure(Schema.Struct(fields)), structure(Schema.Struct({ text: Schema.Finite })))
    assert.notStrictEqual(structure(Schema.Struct(fields)), structure(Schema.Struct(fields), "other"))
  })

  it.live("what no other try can change ends a query at once", () =>
    Effect.gen(function*() {
      let tries = 0
      const pipeline = Pipeline.make("q", {
        source: numbersSource<never>({
          available: () => 1,
          end: 1,
          perBatch: 1,
          partitions: () => [{ id: 0, predecessors: [], events: Stream.fromEffect(Effect.sync(() => ++tries)) }]
        }),
        process: (events) => events,
        sink: Sink.sql("small", { schema: Schema.Finite.check(Schema.isLessThan(0)), write: () => Effect.void })
      })
      const error = yield* Effect.flip(Query.run(pipeline, { retry: Schedule.recurs(3) }))
      assert.strictEqual(error._tag === "SqlSinkError" && error.reason._tag, "OutputNotEncodable")
      assert.strictEqual(tries, 1)
    }).pipe(provided, Effect.provide(CheckpointLog.layerMemory)))
})

describe("Sink.sql, when its database has gone back", () => {
  let directory = ""
  beforeAll(async () => {
    directory = await Fs.mkdtemp(Path.join(Os.tmpdir(), "sql-back-"))
  })
  afterAll(() => Fs.rm(directory, { recursive: true, force: true }))
  let files = 0

  /** A query of numbers, two a batch; only those below `most` go to the database. */
  const world = Effect.sync(() => {
    const file = Path.join(directory, `${files++}.sqlite`)
    const log = CheckpointLog.layerFileSystem(`${file}.log`)
    const run = (end: number, most = Infinity) => {
      const pipeline = Pipeline.make("q", {
        source: numbersSource<never>({
          available: () => end,
          end: 1000,
          perBatch: 2,
          partitions: (from, to) => [{
            id: 0,
            predecessors: [],
            events: Stream.fromIterable(Array.from({ length: to - from }, (_, i) => from + i))
          }]
        }),
        process: Stream.filter((n: number) => n < most),
        sink: Sink.sql("rows", {
          schema: Schema.Int,
          write: (rows) =>
            Effect.flatMap(SqlClient, (sql) => Effect.forEach(rows, (n) => sql`INSERT INTO numbers VALUES (${n})`))
        })
      })
      return Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* sql`CREATE TABLE IF NOT EXISTS numbers (n INTEGER)`
        yield* Query.run(pipeline, { trigger: Trigger.availableNow, retry: Schedule.recurs(0) })
        return (yield* sql<{ n: number }>`SELECT n FROM numbers ORDER BY n`).map(({ n }) => n)
      }).pipe(Effect.provide(Layer.merge(SqliteClient.layer(file), log)))
    }
    const copy = (from: string, to: string) =>
      Effect.promise(async () => {
        await Fs.rm(`${file}${to}`, { recursive: true, force: true })
        for (const rest of to === "" ? ["-wal", "-shm"] : []) await Fs.rm(`${file}${rest}`, { force: true })
        await Fs.cp(`${file}${from}`, `${file}${to}`, { recursive: true })
      })
    return { run, copy, file }
  })

  const reason = <A, E, R>(effect: Effect.Effect<A, E | SqlSinkError, R>) =>
    Effect.map(Effect.flip(effect), (error) => error instanceof SqlSinkError ? error.reason : error)

  it.live("refuses one that lacks what the log says is committed, with both numbers", () =>
    Effect.gen(function*() {
      const { copy, run } = yield* world
      assert.lengthOf(yield* run(4), 4)
      yield* copy("", ".copy")
      assert.lengthOf(yield* run(8), 8)
      yield* copy(".copy", "")
      for (const end of [8, 10]) {
        const error = yield* reason(run(end))
        assert(error instanceof DatabaseBehind)
        assert.deepStrictEqual([error.committed, error.found], [3, 1])
      }
    }))

  it.live("and does so when the batches since had no output for it, with a log that was compacted", () =>
    Effect.gen(function*() {
      const { copy, run } = yield* world
      yield* run(2)
      yield* copy("", ".copy")
      yield* run(4)
      yield* run(40, 4).pipe(Effect.provideService(CompactAfter, 5))
      yield* copy(".copy", "")
      const error = yield* reason(run(42, 4))
      assert(error instanceof DatabaseBehind)
      assert.deepStrictEqual([error.committed, error.found], [1, 0])
    }))

  it.live("goes on with one that the log knows, whatever batches had no output for it", () =>
    Effect.gen(function*() {
      const { run } = yield* world
      yield* run(4)
      yield* run(40, 4)
      assert.deepStrictEqual(yield* run(42), [0, 1, 2, 3, 40, 41])
    }))

  it.live("refuses a log that was put back, though the next batches had no output for it", () =>
    Effect.gen(function*() {
      const { copy, run } = yield* world
      yield* run(2)
      yield* copy(".log", ".log.copy")
      yield* run(4)
      yield* copy(".log.copy", ".log")
      const error = yield* reason(run(40, 2))
      assert(error instanceof DatabaseAhead)
      assert.deepStrictEqual([error.batch, error.found], [0, 1])
    }))

  it.live("goes back together with a log of the same moment", () =>
    Effect.gen(function*() {
      const { copy, run } = yield* world
      yield* run(4)
      yield* copy("", ".copy")
      yield* copy(".log", ".log.copy")
      yield* run(8)
      yield* copy(".copy", "")
      yield* copy(".log.copy", ".log")
      assert.deepStrictEqual(yield* run(10), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    }))

  it.live("is not written to when it goes back between a batch's begin and its commit", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      const sink = Sink.sql("rows", { schema: Schema.Int, write: () => Effect.void })
      const session = yield* sink.open
      const prepare = Effect.fnUntraced(function*(batch: number) {
        const attempt = yield* session.begin({ query: "q", batch })
        yield* attempt.write(0, [batch])
        const written = yield* attempt.prepare
        yield* attempt.keep
        return new PreparedSink({ ...written, handle: attempt.handle })
      })
      yield* session.commit({ query: "q", batch: 0 }, yield* prepare(0))
      const [before] = yield* sql`SELECT batch, attempt FROM pravega_sinks`
      yield* session.commit({ query: "q", batch: 1 }, yield* prepare(1))
      const prepared = yield* prepare(2)
      yield* sql`UPDATE pravega_sinks SET ${sql.update({ ...before }, [])}`
      for (const effect of [session.commit, session.recover]) {
        const error = yield* reason(effect({ query: "q", batch: 2 }, prepared))
        assert(error instanceof DatabaseBehind)
        assert.deepStrictEqual([error.committed, error.found], [1, 0])
      }
    }).pipe(Effect.provide(SqliteClient.layer(":memory:"))))

  it.live("keeps nothing of a process that was fenced, whoever ends last", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      const left = sql`SELECT * FROM pravega_sinks_spool`
      const sink = Sink.sql("rows", { schema: Schema.Int, write: () => Effect.void })
      const [fenced, owner] = [yield* sink.open, yield* sink.open]
      const id = { query: "q", batch: 0 }
      const keptBy = Effect.fnUntraced(function*(session: typeof owner) {
        const attempt = yield* session.begin(id)
        yield* attempt.write(0, [1])
        const written = yield* attempt.prepare
        yield* attempt.keep
        return { attempt, prepared: new PreparedSink({ ...written, handle: attempt.handle }) }
      })
      // it ends before the owner commits
      yield* Effect.scoped(keptBy(fenced))
      assert.lengthOf(yield* left, 1)
      yield* owner.compare?.("q", null) ?? Effect.void
      assert.lengthOf(yield* left, 0)
      yield* Effect.scoped(keptBy(fenced))
      // it ends after that
      yield* Effect.scoped(Effect.gen(function*() {
        const { attempt } = yield* keptBy(fenced)
        yield* Effect.scoped(Effect.flatMap(keptBy(owner), ({ prepared }) => owner.commit(id, prepared)))
        assert.lengthOf(yield* left, 0)
        yield* attempt.write(0, [2])
        assert.lengthOf(yield* left, 1)
      }))
      assert.lengthOf(yield* left, 0)
    }).pipe(Effect.provide(SqliteClient.layer(":memory:"))))
})

describe("Sink.console", () => {
  it.effect("prints a batch's outputs when it is committed", () =>
    Effect.gen(function*() {
      const session = yield* Sink.console<string | { readonly a: number }>().open
      const attempt = yield* session.begin({ query: "q", batch: 0 })
      yield* attempt.write(1, ["last"])
      yield* attempt.write(0, ["first", { a: 1 }])
      const written = yield* attempt.prepare
      yield* attempt.keep
      assert.deepStrictEqual(yield* TestConsole.logLines, [])
      yield* session.commit(
        { query: "q", batch: 0 },
        new PreparedSink({ ...written, handle: attempt.handle })
      )
      assert.deepStrictEqual(yield* TestConsole.logLines, ["first", `{"a":1}`, "last"])
    }))
})

describe("SinkLaws", () => {
  /** A memory sink with a mistake: which laws notice it. */
  const violated = (
    change: (session: Sink.SinkSession<string, never>, seen: Array<string>) => Sink.SinkSession<string, never>
  ) =>
    Effect.gen(function*() {
      const fresh = Effect.sync(() => {
        const sink = Sink.memory<string>()
        const seen: Array<string> = []
        const open = Effect.map(sink.open, (session) => change(session, seen))
        return {
          sink: { ...sink, open },
          visible: Effect.map(sink.committed, (committed) => [...committed, ...seen]),
          output: String
        }
      })
      const exits = yield* Effect.forEach(SinkLaws.laws(fresh, { runs: 20 }), ({ check }) => Effect.exit(check))
      return exits.filter(Exit.isFailure).length
    })

  it.live("notice a sink that shows too much, too early, twice, or says what is not so", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* violated((session) => session), 0)
      const mistakes: ReadonlyArray<Parameters<typeof violated>[0]> = [
        (session, seen) => ({
          ...session,
          begin: (batch) =>
            Effect.map(session.begin(batch), (attempt) => ({
              ...attempt,
              write: (_, outputs) => Effect.sync(() => void seen.push(...outputs))
            }))
        }),
        (session) => ({ ...session, abort: () => Effect.succeed("aborted") }),
        (session) => ({ ...session, recover: () => Effect.succeed({ _tag: "committed" }) }),
        (session) => ({ ...session, recover: () => Effect.succeed({ _tag: "committable" }) }),
        (session, seen) => ({
          ...session,
          commit: (id, prepared) => Effect.andThen(session.commit(id, prepared), Effect.sync(() => void seen.push("x")))
        }),
        (session) => ({
          ...session,
          begin: (batch) => Effect.map(session.begin(batch), (attempt) => ({ ...attempt, keep: Effect.void }))
        })
      ]
      for (const [index, mistake] of mistakes.entries()) {
        assert.isAbove(yield* violated(mistake), 0, `mistake ${index} was not noticed`)
      }
    }))
})
