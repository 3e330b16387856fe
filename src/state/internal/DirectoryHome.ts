/**
 * A home of state in a folder: an object is a file. It is written under a name of its own, synced, and only then linked to
 * its name, which fails if that is taken: no process ever sees a part of it, and none replaces it.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Path from "node:path"
import { LogFileError, type LogFiles } from "../../files/LogFiles.ts"
import type { StateHome } from "../StateContract.ts"
import { StateStoreError, StateUnavailable } from "../StateError.ts"

/** Opens the folder of a query, made if need be. @category constructors @since 0.2.0 */
export const open = (
  files: LogFiles["Service"],
  directory: string,
  query: string
): Effect.Effect<StateHome, StateStoreError> => {
  const folder = Path.join(directory, query)
  const at = (name: string): string => Path.join(folder, name)
  const unavailable = (operation: string) => <A>(effect: Effect.Effect<A, LogFileError>) =>
    Effect.mapError(
      effect,
      (cause) => new StateStoreError({ reason: new StateUnavailable({ query, operation, cause }) })
    )

  const linked = Effect.fnUntraced(function*(temporary: string, name: string) {
    yield* files.sync(temporary)
    const outcome = yield* files.link(temporary, at(name))
    if (outcome === "missing") {
      return yield* new LogFileError({ operation: "link", path: temporary, cause: new Error("somebody removed it") })
    }
    // also when it was there: the process that linked it may not have synced its name yet
    yield* files.syncDirectory(folder)
    return outcome === "linked" ? "created" as const : "exists" as const
  })

  const create: StateHome["create"] = Effect.fnUntraced(function*(name, bytes) {
    const temporary = at(`${name}.${yield* nonce}${temporaryEnd}`)
    const written = Effect.flatMap(files.create(temporary, bytes), (outcome) =>
      outcome === "created"
        ? linked(temporary, name)
        : Effect.fail(new LogFileError({ operation: "write", path: temporary, cause: new Error("the file exists") })))
    // what stays behind when this fails is litter of a name that nobody reads
    return yield* Effect.ensuring(written, Effect.ignore(files.remove(temporary))).pipe(unavailable("write"))
  })

  const home: StateHome = {
    create,
    // a name that another process has linked may not be durable yet
    read: (name) => Effect.andThen(files.syncDirectory(folder), files.read(at(name))).pipe(unavailable("read")),
    list: Effect.andThen(files.syncDirectory(folder), files.list(folder)).pipe(
      Effect.map((names) => names.filter((name) => !name.endsWith(temporaryEnd))),
      unavailable("list")
    ),
    delete: (name) => Effect.andThen(files.remove(at(name)), files.syncDirectory(folder)).pipe(unavailable("delete"))
  }

  return files.makeDirectory(folder).pipe(
    // the folder's own name always: the process that made it may have died before it was durable
    Effect.map((made) => new Set([directory, ...made.map((path) => Path.dirname(path))])),
    Effect.flatMap((parents) => Effect.forEach(parents, files.syncDirectory, { discard: true })),
    unavailable("open"),
    Effect.as(home)
  )
}

const temporaryEnd = ".tmp"
const nonce = Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)
