/**
 * The two tables of a SQL sink, statement by statement: the batch that was committed last, per query and sink, and the
 * outputs that are kept until they are committed. What is done in one transaction, and when, is `SqlSink`'s.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as SqlTransaction from "../../sql/SqlTransaction.ts"
import type { BatchId } from "../SinkContract.ts"

/** A try of a query: the key of its outputs while they are kept. @category models @since 0.1.0 */
export interface Try {
  readonly query: string
  readonly attempt: string
}

/** Chunks read at once by a commit. @category constants @since 0.1.0 */
export const pageSize = 32

const Head = Schema.Struct({ batch: SqlTransaction.Count, attempt: Schema.String })
/** The batch that was committed last; -1: none. @category models @since 0.2.0 */
export type Head = typeof Head.Type
const decodeHead = Schema.decodeUnknownEffect(Schema.Array(Head))
const decodeState = Schema.decodeUnknownEffect(
  Schema.NonEmptyArray(Schema.Struct({ ...Head.fields, chunks: SqlTransaction.Count }))
)
const decodeChunks = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ part: SqlTransaction.Count, chunk: SqlTransaction.Count, outputs: Schema.String }))
)

/** @category models @since 0.1.0 */
export type SinkTables = ReturnType<typeof make>

/** The tables of one sink. `patience`: how long its transactions wait for locks. @category constructors @since 0.1.0 */
export const make = (
  sql: SqlClient,
  { patience, sink, table }: {
    readonly sink: string
    readonly table: string
    readonly patience: ReturnType<typeof SqlTransaction.lockPatience>
  }
) => {
  const heads = sql(table)
  const spool = sql(`${table}_spool`)
  return {
    ensure: SqlTransaction.ensureTables(sql`SELECT 1 FROM ${heads}, ${spool} WHERE 1 = 0`, create(sql, table)),
    /** The batch that was committed last; -1: none. */
    head: (query: string) =>
      sql`SELECT batch, attempt FROM ${heads} WHERE query = ${query} AND sink = ${sink}`.pipe(
        Effect.flatMap(decodeHead),
        Effect.map(([found]) => found ?? { batch: -1, attempt: "" })
      ),
    /**
     * The same, and how much is kept of a try: in one statement, as a commit between two of them would show neither the
     * batch nor its outputs.
     */
    state: ({ attempt, query }: Try) =>
      sql`SELECT
          COALESCE((SELECT batch FROM ${heads} WHERE query = ${query} AND sink = ${sink}), -1) AS batch,
          COALESCE((SELECT attempt FROM ${heads} WHERE query = ${query} AND sink = ${sink}), '') AS attempt,
          (SELECT COUNT(*) FROM ${spool}
            WHERE query = ${query} AND sink = ${sink} AND attempt = ${attempt}) AS chunks`.pipe(
        Effect.flatMap(decodeState),
        Effect.map(([found]) => found)
      ),
    /** The row of a query that has committed nothing yet. */
    insertHead: (query: string) =>
      sql`INSERT INTO ${heads} (query, sink, batch, attempt) VALUES (${query}, ${sink}, -1, '') ON CONFLICT DO NOTHING`,
    /**
     * Moves the number of the last committed batch on, from the one that it had when the batch was begun; no row, if it is
     * another one. Where that was not recorded (version 0.1): from any that is lower.
     */
    moveHead: ({ attempt, batch, query }: Try & BatchId, from: Head | undefined) =>
      sql`${patience.begin}
        UPDATE ${heads} SET batch = ${batch}, attempt = ${attempt} ${patience.from}
        WHERE query = ${query} AND sink = ${sink} AND batch < ${batch} ${
        from === undefined ? sql`` : sql`AND batch = ${from.batch} AND attempt = ${from.attempt}`
      } RETURNING batch`,
    keep: ({ attempt, query }: Try, part: number, chunk: number, outputs: string) =>
      sql`INSERT INTO ${spool} (query, sink, attempt, part, chunk, outputs)
        VALUES (${query}, ${sink}, ${attempt}, ${part}, ${chunk}, ${outputs})`,
    /** The next chunks of a try, in the order of its partitions and of the chunks in each. */
    page: ({ attempt, query }: Try, after: { readonly part: number; readonly chunk: number }) =>
      Effect.flatMap(
        sql`SELECT part, chunk, outputs FROM ${spool}
          WHERE query = ${query} AND sink = ${sink} AND attempt = ${attempt}
            AND (part > ${after.part} OR (part = ${after.part} AND chunk > ${after.chunk}))
          ORDER BY part, chunk LIMIT ${sql.literal(String(pageSize))}`,
        decodeChunks
      ),
    /** What any try of the query has kept. */
    forgetAll: (query: string) => sql`DELETE FROM ${spool} WHERE query = ${query} AND sink = ${sink}`,
    forget: ({ attempt, query }: Try): Effect.Effect<unknown, SqlError> =>
      sql`DELETE FROM ${spool} WHERE query = ${query} AND sink = ${sink} AND attempt = ${attempt}`
  }
}

const create = (sql: SqlClient, table: string) =>
  Effect.andThen(
    sql`CREATE TABLE IF NOT EXISTS ${sql(table)} (
      query VARCHAR(100) NOT NULL, sink VARCHAR(200) NOT NULL, batch BIGINT NOT NULL, attempt VARCHAR(100) NOT NULL,
      PRIMARY KEY (query, sink)
    )`,
    sql`CREATE TABLE IF NOT EXISTS ${sql(`${table}_spool`)} (
      query VARCHAR(100) NOT NULL, sink VARCHAR(200) NOT NULL, attempt VARCHAR(100) NOT NULL,
      part BIGINT NOT NULL, chunk BIGINT NOT NULL, outputs TEXT NOT NULL,
      PRIMARY KEY (query, sink, attempt, part, chunk)
    )`
  )
