/**
 * Where a batch's output goes: the sinks that there are. A batch's outputs become visible together when they are committed;
 * until then none of them is. `Sink.make` is for sinks of one's own: what they have to do is said by `SinkContract`.
 *
 * @since 0.1.0
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Pipeable from "effect/Pipeable"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import * as EventCodec from "../../core/EventCodec.ts"
import type { EventStream } from "../../core/EventStream.ts"
import type { Pravega } from "../../pravega/Pravega.ts"
import type { ReadError } from "../../pravega/read/ReadError.ts"
import type { TransactionError } from "../../pravega/transaction/TransactionError.ts"
import type { WriterError } from "../../pravega/write/WriterError.ts"
import type { CheckpointLogError } from "../protocol/CheckpointLogError.ts"
import type { CommitError } from "../protocol/CommitError.ts"
import * as ForeachBatchSink from "./internal/ForeachBatchSink.ts"
import * as MemorySink from "./internal/MemorySink.ts"
import * as IdempotentSink from "./pravega/IdempotentSink.ts"
import * as PlainSink from "./pravega/PlainSink.ts"
import * as PravegaSink from "./pravega/PravegaSink.ts"
import { type BatchId, make, type Sink } from "./SinkContract.ts"
import type { SqlOptions } from "./sql/SqlSink.ts"
import type { SqlSinkError } from "./SqlSinkError.ts"

export { filterMapInput } from "./FilteredSink.ts"
export type { Memory } from "./internal/MemorySink.ts"
export type { IdempotentOptions } from "./pravega/IdempotentSink.ts"
export type { AtLeastOnceOptions } from "./pravega/PlainSink.ts"
export type { PravegaOptions } from "./pravega/PravegaSink.ts"
export * from "./SinkContract.ts"
export type { SqlOptions } from "./sql/SqlSink.ts"

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
  options: PravegaSink.PravegaOptions
): Sink<B, TransactionError | ReadError, Pravega>
export function pravega<B>(
  stream: EventStream<B>,
  options: PlainSink.AtLeastOnceOptions
): Sink<B, WriterError, Pravega> & { readonly mayBeSeenEarly: true }
export function pravega<B>(
  stream: EventStream<B>,
  options: IdempotentSink.IdempotentOptions
): Sink<B, WriterError | CommitError | CheckpointLogError, Pravega> & {
  readonly needsDeterministic: true
  readonly mayBeSeenEarly: true
}
export function pravega<B>(
  stream: EventStream<B>,
  options: PravegaSink.PravegaOptions | PlainSink.AtLeastOnceOptions | IdempotentSink.IdempotentOptions
) {
  switch (options.guarantee) {
    case "exactly-once":
      return make(PravegaSink.typed(stream, options))
    case "at-least-once":
      return early(make(PlainSink.typed(stream, options)))
    case "idempotent":
      return { ...early(make(IdempotentSink.typed(stream, options))), needsDeterministic: true as const }
  }
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
export const sql = <B, E, R>(
  name: string,
  options: SqlOptions<B, E, R>
): Sink<B, E | SqlSinkError, Exclude<R, Scope.Scope> | SqlClient> => {
  const { schema, table = "pravega_sinks" } = options
  // Outputs that were kept by another schema can't be read, and in another table a committed batch is not found.
  const structure = { kind: "sql", table, codec: EventCodec.fingerprint(EventCodec.json(schema)) }
  const open = Effect.flatMap(
    importSqlSink,
    (SqlSink) => make(SqlSink.typed(name, structure, { ...options, table })).open
  )
  // The rest of it is the same before the module is loaded.
  return { ...Pipeable.Prototype, name, structure, accepts: () => true, open }
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
 * without output. A Scope that it asks for is the batch's own, and ends with it.
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
): Sink<B, E, Exclude<R, Scope.Scope>> & { readonly mayBeSeenEarly: true } =>
  early(make(ForeachBatchSink.typed(name, { kind: "foreachBatch" }, run)))

/** Said in the type, too, so that a pipeline of a flow can refuse it where it is written. */
const early = <S>(sink: S): S & { readonly mayBeSeenEarly: true } => ({ ...sink, mayBeSeenEarly: true })

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

/**
 * Collects outputs in memory, for tests and examples. It outlives the query that writes to it, not the process: with a
 * log that does, batches prepared by an earlier process count as committed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const memory = <B>(name = "memory"): MemorySink.Memory<B> => {
  const { committed, typed } = MemorySink.make<B>(name)
  return { ...make(typed), committed }
}
