/**
 * A disk in memory that can be crashed: what was not synced may be lost or torn, in every combination that the seed
 * draws. Each operation first passes `onStep`, where a test makes it fail, crash the machine or let others go first.
 */
import * as Effect from "effect/Effect"
import { LogFileError, type LogFiles } from "../../../src/files/LogFiles.ts"

interface File {
  bytes: Uint8Array
  synced: boolean
}

interface Directory {
  readonly names: Map<string, File>
  /** Names as they were at the last sync of the directory. */
  durable: Map<string, File>
}

/** What a test does at a step: `before` and `after` say whether the operation takes effect. */
export type Fault = "none" | "fail-before" | "fail-after" | "crash-before" | "crash-after"

export interface SimulatedDisk {
  readonly files: LogFiles["Service"]
  onStep: (operation: string, path: string) => Effect.Effect<Fault>
  /** Nothing that was not synced is sure to be there afterwards; `random` draws what is. */
  readonly crash: (random: () => number) => void
  /** When set, syncing files does nothing (a disk that lies). */
  losesSyncs: boolean
  readonly names: (directory: string) => ReadonlyArray<string>
  readonly corrupt: (path: string, change: (bytes: Uint8Array) => Uint8Array) => void
}

export const make = (): SimulatedDisk => {
  const directories = new Map<string, Directory>()
  const split = (path: string): readonly [Directory, string] => {
    const at = path.lastIndexOf("/")
    const directory = directories.get(path.slice(0, at))
    if (directory === undefined) throw new Error(`no directory for ${path}`)
    return [directory, path.slice(at + 1)]
  }

  const step = <A>(operation: string, path: string, run: () => A): Effect.Effect<A, LogFileError> =>
    Effect.flatMap(Effect.suspend(() => disk.onStep(operation, path)), (fault) => {
      if (fault === "crash-before") return Effect.never
      const failure = new LogFileError({ operation, path, cause: new Error(fault) })
      if (fault === "fail-before") return Effect.fail(failure)
      const result = run()
      if (fault === "crash-after") return Effect.never
      return fault === "fail-after" ? Effect.fail(failure) : Effect.succeed(result)
    })

  const disk: SimulatedDisk = {
    onStep: () => Effect.succeed("none"),
    losesSyncs: false,
    files: {
      makeDirectory: (path) =>
        step("mkdir", path, () => {
          const made: Array<string> = []
          for (let at = path.length; at > 0; at = path.lastIndexOf("/", at - 1)) {
            const parent = path.slice(0, at)
            if (directories.has(parent)) break
            directories.set(parent, { names: new Map(), durable: new Map() })
            made.unshift(parent)
          }
          return made
        }),
      list: (path) =>
        step("readdir", path, () => [
          ...(directories.get(path)?.names.keys() ?? []),
          ...[...directories.keys()].flatMap((other) =>
            other.slice(0, other.lastIndexOf("/")) === path ? [other.slice(path.length + 1)] : []
          )
        ]),
      read: (path) =>
        step("read", path, () => {
          const [directory, name] = split(path)
          const bytes = directory.names.get(name)?.bytes
          return bytes && new Uint8Array(bytes)
        }),
      create: (path, bytes) =>
        step("write", path, () => {
          const [directory, name] = split(path)
          if (directory.names.has(name)) return "exists" as const
          directory.names.set(name, { bytes: new Uint8Array(bytes), synced: bytes.length === 0 })
          return "created" as const
        }),
      sync: (path) =>
        step("fsync", path, () => {
          const [directory, name] = split(path)
          const file = directory.names.get(name)
          if (file !== undefined && !disk.losesSyncs) file.synced = true
        }),
      link: (from, to) =>
        step("link", to, () => {
          const [source, sourceName] = split(from)
          const [target, targetName] = split(to)
          const file = source.names.get(sourceName)
          if (file === undefined) return "missing" as const
          if (target.names.has(targetName)) return "exists" as const
          target.names.set(targetName, file)
          return "linked" as const
        }),
      remove: (path) =>
        step("unlink", path, () => {
          const [directory, name] = split(path)
          directory.names.delete(name)
        }),
      syncDirectory: (path) =>
        step("fsync of directory", path, () => {
          const directory = directories.get(path)
          if (directory !== undefined) directory.durable = new Map(directory.names)
        })
    },
    crash: (random) => {
      const torn = new Set<File>()
      for (const directory of directories.values()) {
        const names = new Set([...directory.names.keys(), ...directory.durable.keys()])
        for (const name of names) {
          const kept = random() < 0.5 ? directory.durable.get(name) : directory.names.get(name)
          if (kept === undefined) directory.names.delete(name)
          else directory.names.set(name, kept)
        }
        directory.durable = new Map(directory.names)
        for (const file of directory.names.values()) {
          if (file.synced || torn.has(file)) continue
          torn.add(file)
          file.bytes = file.bytes.slice(0, Math.floor(random() * (file.bytes.length + 1)))
          file.synced = true
        }
      }
    },
    names: (directory) => [...(directories.get(directory)?.names.keys() ?? [])].toSorted(),
    corrupt: (path, change) => {
      const [directory, name] = split(path)
      const file = directory.names.get(name)
      if (file === undefined) throw new Error(`no file ${path}`)
      file.bytes = change(file.bytes)
    }
  }
  return disk
}
