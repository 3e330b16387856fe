/**
 * Logs in a database, by any `SqlClient` of SQLite or PostgreSQL. A row per query says which number is next: it is moved
 * on, and the record stored, in one transaction. That row outlives what compaction deletes, so that a number once taken
 * is never free again (rule 1), and it is locked by whoever moves it: of two owners one waits, and then finds the number
 * taken.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import type { QueryLog, SqlLogOptions, StoredRecord } from "../CheckpointLog.ts"
import {
  CheckpointCorrupt,
  CheckpointLogError,
  LogUnavailable,
  OutcomeUnknown,
  SequenceNotNext,
  SequenceTaken
} from "../CheckpointLogError.ts"
import type { QueryName } from "../QueryName.ts"

/** Drivers give 64-bit integers as numbers, bigints or texts. */
const Count = Schema.Union([Schema.Finite, Schema.BigInt, Schema.String]).pipe(
  Schema.decodeTo(Schema.Natural, { decode: SchemaGetter.transform(Number), encode: SchemaGetter.passthrough() })
)

const decodeHead = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ next: Count, floor: Count })))
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({
  next: Count,
  floor: Count,
  /** Null, as the bytes: no record from there on. */
  sequence: Schema.NullOr(Count),
  bytes: Schema.NullOr(Schema.Uint8Array)
})))

/** Opens logs in the database of the `SqlClient` around. */
export const make = Effect.map(
  Effect.context<SqlClient>(),
  (context) => (query: QueryName, options: SqlLogOptions): Effect.Effect<QueryLog, CheckpointLogError> =>
    open(Context.get(context, SqlClient).withoutTransforms(), query, options.table ?? "pravega_checkpoints")
)

const open = Effect.fnUntraced(function*(sql: SqlClient, query: QueryName, table: string) {
  const records = sql(table)
  const heads = sql(`${table}_heads`)
  const refuse = (sequence: number, next: number): CheckpointLogError =>
    new CheckpointLogError({
      reason: sequence < next
        ? new SequenceTaken({ query, sequence })
        : new SequenceNotNext({ query, sequence, next })
    })
  const corrupt = (sequence: number, detail: string): CheckpointLogError =>
    new CheckpointLogError({ reason: new CheckpointCorrupt({ query, sequence, detail }) })
  const unavailable = (operation: string, cause: unknown): CheckpointLogError =>
    new CheckpointLogError({ reason: new LogUnavailable({ query, operation, cause }) })

  /** Within a transaction of the caller's nothing would be durable when it returns, and undone if that one fails. */
  const alone = <A, E>(operation: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E | CheckpointLogError> =>
    Effect.andThen(
      Effect.filterOrFail(
        Effect.serviceOption(sql.transactionService),
        Option.isNone,
        () => unavailable(operation, new Error("a transaction of the same SqlClient is open around it"))
      ),
      effect
    )

  const create = Effect.andThen(
    sql`CREATE TABLE IF NOT EXISTS ${heads} (query VARCHAR(100) PRIMARY KEY, next BIGINT NOT NULL, floor BIGINT NOT NULL)`,
    sql`CREATE TABLE IF NOT EXISTS ${records} (
      query VARCHAR(100) NOT NULL, sequence BIGINT NOT NULL, bytes ${sql.literal(bytesType(sql))} NOT NULL,
      PRIMARY KEY (query, sequence)
    )`
  ).pipe(
    // PostgreSQL lets one of two that create a table at the same time fail, in several ways.
    Effect.retry({ times: 3 })
  )
  const durability = yield* alone(
    "open",
    // Asked for first: who may use the tables may not be allowed to make any.
    sql`SELECT 1 FROM ${heads}, ${records} WHERE 1 = 0`.pipe(
      Effect.catch(() => create),
      Effect.andThen(sql`INSERT INTO ${heads} (query, next, floor) VALUES (${query}, 0, 0) ON CONFLICT DO NOTHING`),
      Effect.andThen(makeDurability(sql)),
      Effect.mapError((cause) => unavailable("open", cause))
    )
  )

  const head = sql`SELECT next, floor FROM ${heads} WHERE query = ${query}`.pipe(
    Effect.flatMap(decodeHead),
    Effect.flatMap(([found]) =>
      found === undefined ? Effect.fail(corrupt(0, `its row in ${table}_heads is gone`)) : Effect.succeed(found)
    )
  )

  const append: QueryLog["append"] = (sequence, bytes) =>
    Effect.suspend(() => {
      // What fails before the commit is rolled back; a commit that fails may have taken effect.
      let isSent = false
      const failed = (cause: unknown): CheckpointLogError =>
        isSent
          ? new CheckpointLogError({ reason: new OutcomeUnknown({ query, sequence, cause }) })
          : unavailable("append", cause)
      const transaction = Effect.gen(function*() {
        yield* durability
        const moved = yield* sql`
          UPDATE ${heads} SET next = next + 1 WHERE query = ${query} AND next = ${sequence} RETURNING next`
        if (moved.length === 0) return yield* Effect.flatMap(head, ({ next }) => Effect.fail(refuse(sequence, next)))
        yield* sql`INSERT INTO ${records} (query, sequence, bytes) VALUES (${query}, ${sequence}, ${bytes})`
        isSent = true
      })
      return alone("append", inTransaction(sql, transaction)).pipe(
        Effect.catchTags({
          SqlError: (error) => Effect.fail(failed(error)),
          SchemaError: (error) => Effect.fail(failed(error))
        })
      )
    })

  const read: QueryLog["read"] = (from) =>
    // One statement: one snapshot, also while others append and compact.
    alone(
      "read",
      sql`
        SELECT head.next, head.floor, record.sequence, record.bytes FROM ${heads} AS head
        LEFT JOIN ${records} AS record
          ON record.query = head.query AND record.sequence >= head.floor AND record.sequence >= ${from}
        WHERE head.query = ${query} ORDER BY record.sequence`
    ).pipe(
      Effect.flatMap(decodeRows),
      Effect.catchTags({
        SqlError: (error) => Effect.fail(unavailable("read", error)),
        SchemaError: (error) => Effect.fail(corrupt(from, error.message))
      }),
      Effect.flatMap((rows) => {
        const [first] = rows
        if (first === undefined) return Effect.fail(corrupt(from, `its row in ${table}_heads is gone`))
        const found: Array<StoredRecord> = []
        let expected = Math.max(from, first.floor)
        for (const { bytes, sequence } of rows) {
          if (sequence === null || bytes === null) continue
          if (sequence !== expected) return Effect.fail(corrupt(expected, "the record is missing"))
          found.push({ sequence, bytes })
          expected++
        }
        return expected < first.next ? Effect.fail(corrupt(expected, "the record is missing")) : Effect.succeed(found)
      })
    )

  const compact: QueryLog["compact"] = (before) =>
    alone(
      "compaction",
      inTransaction(
        sql,
        Effect.gen(function*() {
          // Locked first, so that nothing is appended below the floor meanwhile.
          yield* sql`
            UPDATE ${heads} SET floor = ${before} WHERE query = ${query} AND floor < ${before} AND next >= ${before}`
          const { floor, next } = yield* head
          if (before > next) return yield* refuse(before, next)
          yield* sql`DELETE FROM ${records} WHERE query = ${query} AND sequence < ${floor}`
        })
      )
    ).pipe(Effect.catchTags({
      SqlError: (error) => Effect.fail(unavailable("compaction", error)),
      SchemaError: (error) => Effect.fail(unavailable("compaction", error))
    }))

  return { append, read, compact } satisfies QueryLog
})

const bytesType = (sql: SqlClient): string => sql.onDialectOrElse({ pg: () => "BYTEA", orElse: () => "BLOB" })

/**
 * What makes the transaction around durable when it is committed. PostgreSQL can be told to answer before that, and to
 * show the record to others: then this transaction says otherwise.
 */
const makeDurability = (sql: SqlClient): Effect.Effect<Effect.Effect<void, SqlError>, SqlError> =>
  sql.onDialectOrElse({
    pg: () =>
      Effect.map(
        sql`SELECT 1 WHERE current_setting('synchronous_commit') = 'off'`,
        (lax) => lax.length === 0 ? Effect.void : Effect.asVoid(sql`SET LOCAL synchronous_commit = on`)
      ),
    orElse: () => Effect.succeed(Effect.void)
  })

/** A transaction whose connection is lost can't be rolled back, which is a defect to the client, and no news to us. */
const inTransaction = <A, E, R>(
  sql: SqlClient,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError, R> =>
  Effect.catchDefect(
    sql.withTransaction(effect),
    (defect) => isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect)
  )
