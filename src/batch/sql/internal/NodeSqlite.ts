/**
 * Effect's `SqlClient` over Node's `node:sqlite`. One connection, lent to one user at a time; calls are synchronous, so
 * a lock of another process is waited for outside of SQLite, where the event loop goes on.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Schedule from "effect/Schedule"
import * as Semaphore from "effect/Semaphore"
import * as SqlClient from "effect/sql/SqlClient"
import type { Connection, Row } from "effect/sql/SqlConnection"
import { classifySqliteError, SqlError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite"
import * as CauseText from "../../../core/CauseText.ts"

/** @category models @since 0.1.0 */
export interface SqliteOptions {
  /** How long to wait for what another process, or another client of this one, has locked. Default 5 seconds. */
  readonly lockTimeout?: Duration.Input | undefined
}

/** @category layers @since 0.1.0 */
export const layer = (
  file: string,
  options: SqliteOptions & { readonly readOnly?: boolean }
): Layer.Layer<SqlClient.SqlClient, SqlError> =>
  Layer.effect(SqlClient.SqlClient, make(file, options)).pipe(Layer.provide(Reactivity.layer))

const make = Effect.fnUntraced(function*(file: string, options: SqliteOptions & { readonly readOnly?: boolean }) {
  const { readOnly = false } = options
  const lockTimeout = Duration.fromInputUnsafe(options.lockTimeout ?? Duration.seconds(5))
  const database = yield* Effect.acquireRelease(
    attempt(file, "open", () => new DatabaseSync(file, { timeout: 0, readOnly })),
    (opened) => Effect.sync(() => opened.close())
  )
  const connection = connect(file, database, lockTimeout)
  const pragmas = readOnly ? [] : ["journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"]
  for (const pragma of pragmas) {
    yield* connection.executeUnprepared(`PRAGMA ${pragma}`, [], undefined)
  }
  return yield* SqlClient.make({
    ...SqlClient.makeSqliteAcquirers({
      connection: Effect.succeed(connection),
      semaphore: yield* Semaphore.make(1),
      isTransaction: () => database.isTransaction
    }),
    compiler: Statement.makeCompilerSqlite(),
    driver: "node:sqlite",
    // The write lock at once: a transaction that takes it later can be refused it.
    beginTransaction: "BEGIN IMMEDIATE",
    spanAttributes: [["db.system.name", "sqlite"]]
  })
})

type Transform = (<A extends object>(rows: ReadonlyArray<A>) => ReadonlyArray<A>) | undefined

const connect = (file: string, database: DatabaseSync, lockTimeout: Duration.Duration): Connection => {
  const prepared = makeCache(database)
  const waiting = Schedule.spaced("2 millis").pipe(Schedule.jittered, Schedule.upTo({ duration: lockTimeout }))

  /** Runs a statement; what is locked is tried again, but not within a transaction, which has its lock. */
  const run = <A>(sql: string, params: ReadonlyArray<unknown>, use: (statement: StatementSync, values: Values) => A) =>
    Effect.withFiber<A, SqlError>((fiber) =>
      attempt(file, "execute", () => {
        const statement = prepared(sql)
        statement.setReadBigInts(Context.get(fiber.context, SqlClient.SafeIntegers))
        return use(statement, params.map(toValue))
      })
    ).pipe(Effect.retry({
      schedule: waiting,
      while: (error) => error.reason._tag === "LockTimeoutError" && !database.isTransaction
    }))

  const rows = (sql: string, params: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<Row>, SqlError> =>
    run(sql, params, (statement, values) => {
      statement.setReturnArrays(false)
      // Its rows have no prototype, which makes them equal to nothing that looks like them.
      return statement.all(...values).map((row) => ({ ...row }))
    })
  const execute = (sql: string, params: ReadonlyArray<unknown>, transform: Transform) =>
    transform === undefined ? rows(sql, params) : Effect.map(rows(sql, params), transform)
  const values = (sql: string, params: ReadonlyArray<unknown>) =>
    run(sql, params, (statement, bound) => {
      statement.setReturnArrays(true)
      return statement.all(...bound).map((row) => Object.values(row))
    })

  return {
    execute,
    executeUnprepared: execute,
    executeStream: (sql, params, transform) =>
      Stream.unwrap(Effect.map(execute(sql, params, transform), Stream.fromIterable)),
    executeRaw: (sql, params) =>
      run(sql, params, (statement, bound): unknown => {
        statement.setReturnArrays(false)
        return statement.columns().length > 0 ? statement.all(...bound) : statement.run(...bound)
      }),
    executeValues: values,
    executeValuesUnprepared: values
  }
}

type Values = ReadonlyArray<SQLInputValue>

/** The statements used last, parsed. */
const makeCache = (database: DatabaseSync) => {
  const cached = new Map<string, StatementSync>()
  return (sql: string): StatementSync => {
    const statement = cached.get(sql) ?? database.prepare(sql)
    cached.delete(sql)
    cached.set(sql, statement)
    for (const oldest of cached.keys()) {
      if (cached.size <= 64) break
      cached.delete(oldest)
    }
    return statement
  }
}

/** The values that Effect's statements hold, as SQLite has them. */
const toValue = (value: unknown): SQLInputValue => {
  switch (typeof value) {
    case "string":
    case "number":
    case "bigint":
      return value
    case "boolean":
      return value ? 1 : 0
  }
  if (value === null || value === undefined) return null
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array || value instanceof Int8Array) return value
  throw new TypeError(`SQLite has no value for ${Object.prototype.toString.call(value)}`)
}

const attempt = <A>(file: string, operation: "open" | "execute", run: () => A): Effect.Effect<A, SqlError> =>
  Effect.try({
    try: run,
    catch: (cause) =>
      new SqlError({
        reason: classifySqliteError(withErrno(cause), { operation, message: messageOf(file, operation, cause) })
      })
  })

/** What SQLite says names neither the file nor, of one that can't be opened, what is the matter with it. */
const messageOf = (file: string, operation: "open" | "execute", cause: unknown): string => {
  const code = cause instanceof Error && "errcode" in cause ? `SQLite error ${String(cause.errcode)}, ` : ""
  const hint = operation === "open" ? ": is its folder there, and may this user write there?" : ""
  return `${CauseText.of(cause)} (${code}database ${file})${hint}`
}

/** node:sqlite says `errcode` where Effect's classification looks for `errno`. */
const withErrno = (cause: unknown): unknown =>
  cause instanceof Error && "errcode" in cause ? Object.assign(cause, { errno: cause.errcode }) : cause
