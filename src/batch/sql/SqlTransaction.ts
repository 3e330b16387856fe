/**
 * What checkpoint logs and sinks in a database share: transactions that are durable when they return, and numbers as
 * drivers give them. SQLite and PostgreSQL.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import type { SqlClient } from "effect/sql/SqlClient"
import { ConnectionError, isSqlError, SqlError } from "effect/sql/SqlError"
import type * as Statement from "effect/sql/Statement"
import * as MonotonicClock from "../../core/MonotonicClock.ts"

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

/** Asked for first: a user that may use the tables may not be allowed to make any. @category running @since 0.1.0 */
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

/**
 * How long a transaction waits for what another one has locked: PostgreSQL waits for ever, behind an owner that is frozen
 * in the middle of its transaction too. A shorter time that the session was given stays. SQLite has a time of its own.
 *
 * @category models
 * @since 0.2.0
 */
export interface LockPatience {
  /** To be run first in a transaction. */
  readonly set: Effect.Effect<void, SqlError>
  /** The same without a round trip of its own: what an `UPDATE` of that transaction begins with, */
  readonly begin: Statement.Fragment
  /** and what comes after its `SET` clause. */
  readonly from: Statement.Fragment
}

/** @category constructors @since 0.2.0 */
export const lockPatience = (sql: SqlClient, limit: Duration.Duration): LockPatience =>
  sql.onDialectOrElse({
    pg: () => {
      const millis = `${Math.max(1, Math.round(Duration.toMillis(limit)))}ms`
      const setting = sql`SELECT set_config('lock_timeout',
        CASE WHEN current_setting('lock_timeout') = '0' THEN ${millis} ELSE current_setting('lock_timeout') END, true)`
      return {
        set: Effect.asVoid(setting),
        // The row is locked when the whole of the plan below the update was evaluated for it.
        begin: sql`WITH patience AS MATERIALIZED (${setting})`,
        from: sql.literal("FROM patience")
      }
    },
    orElse: () => ({ set: Effect.void, begin: sql.literal(""), from: sql.literal("") })
  })

/**
 * What a lock that was waited for in vain means to who reads of it; any other error as it is.
 *
 * @category converting
 * @since 0.2.0
 */
export const explainLock = (cause: unknown): unknown =>
  isSqlError(cause) && cause.reason._tag === "LockTimeoutError"
    ? new Error(
      "another transaction has held a lock on it for too long: perhaps of a process that is frozen or cut off in the " +
        "middle of it, whose session can be ended (pg_blocking_pids, pg_terminate_backend)",
      { cause }
    )
    : cause

/**
 * Bounds how long a database may take to answer, also where the caller can't be interrupted. What has no answer by then is
 * interrupted, so that its transaction is undone, and left to itself: whoever waits for a client to begin, commit or undo a
 * transaction waits as long as the database is silent. A commit that was sent may still come true.
 *
 * @category combinators
 * @since 0.2.0
 */
export const within = <A, E, R>(
  limit: Duration.Duration,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError, R> => whileAnswering(limit, () => effect)

/**
 * The same for what may take long as a whole: the time begins anew whenever `heard` runs.
 *
 * @category combinators
 * @since 0.2.0
 */
export const whileAnswering = <A, E, R>(
  limit: Duration.Duration,
  work: (heard: Effect.Effect<void>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      let last = yield* MonotonicClock.millis
      const heard = Effect.map(MonotonicClock.millis, (now) => {
        last = now
      })
      const silence = Effect.gen(function*() {
        for (;;) {
          const rest = last + Duration.toMillis(limit) - (yield* MonotonicClock.millis)
          if (rest <= 0) return
          // a clock may count in milliseconds
          yield* Effect.sleep(Duration.millis(Math.ceil(rest)))
        }
      })
      const fiber = yield* Effect.forkDetach(Effect.interruptible(work(heard)), { startImmediately: true })
      const exit = yield* restore(Effect.raceFirst(
        Effect.interruptible(Fiber.await(fiber)),
        Effect.interruptible(Effect.as(silence, undefined))
      )).pipe(Effect.onInterrupt(() => Effect.timeoutOption(Fiber.interrupt(fiber), limit)))
      if (exit !== undefined) return yield* exit
      // Not waited for. From here on nothing more of it is sent, except to undo it.
      fiber.interruptUnsafe()
      const message = `the database has not answered within ${Duration.format(limit)}`
      return yield* new SqlError({ reason: new ConnectionError({ message, cause: new Error(message) }) })
    })
  )

/** Whether there is a table of this name, where the client looks for it. @category getters @since 0.2.0 */
export const tableExists = (sql: SqlClient, table: string): Effect.Effect<boolean, SqlError> =>
  Effect.map(
    sql.onDialectOrElse({
      pg: () => sql`SELECT 1 AS there WHERE to_regclass(quote_ident(${table})) IS NOT NULL`,
      orElse: () => sql`SELECT 1 AS there FROM sqlite_schema WHERE type IN ('table', 'view') AND name = ${table}`
    }),
    (rows) => rows.length > 0
  )
