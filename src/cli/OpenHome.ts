/**
 * Opens the logs at a home for a command, and makes nothing where there is nothing: to open a log that is not there
 * makes it, in every home, so that it is asked for first, and stands for itself as an empty log in memory.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Savepoint from "../batch/engine/Savepoint.ts"
import { CheckpointLog } from "../batch/log/CheckpointLog.ts"
import type { QueryName } from "../batch/protocol/QueryName.ts"
import { Pravega } from "../pravega/Pravega.ts"
import type { Home } from "./Home.ts"

/** There is no log of the query. @category errors @since 0.1.0 */
export class NothingKnown extends Schema.TaggedError<NothingKnown>()("NothingKnown", {
  query: Schema.String,
  detail: Schema.String,
  /** Where it was looked for. */
  place: Schema.String
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
    ? without(home, query, body)("it is the log that savepoints are kept in (effect-pravega savepoint list)")
    : use(home, query, body)

/** Uses the logs at a home if there is one of this name. @category running @since 0.1.0 */
export const use = <A, E>(home: Home, query: QueryName, body: Use<A, E>) =>
  Effect.gen(function*() {
    const logs = yield* CheckpointLog
    if (yield* logs.exists(query)) return yield* body(undefined)
    const others = (yield* logs.list).filter((name) => name !== Savepoint.logName)
    const there = others.length === 0 ? "no query has a log" : `there are the logs of ${others.join(", ")}`
    return yield* without(home, query, body)(`${there} ${placeOf(home)}`)
  }).pipe(Effect.provide(logsAt(home)))

const logsAt = (home: Home) => {
  switch (home._tag) {
    case "directory":
      return CheckpointLog.layerFileSystem(home.directory)
    case "sqlite":
      return CheckpointLog.layerSqlite(home.file)
    case "pravega":
      // Like any program's, from the environment, but for the controller if it was named.
      return Layer.provide(
        CheckpointLog.layerPravega(home.prefix.toString()),
        Pravega.layerConfig({ controller: home.controller })
      )
  }
}

const placeOf = (home: Home): string => {
  switch (home._tag) {
    case "directory":
      return `in directory ${home.directory}`
    case "sqlite":
      return `in file ${home.file}`
    case "pravega":
      return `in streams of prefix ${home.prefix}`
  }
}

const without = <A, E>(home: Home, query: QueryName, body: Use<A, E>) => (detail: string): Effect.Effect<A, E> =>
  Effect.provide(body(new NothingKnown({ query, detail, place: placeOf(home) })), CheckpointLog.layerMemory)
