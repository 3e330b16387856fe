/**
 * The log that savepoints are kept in: what is written there, and how it is read and changed. What a savepoint is worth, and
 * what is begun from it, is `Savepoint`'s.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { CheckpointLog } from "../log/CheckpointLog.ts"
import * as LogState from "../log/LogState.ts"
import * as SettledAppend from "../log/SettledAppend.ts"
import { CheckpointCorrupt, CheckpointLogError, SequenceTaken } from "../protocol/CheckpointLogError.ts"
import { FlowHead, SourceStart } from "../protocol/CheckpointRecord.ts"
import { type QueryName, savepoints } from "../protocol/QueryName.ts"
import { frame, unframe } from "../protocol/RecordFrame.ts"

/**
 * Where a query stood between two batches.
 *
 * @category models
 * @since 0.1.0
 */
export class Savepoint extends Schema.TaggedClass<Savepoint>()("savepoint", {
  name: Schema.String,
  /** Of which query. */
  query: Schema.String,
  version: Schema.String,
  /** Tells the query's log from one that was begun anew under the same name. Savepoints of version 0.1 have none. */
  log: Schema.optionalKey(Schema.String),
  sources: Schema.Record(Schema.String, SourceStart),
  /** The number of the first batch after it. */
  batch: Schema.Natural,
  /** Per source: where that batch starts; `Source.streamCut` reads it if the source is a Pravega stream. */
  positions: Schema.Record(Schema.String, Schema.Json),
  /** When it was made; milliseconds since 1970. */
  at: Schema.Int,
  /** Of the query before that batch. Absent: it has none. */
  state: Schema.optionalKey(FlowHead),
  /** What the query's pipeline was, if it has state: by it the steps are known that the state is of. */
  structure: Schema.optionalKey(Schema.Json)
}) {}

/** @category models @since 0.2.0 */
export class Removed extends Schema.TaggedClass<Removed>()("removed", { name: Schema.String }) {}

/**
 * The name of the log that they are kept in, beside those of the queries.
 *
 * @category savepoints
 * @since 0.1.0
 */
export const logName = savepoints

/** A savepoint is about to be made: what it needs of the query's state is not deleted from here on. @category models @since 0.2.0 */
export class Pinned extends Schema.TaggedClass<Pinned>()("pinned", { savepoint: Savepoint }) {}

const Change = Schema.fromJsonString(Schema.toCodecJson(Schema.Struct({
  /** A torn record before it, which a crash left, and which counts as never written. */
  drops: Schema.optionalKey(Schema.Natural),
  change: Schema.Union([Savepoint, Pinned, Removed])
})))
const toJson = Schema.encodeSync(Change)
const fromJson = Schema.decodeUnknownResult(Change, { onExcessProperty: "error" })
const fromJsonInPart = Schema.decodeUnknownResult(Change)

/** @category errors @since 0.2.0 */
export const corrupt = (query: QueryName, sequence: number, detail: string) =>
  Effect.fail(new CheckpointLogError({ reason: new CheckpointCorrupt({ query, sequence, detail }) }))

/** All of them, and the number of the next change. @category getters @since 0.2.0 */
export const readAll = Effect.gen(function*() {
  const log = yield* (yield* CheckpointLog).open(logName)
  const records = yield* log.read(0)
  const savepoints = new Map<string, Savepoint>()
  const pins = new Map<string, Savepoint>()
  let torn: { readonly sequence: number; readonly detail: string } | undefined
  for (const { bytes, isMissing, sequence } of records) {
    if (isMissing === true) return yield* corrupt(logName, sequence, "the record is missing")
    const read = Result.flatMap(
      unframe(bytes),
      (json) =>
        Result.mapError(fromJson(json), ({ message }) => ({
          kind: Result.isSuccess(fromJsonInPart(json)) ? "newer" as const : "unreadable" as const,
          detail: message
        }))
    )
    if (Result.isFailure(read)) {
      if (torn !== undefined || read.failure.kind !== "torn") {
        const { detail, kind } = read.failure
        return yield* LogState.refusal(logName, { sequence, detail, isNewer: kind === "newer" })
      }
      torn = { sequence, detail: read.failure.detail }
      continue
    }
    if (torn !== undefined && read.success.drops !== torn.sequence) {
      return yield* corrupt(logName, torn.sequence, torn.detail)
    }
    torn = undefined
    const { change } = read.success
    if (change._tag === "pinned") {
      pins.set(change.savepoint.name, change.savepoint)
      continue
    }
    pins.delete(change.name)
    if (change._tag === "removed") savepoints.delete(change.name)
    else savepoints.set(change.name, change)
  }
  return { log, savepoints, pins, next: (records.at(-1)?.sequence ?? -1) + 1, torn: torn?.sequence }
})

/** How often a change is decided anew because another process was quicker. */
const maxTries = 16

/** Adds a change to those that are there. @category running @since 0.2.0 */
export const change = Effect.fnUntraced(function*<E>(
  decide: (savepoints: ReadonlyMap<string, Savepoint>) => Effect.Effect<Savepoint | Pinned | Removed, E>
) {
  for (let tries = 1;; tries++) {
    const { log, next, savepoints, torn } = yield* readAll
    const decided = yield* decide(savepoints)
    const record = frame(
      toJson({ ...torn === undefined ? {} : { drops: torn }, change: decided }),
      formatOf(decided)
    )
    const { _tag } = yield* SettledAppend.settle(log, logName, next, record)
    if (_tag === "appended") return decided
    if (tries >= maxTries) {
      return yield* new CheckpointLogError({ reason: new SequenceTaken({ query: logName, sequence: next }) })
    }
  }
})

const formatOf = (change: Savepoint | Pinned | Removed): 1 | 2 | 3 => {
  if (change._tag === "pinned") return 3
  return change._tag === "savepoint" && change.state !== undefined ? 2 : 1
}

/** What the savepoints of a log name of its query's state, also of those that are about to be made. @category getters @since 0.2.0 */
export const statesOf = Effect.fnUntraced(function*(query: string, log: string | undefined) {
  // To open a log that is not there makes it.
  if (!(yield* (yield* CheckpointLog).exists(logName))) return []
  const { pins, savepoints } = yield* readAll
  return [...savepoints.values(), ...pins.values()].flatMap((savepoint) =>
    savepoint.query === query && savepoint.log === log && savepoint.state !== undefined ? [savepoint.state] : []
  )
})
