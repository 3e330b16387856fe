/**
 * Rows in a database, exactly once (rule 13). A database transaction can't outlive its process, so a batch's outputs are
 * first kept in a table of the same database, as they come; the commit is one transaction that hands them to the user's
 * statements, deletes them there, and moves the query's batch number on. That number is the fence: a process that commits a
 * batch a second time finds it there.
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
import * as Uuid from "../../../core/Uuid.ts"
import * as SqlTransaction from "../../sql/SqlTransaction.ts"
import type { Attempt, BatchId, Outcome, Past, Prepared, Session, Standing, TypedSink } from "../SinkContract.ts"
import {
  DatabaseAhead,
  DatabaseBehind,
  DatabaseFailed,
  OutputNotEncodable,
  SpoolDamaged,
  SqlSinkError
} from "../SqlSinkError.ts"
import * as SinkTables from "./SinkTables.ts"

/** How outputs are written to a database. @category models @since 0.1.0 */
export interface SqlOptions<B, E, R> {
  /** How outputs are kept, as JSON, until they are committed. */
  readonly schema: Schema.Codec<B, unknown>
  /**
   * Writes rows, in the transaction that commits the batch. It is called several times for a large batch, in the order of
   * partitions, and of the outputs of each. It may be undone and called again. It must not use another database.
   */
  readonly write: (rows: Arr.NonEmptyReadonlyArray<B>, batch: BatchId) => Effect.Effect<unknown, E, R>
  /** The sink's own table. A second one has its name and `_spool`. It can't be changed later. Default: `pravega_sinks`. */
  readonly table?: string | undefined
  /**
   * How long the database may leave a statement, a call of `write` or the commit itself without an answer. The commit is given
   * up then, and tried again; if it came true after all, that is found. PostgreSQL behind a network that drops everything, or
   * waiting for a synchronous replica that is gone, never answers. Default: 2 minutes.
   */
  readonly answerTimeout?: Duration.Input | undefined
}

/** One try to write a batch: the key of its outputs while they are kept. */
class Handle extends Schema.Class<Handle>("effect-pravega/SqlSink/Handle")({
  query: Schema.String,
  attempt: Schema.String
}) {}

class Evidence extends Schema.Class<Evidence>("effect-pravega/SqlSink/Evidence")({
  events: Schema.Natural,
  /** Rows of the table in which they are kept. */
  chunks: Schema.Natural,
  /** What the database had committed last when the batch was begun: the commit moves it on from there, and from nowhere else. */
  from: Schema.optionalKey(Schema.Struct({ batch: Schema.Int, attempt: Schema.String }))
}) {}

/** What the user's statements failed with, apart from what ours do. */
class UserFailed<E> extends Data.Error<{ readonly error: E }> {}

/** A commit may take as long as the user's statements do; so may who waits for its locks, and for those of other users. */
const lockLimit = Duration.seconds(30)
/** Of what has statements of ours only, and of the wait for a lock in it. */
const answerLimit = Duration.seconds(45)

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

/** What the parts of an open sink share. */
interface OpenSink<B> {
  readonly sink: string
  readonly sql: SqlClient
  readonly tables: SinkTables.SinkTables
  readonly patience: ReturnType<typeof SqlTransaction.lockPatience>
  /** The try that was committed last here. */
  committed: string | undefined
  readonly encode: (outputs: Arr.NonEmptyReadonlyArray<B>) => Effect.Effect<string, Schema.SchemaError>
  readonly decode: (outputs: string) => Effect.Effect<Arr.NonEmptyReadonlyArray<B>, Schema.SchemaError>
}

const open = Effect.fnUntraced(function*<B, E, R>(
  sink: string,
  options: SqlOptions<B, E, R> & { readonly table: string }
): Effect.fn.Return<Session<B, E | SqlSinkError, Handle, Evidence>, SqlSinkError, Exclude<R, Scope.Scope> | SqlClient> {
  const context = yield* Effect.context<Exclude<R, Scope.Scope> | SqlClient>()
  const sql = Context.get(context, SqlClient).withoutTransforms()
  const patience = SqlTransaction.lockPatience(sql, lockLimit)
  const tables = SinkTables.make(sql, { sink, table: options.table, patience })
  if (!(yield* SqlTransaction.isAlone(sql))) return yield* failed(sink, "open")(new Error(SqlTransaction.notAlone))
  const opening = Effect.andThen(tables.ensure, SqlTransaction.makeDurability(sql))
  const durability = yield* answered(opening).pipe(Effect.catch(failed(sink, "open")))
  const answerTimeout = Duration.fromInputUnsafe(options.answerTimeout ?? "2 minutes")
  const codec = Schema.fromJsonString(Schema.toCodecJson(Schema.NonEmptyArray(options.schema)))
  const opened: OpenSink<B> = {
    sink,
    sql,
    tables,
    patience,
    committed: undefined,
    encode: Schema.encodeEffect(codec),
    decode: Schema.decodeEffect(codec)
  }
  const write = (rows: Arr.NonEmptyReadonlyArray<B>, batch: BatchId) =>
    options.write(rows, batch).pipe(
      // not the Scope around, which is the query's
      Effect.scoped,
      Effect.provideContext(context),
      Effect.mapError((error) => new UserFailed({ error }))
    )
  return {
    begin: (id, past) => begin(opened, id, past),
    commit: (prepared) =>
      SqlTransaction.whileAnswering(
        answerTimeout,
        (heard) =>
          SqlTransaction.inTransaction(sql, Effect.andThen(durability, commit(opened, prepared, { write, heard })))
      ).pipe(
        Effect.tap(() =>
          Effect.sync(() => {
            opened.committed = prepared.handle.attempt
          })
        ),
        Effect.catch((error): Effect.Effect<never, E | SqlSinkError> => {
          if (error instanceof UserFailed) return Effect.fail(error.error)
          return error._tag === "SqlSinkError" ? Effect.fail(error) : failed(sink, "commit")(error)
        })
      ),
    abort: (handle) =>
      Effect.gen(function*() {
        const { attempt } = yield* answered(tables.head(handle.query))
        if (attempt === handle.attempt) return "committed" as const
        yield* changed(opened, tables.forget(handle))
        return "aborted" as const
      }).pipe(Effect.catch(failed(sink, "abort"))),
    recover: (prepared) => recover(opened, prepared).pipe(orFailed(sink, "recovery")),
    compare: (query, last) => compare(opened, query, last).pipe(orFailed(sink, "comparison with the log"))
  }
})

/** A look at where the database stands, or another statement of ours. */
const answered = <A, E>(effect: Effect.Effect<A, E>) => SqlTransaction.within(answerLimit, effect)

/** In a transaction of its own, which waits for locks. */
const changed = <B>({ patience, sql }: OpenSink<B>, statement: Effect.Effect<unknown, SqlError>) =>
  answered(SqlTransaction.inTransaction(sql, Effect.andThen(patience.set, statement)))

const fail = (reason: SqlSinkError["reason"]) => Effect.fail(new SqlSinkError({ reason }))

type Cause = SqlError | Schema.SchemaError | Error

const failed = (sink: string, operation: string) => (cause: Cause) =>
  fail(new DatabaseFailed({ sink, operation, cause: SqlTransaction.explainLock(cause) }))

const orFailed = (sink: string, operation: string) => <A>(effect: Effect.Effect<A, Cause | SqlSinkError>) =>
  Effect.catchIf(effect, (error): error is Cause => !(error instanceof SqlSinkError), failed(sink, operation))

const ahead = (sink: string, { batch, query }: BatchId, found: number) =>
  fail(new DatabaseAhead({ query, sink, batch, found }))

/** Refuses a database that stands elsewhere than where a batch may go on: after this one, in this very try. */
const checkHead = (sink: string, id: BatchId, found: SinkTables.Head, known: SinkTables.Head) => {
  if (found.batch === known.batch && found.attempt === known.attempt) return Effect.void
  return found.batch < known.batch
    ? fail(new DatabaseBehind({ query: id.query, sink, committed: known.batch, found: found.batch }))
    : ahead(sink, id, found.batch)
}

const nothing: SinkTables.Head = { batch: -1, attempt: "" }

/** Where the log has the sink. */
const headOf = (last: Exclude<Past<Handle>["last"], undefined>): SinkTables.Head =>
  last === null ? nothing : { batch: last.batch, attempt: last.handle.attempt }

/** What a try has written of one partition. */
interface Part {
  chunks: number
  events: number
  bytes: number
  checksum: number
}

const begin = Effect.fnUntraced(function*<B>(opened: OpenSink<B>, id: BatchId, past: Past<Handle> | undefined) {
  const { encode, sink, tables } = opened
  const head = yield* answered(tables.head(id.query)).pipe(Effect.catch(failed(sink, "begin")))
  if (head.batch >= id.batch) return yield* ahead(sink, id, head.batch)
  if (past?.last !== undefined) yield* checkHead(sink, id, head, headOf(past.last))
  if (head.batch < 0) {
    yield* changed(opened, tables.insertHead(id.query)).pipe(Effect.catch(failed(sink, "begin")))
  }
  const handle = new Handle({ query: id.query, attempt: yield* Uuid.next })
  let isKept = false
  // What can't be deleted now is litter that no commit looks at, and that the next one removes.
  yield* Effect.addFinalizer(() =>
    Effect.ignore(
      Effect.andThen(isKept ? isOver(opened, id, handle) : Effect.succeed(true), (over) =>
        over ? answered(tables.forget(handle)) : Effect.void)
    )
  )
  const parts = new Map<number, Part>()
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
    yield* answered(tables.keep(handle, partition, chunk, json)).pipe(Effect.catch(failed(sink, "keeping outputs")))
  })
  return {
    handle,
    write,
    flush: () => Effect.void,
    prepare: Effect.sync(() => summary(parts, head)),
    keep: Effect.sync(() => {
      isKept = true
    })
  } satisfies Attempt<B, SqlSinkError, Handle, Evidence>
})

/** Whether another try of the batch was committed, as happens to who was fenced: then nobody needs what this one kept. */
const isOver = <B>({ committed, tables }: OpenSink<B>, { batch, query }: BatchId, { attempt }: Handle) =>
  committed === attempt
    ? Effect.succeed(false)
    : Effect.map(answered(tables.head(query)), (head) => head.batch >= batch && head.attempt !== attempt)

const summary = (parts: ReadonlyMap<number, Part>, from: SinkTables.Head) => {
  const written = [...parts].toSorted(([a], [b]) => a - b)
  const sum = (of: "chunks" | "events" | "bytes") => written.reduce((total, [, part]) => total + part[of], 0)
  return {
    evidence: new Evidence({ events: sum("events"), chunks: sum("chunks"), from }),
    digest: written.map(([partition, part]) => `${partition}:${part.events}:${part.checksum}`).join(" "),
    events: sum("events"),
    bytes: sum("bytes")
  }
}

interface Writing<B, E> {
  readonly write: (rows: Arr.NonEmptyReadonlyArray<B>, batch: BatchId) => Effect.Effect<unknown, UserFailed<E>>
  /** Run whenever the database has answered. */
  readonly heard: Effect.Effect<void>
}

/** In the transaction that commits the batch. */
const commit = Effect.fnUntraced(function*<B, E>(
  opened: OpenSink<B>,
  prepared: Prepared<Handle, Evidence>,
  writing: Writing<B, E>
) {
  const { batch, evidence, handle, query } = prepared
  const { sink, tables } = opened
  // Not from batch - 1: batches without output for this sink never come here.
  const moved = yield* tables.moveHead({ query, batch, attempt: handle.attempt }, evidence.from)
  yield* writing.heard
  if (moved.length === 0) {
    const found = yield* tables.head(query)
    if (found.attempt === handle.attempt) return
    return yield* found.batch < batch && evidence.from !== undefined
      ? checkHead(sink, prepared, found, evidence.from)
      : ahead(sink, prepared, found.batch)
  }
  const events = yield* writeKept(opened, prepared, writing)
  if (events !== evidence.events) {
    const detail = `${evidence.events} outputs were kept, ${events} are there`
    return yield* fail(new SpoolDamaged({ query, sink, batch, detail }))
  }
  // Whatever another try has kept can't be committed any more: its process was fenced.
  yield* tables.forgetAll(query)
  yield* writing.heard
})

/** Hands what was kept to the user's statements, in order; answers how much that was. */
const writeKept = Effect.fnUntraced(function*<B, E>(
  { decode, sink, tables }: OpenSink<B>,
  { batch, handle, query }: Prepared<Handle, Evidence>,
  { heard, write }: Writing<B, E>
) {
  let events = 0
  let after = { part: -1, chunk: -1 }
  for (;;) {
    const page = yield* tables.page({ query, attempt: handle.attempt }, after)
    yield* heard
    for (const { outputs } of page) {
      const rows = yield* decode(outputs).pipe(
        Effect.catch(({ message }) => fail(new SpoolDamaged({ query, sink, batch, detail: message })))
      )
      events += rows.length
      yield* write(rows, { query, batch })
      yield* heard
    }
    const last = page.at(-1)
    if (last === undefined || page.length < SinkTables.pageSize) return events
    after = last
  }
})

/** What is kept is of tries that were never prepared, and can't be committed any more. */
const compare = Effect.fnUntraced(function*<B>(
  opened: OpenSink<B>,
  query: string,
  last: Prepared<Handle, Evidence> | null
) {
  const { sink, tables } = opened
  const known = headOf(last)
  const found = yield* answered(tables.head(query))
  yield* checkHead(sink, { query, batch: known.batch }, found, known)
  yield* changed(opened, tables.forgetAll(query))
  return { _tag: "asKnown" } satisfies Standing
})

const recover = Effect.fnUntraced(function*<B>({ sink, tables }: OpenSink<B>, prepared: Prepared<Handle, Evidence>) {
  const { attempt, batch, chunks } = yield* answered(
    tables.state({ query: prepared.query, attempt: prepared.handle.attempt })
  )
  if (attempt === prepared.handle.attempt) return { _tag: "committed" } satisfies Outcome
  if (batch >= prepared.batch) {
    const detail = `the database has batch ${batch} of the query, from another try or another checkpoint log`
    return { _tag: "unknown", detail } satisfies Outcome
  }
  const { from } = prepared.evidence
  if (from !== undefined) yield* checkHead(sink, prepared, { batch, attempt }, from)
  // Nothing of it was committed, nor can be: a commit needs all of it.
  return { _tag: chunks === prepared.evidence.chunks ? "committable" : "lost" } satisfies Outcome
})
