/**
 * Savepoints: positions of queries, kept under names of their own.
 *
 * **When to use**
 *
 * A query of another name can be started from a savepoint: to change a pipeline without beginning anew, to try something on the
 * side, or to go back.
 *
 * **Details**
 *
 * They are kept in the same `CheckpointLog` as the queries themselves. `effect-pravega savepoint` does the same from the shell,
 * but for `restore`, which needs the pipeline.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { StateStoreError } from "../../state/StateError.ts"
import type { StateStore } from "../../state/StateStore.ts"
import type { StateUpgrade } from "../../state/StateUpgrade.ts"
import { CheckpointLog, type StoredRecord } from "../log/CheckpointLog.ts"
import * as LogState from "../log/LogState.ts"
import * as SettledAppend from "../log/SettledAppend.ts"
import type { Pipeline } from "../pipeline/Pipeline.ts"
import type { CheckpointLogError } from "../protocol/CheckpointLogError.ts"
import {
  CheckpointRecord,
  Claimed,
  CommittedSinks,
  encode,
  type FlowHead,
  Started
} from "../protocol/CheckpointRecord.ts"
import { QueryName } from "../protocol/QueryName.ts"
import { Savepoint } from "./SavepointLog.ts"
import * as SavepointLog from "./SavepointLog.ts"
export { logName, Savepoint } from "./SavepointLog.ts"
import {
  BatchPrepared,
  BatchVisibleInPart,
  NoSuchQuery,
  NoSuchSavepoint,
  RestoreRefused,
  SavepointError,
  SavepointExists,
  SavepointPassed
} from "./SavepointError.ts"

export {
  BatchPrepared,
  BatchVisibleInPart,
  NoSuchQuery,
  NoSuchSavepoint,
  RestoreRefused,
  SavepointError,
  SavepointExists,
  SavepointPassed
} from "./SavepointError.ts"
import * as Later from "../../core/Later.ts"
import * as Uuid from "../../core/Uuid.ts"

const fail = (reason: SavepointError["reason"]) => Effect.fail(new SavepointError({ reason }))

/**
 * Names the position that a query has reached, behind its last committed batch.
 *
 * **Details**
 *
 * The query may run, and goes on. It fails with `BatchPrepared` in the moments in which the query commits. It fails with
 * `BatchVisibleInPart` as long as the query writes a batch to a sink whose outputs are visible at once, or has left one
 * unfinished there. It fails with `NoSuchQuery` and `SavepointExists`.
 *
 * **Gotchas**
 *
 * To go on from a savepoint in place of the query, stop the query first.
 *
 * @category savepoints
 * @since 0.1.0
 */
export const create = Effect.fn("Savepoint.create")(
  function*(
    query: QueryName,
    name: string
  ): Effect.fn.Return<Savepoint, SavepointError | CheckpointLogError, CheckpointLog> {
    for (let tries = 1;; tries++) {
      const savepoint = yield* look(query, name)
      const isFree = (made: Savepoint | SavepointLog.Pinned) => (savepoints: ReadonlyMap<string, Savepoint>) =>
        savepoints.has(name) ? fail(new SavepointExists({ savepoint: name })) : Effect.succeed(made)
      if (savepoint.state !== undefined) {
        yield* SavepointLog.change(isFree(new SavepointLog.Pinned({ savepoint })))
        // Who reads the savepoints and deletes has appended a record before: where there is none, it finds this one (S22).
        if (!(yield* isStateKept(savepoint))) {
          if (tries < maxTries) continue
          return yield* fail(new BatchPrepared({ query, batch: savepoint.batch }))
        }
      }
      yield* SavepointLog.change(isFree(savepoint))
      return savepoint
    }
  }
)

/** How often it is looked anew where a query stands that gives up old state at the same time. */
const maxTries = 16

/** Where a query stands. */
const look = Effect.fnUntraced(function*(query: QueryName, name: string) {
  const log = yield* (yield* CheckpointLog).open(query)
  const records = yield* log.read(0)
  const { contradiction, read: { state } } = LogState.fold(records)
  if (contradiction !== undefined) return yield* LogState.refusal(query, contradiction)
  if (state === undefined) return yield* fail(new NoSuchQuery({ query }))
  const [first] = state.unfinished
  if (first?.prepared !== undefined) return yield* fail(new BatchPrepared({ query, batch: first.batch }))
  const { log: logId, sources, structure, version } = state.started
  for (const sink of visibleEarly(structure)) {
    const begun = state.unfinished.find((unfinished) => unfinished.begun.has(sink))
    if (begun !== undefined) return yield* fail(new BatchVisibleInPart({ query, batch: begun.batch, sink }))
  }
  const batch = first?.batch ?? state.nextBatch
  return new Savepoint({
    name,
    query,
    version,
    ...logId === undefined ? {} : { log: logId },
    sources,
    batch,
    positions: first === undefined ? state.positions : positionsBefore(records, batch),
    at: yield* Clock.currentTimeMillis,
    ...state.head === undefined ? {} : { state: state.head, structure }
  })
})

/** What a query with state needs is loaded where there is one. */
const loadState = Later.load(() =>
  Promise.all([import("./internal/flow/FlowProgress.ts"), import("./internal/RestoredState.ts")])
).pipe(Effect.map(([FlowProgress, RestoredState]) => ({ FlowProgress, RestoredState })))

/** Whether the query reads its state from the same snapshot as then: so far nothing that the savepoint needs was deleted. */
const isStateKept = Effect.fnUntraced(function*({ query, state: then }: Savepoint) {
  const name = QueryName.make(query)
  const { contradiction, read: { next, state } } = LogState.fold(
    yield* (yield* (yield* CheckpointLog).open(name)).read(0)
  )
  if (contradiction !== undefined) return yield* LogState.refusal(name, contradiction)
  const { FlowProgress } = yield* loadState
  const [before, now] = yield* Effect.all([FlowProgress.decode(then), FlowProgress.decode(state?.head)]).pipe(
    Effect.catch(({ message }) => SavepointLog.corrupt(name, next - 1, message))
  )
  return JSON.stringify(before.state?.base) === JSON.stringify(now.state?.base)
})

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
      if (entry._tag === "planned" && entry.batch < batch) positions = entry.whole(positions).positions
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
  SavepointLog.readAll,
  ({ savepoints }) => [...savepoints.values()]
)

/**
 * The savepoint of a name. It fails with `NoSuchSavepoint`.
 *
 * @category savepoints
 * @since 0.1.0
 */
export const get = (name: string): Effect.Effect<Savepoint, SavepointError | CheckpointLogError, CheckpointLog> =>
  Effect.flatMap(SavepointLog.readAll, ({ savepoints }) => {
    const found = savepoints.get(name)
    return found === undefined ? fail(new NoSuchSavepoint({ savepoint: name })) : Effect.succeed(found)
  })

const delete_ = (name: string): Effect.Effect<void, SavepointError | CheckpointLogError, CheckpointLog> =>
  Effect.asVoid(
    SavepointLog.change((savepoints) =>
      savepoints.has(name)
        ? Effect.succeed(new SavepointLog.Removed({ name }))
        : fail(new NoSuchSavepoint({ savepoint: name }))
    )
  )

export {
  /**
   * Deletes a savepoint. Queries that were started from it stay as they are. Fails with `NoSuchSavepoint`.
   *
   * @category savepoints
   * @since 0.2.0
   */
  delete_ as delete
}

/** How a pipeline begins at a savepoint. @category models @since 0.2.0 */
export interface RestoreOptions {
  /**
   * What to do if the savepoint's query has gone on since, or nobody can tell. With `"fail"`, the default, it is refused. With
   * `"repeat"` the pipeline begins at the savepoint all the same, and writes again what that query has written.
   */
  readonly onPassed?: "fail" | "repeat" | undefined
  /**
   * What becomes of the state of steps that the pipeline has not, or has otherwise. Without it all of them must be there and
   * understand what is stored; new steps begin with nothing.
   */
  readonly upgrade?: StateUpgrade | undefined
  /** Where the state of the savepoint's query is, if it is not in the `StateStore` around, to which it is copied. */
  readonly stateFrom?: StateStore["Service"] | undefined
}

/**
 * Lets a pipeline begin at a savepoint, by a record of its log that says so. Then run it as any other.
 *
 * **Details**
 *
 * Its sources must be those of the savepoint. Process and sinks may be others. The numbers of its batches go on from there.
 *
 * A pipeline of a name that was never run goes on beside the savepoint's query, with a copy of its state. One of the query's own
 * name replaces it, if it stands where the savepoint was made: so a changed pipeline goes on under its name. A process that runs
 * the old one can commit nothing from then on.
 *
 * A savepoint with state needs the `StateStore` that the pipeline is going to run with. All of the state is read, and held in
 * memory once, and every row of a changed step must be one of the new Schema, and lose nothing by it; else `upgrade` must say what
 * becomes of it. `docs/upgrades.md` says which changes are which.
 *
 * It fails with `SavepointPassed` if the savepoint's query has committed a batch since, or has one that it will commit; with
 * `RestoreRefused` if the pipeline has run before otherwise, or has other sources, or other steps of which nothing is said; with
 * the errors of state (`UpgradeRefused` and others). Then nothing was changed.
 *
 * **Gotchas**
 *
 * Stop the old query before you make the savepoint, and don't start it again: both would write the outputs of the same
 * events.
 *
 * **Example**
 *
 * ```ts
 * import { type Pipeline, QueryName, Savepoint } from "effect-pravega/batch"
 * import { Query } from "effect-pravega/stream"
 * import * as Effect from "effect/Effect"
 *
 * const upgrade = <A, B, ES, E, R>(totals2: Pipeline.Pipeline<A, B, ES, E, R>) =>
 *   Effect.gen(function*() {
 *     yield* Savepoint.create(QueryName.make("totals"), "before the upgrade")
 *     yield* totals2.pipe(Savepoint.restore("before the upgrade"))
 *     return yield* Query.start(totals2)
 *   })
 * ```
 *
 * @category savepoints
 * @since 0.1.0
 */
export const restore: {
  (
    name: string,
    options?: RestoreOptions
  ): <A, B, ES, E, R>(
    pipeline: Pipeline<A, B, ES, E, R>
  ) => Effect.Effect<void, RestoreError, CheckpointLog | Extract<R, StateStore>>
  <A, B, ES, E, R>(
    pipeline: Pipeline<A, B, ES, E, R>,
    name: string,
    options?: RestoreOptions
  ): Effect.Effect<void, RestoreError, CheckpointLog | Extract<R, StateStore>>
} = dual(
  (args) => typeof args[0] !== "string",
  Effect.fn("Savepoint.restore")(function*<A, B, ES, E, R>(
    pipeline: Pipeline<A, B, ES, E, R>,
    name: string,
    options: RestoreOptions = {}
  ): Effect.fn.Return<void, RestoreError, CheckpointLog> {
    const { onPassed = "fail", stateFrom: from, upgrade = {} } = options
    const savepoint = yield* get(name)
    const query = pipeline.name
    const refused = (detail: string) => fail(new RestoreRefused({ savepoint: name, query, detail }))
    const theirs = Object.keys(savepoint.sources).toSorted()
    const ours = pipeline.sources.map((source) => source.name).toSorted()
    if (JSON.stringify(theirs) !== JSON.stringify(ours)) {
      return yield* refused(`its sources are ${ours.join(", ")}, the savepoint's are ${theirs.join(", ")}`)
    }
    if (onPassed === "fail") yield* checkNotPassed(savepoint)
    const log = yield* (yield* CheckpointLog).open(query)
    const { contradiction, read } = LogState.fold(yield* log.read(0))
    if (contradiction !== undefined) return yield* LogState.refusal(query, contradiction)
    if (read.state !== undefined) {
      const problem = notItsOwn(read.state, savepoint)
      if (problem !== undefined) return yield* refused(problem)
    }
    const owner = `savepoint-${yield* Uuid.next}`
    const epoch = (read.state?.epoch ?? 0) + 1
    const nonce = read.state?.started.log ?? owner
    const { state: recorded } = savepoint
    const state = recorded === undefined
      ? undefined
      : yield* Effect.flatMap(
        loadState,
        ({ RestoredState }) =>
          RestoredState.make(pipeline, savepoint, recorded, { epoch, from, log: nonce, upgrade }, refused)
      )
    const started = startedAt(pipeline, savepoint, nonce, state, read.state)
    const drops = read.torn === undefined ? {} : { drops: read.torn }
    const record = new CheckpointRecord({ epoch, owner, entries: [new Claimed(drops), started] })
    const { _tag } = yield* SettledAppend.settle(log, query, read.next, encode(record))
    if (_tag === "taken") return yield* refused("somebody ran it at the same time: nothing was changed")
  })
)

/** @category errors @since 0.2.0 */
export type RestoreError = SavepointError | CheckpointLogError | StateStoreError

/** What a pipeline's log says first, from here on. */
const startedAt = <A, B, ES, E, R>(
  pipeline: Pipeline<A, B, ES, E, R>,
  { batch, positions, sources }: Savepoint,
  log: string,
  state: FlowHead | undefined,
  before: LogState.LogState | undefined
): Started =>
  new Started({
    query: pipeline.name,
    log,
    version: pipeline.version,
    structure: pipeline.structure,
    sources,
    batch,
    positions,
    ...state === undefined ? {} : { state },
    // its sinks know nothing of a query of a new name
    sinks: before?.sinks ?? new CommittedSinks({ isWhole: true, last: {} })
  })

/** Why a query's log is not one that goes on from the savepoint; undefined: it is. */
const notItsOwn = (
  { nextBatch, started, unfinished }: LogState.LogState,
  { batch, log, query }: Savepoint
): string | undefined => {
  if (started.query !== query || log === undefined || started.log !== log) {
    return "it has run before: give it a new name"
  }
  const [first] = unfinished
  if (first !== undefined) {
    return `batch ${first.batch} is planned: start the pipeline that planned it until that batch is done, and make the ` +
      `savepoint again`
  }
  return nextBatch === batch
    ? undefined
    : `it has gone on to batch ${nextBatch} under its own name: give it a new name`
}

/** Fails unless the savepoint's query stands where it stood then. */
const checkNotPassed = Effect.fnUntraced(function*({ batch, log: logId, name, query }: Savepoint) {
  const passed = (detail: string) => fail(new SavepointPassed({ savepoint: name, query, batch, detail }))
  const log = yield* (yield* CheckpointLog).open(QueryName.make(query))
  const { contradiction, read: { state } } = LogState.fold(yield* log.read(0))
  if (state === undefined) return yield* passed("the query's log is gone, so that nobody can tell what it did since")
  if (logId !== undefined && state.started.log !== logId) {
    return yield* passed("the query was begun anew since, so that its log does not tell what it did before")
  }
  const [unfinished] = state.unfinished
  const next = unfinished?.batch ?? state.nextBatch
  if (next > batch) return yield* passed(`the query has committed ${batches(batch, next - 1)} since`)
  if (contradiction !== undefined) {
    return yield* SavepointLog.corrupt(QueryName.make(query), contradiction.sequence, contradiction.detail)
  }
  if (unfinished?.prepared !== undefined) {
    return yield* passed(`the query will commit batch ${batch}, which is prepared`)
  }
  for (const sink of visibleEarly(state.started.structure)) {
    if (unfinished?.begun.has(sink)) {
      return yield* fail(new BatchVisibleInPart({ query, batch: unfinished.batch, sink }))
    }
  }
})

const batches = (first: number, last: number): string =>
  first === last ? `batch ${first}` : `batches ${first} to ${last}`
