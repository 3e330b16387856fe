/**
 * What checkpoint logs and sinks in a database share: transactions that are durable when they return, and numbers as
 * drivers give them. SQLite and PostgreSQL.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import type { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"

/** Drivers give 64-bit integers as numbers, bigints or texts. @category schemas @since 0.1.0 */
export const Count = Schema.Union([Schema.Finite, Schema.BigInt, Schema.String]).pipe(
  Schema.decodeTo(Schema.Int, { decode: SchemaGetter.transform(Number), encode: SchemaGetter.passthrough() })
)

/**
 * Within a transaction of the caller's nothing would be durable when it returns, and undone if that one fails.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAlone = (sql: SqlClient): Effect.Effect<boolean> =>
  Effect.map(Effect.serviceOption(sql.transactionService), Option.isNone)

/** @category constants @since 0.1.0 */
export const notAlone = "a transaction of the same SqlClient is open around it"

/** Asked for first: who may use the tables may not be allowed to make any. @category running @since 0.1.0 */
export const ensureTables = (
  probe: Effect.Effect<unknown, SqlError>,
  create: Effect.Effect<unknown, SqlError>
): Effect.Effect<void, SqlError> =>
  probe.pipe(
    // PostgreSQL lets one of two that create a table at the same time fail, in several ways.
    Effect.catch(() => Effect.retry(create, { times: 3 })),
    Effect.asVoid
  )

/**
 * What makes the transaction around durable when it is committed. PostgreSQL can be told to answer before that, and to
 * show what was written to others: then this transaction says otherwise.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeDurability = (sql: SqlClient): Effect.Effect<Effect.Effect<void, SqlError>, SqlError> =>
  sql.onDialectOrElse({
    pg: () =>
      Effect.map(
        sql`SELECT 1 WHERE current_setting('synchronous_commit') = 'off'`,
        (lax) => lax.length === 0 ? Effect.void : Effect.asVoid(sql`SET LOCAL synchronous_commit = on`)
      ),
    orElse: () => Effect.succeed(Effect.void)
  })

/**
 * A transaction whose connection is lost can't be rolled back, which is a defect to the client, and makes one of what
 * failed before it. To us it is no news: the database rolls it back.
 *
 * @category running
 * @since 0.1.0
 */
export const inTransaction = <A, E, R>(
  sql: SqlClient,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError, R> =>
  Effect.suspend(() => {
    let failed: { readonly error: E } | undefined
    const noted = Effect.tapError(effect, (error) =>
      Effect.sync(() => {
        failed = { error }
      }))
    return Effect.catchDefect(sql.withTransaction(noted), (defect): Effect.Effect<never, E | SqlError> => {
      if (failed !== undefined) return Effect.fail(failed.error)
      return isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect)
    })
  })
