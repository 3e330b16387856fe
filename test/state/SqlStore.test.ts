/** State in SQLite, which is also what the same code does on any database. */
import { assert, describe, it } from "@effect/vitest"
import { StateStore } from "effect-pravega/state"
import { StateStoreLaws } from "effect-pravega/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as Path from "node:path"
import * as SqliteClient from "../../src/batch/sql/SqliteClient.ts"
import { temporaryFolder } from "../temporary.ts"
import { processes } from "./stateProcesses.ts"

const bytes = new Uint8Array([1, 2, 3])

const file = Effect.map(temporaryFolder, (folder) => Path.join(folder, "state.sqlite"))

describe("a store in SQLite", () => {
  const fresh = Effect.flatMap(file, (path) => processes(StateStore.layerSqlite(path)))
  for (const law of StateStoreLaws.laws(fresh, { runs: 10 })) it.live(law.name, () => law.check)

  it.live("keeps the state of each query apart, also of names that begin alike", () =>
    Effect.gen(function*() {
      const store = yield* Effect.flatMap(file, (path) => processes(StateStore.layerSqlite(path)))
      const one = yield* store.open("one")
      const other = yield* store.open("one2")
      yield* one.create("a", bytes)
      assert.deepStrictEqual(yield* other.list, [])
      assert.strictEqual(yield* other.create("a", new Uint8Array([9])), "created")
      yield* other.delete("a")
      assert.deepStrictEqual(yield* one.read("a"), bytes)
    }))

  it.live("says that the home is unavailable when the file can't be opened, and what the matter is", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const missing = StateStore.layerSqlite(Path.join(folder, "nowhere", "state.sqlite"))
      const error = yield* Effect.flip((yield* processes(missing)).open("q"))
      assert.strictEqual(error.reason._tag, "StateUnavailable")
    }))

  it.live("refuses to write within a transaction of the same client, which may be undone", () =>
    Effect.gen(function*() {
      const home = yield* Effect.flatMap(StateStore, (store) => store.open("q"))
      const sql = yield* SqlClient
      const error = yield* Effect.flip(sql.withTransaction(home.create("a", bytes)))
      assert.strictEqual(error._tag === "StateStoreError" ? error.reason._tag : error._tag, "StateUnavailable")
      assert.strictEqual(yield* home.read("a"), undefined)
      assert.strictEqual(yield* home.create("a", bytes), "created")
    }).pipe(Effect.provide(StateStore.layerSql().pipe(Layer.provideMerge(SqliteClient.layer(":memory:"))))))

  it.live("uses a table of another name, made before", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      const home = yield* Effect.flatMap(StateStore, (store) => store.open("q"))
      yield* home.create("a", bytes)
      assert.lengthOf(yield* sql`SELECT name FROM kept WHERE query = 'q'`, 1)
    }).pipe(
      Effect.provide(StateStore.layerSql({ table: "kept" }).pipe(Layer.provideMerge(SqliteClient.layer(":memory:"))))
    ))
})
