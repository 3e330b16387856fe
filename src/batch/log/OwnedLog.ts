/**
 * A query's log in the hands of one owner: claims the query's epoch, appends records one at a time, settles appends
 * whose outcome is unknown, and notices when another owner came. It knows what the log says (`LogState`), not what to
 * do about it (`Commit`).
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { CheckpointCorrupt, CheckpointLogError, Fenced, LogUnavailable } from "../protocol/CheckpointLogError.ts"
import { CheckpointRecord, Claimed, decode, encode, type Entry, type Started } from "../protocol/CheckpointRecord.ts"
import type { QueryName } from "../protocol/QueryName.ts"
import type { QueryLog } from "./LogContract.ts"
import * as LogState from "./LogState.ts"
import * as SettledAppend from "./SettledAppend.ts"

/** @category models @since 0.1.0 */
export interface OwnedLog {
  readonly query: QueryName
  /** What the log says now. */
  readonly state: () => LogState.LogState
  /**
   * Appends one record with these entries, durably. Not interruptible. Fails with `Fenced`, with `LogUnavailable`
   * (nothing was appended), or with `OutcomeUnknown` when the log could not be reached for too long to find out: then
   * nothing that the record decides may be done or undone.
   */
  readonly append: (entries: ReadonlyArray<Entry>) => Effect.Effect<void, CheckpointLogError>
  /** Whether there is much that recovery no longer needs: then `compact` waits for a moment without unfinished batches. */
  readonly isLong: () => boolean
  /** Forgets what recovery no longer needs, when that is much and no batch is unfinished. */
  readonly compact: Effect.Effect<void, CheckpointLogError>
}

/**
 * A log is compacted when it has this many records that nobody needs; default 256. Fewer is for tests: each compaction
 * writes a record more.
 *
 * @category references
 * @since 0.1.0
 */
export const CompactAfter = Context.Reference<number>("effect-pravega/batch/OwnedLog/CompactAfter", {
  defaultValue: () => 256
})

/** How often a newcomer tries to get its claim in between the records of a running owner. */
const maxClaims = 64

/**
 * Claims a query: from here on every older owner's next append fails. `started` is asked when the log is empty. Fails
 * with `Fenced` when another process claims it at the same time, with `CheckpointCorrupt` when the log can't be read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const claim = <E, R>(
  log: QueryLog,
  options: {
    readonly query: QueryName
    /** Unique to this run. */
    readonly owner: string
    readonly started: Effect.Effect<Started, E, R>
    /** Asked before the claim of a query that has started before: what it refuses takes nothing from a running owner. */
    readonly accept: (started: Started) => Effect.Effect<void, E, R>
  }
): Effect.Effect<OwnedLog, E | CheckpointLogError, R> =>
  Effect.gen(function*() {
    const compactAfter = yield* CompactAfter
    let seenEpoch: number | undefined
    for (let tries = 0; tries < maxClaims; tries++) {
      const read = yield* readAll(log, options.query)
      const epoch = read.state?.epoch ?? 0
      if (seenEpoch !== undefined && epoch > seenEpoch) {
        return yield* fenced(options.query, seenEpoch + 1, read.state?.owner ?? "another process", epoch)
      }
      // What a query started with never changes.
      if (seenEpoch === undefined && read.state !== undefined) yield* options.accept(read.state.started)
      seenEpoch = epoch
      const started = read.state === undefined ? [yield* options.started] : []
      const record = new CheckpointRecord({
        epoch: epoch + 1,
        owner: options.owner,
        entries: [new Claimed(read.torn === undefined ? {} : { drops: read.torn }), ...started]
      })
      const outcome = yield* settle(log, options.query, read.next, record)
      if (outcome._tag === "taken") continue
      const state = LogState.apply(read.state, record)
      if (Result.isFailure(state) || state.success === undefined) {
        return yield* corrupt(options.query, read.next, "a claim without a start")
      }
      const base = read.state === undefined ? read.next : read.base
      return make(log, options.query, { state: state.success, next: read.next + 1, base, compactAfter })
    }
    const cause = new Error(`a running owner was quicker ${maxClaims} times`)
    return yield* new CheckpointLogError({
      reason: new LogUnavailable({ query: options.query, operation: "claim", cause })
    })
  })

const make = (
  log: QueryLog,
  query: QueryName,
  { compactAfter, ...from }: {
    readonly state: LogState.LogState
    readonly next: number
    readonly base: number
    readonly compactAfter: number
  }
): OwnedLog => {
  let { base, next, state } = from
  const { epoch, owner } = state
  const isLong = () => next - base >= compactAfter
  const oneAtATime = Semaphore.makeUnsafe(1)

  const append = Effect.fnUntraced(function*(entries: ReadonlyArray<Entry>) {
    const record = new CheckpointRecord({ epoch, owner, entries })
    const applied = LogState.apply(state, record)
    // A record that contradicts the log must not get into it.
    if (Result.isFailure(applied) || applied.success === undefined) {
      return yield* corrupt(query, next, Result.isFailure(applied) ? applied.failure : "it empties the log")
    }
    const outcome = yield* settle(log, query, next, record)
    if (outcome._tag === "taken") {
      return yield* fenced(query, epoch, outcome.by?.owner ?? "another process", outcome.by?.epoch ?? epoch + 1)
    }
    if (entries.some((entry) => entry._tag === "started")) base = next
    next++
    state = applied.success
  }, (effect) => oneAtATime.withPermit(Effect.uninterruptible(effect)))

  return {
    query,
    state: () => state,
    append,
    isLong,
    compact: Effect.suspend(() => {
      if (state.unfinished.length > 0 || !isLong()) return Effect.void
      const restated = state.started.restated(state.nextBatch, state.positions, state.head, state.sinks)
      return Effect.andThen(append([restated]), Effect.suspend(() => log.compact(base)))
    })
  }
}

/** As settled, with the record that has the number. */
const settle = Effect.fnUntraced(function*(
  log: QueryLog,
  query: QueryName,
  sequence: number,
  record: CheckpointRecord
) {
  const settled = yield* SettledAppend.settle(log, query, sequence, encode(record))
  if (settled._tag === "appended") return settled
  if (settled.by === undefined) return { _tag: "taken" as const, by: undefined }
  const by = decode(settled.by)
  if (Result.isFailure(by)) {
    const { detail, kind } = by.failure
    return yield* LogState.refusal(query, { sequence, detail, isNewer: kind === "newer" })
  }
  return { _tag: "taken" as const, by: by.success }
})

const readAll = Effect.fnUntraced(function*(log: QueryLog, query: QueryName) {
  const read = LogState.fromRecords(yield* log.read(0))
  if (Result.isFailure(read)) return yield* LogState.refusal(query, read.failure)
  return read.success
})

const corrupt = (query: QueryName, sequence: number, detail: string) =>
  Effect.fail(new CheckpointLogError({ reason: new CheckpointCorrupt({ query, sequence, detail }) }))

const fenced = (query: QueryName, epoch: number, claimedBy: string, claimedEpoch: number) =>
  Effect.fail(new CheckpointLogError({ reason: new Fenced({ query, epoch, claimedBy, claimedEpoch }) }))
