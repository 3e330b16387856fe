/**
 * Looks into a query's checkpoint log without touching it. It gives the records decoded, what they add up to, and what is wrong
 * with them, as values and as text. The query may run meanwhile. `effect-pravega log inspect` does the same from the shell.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { CheckpointLogError } from "../protocol/CheckpointLogError.ts"
import { type BadRecord, type CheckpointRecord, type Entry, type PreparedSink } from "../protocol/CheckpointRecord.ts"
import type { QueryName } from "../protocol/QueryName.ts"
import { CheckpointLog } from "./CheckpointLog.ts"
import * as TimeWords from "./internal/TimeWords.ts"
import type { QueryLog, StoredRecord } from "./LogContract.ts"
import * as LogState from "./LogState.ts"

/** @category models @since 0.1.0 */
export interface InspectedRecord {
  readonly sequence: number
  /** In bytes. */
  readonly size: number
  /** The home should have it and has not. Of several such records in a row, this is the first one. */
  readonly isMissing: boolean
  readonly content: Result.Result<CheckpointRecord, BadRecord>
}

/** @category models @since 0.1.0 */
export interface Inspection {
  readonly query: QueryName
  readonly records: ReadonlyArray<InspectedRecord>
  /** What the log says; of a damaged one, what it says before `problem`. Undefined: nothing. */
  readonly state: LogState.LogState | undefined
  /** A torn last record, which the next start of the query drops: a crash left it. */
  readonly torn: number | undefined
  /** Why the query can't start from this log; undefined: it can. See `LogRepair`. */
  readonly problem: LogState.Contradiction | undefined
  /** The prepared batch whose commits are not all recorded, if there is one, and how long it waits for that. */
  readonly awaiting: { readonly batch: number; readonly age: Duration.Duration | undefined } | undefined
}

/**
 * Reads a query's log, as far as it can be read. Fails if its home can't be reached.
 *
 * ```ts
 * import { CheckpointLog, LogInspection, QueryName } from "effect-pravega/batch"
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 *
 * const program = LogInspection.inspect(QueryName.make("totals")).pipe(
 *   Effect.flatMap((inspection) => Console.log(LogInspection.format(inspection))),
 *   Effect.provide(CheckpointLog.layerFileSystem("./checkpoints"))
 * )
 * ```
 *
 * @category inspection
 * @since 0.1.0
 */
export const inspect = Effect.fn("LogInspection.inspect")(
  function*(query: QueryName): Effect.fn.Return<Inspection, CheckpointLogError, CheckpointLog> {
    const log = yield* (yield* CheckpointLog).open(query)
    const { records, unreadable } = yield* readable(log)
    const now = yield* Clock.currentTimeMillis
    const { contradiction = unreadable, read } = LogState.fold(records)
    const prepared = read.state?.unfinished.find((batch) => batch.prepared !== undefined)
    return {
      query,
      records: records.map((record) => ({
        sequence: record.sequence,
        size: record.bytes.length,
        isMissing: record.isMissing === true,
        content: LogState.contentOf(record)
      })),
      state: read.state,
      torn: read.torn,
      problem: contradiction,
      awaiting: prepared === undefined ? undefined : {
        batch: prepared.batch,
        age: prepared.preparedAt === undefined ? undefined : Duration.millis(Math.max(0, now - prepared.preparedAt))
      }
    }
  }
)

/**
 * The records that a log's home can give, and why it can't give all of them, if so.
 *
 * @internal
 * @category inspection
 * @since 0.2.0
 */
export const readable = (log: QueryLog): Effect.Effect<
  { readonly records: ReadonlyArray<StoredRecord>; readonly unreadable: LogState.Contradiction | undefined },
  CheckpointLogError
> =>
  Effect.catchReason(
    Effect.map(log.read(0), (records) => ({ records, unreadable: undefined })),
    "CheckpointLogError",
    "CheckpointCorrupt",
    ({ detail, sequence }) => Effect.succeed({ records: [], unreadable: { sequence, detail, isNewer: false } })
  )

/**
 * An inspection for people: a line per record, and what they add up to.
 *
 * @category inspection
 * @since 0.1.0
 */
export const format = ({ awaiting, problem, query, records, state, torn }: Inspection): string => {
  const lines = [
    `query "${query}": ${records.length} records, ${records.reduce((sum, { size }) => sum + size, 0)} bytes`
  ]
  for (const { content, isMissing, sequence, size } of records) {
    if (isMissing) {
      lines.push(`  ${sequence}  missing`)
      continue
    }
    const what = Result.isFailure(content)
      ? `${
        sequence === torn ? "torn" : content.failure.kind === "newer" ? "newer" : "unreadable"
      } (${content.failure.detail})`
      : `${describe(content.success)}`
    lines.push(`  ${sequence}  ${what}, ${size} bytes`)
  }
  if (state === undefined) lines.push("nothing is known of the query")
  else {
    lines.push(
      `${problem === undefined ? "" : "before that: "}epoch ${state.epoch} of owner ${state.owner}, ` +
        `version "${state.started.version}", next batch ${state.nextBatch}`
    )
    for (const [source, position] of Object.entries(state.positions)) {
      lines.push(`  source "${source}" goes on at ${JSON.stringify(position)}`)
    }
    lines.push(...TimeWords.standing(state.head))
    for (const batch of state.unfinished) lines.push(...describeUnfinished(batch))
  }
  if (awaiting !== undefined) {
    const age = awaiting.age === undefined ? "" : `, for ${Duration.format(awaiting.age)} by now`
    lines.push(`batch ${awaiting.batch} is prepared, and waits for its commits to be recorded${age}`)
  }
  if (torn !== undefined) lines.push(`record ${torn} is torn: the next start of the query drops it`)
  if (problem !== undefined) {
    const { detail, isNewer, sequence } = problem
    lines.push(
      isNewer
        ? `record ${sequence} was written by a newer version of effect-pravega (${detail}): this one can't start the query`
        : `damaged: record ${sequence}: ${detail}; the query can't start, unless the log can be repaired`
    )
  }
  return lines.join("\n")
}

const describe = ({ entries, epoch, owner }: CheckpointRecord): string =>
  `${entries.length === 0 ? "nothing" : entries.map(formatEntry).join("; ")} (epoch ${epoch}, owner ${owner})`

/**
 * What an entry of a record says, for people.
 *
 * @category inspection
 * @since 0.1.0
 */
export const formatEntry = (entry: Entry): string => {
  switch (entry._tag) {
    case "started":
      return `started at batch ${entry.batch}, version "${entry.version}", sources ${
        Object.keys(entry.sources).join(", ")
      }`
    case "claimed":
      return entry.drops === undefined ? "claimed" : `claimed, dropping record ${entry.drops}`
    case "planned":
      return `planned ${entry.batch}${when(entry.at)}${TimeWords.looks(entry.looks)}`
    case "begun":
      return `begun ${entry.batch}: ${
        Object.entries(entry.sinks).map(([sink, handle]) => `${sink} ${JSON.stringify(handle)}`).join(", ")
      }`
    case "prepared":
      return `prepared ${entry.batch}${when(entry.at)}: ${
        Object.entries(entry.sinks).map(([sink, prepared]) => describePrepared(sink, prepared)).join(", ") ||
        "no output"
      }${TimeWords.head(entry.state)}`
    case "committed":
      return `committed ${entry.batch}`
  }
}

const when = (at: number | undefined): string => at === undefined ? "" : ` at ${new Date(at).toISOString()}`

const describePrepared = (sink: string, prepared: PreparedSink | null): string =>
  prepared === null
    ? `${sink} nothing any more`
    : `${sink} ${prepared.events} events, ${prepared.bytes} bytes, ${JSON.stringify(prepared.handle)}`

const describeUnfinished = (batch: LogState.UnfinishedBatch): ReadonlyArray<string> => [
  `  batch ${batch.batch} is ${batch.prepared === undefined ? "planned" : "prepared"} and not committed`,
  ...[...batch.prepared ?? []].map(([sink, prepared]) => `    ${describePrepared(sink, prepared)}`),
  ...[...batch.begun].map(([sink, handles]) => `    ${sink} to be aborted: ${JSON.stringify(handles)}`)
]
