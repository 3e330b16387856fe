/**
 * The checkpoint log: a query's whole memory, and its fence. Here are the homes that it can have. What each of them gives is
 * said by `LogContract`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import { ScopedStream } from "../../core/ScopedStream.ts"
import { LogFiles } from "../../files/LogFiles.ts"
import type { Pravega } from "../../pravega/Pravega.ts"
import * as DirectoryLog from "./internal/DirectoryLog.ts"
import * as MemoryLog from "./internal/MemoryLog.ts"
import * as PravegaLog from "./internal/PravegaLog.ts"
import type { SqlLogOptions } from "./internal/SqlLog.ts"
import type { LogHome } from "./LogContract.ts"

export type { SqlLogOptions } from "./internal/SqlLog.ts"
export type { LogHome, QueryLog, StoredRecord } from "./LogContract.ts"

/**
 * Where the logs of queries are kept.
 *
 * @category services
 * @since 0.1.0
 */
export class CheckpointLog extends Context.Service<CheckpointLog, LogHome>()("effect-pravega/batch/CheckpointLog") {
  /** Logs in the memory of this process. They are gone with the layer. It is for tests, and for pipelines that may begin again. */
  static readonly layerMemory: Layer.Layer<CheckpointLog> = Layer.sync(CheckpointLog, MemoryLog.make)

  /**
   * Logs in a directory, one folder per query. Processes may share it.
   *
   * **Details**
   *
   * The directory must be on a file system with link(2) and fsync, as any local one is, and NFS.
   *
   * **Gotchas**
   *
   * A new log is refused (`FolderNameRefused`) if its name is not a folder's on every system: one that differs from another
   * query's in case only, a device of Windows (`CON`, `nul.1`), one with a dot at the end. Logs that are there already under
   * such a name go on.
   */
  static readonly layerFileSystem = (directory: string): Layer.Layer<CheckpointLog> =>
    CheckpointLog.layerFiles(directory).pipe(Layer.provide(LogFiles.layerNode))

  /** The same over any `LogFiles`, such as a simulated disk. */
  static readonly layerFiles = (directory: string): Layer.Layer<CheckpointLog, never, LogFiles> =>
    Layer.effect(
      CheckpointLog,
      Effect.map(LogFiles, (files) => DirectoryLog.make(files, directory))
    )

  /**
   * Logs in the database of a `SqlClient`: PostgreSQL (`@effect/sql-pg`), or SQLite. The tables are made if they are not there.
   *
   * **Gotchas**
   *
   * Every append is a transaction of its own. So a query must not run within a transaction of the same client.
   *
   * **Example**
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
    Layer.effect(CheckpointLog, Effect.flatMap(importSqlLog, (SqlLog) => SqlLog.make(options)))

  /**
   * Logs in one SQLite file. Processes may share it.
   *
   * **When to use**
   *
   * It is the quickest home that is durable: a record takes a third of the time that it takes in a directory. There is nothing to
   * install, as it is Node's own SQLite.
   *
   * **Details**
   *
   * The file is made if it is not there. Its folder must be there, on a local disk. If it can't be opened, `open` fails.
   */
  static readonly layerSqlite = (file: string): Layer.Layer<CheckpointLog> =>
    Layer.effect(CheckpointLog, Effect.flatMap(importSqliteLog, (SqliteLog) => SqliteLog.make(file)))

  /**
   * Logs in Pravega itself, one stream of one segment per query.
   *
   * **Details**
   *
   * For `"shop/checkpoints"`, the log of the query `totals` is the stream `shop/checkpoints-totals`. It is made if it is not
   * there, and its scope too.
   *
   * **Gotchas**
   *
   * Nobody else may write to the stream, scale it, or give it a retention policy. Throws `MalformedValue` for a text that is no
   * stream's name. A `ScopedStream` is taken as it is.
   *
   * **Example**
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
  static readonly layerPravega = (prefix: string | ScopedStream): Layer.Layer<CheckpointLog, never, Pravega> => {
    const stream = typeof prefix === "string" ? ScopedStream.fromTextUnsafe(prefix) : prefix
    return Layer.effect(CheckpointLog, PravegaLog.make(stream))
  }
}

/** Loaded when it is used: a program without a log in a database pays nothing for it. */
const importSqlLog = Effect.promise(() => import("./internal/SqlLog.ts"))
const importSqliteLog = Effect.promise(() => import("./internal/SqliteLog.ts"))
