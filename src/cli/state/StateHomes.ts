/** Where the state of queries is, as it is typed. Nothing is made where there is none. */
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { StateStore } from "../../state/StateStore.ts"
import type { Home } from "../Home.ts"

/** @category constants @since 0.2.0 */
export const flags = {
  stateDirectory: Flag.String("state-directory").pipe(
    Flag.withMetavar("DIR"),
    Flag.withDescription("the state is in this directory (StateStore.layerDirectory)"),
    Flag.optional
  ),
  stateSqlite: Flag.String("state-sqlite").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("the state is in this SQLite file (StateStore.layerSqlite; default: that of --sqlite)"),
    Flag.optional
  )
}

/** @category options @since 0.2.0 */
export interface Flags {
  readonly stateDirectory: Option.Option<string>
  readonly stateSqlite: Option.Option<string>
}

/** The store that was named, if there is something of the query. @category layers @since 0.2.0 */
export const storeAt = (
  home: Home,
  query: string,
  { stateDirectory, stateSqlite }: Flags
): Effect.Effect<Layer.Layer<StateStore>, CliError.ValidationError> => {
  const file = Option.getOrUndefined(stateSqlite) ?? (home._tag === "sqlite" ? home.file : undefined)
  const directory = Option.getOrUndefined(stateDirectory)
  if (directory !== undefined && Option.isSome(stateSqlite)) {
    return refused("the state is in one place: --state-directory or --state-sqlite")
  }
  if (directory !== undefined) {
    return existsSync(join(directory, query))
      ? Effect.succeed(StateStore.layerDirectory(directory))
      : refused(`there is no state of query "${query}" in directory ${directory}`)
  }
  if (file === undefined) {
    return refused("say where the state is: --state-directory or --state-sqlite (--help says more)")
  }
  return existsSync(file) ? Effect.succeed(StateStore.layerSqlite(file)) : refused(`there is no file ${file}`)
}

const refused = (message: string) => Effect.fail(new CliError.ValidationError({ message }))
