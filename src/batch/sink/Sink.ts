/**
 * Where a batch's outputs go: the sinks that there are. The outputs of a batch become visible together when they are
 * committed, but for the sinks that say otherwise. `Sink.make` makes a sink of one's own. What it has to do is said by
 * `SinkContract`.
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
import * as Later from "../../core/Later.ts"
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
 * Writes to a Pravega stream. In the end each output is in the stream exactly once, unless `"at-least-once"` is chosen. The
 * outputs of one routing key are in the order in which the process emitted them, if one partition emits the key.
 *
 * **When to use**
 *
 * `"exactly-once"` is the one to begin with. `"idempotent"` is quicker, and asks more of the pipeline. `"at-least-once"` is
 * for readers that do not mind an output twice.
 *
 * **Details**
 *
 * With `"exactly-once"` nothing of a batch is visible before its outcome is decided. Then its events appear segment by segment.
 *
 * With `"idempotent"` readers see outputs as they are written, before their batch is committed, and keep them whatever becomes
 * of the process. Nothing is lost or repeated, but a batch is not seen as a whole. Only this query may use its writer ids.
 * Each of them stays in the segments that it wrote to: some bytes per partition and segment.
 *
 * **Gotchas**
 *
 * What was visible can't be taken back. So a pipeline with an `"idempotent"` sink must be `deterministic` and have no dead
 * letters: it has the same outputs, in the same order per partition, each time a batch is processed. If a process is killed,
 * and retention deletes a segment to which it was writing before the query runs again, the query ends with `SinkSegmentLost`.
 *
 * **Example**
 *
 * ```ts
 * import { EventCodec, EventStream } from "effect-pravega"
 * import { Sink } from "effect-pravega/batch"
 *
 * const alerts = EventStream.make("logs/alerts", { codec: EventCodec.utf8 })
 *
 * const sink = Sink.pravega(alerts, { guarantee: "exactly-once" })
 * ```
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
 * Writes rows to a SQLite or PostgreSQL database, exactly once. It needs a `SqlClient`: `SqliteClient.layer`, or that of
 * `@effect/sql-pg`.
 *
 * **Details**
 *
 * The rows and the number of their batch are committed in one transaction of the database. Until then outputs are kept in a
 * second table. So any process can repeat a commit.
 *
 * **Example**
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

/** Loaded when it is used: a program without a database pays nothing for it. */
const importSqlSink = Later.load(() => import("./sql/SqlSink.ts"))

/**
 * Runs an Effect with the outputs of a batch, when they are all there and before the batch counts as done.
 *
 * **Details**
 *
 * Outputs come in the order of partitions. They are held in memory until then, so limit the batches. It is not run for a batch
 * without outputs. A Scope that it asks for is the batch's own, and ends with it.
 *
 * **Gotchas**
 *
 * It may run again with the same batch, after a failure or a crash. So it must be idempotent by the batch's number: store the
 * number with what it does, for example, and do nothing when the number is there. After a crash the outputs are those of the
 * same input, processed again. If it can have done part of a batch by then, the pipeline must be deterministic.
 *
 * **Example**
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

/** How outputs are printed. @category models @since 0.1.0 */
export interface ConsoleOptions<in B> {
  /** The sink's name in the pipeline. Default: "console". */
  readonly name?: string | undefined
  /** The line of an output. Default: a text as it is, another value as Effect formats it. */
  readonly format?: ((output: B) => string) | undefined
}

/**
 * Prints outputs, a line each, when their batch is done. After a crash some lines may come again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const console = <B>(
  { format = formatted, name = "console" }: ConsoleOptions<B> = {}
): Sink<B, never, never> & { readonly mayBeSeenEarly: true } =>
  early(make(
    ForeachBatchSink.typed(
      name,
      { kind: "console" },
      (_, outputs: ReadonlyArray<B>) =>
        Effect.forEach(outputs, (output) => Console.log(format(output)), { discard: true })
    )
  ))

const formatted = (output: unknown): string => typeof output === "string" ? output : Formatter.format(output)

/**
 * Collects outputs in memory, for tests and examples.
 *
 * **Gotchas**
 *
 * It outlives the query that writes to it, but not the process. If the log outlives the process, batches that an earlier
 * process has prepared count as committed.
 *
 * **Example**
 *
 * ```ts
 * import { Pipeline, Sink, type Source } from "effect-pravega/batch"
 * import { Query, Trigger } from "effect-pravega/stream"
 * import { Effect } from "effect"
 *
 * const collect = <A, E, R>(source: Source.Source<A, E, R>) => {
 *   const sink = Sink.memory<A>()
 *   const pipeline = Pipeline.make("collect", { source, process: (events) => events, sink })
 *   return Effect.andThen(Query.run(pipeline, { trigger: Trigger.availableNow }), sink.committed)
 * }
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const memory = <B>(name = "memory"): MemorySink.Memory<B> => {
  const { committed, typed } = MemorySink.make<B>(name)
  return { ...make(typed), committed }
}
