/** Whoever looks at a query that has stopped because of its store sees which store, and what was the matter with it. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Schedule, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Source from "../../../src/batch/source/Source.ts"
import * as SqliteClient from "../../../src/batch/sql/SqliteClient.ts"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as EventWriter from "../../../src/pravega/write/EventWriter.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import { temporaryFolder } from "../../temporary.ts"

const lines = EventStream.make("why/lines", { codec: EventCodec.utf8 })

const rows = Sink.sql("rows", {
  schema: Schema.Struct({ id: Schema.String }),
  write: (outputs) => Effect.flatMap(SqlClient, (client) => client`INSERT INTO rows ${client.insert(outputs)}`)
})

const pipeline = Pipeline.make("rows", {
  source: Source.microBatch(lines),
  process: (reads) => Stream.map(reads, ({ event }) => ({ id: event })),
  sink: rows
})

/** What is seen of the query: the failure in full, and the status of one that had begun. */
const failureOf = Effect.gen(function*() {
  const started = yield* Effect.exit(
    Query.start(pipeline, { trigger: Trigger.availableNow, retry: Schedule.recurs(0) })
  )
  if (Exit.isFailure(started)) return { printed: Cause.pretty(started.cause), status: undefined }
  const exit = yield* Effect.exit(started.value.await)
  const status = yield* started.value.status
  assert.isTrue(Exit.isFailure(exit))
  assert.strictEqual(status._tag, "failed")
  return {
    printed: Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "",
    status: status._tag === "failed" ? status.message : undefined
  }
}).pipe(Effect.scoped)

describe("a query that has stopped because of its store says which, and why", () => {
  const world = (folder: string) =>
    Layer.merge(
      Pravega.layerEmbedded(),
      SqliteClient.layer(Path.join(folder, "db"), { lockTimeout: "20 millis" })
    )
  const prepared = Effect.gen(function*() {
    yield* Admin.ensureStream(lines.name, { scaling: { _tag: "Fixed", segments: 1 } })
    yield* (yield* EventWriter.make(lines)).writeAll(["a"])
    const client = yield* SqlClient
    yield* client`CREATE TABLE rows (id TEXT PRIMARY KEY)`
    return client
  })

  it.live("a checkpoint directory that can't be made", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      yield* Effect.gen(function*() {
        yield* prepared
        Fs.writeFileSync(Path.join(folder, "file"), "")
        const { printed } = yield* Effect.provide(
          failureOf,
          CheckpointLog.layerFileSystem(Path.join(folder, "file", "logs"))
        )
        assert.include(printed, "ENOTDIR")
        assert.include(printed, Path.join(folder, "file", "logs"))
      }).pipe(Effect.provide(world(folder)))
    }))

  it.live("a SQLite log in a folder that is not there", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      yield* Effect.gen(function*() {
        yield* prepared
        const file = Path.join(folder, "missing", "log.sqlite")
        const { printed } = yield* Effect.provide(failureOf, CheckpointLog.layerSqlite(file))
        assert.include(printed, file)
        assert.include(printed, "unable to open database file (SQLite error 14")
        assert.include(printed, "is its folder there")
      }).pipe(Effect.provide(world(folder)))
    }))

  it.live("a row that violates a constraint", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      yield* Effect.gen(function*() {
        const client = yield* prepared
        yield* client`INSERT INTO rows (id) VALUES ('a')`
        const { printed, status } = yield* Effect.provide(failureOf, CheckpointLog.layerMemory)
        for (const text of [printed, status]) {
          assert.include(text, "UNIQUE constraint failed: rows.id")
          assert.include(text, Path.join(folder, "db"))
        }
      }).pipe(Effect.provide(world(folder)))
    }))

  it.live("a database that somebody has locked", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      yield* Effect.gen(function*() {
        yield* prepared
        const other = new DatabaseSync(Path.join(folder, "db"))
        yield* Effect.addFinalizer(() => Effect.sync(() => other.close()))
        other.exec("BEGIN IMMEDIATE")
        const { printed } = yield* Effect.provide(failureOf, CheckpointLog.layerMemory)
        assert.include(printed, "database is locked")
        assert.include(printed, Path.join(folder, "db"))
      }).pipe(Effect.provide(world(folder)))
    }))
})
