/**
 * Where a batch's output goes: the two-phase interface that the commit protocol drives. A batch's outputs become
 * visible together when they are committed; until then none of them is. `Sink.make` is for sinks of one's own.
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
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import * as EventCodec from "../core/EventCodec.ts"
import type { EventStream } from "../core/EventStream.ts"
import type { Pravega } from "../pravega/Pravega.ts"
import type { ReadError } from "../pravega/ReadError.ts"
import type { TransactionError } from "../pravega/TransactionError.ts"
import type { WriterError } from "../pravega/WriterError.ts"
import type { CheckpointLogError } from "./CheckpointLogError.ts"
import type { PreparedSink } from "./CheckpointRecord.ts"
import type { CommitError } from "./CommitError.ts"
import * as ForeachBatchSink from "./internal/ForeachBatchSink.ts"
import { HeldOutputs } from "./internal/HeldOutputs.ts"
import * as IdempotentSink from "./internal/IdempotentSink.ts"
import { jsonState } from "./internal/JsonState.ts"
import * as PlainSink from "./internal/PlainSink.ts"
import * as PravegaSink from "./internal/PravegaSink.ts"
import type { SqlSinkError } from "./SqlSinkError.ts"

/** Which batch of which query a sink works for. @category models @since 0.1.0 */
export interface BatchId {
  readonly query: string
  readonly batch: number
}

/**
 * What became of a prepared batch. `committable`: it is not committed, and `commit` will do it. `lost`: nothing of it
 * was ever visible, nor ever will be. `unknown`: can't be decided; it is never guessed.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  | { readonly _tag: "committed" }
  | { readonly _tag: "committable" }
  | { readonly _tag: "lost" }
  | { readonly _tag: "unknown"; readonly detail: string }

/** What is known of a batch before a try to write it. @category models @since 0.1.0 */
export interface Past<out Handle> {
  /** The log that has the batch: another one of the same query has another name here. */
  readonly log: string
  /** Of tries that were not prepared, in the order in which they began. */
  readonly handles: ReadonlyArray<Handle>
  /** Fails if another process owns the query. */
  readonly checkOwner: Effect.Effect<void, CheckpointLogError>
}

/** That of a batch of which nothing is known, and nobody else runs. */
const firstTry: Past<never> = { log: "", handles: [], checkOwner: Effect.void }

/** What a sink gives when all it was given is safe. @category models @since 0.1.0 */
export interface Written<Evidence> {
  /** What will decide the outcome when nobody else knows it. */
  readonly evidence: Evidence
  /** Identifies the outputs per partition, in their order. */
  readonly digest: string
  readonly events: number
  /** In bytes. */
  readonly bytes: number
}

/** One try to write a batch. Its Scope keeps it alive, and aborts it when it closes, unless it was kept. @category models @since 0.1.0 */
export interface Attempt<in B, out E, out Handle, out Evidence> {
  /** Enough for another process to commit or abort it. */
  readonly handle: Handle
  /** Takes outputs of a partition, in order; waits when the sink is slow. Partitions write at the same time. */
  readonly write: (partition: number, outputs: Arr.NonEmptyReadonlyArray<B>) => Effect.Effect<void, E>
  /** Waits until what the partition wrote is acknowledged. */
  readonly flush: (partition: number) => Effect.Effect<void, E>
  /** Makes all outputs safe: from here on `commit` needs nothing of this process. */
  readonly prepare: Effect.Effect<Written<Evidence>, E>
  /** From here on the Scope's end does not abort it: its fate is being recorded. */
  readonly keep: Effect.Effect<void>
}

/** What is known of a prepared batch. @category models @since 0.1.0 */
export interface Prepared<Handle, Evidence> extends BatchId {
  readonly handle: Handle
  readonly evidence: Evidence
}

/** An open sink. @category models @since 0.1.0 */
export interface Session<in B, out E, in out Handle, in out Evidence> {
  /** Begins a try to write a batch; nothing of it is visible before `commit`. `past`: left out, it is the first one. */
  readonly begin: (
    batch: BatchId,
    past?: Past<Handle>
  ) => Effect.Effect<Attempt<B, E, Handle, Evidence>, E, Scope.Scope>
  /** Commits, if it is not committed; returns when it is visible. May be repeated by any process. */
  readonly commit: (prepared: Prepared<Handle, Evidence>) => Effect.Effect<void, E>
  /** Ends a try that will never be committed; may be repeated, and of one that is gone. Says if it was too late. */
  readonly abort: (handle: Handle) => Effect.Effect<"aborted" | "committed", E>
  /** What became of a prepared batch. */
  readonly recover: (prepared: Prepared<Handle, Evidence>) => Effect.Effect<Outcome, E>
}

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

/** A session whose state is as the log has it. @category models @since 0.1.0 */
export interface SinkSession<in B, out E> {
  readonly begin: (
    batch: BatchId,
    past?: Past<Schema.Json>
  ) => Effect.Effect<Attempt<B, E, Schema.Json, Schema.Json>, E | CommitError, Scope.Scope>
  readonly commit: (batch: BatchId, prepared: PreparedSink) => Effect.Effect<void, E | CommitError>
  readonly abort: (handle: Schema.Json) => Effect.Effect<"aborted" | "committed", E | CommitError>
  readonly recover: (batch: BatchId, prepared: PreparedSink) => Effect.Effect<Outcome, E | CommitError>
}

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

/** What a sink fails with. @category type-level @since 0.1.0 */
export type Failure<S> = S extends Sink<never, infer E, unknown> ? E : never

/** What a sink needs. @category type-level @since 0.1.0 */
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
const importSqlSink = Effect.promise(() => import("./internal/SqlSink.ts"))

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
  const visible: Array<B> = []
  const tries = new Map<string, HeldOutputs<B> | "committed">()
  let next = 0
  const sink = make<B, never, never, string, null, string, null>({
    name,
    structure: "memory",
    handle: Schema.String,
    evidence: Schema.Null,
    open: Effect.succeed({
      begin: ({ batch }) =>
        Effect.gen(function*() {
          const handle = `${batch}.${next++}`
          const outputs = new HeldOutputs<B>()
          tries.set(handle, outputs)
          let isKept = false
          yield* Effect.addFinalizer(() => Effect.sync(() => isKept ? undefined : tries.delete(handle)))
          return {
            handle,
            write: (partition, more) => Effect.sync(() => outputs.add(partition, more)),
            flush: () => Effect.void,
            prepare: Effect.sync(() => ({
              evidence: null,
              digest: outputs.digest(),
              events: outputs.all().length,
              bytes: 0
            })),
            keep: Effect.sync(() => {
              isKept = true
            })
          }
        }),
      commit: ({ handle }) =>
        Effect.sync(() => {
          const outputs = tries.get(handle)
          if (outputs instanceof HeldOutputs) { for (const output of outputs.all()) visible.push(output) }
          tries.set(handle, "committed")
        }),
      abort: (handle) =>
        Effect.sync(() => {
          if (tries.get(handle) === "committed") return "committed"
          tries.delete(handle)
          return "aborted"
        }),
      recover: ({ handle }) =>
        Effect.sync(() => ({
          _tag: tries.get(handle) instanceof HeldOutputs ? "committable" as const : "committed" as const
        }))
    })
  })
  return { ...sink, committed: () => visible }
}

const isNonEmpty = <A>(items: Array<A>): items is Arr.NonEmptyArray<A> => items.length > 0
