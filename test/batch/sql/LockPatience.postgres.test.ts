/** How long transactions of logs and sinks wait for a lock in PostgreSQL. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as SqlTransaction from "../../../src/batch/sql/SqlTransaction.ts"
import { postgres } from "./postgresClient.ts"

const patient = Duration.minutes(10)

describe("a transaction in PostgreSQL", () => {
  const { client, layer } = postgres()

  it.live("waits for a lock as long as it was told, whether that is set first or by the update itself", () =>
    Effect.gen(function*() {
      const sql = yield* client
      const holder = yield* client
      yield* sql`CREATE TABLE held (id INT PRIMARY KEY, value INT)`
      yield* sql`INSERT INTO held VALUES (1, 0)`
      const isHeld = yield* Deferred.make<void>()
      yield* holder`UPDATE held SET value = 1 WHERE id = 1`.pipe(
        Effect.andThen(Deferred.succeed(isHeld, undefined)),
        Effect.andThen(Effect.never),
        holder.withTransaction,
        Effect.forkScoped
      )
      yield* Deferred.await(isHeld)
      const { begin, from, set } = SqlTransaction.lockPatience(sql, Duration.millis(100))
      const itself = sql`${begin} UPDATE held SET value = 2 ${from} WHERE id = 1 RETURNING value`
      const first = Effect.andThen(set, sql`UPDATE held SET value = 2 WHERE id = 1`)
      for (const update of [itself, first]) {
        const error = yield* Effect.flip(SqlTransaction.inTransaction(sql, update))
        assert.strictEqual(error.reason._tag, "LockTimeoutError")
        assert.match(String(SqlTransaction.explainLock(error)), /pg_terminate_backend/)
      }
    }))

  it.live("keeps a shorter time that its session was given, and gives the session none", () =>
    Effect.gen(function*() {
      const settings = (sql: SqlClient) =>
        Effect.gen(function*() {
          const { set } = SqlTransaction.lockPatience(sql, patient)
          const now = sql`SELECT current_setting('lock_timeout') AS now`
          const within = yield* SqlTransaction.inTransaction(sql, Effect.andThen(set, now))
          return [...within, ...yield* now].map(({ now }) => now)
        })
      const own = yield* Layer.build(layer({ startupParameters: { lock_timeout: "3s" } }))
      assert.deepStrictEqual(yield* settings(Context.get(own, SqlClient)), ["3s", "3s"])
      assert.deepStrictEqual(yield* settings(yield* client), ["10min", "0"])
    }))
})
