/**
 * Savepoints: positions of queries, kept under names of their own. A query can be started from one under another name: to
 * change a pipeline without beginning anew, to try something on the side, or to go back.
 *
 * They are kept in the same `CheckpointLog` as the queries themselves.
 * `effect-pravega savepoint` is this from the shell, but for `restore`, which needs the pipeline.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { CheckpointLog, type StoredRecord } from "../log/CheckpointLog.ts"
import * as LogState from "../log/LogState.ts"
import * as SettledAppend from "../log/SettledAppend.ts"
import type { Pipeline } from "../pipeline/Pipeline.ts"
import { CheckpointCorrupt, CheckpointLogError, SequenceTaken } from "../protocol/CheckpointLogError.ts"
import { CheckpointRecord, Claimed, encode, SourceStart, Started } from "../protocol/CheckpointRecord.ts"
import { QueryName } from "../protocol/QueryName.ts"
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
  sources: Schema.Record(Schema.String, SourceStart),
  /** The number of the first batch after it. */
  batch: Schema.Natural,
  /** Per source: where that batch starts; `Source.streamCut` reads it if the source is a Pravega stream. */
  positions: Schema.Record(Schema.String, Schema.Json),
  /** When it was made; milliseconds since 1970. */
  at: Schema.Int
}) {}

class Removed extends Schema.TaggedClass<Removed>()("removed", { name: Schema.String }) {}

/** There is no savepoint of this name. @category errors @since 0.1.0 */
export class NoSuchSavepoint extends Schema.TaggedError<NoSuchSavepoint>()("NoSuchSavepoint", {
  savepoint: Schema.String
}) {
  override get message(): string {
    return `there is no savepoint "${this.savepoint}"`
  }
}

/** The name is taken. @category errors @since 0.1.0 */
export class SavepointExists extends Schema.TaggedError<SavepointExists>()("SavepointExists", {
  savepoint: Schema.String
}) {
  override get message(): string {
    return `there is a savepoint "${this.savepoint}" already: remove it first, or choose another name`
  }
}

/** There is no such query: its log is empty. @category errors @since 0.1.0 */
export class NoSuchQuery extends Schema.TaggedError<NoSuchQuery>()("NoSuchQuery", { query: Schema.String }) {
  override get message(): string {
    return `the checkpoint log has no query "${this.query}"`
  }
}

/**
 * A batch of the query is prepared: it will be committed, and the log does not say yet that it is. A savepoint before it
 * would repeat it, one after it might lose it.
 *
 * @category errors
 * @since 0.1.0
 */
export class BatchPrepared extends Schema.TaggedError<BatchPrepared>()("BatchPrepared", {
  query: Schema.String,
  batch: Schema.Natural
}) {
  override get message(): string {
    return `batch ${this.batch} of query "${this.query}" is prepared and not committed yet: try again when it is; if the ` +
      `query does not run, start it until it has finished that batch`
  }
}

/**
 * A batch of the query was being written to a sink whose outputs are visible at once: readers may have seen some of it. A
 * query that starts before it would write it under other numbers, and so repeat what is visible.
 *
 * @category errors
 * @since 0.1.0
 */
export class BatchVisibleInPart extends Schema.TaggedError<BatchVisibleInPart>()("BatchVisibleInPart", {
  query: Schema.String,
  batch: Schema.Natural,
  sink: Schema.String
}) {
  override get message(): string {
    return `batch ${this.batch} of query "${this.query}" is not committed, and may be visible in part in sink ` +
      `"${this.sink}": let the query finish that batch first, then try again`
  }
}

/** A pipeline can't start from a savepoint. @category errors @since 0.1.0 */
export class RestoreRefused extends Schema.TaggedError<RestoreRefused>()("RestoreRefused", {
  savepoint: Schema.String,
  query: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `query "${this.query}" can't start from savepoint "${this.savepoint}": ${this.detail}`
  }
}

/** @category errors @since 0.1.0 */
export class SavepointError extends Schema.TaggedError<SavepointError>()("SavepointError", {
  reason: Schema.Union([
    NoSuchSavepoint,
    SavepointExists,
    NoSuchQuery,
    BatchPrepared,
    BatchVisibleInPart,
    RestoreRefused
  ])
}) {
  override readonly cause = this.reason
  override get message(): string {
    return this.reason.message
  }
  /** Only a batch that is being written or committed passes by itself. */
  get isRetryable(): boolean {
    return this.reason._tag === "BatchPrepared" || this.reason._tag === "BatchVisibleInPart"
  }
}

/**
 * The name of the log that they are kept in, beside those of the queries.
 *
 * @category savepoints
 * @since 0.1.0
 */
export const logName = QueryName.make("effect-pravega.savepoints")

const Change = Schema.fromJsonString(Schema.toCodecJson(Schema.Struct({
  /** A torn record before it, which a crash left, and which counts as never written. */
  drops: Schema.optionalKey(Schema.Natural),
  change: Schema.Union([Savepoint, Removed])
})))
const toJson = Schema.encodeSync(Change)
const fromJson = Schema.decodeUnknownResult(Change)

const fail = (reason: SavepointError["reason"]) => Effect.fail(new SavepointError({ reason }))

const corrupt = (query: QueryName, sequence: number, detail: string) =>
  Effect.fail(new CheckpointLogError({ reason: new CheckpointCorrupt({ query, sequence, detail }) }))

/** All of them, and the number of the next change. */
const readAll = Effect.gen(function*() {
  const log = yield* (yield* CheckpointLog).open(logName)
  const records = yield* log.read(0)
  const savepoints = new Map<string, Savepoint>()
  let torn: { readonly sequence: number; readonly detail: string } | undefined
  for (const { bytes, isMissing, sequence } of records) {
    if (isMissing === true) return yield* corrupt(logName, sequence, "the record is missing")
    const read = Result.flatMap(
      unframe(bytes),
      (json) => Result.mapError(fromJson(json), ({ message }) => ({ isTorn: false, detail: message }))
    )
    if (Result.isFailure(read)) {
      if (torn !== undefined || !read.failure.isTorn) return yield* corrupt(logName, sequence, read.failure.detail)
      torn = { sequence, detail: read.failure.detail }
      continue
    }
    if (torn !== undefined && read.success.drops !== torn.sequence) {
      return yield* corrupt(logName, torn.sequence, torn.detail)
    }
    torn = undefined
    const { change } = read.success
    if (change._tag === "removed") savepoints.delete(change.name)
    else savepoints.set(change.name, change)
  }
  return { log, savepoints, next: (records.at(-1)?.sequence ?? -1) + 1, torn: torn?.sequence }
})

/** How often a change is decided anew because another process was quicker. */
const maxTries = 16

/** Adds a change to those that are there. */
const change = Effect.fnUntraced(function*<E>(
  decide: (savepoints: ReadonlyMap<string, Savepoint>) => Effect.Effect<Savepoint | Removed, E>
) {
  for (let tries = 1;; tries++) {
    const { log, next, savepoints, torn } = yield* readAll
    const decided = yield* decide(savepoints)
    const record = frame(toJson({ ...torn === undefined ? {} : { drops: torn }, change: decided }))
    const { _tag } = yield* SettledAppend.settle(log, logName, next, record)
    if (_tag === "appended") return decided
    if (tries >= maxTries) {
      return yield* new CheckpointLogError({ reason: new SequenceTaken({ query: logName, sequence: next }) })
    }
  }
})

/**
 * Names the position that a query has reached: behind its last committed batch. The query may run, and goes on; fails with
 * `BatchPrepared` in the moments in which it commits, and with `BatchVisibleInPart` as long as it writes a batch to a sink
 * whose outputs are visible at once, or has left one unfinished there. To go on from a savepoint instead of the query, stop it first.
 *
 * @category savepoints
 * @since 0.1.0
 */
export const create = Effect.fn("Savepoint.create")(
  function*(
    query: QueryName,
    name: string
  ): Effect.fn.Return<Savepoint, SavepointError | CheckpointLogError, CheckpointLog> {
    const log = yield* (yield* CheckpointLog).open(query)
    const records = yield* log.read(0)
    const { contradiction, read: { state } } = LogState.fold(records)
    if (contradiction !== undefined) return yield* corrupt(query, contradiction.sequence, contradiction.detail)
    if (state === undefined) return yield* fail(new NoSuchQuery({ query }))
    const [first] = state.unfinished
    if (first?.prepared !== undefined) return yield* fail(new BatchPrepared({ query, batch: first.batch }))
    const { sources, structure, version } = state.started
    for (const sink of visibleEarly(structure)) {
      const begun = state.unfinished.find((unfinished) => unfinished.begun.has(sink))
      if (begun !== undefined) return yield* fail(new BatchVisibleInPart({ query, batch: begun.batch, sink }))
    }
    const batch = first?.batch ?? state.nextBatch
    const positions = first === undefined ? state.positions : positionsBefore(records, batch)
    const savepoint = new Savepoint({
      name,
      query,
      version,
      sources,
      batch,
      positions,
      at: yield* Clock.currentTimeMillis
    })
    yield* change((savepoints) =>
      savepoints.has(name) ? fail(new SavepointExists({ savepoint: name })) : Effect.succeed(savepoint)
    )
    return savepoint
  }
)

/** The sinks of a recorded pipeline that have outputs which are visible before they are committed. */
const visibleEarly = (structure: Schema.Json): ReadonlyArray<string> =>
  Option.match(decodeSinks(structure), {
    onNone: () => [],
    onSome: ({ sinks }) => sinks.flatMap(({ name, needsDeterministic }) => needsDeterministic === true ? [name] : [])
  })

const decodeSinks = Schema.decodeUnknownOption(Schema.Struct({
  sinks: Schema.Array(Schema.Struct({ name: Schema.String, needsDeterministic: Schema.optionalKey(Schema.Boolean) }))
}))

/** Where a batch starts: where the one before it ended, or the query began. */
const positionsBefore = (records: ReadonlyArray<StoredRecord>, batch: number): Savepoint["positions"] => {
  let positions: Savepoint["positions"] = {}
  for (const stored of records) {
    const record = LogState.contentOf(stored)
    // Of a log that was read without contradiction, a torn record counts as never written.
    for (const entry of Result.isSuccess(record) ? record.success.entries : []) {
      if (entry._tag === "started" && entry.batch <= batch) positions = entry.positions
      if (entry._tag === "planned" && entry.batch < batch) positions = entry.positions
    }
  }
  return positions
}

/**
 * All savepoints, the oldest first.
 *
 * @category savepoints
 * @since 0.1.0
 */
export const list: Effect.Effect<ReadonlyArray<Savepoint>, CheckpointLogError, CheckpointLog> = Effect.map(
  readAll,
  ({ savepoints }) => [...savepoints.values()]
)

/**
 * The savepoint of a name.
 *
 * @category savepoints
 * @since 0.1.0
 */
export const get = (name: string): Effect.Effect<Savepoint, SavepointError | CheckpointLogError, CheckpointLog> =>
  Effect.flatMap(readAll, ({ savepoints }) => {
    const found = savepoints.get(name)
    return found === undefined ? fail(new NoSuchSavepoint({ savepoint: name })) : Effect.succeed(found)
  })

/**
 * Forgets a savepoint. Queries that were started from it stay as they are.
 *
 * @category savepoints
 * @since 0.1.0
 */
export const remove = (name: string): Effect.Effect<void, SavepointError | CheckpointLogError, CheckpointLog> =>
  Effect.asVoid(
    change((savepoints) =>
      savepoints.has(name) ? Effect.succeed(new Removed({ name })) : fail(new NoSuchSavepoint({ savepoint: name }))
    )
  )

/**
 * Lets a pipeline that was never run begin at a savepoint: writes the first record of its log. Run it then as any other.
 * Its sources must be those of the savepoint; process and sinks may be others. Its batches' numbers go on from there.
 *
 * ```ts
 * import { type Pipeline, QueryName, Savepoint } from "effect-pravega/batch"
 * import { Query } from "effect-pravega/stream"
 * import * as Effect from "effect/Effect"
 *
 * const upgrade = <A, B, ES, E, R>(totals2: Pipeline.Pipeline<A, B, ES, E, R>) =>
 *   Effect.gen(function*() {
 *     yield* Savepoint.create(QueryName.make("totals"), "before the upgrade")
 *     yield* Savepoint.restore("before the upgrade", totals2)
 *     return yield* Query.start(totals2)
 *   })
 * ```
 *
 * @category savepoints
 * @since 0.1.0
 */
export const restore = Effect.fn("Savepoint.restore")(
  function*<A, B, ES, E, R>(
    name: string,
    pipeline: Pipeline<A, B, ES, E, R>
  ): Effect.fn.Return<void, SavepointError | CheckpointLogError, CheckpointLog> {
    const { batch, positions, sources } = yield* get(name)
    const query = pipeline.name
    const refused = (detail: string) => fail(new RestoreRefused({ savepoint: name, query, detail }))
    const theirs = Object.keys(sources).toSorted()
    const ours = pipeline.sources.map((source) => source.name).toSorted()
    if (JSON.stringify(theirs) !== JSON.stringify(ours)) {
      return yield* refused(`its sources are ${ours.join(", ")}, the savepoint's are ${theirs.join(", ")}`)
    }
    const log = yield* (yield* CheckpointLog).open(query)
    const owner = `savepoint-${globalThis.crypto.randomUUID()}`
    const started = new Started({
      query,
      log: owner,
      version: pipeline.version,
      structure: pipeline.structure,
      sources,
      batch,
      positions
    })
    const record = new CheckpointRecord({ epoch: 1, owner, entries: [new Claimed({}), started] })
    const { _tag } = yield* SettledAppend.settle(log, query, 0, encode(record))
    if (_tag === "taken") return yield* refused("it has run before: give it a new name")
  }
)
