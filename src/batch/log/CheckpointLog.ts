/**
 * The checkpoint log: a query's whole memory, and its fence. Here are the homes that it can have; what each of them gives is
 * said by `LogContract`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { SqlClient } from "effect/sql/SqlClient"
import { ScopedStream } from "../../core/ScopedStream.ts"
import { LogFiles } from "../../files/LogFiles.ts"
import type { Pravega } from "../../pravega/Pravega.ts"
import { CheckpointLogError, LogUnavailable } from "../protocol/CheckpointLogError.ts"
import type { QueryName } from "../protocol/QueryName.ts"
import * as SqliteClient from "../sql/SqliteClient.ts"
import * as DirectoryLog from "./internal/DirectoryLog.ts"
import * as MemoryLog from "./internal/MemoryLog.ts"
import type { SqlLogOptions } from "./internal/SqlLog.ts"
import type { QueryLog } from "./LogContract.ts"
import * as PravegaLog from "./PravegaLog.ts"

export type { SqlLogOptions } from "./internal/SqlLog.ts"
export type { QueryLog, StoredRecord } from "./LogContract.ts"

/**
 * Where the logs of queries are kept.
 *
 * @category services
 * @since 0.1.0
 */
export class CheckpointLog extends Context.Service<CheckpointLog, {
  /** The log of a query; a query never seen before has an empty one. */
  readonly open: (query: QueryName) => Effect.Effect<QueryLog, CheckpointLogError>
}>()("effect-pravega/batch/CheckpointLog") {
  /** Logs in this process's memory, gone with the layer: for tests, and for pipelines that may begin again. */
  static readonly layerMemory: Layer.Layer<CheckpointLog> = Layer.sync(CheckpointLog, () => {
    const logs = new Map<QueryName, QueryLog>()
    return {
      open: (query) =>
        Effect.sync(() => {
          const log = logs.get(query) ?? MemoryLog.make(query)
          logs.set(query, log)
          return log
        })
    }
  })

  /**
   * Logs in a directory, one folder per query. The directory must be on a file system with link(2) and fsync (any local
   * one; NFS too). Processes may share it.
   */
  static readonly layerFileSystem = (directory: string): Layer.Layer<CheckpointLog> =>
    CheckpointLog.layerFiles(directory).pipe(Layer.provide(LogFiles.layerNode))

  /** The same over any `LogFiles`, such as a simulated disk. */
  static readonly layerFiles = (directory: string): Layer.Layer<CheckpointLog, never, LogFiles> =>
    Layer.effect(
      CheckpointLog,
      Effect.map(LogFiles, (files) => ({ open: (query) => DirectoryLog.open(files, directory, query) }))
    )

  /**
   * Logs in the database of a `SqlClient`: PostgreSQL (`@effect/sql-pg`), or SQLite. The tables are made if they are not
   * there. Every append is a transaction of its own: a query must not run within one of the same client.
   *
   * ```ts
   * import { PgClient } from "@effect/sql-pg"
   * import { CheckpointLog } from "effect-pravega/batch"
   * import * as Layer from "effect/Layer"
   *
   * const checkpoints = CheckpointLog.layerSql().pipe(
   *   Layer.provide(PgClient.layer({ host: "localhost", database: "shop" }))
   * )
   * ```
   */
  static readonly layerSql = (options: SqlLogOptions = {}): Layer.Layer<CheckpointLog, never, SqlClient> =>
    Layer.effect(
      CheckpointLog,
      Effect.gen(function*() {
        const SqlLog = yield* importSqlLog
        const open = yield* SqlLog.make
        return { open: (query) => open(query, options) }
      })
    )

  /**
   * Logs in one SQLite file, made if it is not there (its folder must be). Nothing to install: it is Node's own SQLite.
   * The quickest home that is durable: a record takes a third of the time that it takes in a directory.
   * Processes may share the file; it must be on a local disk. That it can't be opened is said by `open`.
   */
  static readonly layerSqlite = (file: string): Layer.Layer<CheckpointLog> =>
    Layer.effect(
      CheckpointLog,
      Effect.gen(function*() {
        const SqlLog = yield* importSqlLog
        const client = yield* Effect.result(Layer.build(SqliteClient.layer(file)))
        if (Result.isFailure(client)) {
          const reason = (query: QueryName) => new LogUnavailable({ query, operation: "open", cause: client.failure })
          return { open: (query) => Effect.fail(new CheckpointLogError({ reason: reason(query) })) }
        }
        const open = yield* Effect.provideContext(SqlLog.make, client.success)
        return { open: (query) => open(query, {}) }
      })
    )

  /**
   * Logs in Pravega itself, one stream of one segment per query: for `"shop/checkpoints"`, the log of the query `totals`
   * is the stream `shop/checkpoints-totals`, made if it is not there (its scope too). Nobody else may write to it, scale
   * it, or give it a retention policy. Throws a `SchemaError` if it is no stream's name.
   *
   * ```ts
   * import { Pravega } from "effect-pravega"
   * import { CheckpointLog } from "effect-pravega/batch"
   * import * as Layer from "effect/Layer"
   *
   * const live = CheckpointLog.layerPravega("shop/checkpoints").pipe(
   *   Layer.provideMerge(Pravega.layer({ controller: "tcp://localhost:9090" }))
   * )
   * ```
   */
  static readonly layerPravega = (prefix: string): Layer.Layer<CheckpointLog, never, Pravega> => {
    const stream = ScopedStream.parse(prefix)
    return Layer.effect(
      CheckpointLog,
      Effect.gen(function*() {
        const context = yield* Effect.context<Pravega | Scope.Scope>()
        const logs = new Map<QueryName, { readonly turn: Semaphore.Semaphore; log?: QueryLog }>()
        return {
          // Each has a connection and leaves a writer's trace in the segment: all who open one have the same.
          open: (query) =>
            Effect.suspend(() => {
              const known = logs.get(query) ?? { turn: Semaphore.makeUnsafe(1) }
              logs.set(query, known)
              const opening = Effect.tap(PravegaLog.open(stream, query), (log) =>
                Effect.sync(() => {
                  known.log = log
                }))
              const open = Effect.suspend(() => known.log === undefined ? opening : Effect.succeed(known.log))
              return Effect.provideContext(known.turn.withPermit(open), context)
            })
        }
      })
    )
  }
}

/** Loaded when it is used: who keeps no log in a database pays nothing for it. */
const importSqlLog = Effect.promise(() => import("./internal/SqlLog.ts"))
