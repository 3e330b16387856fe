/**
 * Logs in a database, by any `SqlClient` of SQLite or PostgreSQL. A row per query says which number is next: it is moved
 * on, and the record stored, in one transaction. That row outlives what compaction deletes, so that a number once taken
 * is never free again (rule 1), and it is locked while it is moved: of two owners one waits, and then finds the number
 * taken.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type * as Statement from "effect/sql/Statement"
import {
  CheckpointCorrupt,
  CheckpointLogError,
  LogUnavailable,
  OutcomeUnknown,
  SequenceNotNext,
  SequenceTaken
} from "../../protocol/CheckpointLogError.ts"
import { QueryName } from "../../protocol/QueryName.ts"
import * as SqlTransaction from "../../sql/SqlTransaction.ts"
import type { LogHome, QueryLog, StoredRecord } from "../LogContract.ts"
import { marked } from "./Gaps.ts"

const decodeHead = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ next: SqlTransaction.Count, floor: SqlTransaction.Count }))
)
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({
  next: SqlTransaction.Count,
  floor: SqlTransaction.Count,
  /** Null, as the bytes: no record from there on. */
  sequence: Schema.NullOr(SqlTransaction.Count),
  bytes: Schema.NullOr(Schema.Uint8Array)
})))

/** @category models @since 0.1.0 */
export interface SqlLogOptions {
  /** The table of the records; a second one has its name and `_heads`. Default `pravega_checkpoints`. */
  readonly table?: string | undefined
}

/** Logs in the database of the `SqlClient` around. @category constructors @since 0.2.0 */
export const make = ({ table = "pravega_checkpoints" }: SqlLogOptions): Effect.Effect<LogHome, never, SqlClient> =>
  Effect.map(SqlClient, (client) => {
    const sql = client.withoutTransforms()
    const list = begun(sql, table)
    return {
      open: (query) => open(sql, query, table),
      exists: (query) => Effect.map(list, (names) => names.includes(query)),
      list
    }
  })

const decodeNames = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ query: QueryName })))

/** Records without a head are a damaged log. */
const begun = (sql: SqlClient, table: string): Effect.Effect<ReadonlyArray<QueryName>, CheckpointLogError> =>
  SqlTransaction.tableExists(sql, `${table}_heads`).pipe(
    Effect.flatMap((isThere) =>
      isThere
        ? sql`SELECT query FROM ${sql(`${table}_heads`)} WHERE next > 0 UNION SELECT query FROM ${sql(table)}`
        : Effect.succeed([])
    ),
    Effect.flatMap(decodeNames),
    Effect.map((rows) => rows.map(({ query }) => query).toSorted()),
    (looking) => SqlTransaction.within(answerLimit, looking),
    Effect.mapError((cause) =>
      new CheckpointLogError({
        reason: new LogUnavailable({ query: "", operation: "list", cause: SqlTransaction.explainLock(cause) })
      })
    )
  )

/** A record is a short transaction: whose lock is kept longer than this is no owner at work. */
const lockLimit = Duration.seconds(5)
/** Of a whole operation. */
const answerLimit = Duration.seconds(30)

/** The tables, as one query's log sees them. */
interface Tables {
  readonly sql: SqlClient
  readonly query: QueryName
  readonly table: string
  readonly records: Statement.Identifier
  readonly heads: Statement.Identifier
  readonly patience: ReturnType<typeof SqlTransaction.lockPatience>
}

const open = Effect.fnUntraced(function*(sql: SqlClient, query: QueryName, table: string) {
  const patience = SqlTransaction.lockPatience(sql, lockLimit)
  const tables: Tables = { sql, query, table, records: sql(table), heads: sql(`${table}_heads`), patience }
  const durability = yield* prepare(tables)
  return {
    append: append(tables, durability),
    read: read(tables),
    compact: compact(tables)
  } satisfies QueryLog
})

const refuse = ({ query }: Tables, sequence: number, next: number): CheckpointLogError =>
  new CheckpointLogError({
    reason: sequence < next ? new SequenceTaken({ query, sequence }) : new SequenceNotNext({ query, sequence, next })
  })

const corrupt = ({ query }: Tables, sequence: number, detail: string): CheckpointLogError =>
  new CheckpointLogError({ reason: new CheckpointCorrupt({ query, sequence, detail }) })

const headIsGone = (tables: Tables, sequence: number): CheckpointLogError =>
  corrupt(tables, sequence, `its row in ${tables.table}_heads is gone`)

const unavailable = ({ query }: Tables, operation: string, cause: unknown): CheckpointLogError =>
  new CheckpointLogError({
    reason: new LogUnavailable({ query, operation, cause: SqlTransaction.explainLock(cause) })
  })

const alone = <A, E>(
  tables: Tables,
  operation: string,
  effect: Effect.Effect<A, E>
): Effect.Effect<A, E | SqlError | CheckpointLogError> =>
  Effect.flatMap(
    SqlTransaction.isAlone(tables.sql),
    (isAlone): Effect.Effect<A, E | SqlError | CheckpointLogError> =>
      isAlone
        ? SqlTransaction.within(answerLimit, effect)
        : Effect.fail(unavailable(tables, operation, new Error(SqlTransaction.notAlone)))
  )

/** Makes what is not there: the tables, and the query's row. Answers how a transaction is made durable. */
const prepare = (tables: Tables) => {
  const { heads, patience, query, records, sql } = tables
  const create = Effect.andThen(
    sql`CREATE TABLE IF NOT EXISTS ${heads} (query VARCHAR(100) PRIMARY KEY, next BIGINT NOT NULL, floor BIGINT NOT NULL)`,
    sql`CREATE TABLE IF NOT EXISTS ${records} (
      query VARCHAR(100) NOT NULL, sequence BIGINT NOT NULL, bytes ${sql.literal(bytesType(sql))} NOT NULL,
      PRIMARY KEY (query, sequence)
    )`
  )
  const insert = Effect.andThen(
    patience.set,
    sql`INSERT INTO ${heads} (query, next, floor) VALUES (${query}, 0, 0) ON CONFLICT DO NOTHING`
  )
  return alone(
    tables,
    "open",
    SqlTransaction.ensureTables(sql`SELECT 1 FROM ${heads}, ${records} WHERE 1 = 0`, create).pipe(
      Effect.andThen(SqlTransaction.inTransaction(sql, insert)),
      Effect.andThen(SqlTransaction.makeDurability(sql))
    )
  ).pipe(Effect.catchTag("SqlError", (cause) => Effect.fail(unavailable(tables, "open", cause))))
}

const headOf = (tables: Tables) =>
  tables.sql`SELECT next, floor FROM ${tables.heads} WHERE query = ${tables.query}`.pipe(
    Effect.flatMap(decodeHead),
    Effect.flatMap(([found]) => found === undefined ? Effect.fail(headIsGone(tables, 0)) : Effect.succeed(found))
  )

const append =
  (tables: Tables, durability: Effect.Effect<unknown, SqlError>): QueryLog["append"] => (sequence, bytes) =>
    Effect.suspend(() => {
      const { heads, patience, query, records, sql } = tables
      // What fails before the commit is rolled back; a commit that fails may have taken effect.
      let isSent = false
      const failed = (cause: unknown) =>
        Effect.fail(
          isSent
            ? new CheckpointLogError({ reason: new OutcomeUnknown({ query, sequence, cause }) })
            : unavailable(tables, "append", cause)
        )
      const transaction = Effect.gen(function*() {
        yield* durability
        const moved = yield* sql`
        ${patience.begin} UPDATE ${heads} SET next = next + 1 ${patience.from} WHERE query = ${query} AND next = ${sequence} RETURNING next`
        if (moved.length === 0) return yield* refuse(tables, sequence, (yield* headOf(tables)).next)
        yield* sql`INSERT INTO ${records} (query, sequence, bytes) VALUES (${query}, ${sequence}, ${bytes})`
        isSent = true
      })
      return alone(tables, "append", SqlTransaction.inTransaction(sql, transaction)).pipe(
        Effect.catchTags({ SqlError: failed, SchemaError: failed })
      )
    })

const read = (tables: Tables): QueryLog["read"] => (from) => {
  const { heads, query, records, sql } = tables
  // One statement: one snapshot, also while others append and compact.
  return alone(
    tables,
    "read",
    sql`
      SELECT head.next, head.floor, record.sequence, record.bytes FROM ${heads} AS head
      LEFT JOIN ${records} AS record
        ON record.query = head.query AND record.sequence >= head.floor AND record.sequence >= ${from}
      WHERE head.query = ${query} ORDER BY record.sequence`
  ).pipe(
    Effect.flatMap(decodeRows),
    Effect.catchTags({
      SqlError: (error) => Effect.fail(unavailable(tables, "read", error)),
      SchemaError: (error) => Effect.fail(corrupt(tables, from, error.message))
    }),
    Effect.flatMap((rows) => {
      const [first] = rows
      if (first === undefined) return Effect.fail(headIsGone(tables, from))
      const found = rows.flatMap(({ bytes, sequence }): ReadonlyArray<StoredRecord> =>
        sequence === null || bytes === null ? [] : [{ sequence, bytes }]
      )
      return Effect.succeed(marked(found, { first: Math.max(from, first.floor), next: first.next }))
    })
  )
}

const compact = (tables: Tables): QueryLog["compact"] => (before) => {
  const { heads, patience, query, records, sql } = tables
  const transaction = Effect.gen(function*() {
    yield* patience.set
    // Locked first, so that nothing is appended below the floor meanwhile.
    yield* sql`
      UPDATE ${heads} SET floor = ${before} WHERE query = ${query} AND floor < ${before} AND next >= ${before}`
    const { floor, next } = yield* headOf(tables)
    if (before > next) return yield* refuse(tables, before, next)
    yield* sql`DELETE FROM ${records} WHERE query = ${query} AND sequence < ${floor}`
  })
  const failed = (error: unknown) => Effect.fail(unavailable(tables, "compaction", error))
  return alone(tables, "compaction", SqlTransaction.inTransaction(sql, transaction)).pipe(
    Effect.catchTags({ SqlError: failed, SchemaError: failed })
  )
}

const bytesType = (sql: SqlClient): string => sql.onDialectOrElse({ pg: () => "BYTEA", orElse: () => "BLOB" })
