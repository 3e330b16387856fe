/**
 * Repairs a damaged checkpoint log, where the rest of it says for certain what the damaged record can't say any more.
 *
 * **Details**
 *
 * The log goes on from a new record that says it all again. What came before is forgotten. Everything else is refused, because
 * it is better to restore a copy than to lose or repeat a batch. A torn last record is no damage: the next start of the query
 * drops it. `effect-pravega log repair` does the same from the shell.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Uuid from "../../core/Uuid.ts"
import { CheckpointLogError, SequenceTaken } from "../protocol/CheckpointLogError.ts"
import { CheckpointRecord, Claimed, encode, type Entry, type Planned } from "../protocol/CheckpointRecord.ts"
import type { QueryName } from "../protocol/QueryName.ts"
import { CheckpointLog } from "./CheckpointLog.ts"
import type { QueryLog, StoredRecord } from "./LogContract.ts"
import { formatEntry, readable } from "./LogInspection.ts"
import * as LogState from "./LogState.ts"
import * as SettledAppend from "./SettledAppend.ts"

/** What the log says does not tell what the damaged record said. @category errors @since 0.1.0 */
export class RepairRefused extends Schema.TaggedError<RepairRefused>()("RepairRefused", {
  query: Schema.String,
  /** The damaged record. */
  sequence: Schema.Natural,
  detail: Schema.String
}) {
  override get message(): string {
    return `the checkpoint log of query "${this.query}" can't be repaired: ${this.detail}. Nothing was changed: put back ` +
      `a copy that is not older than the query's last batch, or find out from the sinks which batches they have, and ` +
      `start a query of a new name after them`
  }
}

/**
 * How a log can be repaired. `nothing`: it is not damaged. `forget`: a record says the whole state again, so that all before it
 * can go. `restate`: a new record with these entries says the state.
 *
 * @category models
 * @since 0.1.0
 */
export type Plan =
  | { readonly _tag: "nothing" }
  | { readonly _tag: "forget"; readonly before: number }
  | { readonly _tag: "restate"; readonly epoch: number; readonly next: number; readonly entries: ReadonlyArray<Entry> }

/**
 * Finds out whether records can be repaired, and how. Pure. The failure names the record, and why not.
 *
 * @category repair
 * @since 0.1.0
 */
export const plan = (records: ReadonlyArray<StoredRecord>): Result.Result<Plan, LogState.Contradiction> => {
  const { contradiction } = LogState.fold(records)
  if (contradiction === undefined) return Result.succeed({ _tag: "nothing" })
  if (contradiction.isNewer) {
    const { detail, sequence } = contradiction
    return Result.fail({
      ...contradiction,
      detail: `record ${sequence} is not damaged: a newer version of effect-pravega wrote it (${detail})`
    })
  }
  const damaged = records.findIndex(({ sequence }) => sequence === contradiction.sequence)
  const found = records[damaged]
  if (found === undefined || Result.isSuccess(LogState.contentOf(found))) {
    const detail =
      `record ${contradiction.sequence} is whole, and contradicts what came before: ${contradiction.detail}`
    return Result.fail({ ...contradiction, detail })
  }
  const after = records.slice(damaged + 1)
  const restarted = after.find((record) =>
    Result.match(LogState.contentOf(record), {
      onFailure: () => false,
      onSuccess: ({ entries }) => entries.some(({ _tag }) => _tag === "started")
    })
  )
  if (restarted !== undefined) {
    const rest = records.filter(({ sequence }) => sequence >= restarted.sequence)
    return LogState.fold(rest).contradiction === undefined
      ? Result.succeed({ _tag: "forget", before: restarted.sequence })
      : Result.fail({ ...contradiction, detail: `${sayDamage(found, contradiction)}, and it is not the only one` })
  }
  return Result.mapError(restate(records, contradiction.sequence), (detail) => ({
    ...contradiction,
    detail: `${sayDamage(found, contradiction)}, and ${detail}`
  }))
}

const sayDamage = ({ isMissing, sequence }: StoredRecord, { detail }: LogState.Contradiction): string =>
  isMissing === true ? `record ${sequence} is missing` : `record ${sequence} is damaged (${detail})`

/**
 * Batches are committed in order: when a later record says that batch n is committed, the damaged one, if it is the only
 * one, said nothing that is still needed, unless it spoke of a batch after n.
 */
const restate = (records: ReadonlyArray<StoredRecord>, damaged: number): Result.Result<Plan, string> => {
  const readable: Array<{ readonly sequence: number; readonly record: CheckpointRecord }> = []
  for (const [index, record] of records.entries()) {
    const { sequence } = record
    const following = records[index + 1]
    if (following !== undefined && following.sequence !== sequence + 1) {
      return Result.fail(`those up to ${following.sequence - 1} are missing, too`)
    }
    if (sequence === damaged) continue
    const decoded = LogState.contentOf(record)
    if (Result.isSuccess(decoded)) readable.push({ sequence, record: decoded.success })
    else if (following === undefined || !drops(following, sequence)) return Result.fail("it is not the only one")
  }
  const started = readable.flatMap(({ record }) => record.entries.filter((entry) => entry._tag === "started")).at(-1)
  if (started === undefined) return Result.fail("it is the one that says what the query reads")
  const last = readable.findLast(({ record }) => record.entries.some((entry) => entry._tag === "committed"))
  if (last === undefined || last.sequence < damaged) {
    return Result.fail("no later record says that a batch was committed: it may have said what is to be committed")
  }
  const committed = last.record.entries.findLastIndex((entry) => entry._tag === "committed")
  const batch = batchOf(last.record.entries[committed])
  const before = [
    ...readable.filter(({ sequence }) => sequence < last.sequence).flatMap(({ record }) => record.entries),
    ...last.record.entries.slice(0, committed)
  ]
  if (batch === undefined || before.some((entry) => (batchOf(entry) ?? -1) > batch)) {
    return Result.fail("batches after the last committed one were begun before it was: it may have spoken of them")
  }
  const positions = positionsAfter(before, batch)
  if (positions === undefined) return Result.fail(`it is the one that says where batch ${batch} ended`)
  const end = last.record.entries[committed]
  const state = end?._tag === "committed" ? end.state : undefined
  const hasState = readable.some(({ record }) =>
    record.entries.some((entry) => "state" in entry && entry.state !== undefined)
  )
  if (state === undefined && hasState) return Result.fail(`nothing else says which state batch ${batch} left`)
  const entries: ReadonlyArray<Entry> = [
    started.restated(batch + 1, positions, state),
    ...last.record.entries.slice(committed + 1),
    ...readable.filter(({ sequence }) => sequence > last.sequence).flatMap(({ record }) => record.entries)
      .filter((entry) => entry._tag !== "claimed")
  ]
  const epoch = readable.reduce((max, { record }) => Math.max(max, record.epoch), 0) + 1
  const applied = LogState.apply(undefined, new CheckpointRecord({ epoch, owner: "repair", entries }))
  if (Result.isFailure(applied)) return Result.fail(`without it the log contradicts itself: ${applied.failure}`)
  return Result.succeed({ _tag: "restate", epoch, next: (records.at(-1)?.sequence ?? -1) + 1, entries })
}

/** Where all sources stood after a batch; undefined: what is left does not say it. */
const positionsAfter = (entries: ReadonlyArray<Entry>, batch: number): Planned["positions"] | undefined => {
  let known: { readonly next: number; readonly positions: Planned["positions"] } | undefined
  for (const entry of entries) {
    if (entry._tag === "started") known = { next: entry.batch, positions: entry.positions }
    if (entry._tag !== "planned") continue
    // What one says that names the moved sources only hangs on the one before it.
    const isKnown = entry.isPartial !== true || known?.next === entry.batch
    known = isKnown ? { next: entry.batch + 1, positions: entry.whole(known?.positions ?? {}).positions } : undefined
  }
  return known?.next === batch + 1 ? known.positions : undefined
}

const drops = (record: StoredRecord, sequence: number): boolean =>
  Result.match(LogState.contentOf(record), {
    onFailure: () => false,
    onSuccess: ({ entries }) => entries.some((entry) => entry._tag === "claimed" && entry.drops === sequence)
  })

/** The batch that an entry changes. */
const batchOf = (entry: Entry | undefined): number | undefined =>
  entry === undefined || entry._tag === "started" || entry._tag === "claimed" ? undefined : entry.batch

/**
 * How a plan will repair the log, for people.
 *
 * @category repair
 * @since 0.1.0
 */
export const format = (plan: Plan): string => {
  switch (plan._tag) {
    case "nothing":
      return "the log is not damaged: there is nothing to repair"
    case "forget":
      return `record ${plan.before} says the whole state again: what came before it is forgotten`
    case "restate":
      return [
        `a new record ${plan.next} (epoch ${plan.epoch}) says the state, and what came before it is forgotten:`,
        ...plan.entries.map((entry) => `  ${formatEntry(entry)}`)
      ].join("\n")
  }
}

/**
 * What `repair` would do, without doing it. The query may run meanwhile.
 *
 * @category repair
 * @since 0.1.0
 */
export const propose = Effect.fn("LogRepair.propose")(
  function*(query: QueryName): Effect.fn.Return<Plan, RepairRefused | CheckpointLogError, CheckpointLog> {
    return yield* planOf(query, yield* (yield* CheckpointLog).open(query))
  }
)

const planOf = (query: QueryName, log: QueryLog): Effect.Effect<Plan, RepairRefused | CheckpointLogError> =>
  Effect.flatMap(readable(log), ({ records, unreadable }) => {
    const refused = ({ detail, sequence }: LogState.Contradiction) => new RepairRefused({ query, sequence, detail })
    if (unreadable === undefined) return Effect.mapError(Effect.fromResult(plan(records)), refused)
    const detail = `it can't be read from record ${unreadable.sequence} on (${unreadable.detail})`
    return Effect.fail(refused({ ...unreadable, detail }))
  })

/**
 * Repairs a query's log, if that is safe, and says what it did. It may be repeated.
 *
 * **Gotchas**
 *
 * The query must not run. If it does, one of the two is refused the next record.
 *
 * @category repair
 * @since 0.1.0
 */
export const repair = Effect.fn("LogRepair.repair")(
  function*(query: QueryName): Effect.fn.Return<Plan, RepairRefused | CheckpointLogError, CheckpointLog> {
    const log = yield* (yield* CheckpointLog).open(query)
    const planned = yield* planOf(query, log)
    switch (planned._tag) {
      case "nothing":
        return planned
      case "forget":
        yield* log.compact(planned.before)
        return planned
      case "restate": {
        const { entries, epoch, next } = planned
        const owner = `repair-${yield* Uuid.next}`
        const record = new CheckpointRecord({ epoch, owner, entries: [new Claimed({}), ...entries] })
        const { _tag } = yield* SettledAppend.settle(log, query, next, encode(record))
        if (_tag === "taken") {
          return yield* new CheckpointLogError({ reason: new SequenceTaken({ query, sequence: next }) })
        }
        // What is damaged goes only when this is durable.
        yield* log.compact(next)
        return planned
      }
    }
  }
)
