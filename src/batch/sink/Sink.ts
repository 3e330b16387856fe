/**
 * Where a batch's output goes. A batch's outputs become visible together when they are committed; until then none of them
 * is. `Sink.make` is for sinks of one's own: what they have to do is said by `SinkSession`.
 *
 * It knows nothing of sources or of the checkpoint log.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Console from "effect/Console"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import * as EventCodec from "../../core/EventCodec.ts"
import type { EventStream } from "../../core/EventStream.ts"
import type { Pravega } from "../../pravega/Pravega.ts"
import type { ReadError } from "../../pravega/read/ReadError.ts"
import type { TransactionError } from "../../pravega/transaction/TransactionError.ts"
import type { WriterError } from "../../pravega/write/WriterError.ts"
import type { CheckpointLogError } from "../log/CheckpointLogError.ts"
import type { PreparedSink } from "../log/CheckpointRecord.ts"
import type { CommitError } from "../log/CommitError.ts"
import { jsonState } from "../log/JsonState.ts"
import * as ForeachBatchSink from "./internal/ForeachBatchSink.ts"
import * as MemorySink from "./internal/MemorySink.ts"
import * as IdempotentSink from "./pravega/IdempotentSink.ts"
import * as PlainSink from "./pravega/PlainSink.ts"
import * as PravegaSink from "./pravega/PravegaSink.ts"
import type { BatchId, Past, Prepared, Session, SinkSession } from "./SinkSession.ts"
import type { SqlSinkError } from "./SqlSinkError.ts"

export type { Attempt, BatchId, Outcome, Past, Prepared, Session, SinkSession, Written } from "./SinkSession.ts"

/** A sink of `B`, as a query uses it. @category models @since 0.1.0 */
export interface Sink<in B, out E, out R> {
  /** Unique in the pipeline; the key of its state in the log. */
  readonly name: string
  /** What must not change while a query has a log. */
  readonly structure: Schema.Json
  /**
   * Its outputs are visible before they are committed, so that a batch that is processed again must have the same ones: a
   * pipeline that does not say so (`deterministic`) is refused.
   */
  readonly needsDeterministic?: true | undefined
  /** Whether any of these outputs is for this sink: it begins nothing before there is one. */
  readonly accepts: (outputs: Arr.NonEmptyReadonlyArray<B>) => boolean
  /** Lives as long as the query runs. */
  readonly open: Effect.Effect<SinkSession<B, E>, E, R | Scope.Scope>
}

/** That of a batch of which nothing is known, and nobody else runs. */
const firstTry: Past<never> = { log: "", handles: [], checkOwner: Effect.void }

/** What a sink of one's own is made of. @category models @since 0.1.0 */
export interface TypedSink<in B, out E, out R, in out Handle, in out Evidence, in out HI, in out VI> {
  readonly name: string
  /** What must not change while a query has a log. */
  readonly structure: Schema.Json
  readonly handle: Schema.Codec<Handle, HI>
  readonly evidence: Schema.Codec<Evidence, VI>
  /** See `Sink`. */
  readonly needsDeterministic?: true | undefined
  readonly open: Effect.Effect<Session<B, E, Handle, Evidence>, E, R | Scope.Scope>
}

/**
 * A sink of one's own. Handles and evidence are kept in the checkpoint log as JSON, by their Schemas.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <B, E, R, Handle, Evidence, HI, VI>(
  options: TypedSink<B, E, R, Handle, Evidence, HI, VI>
): Sink<B, E, R> => {
  const handle = jsonState(options.name, options.handle)
  const evidence = jsonState(options.name, options.evidence)
  const typed = (batch: BatchId, prepared: PreparedSink) =>
    Effect.map(
      Effect.all([handle.decode(prepared.handle), evidence.decode(prepared.evidence)]),
      ([decodedHandle, decodedEvidence]): Prepared<Handle, Evidence> => ({
        query: batch.query,
        batch: batch.batch,
        handle: decodedHandle,
        evidence: decodedEvidence
      })
    )
  return {
    name: options.name,
    structure: options.structure,
    needsDeterministic: options.needsDeterministic,
    accepts: () => true,
    open: Effect.map(options.open, (session): SinkSession<B, E> => ({
      begin: (batch, past = firstTry) =>
        Effect.forEach(past.handles, handle.decode).pipe(
          Effect.flatMap((handles) => session.begin(batch, { ...past, handles })),
          Effect.map((attempt) => ({
            handle: handle.encode(attempt.handle),
            write: attempt.write,
            flush: attempt.flush,
            prepare: Effect.map(
              attempt.prepare,
              (written) => ({ ...written, evidence: evidence.encode(written.evidence) })
            ),
            keep: attempt.keep
          }))
        ),
      getReady: session.getReady,
      commit: (batch, prepared) => Effect.flatMap(typed(batch, prepared), session.commit),
      abort: (encoded) => Effect.flatMap(handle.decode(encoded), session.abort),
      recover: (batch, prepared) => Effect.flatMap(typed(batch, prepared), session.recover)
    }))
  }
}

/**
 * Chooses and changes what goes to a sink: outputs for which `f` gives undefined are left out. `f` must be pure.
 *
 * @category combinators
 * @since 0.1.0
 */
export const filterMapInput = <B, E, R, C>(sink: Sink<B, E, R>, f: (output: C) => B | undefined): Sink<C, E, R> => {
  const choose = (outputs: ReadonlyArray<C>): Array<B> =>
    outputs.flatMap((output) => {
      const chosen = f(output)
      return chosen === undefined ? [] : [chosen]
    })
  return {
    name: sink.name,
    structure: sink.structure,
    needsDeterministic: sink.needsDeterministic,
    accepts: (outputs) =>
      outputs.some((output) => {
        const chosen = f(output)
        return chosen !== undefined && sink.accepts([chosen])
      }),
    open: Effect.map(sink.open, (session) => ({
      ...session,
      begin: (batch, past) =>
        Effect.map(session.begin(batch, past), (attempt) => ({
          ...attempt,
          write: (partition, outputs) => {
            const chosen = choose(outputs)
            return isNonEmpty(chosen) ? attempt.write(partition, chosen) : Effect.void
          }
        }))
    }))
  }
}

/** What a sink fails with. @category utility types @since 0.1.0 */
export type Failure<S> = S extends Sink<never, infer E, unknown> ? E : never

/** What a sink needs. @category utility types @since 0.1.0 */
export type Services<S> = S extends Sink<never, unknown, infer R> ? Exclude<R, Scope.Scope> : never

/** @category models @since 0.1.0 */
export interface IdempotentOptions {
  /**
   * Outputs are in the stream exactly once, without transactions: visible at once, each under a number that a try after a
   * crash gives it again, and that the stream's segments remember.
   */
  readonly guarantee: "idempotent"
  /** Outputs are accepted while fewer bytes than this are unacknowledged, per partition; default 8 MiB. */
  readonly maxPendingBytes?: number | undefined
}

/** @category models @since 0.1.0 */
export interface PravegaOptions {
  /** Outputs become visible exactly once, by transactions: one per batch, kept open by pings while the batch runs. */
  readonly guarantee: "exactly-once"
  /**
   * A batch that is not prepared is given up by the controller so long after its process died; default 60 seconds. No
   * batch may take longer than 1000 times this, or a day (the server's defaults).
   */
  readonly lease?: Duration.Input | undefined
  /**
   * Nobody but this query writes to the stream. Then an outcome that the controller has forgotten (24 hours after it, by
   * default) is decided by what the stream got since; otherwise such a query stops with `AmbiguousCommit`. Default false.
   */
  readonly isOwned?: boolean | undefined
}

/**
 * Writes to a Pravega stream; in the end each output is in it exactly once, in the order, per routing key, in which the
 * process emitted it, if one partition emits the key.
 *
 * `"exactly-once"`: nothing of a batch is visible before its outcome is decided; then its events appear segment by segment.
 *
 * `"idempotent"`: the quicker one. Readers see outputs as they are written, before their batch is committed, and keep them
 * whatever becomes of the process: nothing is lost or repeated, but a batch is not seen as a whole. What was visible can't
 * be taken back, so the pipeline must be `deterministic`, without dead letters: the same outputs, in the same order per
 * partition, each time a batch is processed. Only this query may use its writer ids, and each of them stays in the segments that it wrote to: some
 * bytes per partition and segment. If retention deletes a segment to which a process was writing when it was killed, before
 * the query runs again, that ends it with `SinkSegmentLost`.
 *
 * @category constructors
 * @since 0.1.0
 */
export function pravega<B>(
  stream: EventStream<B>,
  options: PravegaOptions
): Sink<B, TransactionError | ReadError, Pravega>
export function pravega<B>(stream: EventStream<B>, options: AtLeastOnceOptions): Sink<B, WriterError, Pravega>
export function pravega<B>(
  stream: EventStream<B>,
  options: IdempotentOptions
): Sink<B, WriterError | CommitError | CheckpointLogError, Pravega> & { readonly needsDeterministic: true }
export function pravega<B>(
  stream: EventStream<B>,
  options: PravegaOptions | AtLeastOnceOptions | IdempotentOptions
) {
  switch (options.guarantee) {
    case "exactly-once":
      return make(PravegaSink.typed(stream, options))
    case "at-least-once":
      return make(PlainSink.typed(stream, options))
    case "idempotent":
      return { ...make(IdempotentSink.typed(stream, options)), needsDeterministic: true as const }
  }
}

/** @category models @since 0.1.0 */
export interface AtLeastOnceOptions {
  /**
   * Outputs are visible at once, without transactions, and durable before their batch counts as done: none is lost, but
   * those of a batch that was not done when its process died, or failed, are written again.
   */
  readonly guarantee: "at-least-once"
  /** Outputs are accepted while fewer bytes than this are unacknowledged; default 8 MiB. */
  readonly maxPendingBytes?: number | undefined
}

/** @category models @since 0.1.0 */
export interface SqlOptions<B, I, E, R> {
  /** How outputs are kept, as JSON, until they are committed. */
  readonly schema: Schema.Codec<B, I>
  /**
   * Writes rows, in the transaction that commits the batch: called several times for a large batch, in the order of
   * partitions, and of outputs in each. It may be undone and called again. It must not use another database.
   */
  readonly write: (rows: Arr.NonEmptyReadonlyArray<B>, batch: BatchId) => Effect.Effect<unknown, E, R>
  /** The sink's own table; a second one has its name and `_spool`. Not to be changed later. Default `pravega_sinks`. */
  readonly table?: string | undefined
}

/**
 * Writes rows to a SQLite or PostgreSQL database, exactly once: rows and the number of their batch are committed in one
 * database transaction. Until then outputs are kept in a table beside, so that a commit can be repeated by any process.
 * Needs a `SqlClient`: `SqliteClient.layer`, or that of `@effect/sql-pg`.
 *
 * ```ts
 * import { Sink } from "effect-pravega/batch"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import { SqlClient } from "effect/sql/SqlClient"
 *
 * const Total = Schema.Struct({ symbol: Schema.String, total: Schema.Finite })
 *
 * const totals = Sink.sql("totals", {
 *   schema: Total,
 *   write: (rows) => Effect.flatMap(SqlClient, (sql) => sql`INSERT INTO totals ${sql.insert(rows)}`)
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const sql = <B, I, E, R>(
  name: string,
  options: SqlOptions<B, I, E, R>
): Sink<B, E | SqlSinkError, R | SqlClient> => {
  const { schema, table = "pravega_sinks" } = options
  // Outputs that were kept by another schema can't be read, and in another table a committed batch is not found.
  const structure = { kind: "sql", table, codec: EventCodec.fingerprint(EventCodec.json(schema)) }
  const open = Effect.flatMap(
    importSqlSink,
    (SqlSink) => make(SqlSink.typed(name, structure, { ...options, table })).open
  )
  // The rest of it is the same before the module is loaded.
  return { name, structure, accepts: () => true, open }
}

/** Loaded when it is used: who has no database pays nothing for it. */
const importSqlSink = Effect.promise(() => import("./sql/SqlSink.ts"))

/**
 * Runs an Effect with a batch's outputs, once they are all there and before the batch counts as done. It may run again
 * with the same batch: after a failure, or a crash. So it must be idempotent by the batch's number, for example by storing
 * it with what it does, and doing nothing when it is there. After a crash the outputs are those of the same input processed
 * again: if it can have done part of a batch, let the pipeline be deterministic.
 *
 * Outputs come in the order of partitions, and are held in memory until then: limit the batches. Not run for a batch
 * without output.
 *
 * ```ts
 * import { Sink } from "effect-pravega/batch"
 * import * as Effect from "effect/Effect"
 *
 * const mail = Sink.foreachBatch("mail", ({ batch }, alerts: ReadonlyArray<string>) =>
 *   Effect.logInfo(`batch ${batch} has ${alerts.length} alerts`))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const foreachBatch = <B, E, R>(
  name: string,
  run: (batch: BatchId, outputs: ReadonlyArray<B>) => Effect.Effect<void, E, R>
): Sink<B, E, R> => make(ForeachBatchSink.typed(name, { kind: "foreachBatch" }, run))

/** @category models @since 0.1.0 */
export interface ConsoleOptions<in B> {
  /** Default "console". */
  readonly name?: string | undefined
  /** Default: texts as they are, other values as Effect formats them. */
  readonly format?: ((output: B) => string) | undefined
}

/**
 * Prints outputs, a line each, when their batch is done; after a crash some lines may come again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const console = <B>({ format = formatted, name = "console" }: ConsoleOptions<B> = {}): Sink<B, never, never> =>
  make(
    ForeachBatchSink.typed(
      name,
      { kind: "console" },
      (_, outputs: ReadonlyArray<B>) =>
        Effect.forEach(outputs, (output) => Console.log(format(output)), { discard: true })
    )
  )

const formatted = (output: unknown): string => typeof output === "string" ? output : Formatter.format(output)

/** What a memory sink holds. @category models @since 0.1.0 */
export interface Memory<in out B> extends Sink<B, never, never> {
  /** What is committed, in the order of the commits. */
  readonly committed: () => ReadonlyArray<B>
}

/**
 * Collects outputs in memory, for tests and examples. It outlives the query that writes to it, not the process: with a
 * log that does, batches prepared by an earlier process count as committed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const memory = <B>(name = "memory"): Memory<B> => {
  const { committed, typed } = MemorySink.make<B>(name)
  return { ...make(typed), committed }
}

const isNonEmpty = <A>(items: Array<A>): items is Arr.NonEmptyArray<A> => items.length > 0
