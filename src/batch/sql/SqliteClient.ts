/**
 * SQLite for Effect's `SqlClient`, by way of Node's own `node:sqlite`: nothing to install. It is here for checkpoint logs
 * and SQL sinks that live in a file beside a program; any other `SqlClient` serves them as well.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { existsSync } from "node:fs"
import type { SqliteOptions } from "./internal/NodeSqlite.ts"

export type { SqliteOptions } from "./internal/NodeSqlite.ts"

/**
 * A client of one database file, made if it is not there (its folder must be); `":memory:"` for one that is gone with
 * the layer. Commits are durable when they return (write-ahead log, synced at each commit); transactions take the write
 * lock when they begin, so that they never fail half-way because another process was quicker.
 *
 * ```ts
 * import { SqliteClient } from "effect-pravega/batch"
 * import * as Effect from "effect/Effect"
 * import { SqlClient } from "effect/sql/SqlClient"
 *
 * const program = Effect.gen(function*() {
 *   const sql = yield* SqlClient
 *   return yield* sql`SELECT 1 AS one`
 * }).pipe(Effect.provide(SqliteClient.layer("totals.sqlite")))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (file: string, options: SqliteOptions = {}): Layer.Layer<SqlClient, SqlError> =>
  // Loaded when it is used: it costs time at start, and Node 22 warns that node:sqlite is experimental.
  Layer.unwrap(Effect.map(Effect.promise(() => import("./internal/NodeSqlite.ts")), (it) => it.layer(file, options)))

/**
 * A client that changes nothing, not even the file's mode; undefined: there is no such file.
 *
 * @internal
 * @category layers
 * @since 0.2.0
 */
export const layerReadOnly = (file: string): Effect.Effect<Layer.Layer<SqlClient, SqlError> | undefined> =>
  Effect.promise(async () => {
    if (!existsSync(file)) return undefined
    const { layer } = await import("./internal/NodeSqlite.ts")
    return layer(file, { readOnly: true })
  })
