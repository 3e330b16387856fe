/**
 * Opens the logs at a home for a command, and makes nothing where there is nothing: to open a log that is not there
 * makes it, in every home, so that what is not there is looked for first, and stands for itself as an empty log in memory.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as Savepoint from "../batch/engine/Savepoint.ts"
import { CheckpointLog } from "../batch/log/CheckpointLog.ts"
import { streamOf } from "../batch/log/PravegaLog.ts"
import { CheckpointLogError, LogUnavailable } from "../batch/protocol/CheckpointLogError.ts"
import type { QueryName } from "../batch/protocol/QueryName.ts"
import * as Admin from "../pravega/admin/Admin.ts"
import { Pravega } from "../pravega/Pravega.ts"
import type { Home } from "./Home.ts"

/** There is no log of the query. @category errors @since 0.1.0 */
export class NothingKnown extends Schema.TaggedError<NothingKnown>()("NothingKnown", {
  query: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `nothing is known of query "${this.query}": ${this.detail}`
  }
}

/** What there is to use: the logs, and why there is none of the query, if that is so. @category models @since 0.1.0 */
export type Use<A, E> = (nothing: NothingKnown | undefined) => Effect.Effect<A, E, CheckpointLog>

/** Uses a query's log at a home, and if it has one, any other log. @category running @since 0.1.0 */
export const useQuery = <A, E>(home: Home, query: QueryName, body: Use<A, E>) =>
  // Its records are not those of a query: it would seem to be damaged.
  query === Savepoint.logName
    ? without(body, query, "it is the log that savepoints are kept in (effect-pravega savepoint list)")
    : use(home, query, body)

/** Uses the logs at a home if there is one of this name. @category running @since 0.1.0 */
export const use = <A, E>(home: Home, query: QueryName, body: Use<A, E>) => {
  const run = <R>(detail: string | undefined, logs: Layer.Layer<CheckpointLog, never, R>): Effect.Effect<A, E, R> =>
    detail === undefined ? Effect.provide(body(undefined), logs) : without(body, query, detail)
  switch (home._tag) {
    case "directory":
      return Effect.flatMap(
        missingFolder(query, home.directory),
        (missing) => run(missing, CheckpointLog.layerFileSystem(home.directory))
      )
    case "sqlite":
      return Effect.flatMap(
        missingRow(query, home.file),
        (missing) => run(missing, CheckpointLog.layerSqlite(home.file))
      )
    case "pravega": {
      const logs = CheckpointLog.layerPravega(home.prefix.toString())
      return missingStream(query, home.prefix).pipe(
        Effect.flatMap((missing) => run(missing, logs)),
        Effect.provide(client(home.controller))
      )
    }
  }
}

const without = <A, E>(body: Use<A, E>, query: QueryName, detail: string): Effect.Effect<A, E> =>
  Effect.provide(body(new NothingKnown({ query, detail })), CheckpointLog.layerMemory)

/** Like any program's, from the environment, but for the controller if it was named. */
const client = (controller: string | undefined) => Pravega.layerConfig({ controller })

const unavailable = (query: QueryName, cause: unknown) =>
  new CheckpointLogError({ reason: new LogUnavailable({ query, operation: "open", cause }) })

const isThere = (query: QueryName, path: string): Effect.Effect<boolean, CheckpointLogError> =>
  Effect.tryPromise({
    try: () => Fs.access(path).then(() => true, (error: unknown) => isMissing(error) ? false : Promise.reject(error)),
    catch: (cause) => unavailable(query, cause)
  })

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT"

const missingFolder = Effect.fnUntraced(function*(query: QueryName, directory: string) {
  if (yield* isThere(query, Path.join(directory, query))) return undefined
  return (yield* isThere(query, directory)) ? `${directory} has no such log` : `there is no directory ${directory}`
})

const missingRow = Effect.fnUntraced(function*(query: QueryName, file: string) {
  if (!(yield* isThere(query, file))) return `there is no file ${file}`
  const { DatabaseSync } = yield* Effect.promise(() => import("node:sqlite"))
  // Not the client of the logs: it makes their tables, and a row of the query.
  const has = Effect.acquireUseRelease(
    Effect.sync(() => new DatabaseSync(file, { timeout: 5000 })),
    (database) =>
      Effect.sync(() => {
        const tables = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'pravega_checkpoints_heads'")
        if (tables.get() === undefined) return false
        return database.prepare("SELECT 1 FROM pravega_checkpoints_heads WHERE query = ?").get(query) !== undefined
      }),
    (database) => Effect.sync(() => database.close())
  )
  const found = yield* Effect.catchDefect(has, (cause) => Effect.fail(unavailable(query, cause)))
  return found ? undefined : `${file} has no such log`
})

const missingStream = Effect.fnUntraced(
  function*(query: QueryName, prefix: Extract<Home, { readonly _tag: "pravega" }>["prefix"]) {
    const stream = yield* streamOf(prefix, query)
    return (yield* Admin.streamExists(stream)) ? undefined : `there is no stream ${stream}`
  },
  (effect, query) => Effect.mapError(effect, (cause) => unavailable(query, cause))
)
