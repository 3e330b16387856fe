/**
 * Where the state of queries lasts. Here are the homes that it can have; what each of them gives is said by `StateContract`.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as NumberOption from "../core/NumberOption.ts"
import { ScopedStream } from "../core/ScopedStream.ts"
import { LogFiles } from "../files/LogFiles.ts"
import type { Pravega } from "../pravega/Pravega.ts"
import * as DirectoryHome from "./internal/DirectoryHome.ts"
import * as MemoryHome from "./internal/MemoryHome.ts"
import type { SqlHomeOptions } from "./internal/SqlHome.ts"
import type { StateHome } from "./StateContract.ts"
import type { StateStoreError } from "./StateError.ts"

/** @category options @since 0.2.0 */
export interface Options {
  /**
   * How many bytes of keys and values a query may hold in the heap of its process, default 512 MiB. More is refused with
   * `WorkingSetFull`. The heap takes two to four times as much for them: Node's own limit (`--max-old-space-size`) must
   * allow for that. `Infinity`: no limit.
   */
  readonly heapBytes?: number | undefined
}

/** @category options @since 0.2.0 */
export interface SqlOptions extends Options, SqlHomeOptions {}

/**
 * Where the state of queries is kept. A query whose flow has state requires it.
 *
 * @category services
 * @since 0.2.0
 */
export class StateStore extends Context.Service<StateStore, {
  /** The home of a query's state; that of a query never seen before is empty. */
  readonly open: (query: string) => Effect.Effect<StateHome, StateStoreError>
  readonly heapBytes: number
}>()("effect-pravega/state/StateStore") {
  /** In this process's memory, gone with the layer: for tests, and with a checkpoint log in memory. */
  static readonly layerMemory = (options: Options = {}): Layer.Layer<StateStore> =>
    Layer.sync(StateStore, () => {
      const homes = new Map<string, StateHome>()
      return {
        heapBytes: heapBytesOf(options),
        open: (query) =>
          Effect.sync(() => {
            const home = homes.get(query) ?? MemoryHome.make()
            homes.set(query, home)
            return home
          })
      }
    })

  /**
   * In a directory, one folder per query, a file or more per batch: each is synced. The directory must be on a file system
   * with link(2) and fsync (any local one; NFS too). It may be that of the checkpoint logs' parent, and processes may share
   * it: one that was paused and runs on changes nothing that another one wrote.
   *
   * ```ts
   * import { StateStore } from "effect-pravega/state"
   *
   * const state = StateStore.layerDirectory("./.effect-pravega/state", { heapBytes: 2 * 1024 ** 3 })
   * ```
   */
  static readonly layerDirectory = (directory: string, options: Options = {}): Layer.Layer<StateStore> =>
    StateStore.layerFiles(directory, options).pipe(Layer.provide(LogFiles.layerNode))

  /** The same over any `LogFiles`, such as a simulated disk. */
  static readonly layerFiles = (
    directory: string,
    options: Options = {}
  ): Layer.Layer<StateStore, never, LogFiles> =>
    Layer.effect(
      StateStore,
      Effect.map(LogFiles, (files) => ({
        heapBytes: heapBytesOf(options),
        open: (query: string) => DirectoryHome.open(files, directory, query)
      }))
    )

  /**
   * In one SQLite file, by Node's own SQLite: nothing to install. It may be the file of the checkpoint logs, and processes
   * may share it. The file is made if it is not there; its folder must be there, on a local disk. If it can't be opened, a
   * query's start fails with `StateUnavailable`.
   *
   * ```ts
   * import { StateStore } from "effect-pravega/state"
   *
   * const state = StateStore.layerSqlite("./totals.sqlite")
   * ```
   */
  static readonly layerSqlite = (
    file: string,
    options: Options = {}
  ): Layer.Layer<StateStore> =>
    Layer.effect(
      StateStore,
      Effect.gen(function*() {
        const SqliteHome = yield* importSqliteHome
        return { heapBytes: heapBytesOf(options), open: yield* SqliteHome.make(file) }
      })
    )

  /**
   * In the database of the `SqlClient` around: PostgreSQL or SQLite. A query that starts on another machine finds its state
   * there. Whoever may not make tables makes `pravega_state` (or `table`) before: `query VARCHAR(100)`, `name
   * VARCHAR(200)`, `bytes BYTEA`, all not null, with `query` and `name` as the primary key.
   *
   * Every object is a transaction of its own. So a query must not run within a transaction of the same client.
   *
   * ```ts
   * import { PgClient } from "@effect/sql-pg"
   * import { StateStore } from "effect-pravega/state"
   * import * as Layer from "effect/Layer"
   *
   * const state = StateStore.layerSql().pipe(
   *   Layer.provide(PgClient.layer({ host: "localhost", database: "shop" }))
   * )
   * ```
   */
  static readonly layerSql = (
    options: SqlOptions = {}
  ): Layer.Layer<StateStore, never, SqlClient> =>
    Layer.effect(
      StateStore,
      Effect.gen(function*() {
        const SqlHome = yield* importSqlHome
        const client = yield* SqlClient
        const { table } = options
        return { heapBytes: heapBytesOf(options), open: (query: string) => SqlHome.open(client, query, { table }) }
      })
    )

  /**
   * In Pravega itself, one stream of one segment per query: a query that starts on another machine finds its state there. For
   * `"shop/state"`, the state of the query `totals` is in the stream `shop/state-totals`. It is made if it is not there, and its
   * scope too.
   *
   * Nobody else may write to the stream, scale it, or give it a retention policy: what is not needed any more is truncated by
   * the query. Throws `MalformedValue` for a text that is no stream's name. A `ScopedStream` is taken as it is.
   *
   * ```ts
   * import { Pravega } from "effect-pravega"
   * import { StateStore } from "effect-pravega/state"
   * import * as Layer from "effect/Layer"
   *
   * const state = StateStore.layerPravega("shop/state").pipe(
   *   Layer.provideMerge(Pravega.layer({ controller: "tcp://localhost:9090" }))
   * )
   * ```
   */
  static readonly layerPravega = (
    prefix: string | ScopedStream,
    options: Options = {}
  ): Layer.Layer<StateStore, never, Pravega> => {
    const stream = typeof prefix === "string" ? ScopedStream.fromTextUnsafe(prefix) : prefix
    return Layer.effect(
      StateStore,
      Effect.gen(function*() {
        const PravegaHome = yield* importPravegaHome
        return { heapBytes: heapBytesOf(options), open: yield* PravegaHome.make(stream) }
      })
    )
  }
}

const heapBytesOf = ({ heapBytes }: Options): number =>
  NumberOption.check("heapBytes", heapBytes, { least: 1, most: Infinity, otherwise: 512 * 1024 * 1024 })

/** Loaded when it is used: a program without state in a database pays nothing for it. */
const importPravegaHome = Effect.promise(() => import("./internal/PravegaHome.ts"))
const importSqlHome = Effect.promise(() => import("./internal/SqlHome.ts"))
const importSqliteHome = Effect.promise(() => import("./internal/SqliteHome.ts"))
