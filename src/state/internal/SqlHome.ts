/**
 * A home of state in a database, by any `SqlClient` of SQLite or PostgreSQL: an object is a row. Its key is the object's
 * name, so that of two processes that make one at once the database lets one of them, and the other finds it taken; no
 * row is ever updated.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as SqlTransaction from "../../batch/sql/SqlTransaction.ts"
import type { StateHome } from "../StateContract.ts"
import { StateStoreError, StateUnavailable } from "../StateError.ts"

/** @category options @since 0.2.0 */
export interface SqlHomeOptions {
  /** The table of the objects. Default `pravega_state`. */
  readonly table?: string | undefined
}

const decodeNames = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ name: Schema.String })))
const decodeBytes = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ bytes: Schema.Uint8Array })))

/** An object is a short transaction: whose lock is kept longer than this is no owner at work. */
const lockLimit = Duration.seconds(5)
/** Of a whole operation. */
const answerLimit = Duration.seconds(30)

/** The objects of a query; the table is made if it is not there. @category constructors @since 0.2.0 */
export const open = (
  client: SqlClient,
  query: string,
  { table = "pravega_state" }: SqlHomeOptions = {}
): Effect.Effect<StateHome, StateStoreError> => {
  const sql = client.withoutTransforms()
  const objects = sql(table)
  const patience = SqlTransaction.lockPatience(sql, lockLimit)

  const asked = <A>(operation: string, effect: Effect.Effect<A, SqlError | Schema.SchemaError>) =>
    Effect.flatMap(SqlTransaction.isAlone(sql), (isAlone): Effect.Effect<A, StateStoreError> =>
      isAlone
        ? SqlTransaction.within(answerLimit, effect).pipe(
          Effect.mapError((cause) => unavailable(query, operation)(SqlTransaction.explainLock(cause)))
        )
        : Effect.fail(unavailable(query, operation)(new Error(SqlTransaction.notAlone))))

  const home = (durability: Effect.Effect<void, SqlError>): StateHome => {
    const changing = <A>(operation: string, effect: Effect.Effect<A, SqlError>) =>
      asked(
        operation,
        SqlTransaction.inTransaction(sql, Effect.andThen(Effect.andThen(durability, patience.set), effect))
      )
    return {
      // when another one is making it, this waits for that one's end
      create: (name, bytes) =>
        changing(
          "write",
          Effect.map(
            sql`INSERT INTO ${objects} (query, name, bytes) VALUES (${query}, ${name}, ${bytes})
              ON CONFLICT DO NOTHING RETURNING name`,
            (made) => made.length > 0 ? "created" as const : "exists" as const
          )
        ),
      read: (name) =>
        asked(
          "read",
          sql`SELECT bytes FROM ${objects} WHERE query = ${query} AND name = ${name}`.pipe(
            Effect.flatMap(decodeBytes),
            // a driver may give a view of a buffer that it uses again
            Effect.map(([found]) => found && new Uint8Array(found.bytes))
          )
        ),
      list: asked(
        "list",
        sql`SELECT name FROM ${objects} WHERE query = ${query}`.pipe(
          Effect.flatMap(decodeNames),
          Effect.map((rows) => rows.map(({ name }) => name))
        )
      ),
      delete: (name) =>
        changing("delete", Effect.asVoid(sql`DELETE FROM ${objects} WHERE query = ${query} AND name = ${name}`))
    }
  }

  const bytesType = sql.onDialectOrElse({ pg: () => "BYTEA", orElse: () => "BLOB" })
  const create = sql`CREATE TABLE IF NOT EXISTS ${objects} (
    query VARCHAR(100) NOT NULL, name VARCHAR(200) NOT NULL, bytes ${sql.literal(bytesType)} NOT NULL,
    PRIMARY KEY (query, name)
  )`
  return asked(
    "open",
    SqlTransaction.ensureTables(sql`SELECT 1 FROM ${objects} WHERE 1 = 0`, create).pipe(
      Effect.andThen(SqlTransaction.makeDurability(sql)),
      Effect.map(home)
    )
  )
}

const unavailable = (query: string, operation: string) => (cause: unknown): StateStoreError =>
  new StateStoreError({ reason: new StateUnavailable({ query, operation, cause }) })
