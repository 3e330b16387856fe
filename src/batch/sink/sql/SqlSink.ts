/**
 * Rows in a database, exactly once (rule 13). A database transaction can't outlive its process, so a batch's outputs are
 * first kept in a table of the same database, as they come; the commit is one transaction that hands them to the user's
 * statements, deletes them there, and moves the query's batch number on. That number is the fence: whoever commits a batch
 * a second time finds it there.
 */
import type * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { crc32 } from "node:zlib"
import * as SqlTransaction from "../../sql/SqlTransaction.ts"
import type { Attempt, BatchId, Outcome, Prepared, Session, TypedSink } from "../SinkContract.ts"
import { DatabaseAhead, DatabaseFailed, OutputNotEncodable, SpoolDamaged, SqlSinkError } from "../SqlSinkError.ts"

/** @category models @since 0.1.0 */
export interface SqlOptions<B, E, R> {
  /** How outputs are kept, as JSON, until they are committed. */
  readonly schema: Schema.Codec<B, unknown>
  /**
   * Writes rows, in the transaction that commits the batch: called several times for a large batch, in the order of
   * partitions, and of outputs in each. It may be undone and called again. It must not use another database.
   */
  readonly write: (rows: Arr.NonEmptyReadonlyArray<B>, batch: BatchId) => Effect.Effect<unknown, E, R>
  /** The sink's own table; a second one has its name and `_spool`. Not to be changed later. Default `pravega_sinks`. */
  readonly table?: string | undefined
}

/** One try to write a batch: the key of its outputs while they are kept. */
class Handle extends Schema.Class<Handle>("effect-pravega/SqlSink/Handle")({
  query: Schema.String,
  attempt: Schema.String
}) {}

class Evidence extends Schema.Class<Evidence>("effect-pravega/SqlSink/Evidence")({
  events: Schema.Natural,
  /** Rows of the table in which they are kept. */
  chunks: Schema.Natural
}) {}

/** What the user's statements failed with, apart from what ours do. */
class UserFailed<E> extends Data.Error<{ readonly error: E }> {}

/** A commit may take as long as the user's statements do; so may who waits for its locks, and for those of other users. */
const lockLimit = Duration.seconds(30)

/** Chunks read at once by a commit. */
const pageSize = 32

const Head = Schema.Struct({ batch: SqlTransaction.Count, attempt: Schema.String })
const decodeHead = Schema.decodeUnknownEffect(Schema.Array(Head))
const decodeState = Schema.decodeUnknownEffect(
  Schema.NonEmptyArray(Schema.Struct({ ...Head.fields, chunks: SqlTransaction.Count }))
)
const decodeChunks = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ part: SqlTransaction.Count, chunk: SqlTransaction.Count, outputs: Schema.String }))
)

/** @category constructors @since 0.1.0 */
export const typed = <B, E, R>(
  name: string,
  structure: Schema.Json,
  options: SqlOptions<B, E, R> & { readonly table: string }
) => ({
  name,
  structure,
  handle: Handle,
  evidence: Evidence,
  open: open(name, options)
} satisfies TypedSink<B, E | SqlSinkError, Exclude<R, Scope.Scope> | SqlClient, Handle, Evidence>)

const open = Effect.fnUntraced(function*<B, E, R>(
  sink: string,
  options: SqlOptions<B, E, R> & { readonly table: string }
): Effect.fn.Return<Session<B, E | SqlSinkError, Handle, Evidence>, SqlSinkError, Exclude<R, Scope.Scope> | SqlClient> {
  const context = yield* Effect.context<Exclude<R, Scope.Scope> | SqlClient>()
  const sql = Context.get(context, SqlClient).withoutTransforms()
  const heads = sql(options.table)
  const spool = sql(`${options.table}_spool`)
  const fail = (reason: SqlSinkError["reason"]) => Effect.fail(new SqlSinkError({ reason }))
  const failed = (operation: string) => (cause: SqlError | Schema.SchemaError | Error) =>
    fail(new DatabaseFailed({ sink, operation, cause: SqlTransaction.explainLock(cause) }))
  const patience = SqlTransaction.lockPatience(sql, lockLimit)

  if (!(yield* SqlTransaction.isAlone(sql))) return yield* failed("open")(new Error(SqlTransaction.notAlone))
  const durability = yield* SqlTransaction.ensureTables(
    sql`SELECT 1 FROM ${heads}, ${spool} WHERE 1 = 0`,
    Effect.andThen(
      sql`CREATE TABLE IF NOT EXISTS ${heads} (
        query VARCHAR(100) NOT NULL, sink VARCHAR(200) NOT NULL, batch BIGINT NOT NULL, attempt VARCHAR(100) NOT NULL,
        PRIMARY KEY (query, sink)
      )`,
      sql`CREATE TABLE IF NOT EXISTS ${spool} (
        query VARCHAR(100) NOT NULL, sink VARCHAR(200) NOT NULL, attempt VARCHAR(100) NOT NULL,
        part BIGINT NOT NULL, chunk BIGINT NOT NULL, outputs TEXT NOT NULL,
        PRIMARY KEY (query, sink, attempt, part, chunk)
      )`
    )
  ).pipe(Effect.andThen(SqlTransaction.makeDurability(sql)), Effect.catch(failed("open")))

  const codec = Schema.fromJsonString(Schema.toCodecJson(Schema.NonEmptyArray(options.schema)))
  const encode = Schema.encodeEffect(codec)
  const decode = Schema.decodeEffect(codec)

  /** The batch that was committed last; -1: none. */
  const head = (query: string) =>
    sql`SELECT batch, attempt FROM ${heads} WHERE query = ${query} AND sink = ${sink}`.pipe(
      Effect.flatMap(decodeHead),
      Effect.map(([found]) => found ?? { batch: -1, attempt: "" })
    )
  /**
   * The same, and how much is kept of a try: in one statement, as a commit between two of them would show neither the batch
   * nor its outputs.
   */
  const state = ({ handle, query }: Prepared<Handle, Evidence>) =>
    sql`SELECT
        COALESCE((SELECT batch FROM ${heads} WHERE query = ${query} AND sink = ${sink}), -1) AS batch,
        COALESCE((SELECT attempt FROM ${heads} WHERE query = ${query} AND sink = ${sink}), '') AS attempt,
        (SELECT COUNT(*) FROM ${spool}
          WHERE query = ${query} AND sink = ${sink} AND attempt = ${handle.attempt}) AS chunks`.pipe(
      Effect.flatMap(decodeState),
      Effect.map(([found]) => found)
    )
  const ahead = ({ batch, query }: BatchId, found: number) => fail(new DatabaseAhead({ query, sink, batch, found }))

  const forget = ({ attempt, query }: Handle) =>
    sql`DELETE FROM ${spool} WHERE query = ${query} AND sink = ${sink} AND attempt = ${attempt}`

  const begin = Effect.fnUntraced(function*(id: BatchId) {
    const { batch } = yield* head(id.query).pipe(Effect.catch(failed("begin")))
    if (batch >= id.batch) return yield* ahead(id, batch)
    if (batch < 0) {
      const insert = sql`INSERT INTO ${heads} (query, sink, batch, attempt) VALUES (${id.query}, ${sink}, -1, '')
        ON CONFLICT DO NOTHING`
      yield* SqlTransaction.inTransaction(sql, Effect.andThen(patience.set, insert)).pipe(Effect.catch(failed("begin")))
    }
    const handle = new Handle({ query: id.query, attempt: globalThis.crypto.randomUUID() })
    let isKept = false
    // What can't be deleted now is litter that no commit looks at.
    yield* Effect.addFinalizer(() => isKept ? Effect.void : Effect.ignore(forget(handle)))
    const parts = new Map<number, { chunks: number; events: number; bytes: number; checksum: number }>()
    const write = Effect.fnUntraced(function*(partition: number, outputs: Arr.NonEmptyReadonlyArray<B>) {
      const json = yield* encode(outputs).pipe(
        Effect.catch(({ message }) => fail(new OutputNotEncodable({ sink, detail: message })))
      )
      const part = parts.get(partition) ?? { chunks: 0, events: 0, bytes: 0, checksum: 0 }
      parts.set(partition, part)
      const chunk = part.chunks++
      part.events += outputs.length
      part.bytes += Buffer.byteLength(json)
      // The same however the outputs come in chunks.
      part.checksum = crc32(`${json.slice(1, -1)},`, part.checksum)
      yield* sql`INSERT INTO ${spool} (query, sink, attempt, part, chunk, outputs)
        VALUES (${id.query}, ${sink}, ${handle.attempt}, ${partition}, ${chunk}, ${json})`.pipe(
        Effect.catch(failed("keeping outputs"))
      )
    })
    return {
      handle,
      write,
      flush: () => Effect.void,
      prepare: Effect.sync(() => {
        const written = [...parts].toSorted(([a], [b]) => a - b)
        const sum = (of: "chunks" | "events" | "bytes") => written.reduce((total, [, part]) => total + part[of], 0)
        return {
          evidence: new Evidence({ events: sum("events"), chunks: sum("chunks") }),
          digest: written.map(([partition, part]) => `${partition}:${part.events}:${part.checksum}`).join(" "),
          events: sum("events"),
          bytes: sum("bytes")
        }
      }),
      keep: Effect.sync(() => {
        isKept = true
      })
    } satisfies Attempt<B, SqlSinkError, Handle, Evidence>
  })

  /** Hands what was kept to the user's statements, in order; answers how much that was. */
  const writeKept = Effect.fnUntraced(function*({ batch, handle, query }: Prepared<Handle, Evidence>) {
    let events = 0
    let after = { part: -1, chunk: -1 }
    for (;;) {
      const page = yield* Effect.flatMap(
        sql`SELECT part, chunk, outputs FROM ${spool}
          WHERE query = ${query} AND sink = ${sink} AND attempt = ${handle.attempt}
            AND (part > ${after.part} OR (part = ${after.part} AND chunk > ${after.chunk}))
          ORDER BY part, chunk LIMIT ${sql.literal(String(pageSize))}`,
        decodeChunks
      )
      for (const { outputs } of page) {
        const rows = yield* decode(outputs).pipe(
          Effect.catch(({ message }) => fail(new SpoolDamaged({ query, sink, batch, detail: message })))
        )
        events += rows.length
        yield* options.write(rows, { query, batch }).pipe(
          // not the Scope around, which is the query's
          Effect.scoped,
          Effect.provideContext(context),
          Effect.mapError((error) => new UserFailed({ error }))
        )
      }
      const last = page.at(-1)
      if (last === undefined || page.length < pageSize) return events
      after = last
    }
  })

  const commit = Effect.fnUntraced(function*(prepared: Prepared<Handle, Evidence>) {
    const { batch, evidence, handle, query } = prepared
    yield* durability
    // Not from batch - 1: batches without output for this sink never come here.
    const moved = yield* sql`${patience.begin}
      UPDATE ${heads} SET batch = ${batch}, attempt = ${handle.attempt} ${patience.from}
      WHERE query = ${query} AND sink = ${sink} AND batch < ${batch} RETURNING batch`
    if (moved.length === 0) {
      const found = yield* head(query)
      return found.attempt === handle.attempt ? undefined : yield* ahead(prepared, found.batch)
    }
    const events = yield* writeKept(prepared)
    if (events !== evidence.events) {
      const detail = `${evidence.events} outputs were kept, ${events} are there`
      return yield* fail(new SpoolDamaged({ query, sink, batch, detail }))
    }
    yield* forget(handle)
  })

  return {
    begin,
    commit: (prepared) =>
      SqlTransaction.inTransaction(sql, commit(prepared)).pipe(
        Effect.catch((error): Effect.Effect<never, E | SqlSinkError> => {
          if (error instanceof UserFailed) return Effect.fail(error.error)
          return error._tag === "SqlSinkError" ? Effect.fail(error) : failed("commit")(error)
        })
      ),
    abort: (handle) =>
      Effect.gen(function*() {
        const { attempt } = yield* head(handle.query)
        if (attempt === handle.attempt) return "committed" as const
        yield* SqlTransaction.inTransaction(sql, Effect.andThen(patience.set, forget(handle)))
        return "aborted" as const
      }).pipe(Effect.catch(failed("abort"))),
    recover: (prepared) =>
      Effect.gen(function*() {
        const { attempt, batch, chunks } = yield* state(prepared)
        if (attempt === prepared.handle.attempt) return { _tag: "committed" } satisfies Outcome
        if (batch >= prepared.batch) {
          const detail = `the database has batch ${batch} of the query, from another try or another checkpoint log`
          return { _tag: "unknown", detail } satisfies Outcome
        }
        // Nothing of it was committed, nor can be: a commit needs all of it.
        return { _tag: chunks === prepared.evidence.chunks ? "committable" : "lost" } satisfies Outcome
      }).pipe(Effect.catch(failed("recovery")))
  }
})
