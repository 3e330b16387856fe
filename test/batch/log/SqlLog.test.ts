/** The checkpoint log in SQLite, which is also what the same code does on any database. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import { QueryName } from "../../../src/batch/protocol/QueryName.ts"
import * as SqliteClient from "../../../src/batch/sql/SqliteClient.ts"
import * as CheckpointLogLaws from "../../../src/testing/laws/CheckpointLogLaws.ts"
import * as Program from "../../Program.ts"
import { processes } from "./logProcesses.ts"

const query = QueryName.make("q")
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

let directory = ""
beforeAll(async () => {
  directory = await Fs.mkdtemp(Path.join(Os.tmpdir(), "sql-log-"))
})
afterAll(() => Fs.rm(directory, { recursive: true, force: true }))

describe("a log in SQLite", () => {
  let files = 0
  const file = () => Path.join(directory, `${files++}.sqlite`)
  const fresh = Effect.suspend(() => processes(CheckpointLog.layerSqlite(file())))
  for (const law of CheckpointLogLaws.laws(fresh, { runs: 12 })) it.live(law.name, () => law.check)

  it.live("keeps what it acknowledged to a process that is killed", () =>
    Effect.gen(function*() {
      const shared = file()
      const program = fileURLToPath(new URL("./sqlLogProcess.ts", import.meta.url))
      const acknowledged = yield* appendUntilKilled(program, shared, 40)
      const log = yield* (yield* processes(CheckpointLog.layerSqlite(shared))).open(QueryName.make("killed"))
      const sequences = (yield* log.read(0)).map(({ sequence }) => sequence)
      assert.isAtLeast(acknowledged, 40)
      assert.isAtLeast(sequences.length, acknowledged)
      yield* log.append(sequences.length, text("after"))
    }))

  it.live("says that nothing was stored when the file can't be opened", () =>
    Effect.gen(function*() {
      const missing = CheckpointLog.layerSqlite(Path.join(directory, "nowhere", "log.sqlite"))
      const error = yield* Effect.flip((yield* processes(missing)).open(query))
      assert.strictEqual(error.reason._tag, "LogUnavailable")
    }))

  it.live("refuses to write within a transaction of the same client, which may be undone", () =>
    Effect.gen(function*() {
      const log = yield* Effect.flatMap(CheckpointLog, (logs) => logs.open(query))
      const sql = yield* SqlClient
      const error = yield* Effect.flip(sql.withTransaction(log.append(0, text("x"))))
      assert.strictEqual(error._tag === "CheckpointLogError" ? error.reason._tag : error._tag, "LogUnavailable")
      yield* log.append(0, text("x"))
    }).pipe(Effect.provide(CheckpointLog.layerSql().pipe(Layer.provideMerge(SqliteClient.layer(":memory:"))))))

  it.live("a hole in the numbers is shown, also at the end; a query's row that is gone is corruption", () =>
    Effect.gen(function*() {
      const log = yield* Effect.flatMap(CheckpointLog, (logs) => logs.open(query))
      const sql = yield* SqlClient
      for (let n = 0; n < 4; n++) yield* log.append(n, text("x"))
      for (const sequence of [1, 3]) {
        const [row] = yield* sql`DELETE FROM checkpoints WHERE sequence = ${sequence} RETURNING *`
        const missing = (yield* log.read(0)).filter(({ isMissing }) => isMissing === true)
        assert.deepStrictEqual(missing.map((record) => record.sequence), [sequence])
        yield* sql`INSERT INTO checkpoints ${sql.insert([row ?? {}])}`
      }
      assert.strictEqual((yield* log.read(0)).length, 4)
      yield* sql`DELETE FROM checkpoints_heads`
      assert.strictEqual((yield* Effect.flip(log.read(0))).reason._tag, "CheckpointCorrupt")
      assert.strictEqual((yield* Effect.flip(log.append(4, text("x")))).reason._tag, "CheckpointCorrupt")
    }).pipe(
      Effect.provide(
        CheckpointLog.layerSql({ table: "checkpoints" }).pipe(Layer.provideMerge(SqliteClient.layer(":memory:")))
      )
    ))
})

/** Kills the program once it has said `count` numbers; answers with how many it had said by then. */
const appendUntilKilled = (program: string, file: string, count: number): Effect.Effect<number> => {
  const said = (output: string) => output.split("\n").length - 1
  return Effect.map(
    Program.run([program, file], {
      onOutput: (output, end) => said(output) >= count ? end("SIGKILL", 0) : undefined
    }),
    ({ output, signal }) => {
      assert.strictEqual(signal, "SIGKILL", output)
      return said(output)
    }
  )
}
