/**
 * The few file operations that a checkpoint log in a directory is made of, one durable step each, so that a simulation
 * can stand in for the disk: tear writes, lose what was not synced, fail between any two steps. It is not a general
 * file system: names are joined by the caller, files are small and written once.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as CauseText from "../core/CauseText.ts"

/** A file operation failed; whether it took effect is unknown. @category errors @since 0.1.0 */
export class LogFileError extends Schema.TaggedError<LogFileError>()("LogFileError", {
  operation: Schema.String,
  path: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `${this.operation} of ${this.path} failed: ${CauseText.of(this.cause)}`
  }
}

type Step<A> = Effect.Effect<A, LogFileError>

/** @category services @since 0.1.0 */
export class LogFiles extends Context.Service<LogFiles, {
  /** Creates a directory and those above it; nothing happens when it is there. Answers with those that it created. */
  readonly makeDirectory: (path: string) => Step<ReadonlyArray<string>>
  /** The names in a directory, in no order. What another process adds meanwhile may be missing. */
  readonly list: (path: string) => Step<ReadonlyArray<string>>
  /** The whole file; undefined when there is none. */
  readonly read: (path: string) => Step<Uint8Array | undefined>
  /** Writes a new file. Neither its bytes nor its name are durable yet. */
  readonly create: (path: string, bytes: Uint8Array) => Step<"created" | "exists">
  /** Makes a file's bytes durable (fsync). */
  readonly sync: (path: string) => Step<void>
  /** Gives a file a second name, atomically, unless the name is taken (link(2)) or the file is not there. */
  readonly link: (from: string, to: string) => Step<"linked" | "exists" | "missing">
  /** Removes a name; nothing happens when there is none. */
  readonly remove: (path: string) => Step<void>
  /** Makes the names in a directory durable (fsync of the directory). */
  readonly syncDirectory: (path: string) => Step<void>
}>()("effect-pravega/batch/LogFiles") {
  /** Node's files. On Windows, directories can't be synced: their names are as durable as NTFS makes them. */
  static readonly layerNode: Layer.Layer<LogFiles> = Layer.sync(LogFiles, () => ({
    makeDirectory: (path) => step("mkdir", path, async () => created(path, await Fs.mkdir(path, { recursive: true }))),
    list: (path) => step("readdir", path, () => Fs.readdir(path)),
    read: (path) => step("read", path, () => unless("ENOENT", undefined, () => Fs.readFile(path))),
    create: (path, bytes) =>
      step("write", path, () =>
        unless("EEXIST", "exists" as const, async () => {
          await Fs.writeFile(path, bytes, { flag: "wx" })
          return "created" as const
        })),
    sync: (path) => step("fsync", path, () => syncFile(path, "r+")),
    link: (from, to) =>
      step(
        "link",
        to,
        () =>
          unless("ENOENT", "missing" as const, () =>
            unless("EEXIST", "exists" as const, async () => {
              await Fs.link(from, to)
              return "linked" as const
            }))
      ),
    remove: (path) => step("unlink", path, () => unless("ENOENT", undefined, () => Fs.unlink(path))),
    syncDirectory: (path) =>
      process.platform === "win32" ? Effect.void : step("fsync of directory", path, () => syncFile(path, "r"))
  }))
}

const step = <A>(operation: string, path: string, run: () => Promise<A>): Step<A> =>
  Effect.tryPromise({ try: run, catch: (cause) => new LogFileError({ operation, path, cause }) })

/** From the topmost directory that was created down to `path`. */
const created = (path: string, topmost: string | undefined): ReadonlyArray<string> => {
  if (topmost === undefined) return []
  const top = Path.resolve(topmost)
  const made: Array<string> = []
  for (let at = Path.resolve(path); at.length >= top.length; at = Path.dirname(at)) {
    made.unshift(at)
    if (at === Path.dirname(at)) break
  }
  return made
}

/** Runs a file call, and answers `instead` when it failed with this code. */
const unless = async <A, B>(code: string, instead: B, run: () => Promise<A>): Promise<A | B> => {
  try {
    return await run()
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === code) return instead
    throw error
  }
}

const syncFile = async (path: string, flags: string): Promise<void> => {
  const file = await Fs.open(path, flags)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
