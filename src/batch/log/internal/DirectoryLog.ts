/**
 * A query's log in a folder: record n is the file `<n>.record`, and `<n>.floor` says that the numbers below n are
 * forgotten. Files are written under a name of their own, synced, and only then linked to their number, which fails if
 * the number is taken: that is the conditional append. A floor is in the file's name, so that it can't be torn and two
 * compactions can't lower it.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Path from "node:path"
import { LogFileError, type LogFiles } from "../../../files/LogFiles.ts"
import {
  CheckpointLogError,
  FolderNameRefused,
  LogUnavailable,
  OutcomeUnknown,
  SequenceNotNext,
  SequenceTaken
} from "../../protocol/CheckpointLogError.ts"
import { QueryName } from "../../protocol/QueryName.ts"
import type { LogHome, QueryLog, StoredRecord } from "../LogContract.ts"
import * as FolderName from "./FolderName.ts"
import { marked } from "./Gaps.ts"

/** A folder for each query. @category constructors @since 0.2.0 */
export const make = (files: LogFiles["Service"], directory: string): LogHome => {
  const names = (path: string, operation: string, query: string) =>
    files.list(path).pipe(
      Effect.catchIf(isAbsent, () => Effect.succeed([])),
      Effect.mapError((cause) => new CheckpointLogError({ reason: new LogUnavailable({ query, operation, cause }) }))
    )
  const exists = (query: QueryName) =>
    Effect.map(names(Path.join(directory, query), "look", query), (found) => parse(found).next > 0)
  return {
    open: (query) => open(files, directory, query),
    exists,
    list: names(directory, "list", "").pipe(
      Effect.flatMap((found) =>
        Effect.filter(found.flatMap((name) => isQueryName(name) ? [name] : []), exists, { concurrency: 8 })
      ),
      Effect.map((found) => found.toSorted())
    )
  }
}

const isQueryName = Schema.is(QueryName)

/** There is no directory of this name, or it is something else. */
const isAbsent = ({ cause }: LogFileError): boolean =>
  cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR")

/** Opens the folder of a query, made if need be. */
const open = Effect.fnUntraced(function*(files: LogFiles["Service"], directory: string, query: QueryName) {
  const path = Path.join(directory, query)
  const folder: Folder = { files, query, path, at: (name) => Path.join(path, name) }
  const failed = Effect.mapError(unavailable(folder, "open"))
  const accept = Effect.catchIf(files.list(directory), isAbsent, () => Effect.succeed([])).pipe(
    failed,
    Effect.flatMap((names) => {
      const detail = FolderName.problem(query, names)
      if (detail === undefined) return Effect.void
      return Effect.fail(new CheckpointLogError({ reason: new FolderNameRefused({ query, directory, detail }) }))
    })
  )
  yield* accept
  const made = yield* failed(files.makeDirectory(path))
  // again: another process may have made that of another query meanwhile, and this one found it made
  yield* accept
  // The folder's own name always: the process that made it may have died before it was durable.
  const parents = new Set([directory, ...made.map((parent) => Path.dirname(parent))])
  yield* failed(Effect.forEach(parents, files.syncDirectory, { discard: true }))
  return { append: append(folder), read: read(folder), compact: compact(folder) } satisfies QueryLog
})

interface Folder {
  readonly files: LogFiles["Service"]
  readonly query: QueryName
  readonly path: string
  /** The path of a file in it. */
  readonly at: (name: string) => string
}

const unavailable = ({ query }: Folder, operation: string) => (cause: LogFileError): CheckpointLogError =>
  new CheckpointLogError({ reason: new LogUnavailable({ query, operation, cause }) })

const notNext = ({ query }: Folder, sequence: number, next: number): CheckpointLogError =>
  new CheckpointLogError({ reason: new SequenceNotNext({ query, sequence, next }) })

const scan = ({ files, path }: Folder) => Effect.map(files.list(path), parse)

/**
 * An owner appends one number after the other: that the number before is its own says that this one is the next, or taken,
 * and then the folder, which may hold thousands of records, is not listed.
 */
const append = (folder: Folder): QueryLog["append"] => {
  let last: number | undefined
  return Effect.fnUntraced(function*(sequence, bytes) {
    const { at, files, query } = folder
    const taken = () => new CheckpointLogError({ reason: new SequenceTaken({ query, sequence }) })
    const failed = unavailable(folder, "append")
    const follows = last !== undefined && sequence === last + 1
    if (!follows) {
      const before = yield* Effect.mapError(scan(folder), failed)
      if (sequence < before.next) return yield* taken()
      if (sequence > before.next) return yield* notNext(folder, sequence, before.next)
    }
    const temporary = at(temporaryName(sequence, yield* nonce))
    const created = yield* files.create(temporary, bytes).pipe(
      Effect.tapError(() => Effect.ignore(files.remove(temporary))),
      Effect.mapError(failed)
    )
    if (created === "exists") {
      const cause = new LogFileError({ operation: "write", path: temporary, cause: new Error("the file exists") })
      return yield* failed(cause)
    }
    const linked = yield* files.sync(temporary).pipe(
      Effect.mapError(failed),
      Effect.andThen(linkNumber(folder, temporary, { sequence, follows })),
      // What stays behind when this fails is litter, which the next compaction removes; the record's fate is known.
      Effect.ensuring(Effect.ignore(files.remove(temporary)))
    )
    if (!linked) return yield* taken()
    last = sequence
  })
}

/** True: the record is durable under its number. */
const linkNumber = Effect.fnUntraced(
  function*(
    folder: Folder,
    temporary: string,
    { follows, sequence }: { readonly sequence: number; readonly follows: boolean }
  ) {
    const { at, files, path } = folder
    const record = at(recordName(sequence))
    // "missing": only compaction removes an append's file, and only of a number that it forgets.
    if ((yield* files.link(temporary, record)) !== "linked") return false
    // A number that compaction forgot can be linked again; the floor, durable before the file went, tells.
    // It takes records away in their order: as long as the one before is there, this number was not forgotten.
    const isKnown = follows && (yield* files.read(at(recordName(sequence - 1)))) !== undefined
    if (!isKnown && sequence < (yield* scan(folder)).floor) {
      yield* files.remove(record)
      return false
    }
    yield* files.syncDirectory(path)
    return true
  },
  (effect, { query }, _, { sequence }) =>
    Effect.mapError(
      effect,
      (cause) => new CheckpointLogError({ reason: new OutcomeUnknown({ query, sequence, cause }) })
    )
)

const read = (folder: Folder): QueryLog["read"] => (from) =>
  readOnce(folder, from).pipe(
    // A listing taken while a live owner appends or compacts may miss a name: a gap is one that stays.
    Effect.repeat({ times: 3, while: (records) => records.some(({ isMissing }) => isMissing === true) }),
    Effect.mapError(unavailable(folder, "read"))
  )

const readOnce = Effect.fnUntraced(function*(folder: Folder, from: number) {
  const { at, files, path } = folder
  // Another process may have linked a record and not yet synced its name: what acts on it needs it durable.
  yield* files.syncDirectory(path)
  const listed = yield* scan(folder)
  // Listed a second time, as a record that was linked below the floor is listed after that floor.
  const { floor } = yield* scan(folder)
  const first = Math.max(from, floor)
  const records: Array<StoredRecord> = []
  for (const sequence of listed.records) {
    if (sequence < first) continue
    const bytes = yield* files.read(at(recordName(sequence)))
    if (bytes !== undefined) records.push({ sequence, bytes })
  }
  return marked(records, { first })
})

const compact = (folder: Folder): QueryLog["compact"] => (before) =>
  Effect.gen(function*() {
    const { at, files, path } = folder
    const { floor, litter, next, records } = yield* scan(folder)
    if (before > next) return yield* notNext(folder, before, next)
    if (before > floor) {
      yield* files.create(at(floorName(before)), new Uint8Array(0))
      yield* files.syncDirectory(path)
    }
    const lowest = Math.max(before, floor)
    const forgotten = [
      ...records.filter((sequence) => sequence < lowest).map(recordName),
      // The floor before it stays: a listing that this overlaps may miss what is new and what is removed.
      ...litter.floors.filter((value) => value < floor).map(floorName),
      ...litter.temporaries.filter((name) => Number.parseInt(name) < lowest)
    ]
    yield* Effect.forEach(forgotten, (name) => files.remove(at(name)), { discard: true })
  }).pipe(Effect.catchTag("LogFileError", (error) => unavailable(folder, "compaction")(error)))

interface Listing {
  readonly floor: number
  readonly next: number
  /** Ascending; may hold numbers below the floor. */
  readonly records: ReadonlyArray<number>
  readonly litter: { readonly floors: ReadonlyArray<number>; readonly temporaries: ReadonlyArray<string> }
}

const parse = (names: ReadonlyArray<string>): Listing => {
  const records: Array<number> = []
  const floors: Array<number> = []
  const temporaries: Array<string> = []
  for (const name of names) {
    const match = /^(\d{16})\.(record|floor)$/.exec(name)
    if (match !== null) (match[2] === "record" ? records : floors).push(Number(match[1]))
    else if (name.endsWith(".tmp")) temporaries.push(name)
  }
  records.sort((a, b) => a - b)
  const floor = Math.max(0, ...floors)
  const last = records[records.length - 1] ?? -1
  return { floor, next: Math.max(floor, last + 1), records, litter: { floors, temporaries } }
}

/** Sixteen digits hold every safe integer, and names sort as numbers do. */
const digits = (sequence: number): string => String(sequence).padStart(16, "0")
const recordName = (sequence: number): string => `${digits(sequence)}.record`
const floorName = (before: number): string => `${digits(before)}.floor`
const temporaryName = (sequence: number, unique: number): string => `${digits(sequence)}-${unique.toString(36)}.tmp`

/** Tells apart the files of appends of one number: two that drew the same make the second fail, nothing worse. */
const nonce = Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)
