/** One PostgreSQL for the tests of a file, and clients of it. */
import { PgClient } from "@effect/sql-pg"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { afterAll, beforeAll } from "vitest"
import * as Postgres from "../../real/postgres.ts"

/** To be called where tests are described: starts a server before them, and stops it after them. */
export const postgres = () => {
  let server: Postgres.Server | undefined
  beforeAll(async () => {
    server = await Postgres.start()
  })
  afterAll(() => server?.stop())
  const layer = (
    options: Partial<Parameters<typeof PgClient.layer>[0]> = {}
  ): Layer.Layer<SqlClient | PgClient.PgClient> =>
    Layer.orDie(PgClient.layer({ path: server?.socket, username: "test", database: "postgres", ...options }))
  return {
    server: Effect.suspend(() => server === undefined ? Effect.die("no server was started") : Effect.succeed(server)),
    /** Each is another client. Once the server is started. */
    layer,
    /** A client, as long as the Scope around lives. */
    client: Effect.map(Effect.suspend(() => Layer.build(layer())), (context) => Context.get(context, SqlClient))
  }
}

/**
 * Ends the connections of all others that are at work, again and again, until the fiber is interrupted; not before
 * something was done since the last time, or on a slow machine nothing ever is.
 */
export const endingConnections = (sql: SqlClient, done: () => number) => {
  const endThem = sql`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'`
  let before = -1
  const once = Effect.suspend(() => {
    if (done() === before) return Effect.void
    before = done()
    return Effect.ignore(endThem)
  })
  return Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("10 millis"), once)), { startImmediately: true })
}
