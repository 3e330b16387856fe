/**
 * A sink in a database, by the same code as on disk: SQLite in memory, which outlives the processes of a history. Each has a
 * connection of its own; that of a process that dies is closed in the middle of whatever it does.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import { DatabaseSync } from "node:sqlite"
import * as Sink from "../../src/batch/sink/Sink.ts"
import * as NodeSqlite from "../../src/batch/sql/internal/NodeSqlite.ts"
import type { Numbered } from "../numbered.ts"

/** Of the sink. */
export const name = "table"

export interface SwarmTable {
  /** A process's; it is closed at the end of what it runs, or by `close`. */
  readonly connection: () => {
    readonly run: <R>(
      use: (sql: SqlClient) => Effect.Effect<void, unknown, R>
    ) => Effect.Effect<void, unknown, R>
    readonly close: () => void
  }
  /** In the order in which they were written. */
  readonly rows: () => ReadonlyArray<Numbered>
  /** All of it is deleted, and what the sink knows of it too. */
  readonly clear: () => void
}

const Row = Schema.decodeUnknownSync(Schema.Struct({ key: Schema.String, number: Schema.Number }))

const Event = Schema.Struct({ key: Schema.String, number: Schema.Number })

export const sink = (sql: SqlClient) => {
  const written = Sink.sql(name, {
    schema: Event,
    // in turns, as on a network: a process may stop, or die, in the middle of the transaction
    write: (rows) =>
      Effect.forEach(rows, ({ key, number }) =>
        Effect.yieldNow.pipe(
          Effect.andThen(sql`INSERT INTO numbers VALUES (${key}, ${number})`),
          Effect.andThen(Effect.sleep("1 millis"))
        ))
  })
  return { ...written, open: Effect.provideService(written.open, SqlClient, sql) }
}

/** That of a history has its seed in its name, which errors tell. */
export const make = Effect.fnUntraced(function*(seed: number): Effect.fn.Return<SwarmTable, never, Scope.Scope> {
  const file = `file:swarm-${seed}?mode=memory&cache=shared`
  // as long as it is open, what is in memory stays
  const database = yield* Effect.acquireRelease(
    Effect.sync(() => new DatabaseSync(file)),
    (opened) => Effect.sync(() => opened.close())
  )
  const clear = () => {
    for (const { name } of database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()) {
      database.exec(`DELETE FROM ${String(name)}`)
    }
  }
  database.exec("CREATE TABLE IF NOT EXISTS numbers (key TEXT, number REAL)")
  // of an earlier run of the same history, if a connection is left of it
  clear()
  return {
    connection: () => {
      const scope = Effect.runSync(Scope.make())
      const client = Layer.buildWithScope(NodeSqlite.layer(file, { lockTimeout: "1 second" }), scope)
      return {
        run: (use) =>
          Effect.flatMap(client, (context) => use(Context.get(context, SqlClient))).pipe(
            Effect.ensuring(Scope.close(scope, Exit.void))
          ),
        close: () => Effect.runSync(Scope.close(scope, Exit.void))
      }
    },
    rows: () => database.prepare("SELECT key, number FROM numbers ORDER BY rowid").all().map((row) => Row(row)),
    clear
  }
})
