/**
 * Snapshots of a query's state while it runs, and what they make needless: so that what is read at a start, and what is kept,
 * is bounded by how much the query remembers, not by how long it has run. Both are done beside its batches, slot by slot: a
 * batch waits for a few MiB of rows to be put into bytes at most.
 *
 * A snapshot counts when a record names it (`StateHead.base`), and only then, when that record's batch is committed, is deleted
 * what it makes needless: whoever was taken over can't append such a record. What is above it, what has a higher epoch, and
 * what a savepoint needs, is never touched. What others wrote late under a name that was deleted is deleted by the next one.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { StateHome } from "../StateContract.ts"
import type { StateStoreError } from "../StateError.ts"
import type { SnapshotName, StateHead } from "../StateHead.ts"
import type { Finished } from "./Delta.ts"
import * as DeltaName from "./DeltaName.ts"
import type { SlotRows, Snapshot } from "./Snapshot.ts"
import * as StoredDeltas from "./StoredDeltas.ts"
import type { WorkingSet } from "./WorkingSet.ts"

/** When a snapshot is worth while. @category options @since 0.2.0 */
export interface SnapshotPolicy {
  /** Not after fewer deltas than this. */
  readonly deltas: number
  /** After so many in any case; before it, when they are half as many bytes as the rows are. */
  readonly most: number
  /** How many bytes of rows a batch waits for at most, but for one slot. */
  readonly bytesPerBatch: number
}

/** A snapshot that counts. @category models @since 0.2.0 */
export interface Base {
  readonly name: SnapshotName
  readonly snapshot: Snapshot
}

/** How much was written since. @category models @since 0.2.0 */
export interface Since {
  readonly deltas: number
  readonly bytes: number
}

/** @category options @since 0.2.0 */
export interface Options {
  readonly query: string
  readonly log: string
  readonly epoch: number
  readonly policy: SnapshotPolicy
  /** Of the query. */
  readonly scope: Scope.Scope
  /** The versions that savepoints need. */
  readonly pinned: Effect.Effect<ReadonlyArray<StateHead>, unknown>
}

/** @category models @since 0.2.0 */
export interface Snapshots {
  /** The one that the next record is to name. */
  readonly next: () => SnapshotName | undefined
  /** Nothing is open, and this is current. Does some of what is to be done, and goes on with it beside what follows. */
  readonly committed: (head: StateHead | undefined, written: number) => Effect.Effect<void, StateStoreError>
}

interface Round {
  readonly floor: number
  readonly attempt: number
  readonly todo: Array<number>
  readonly slots: Record<string, SlotRows>
}

/** @category constructors @since 0.2.0 */
export const make = (
  home: StateHome,
  deltas: StoredDeltas.StoredDeltas,
  rows: WorkingSet,
  options: Options,
  found: { readonly base: Base | undefined; readonly since: Since }
): Snapshots => {
  const { epoch, log, policy, query, scope } = options
  let { base } = found
  let since = found.since
  /** Durable, and named by no record that is known to be there. */
  let ready: Base | undefined
  let round: Round | undefined
  let attempts = 0
  let isBusy = false
  let isUnclean = false
  /** After a failure, so many commits pass before the next try. */
  let rest = 0

  const beside = (does: string, work: Effect.Effect<void, unknown>) =>
    Effect.suspend(() => {
      isBusy = true
      return Effect.forkIn(
        work.pipe(
          Effect.catch((cause) => {
            round = undefined
            rest = restAfterFailure
            return Effect.logWarning(`the state of query "${query}" was not ${does}; it is tried again later`, cause)
          }),
          Effect.ensuring(Effect.sync(() => {
            isBusy = false
          }))
        ),
        scope
      )
    })

  const isDue = () =>
    since.deltas >= policy.deltas && (since.deltas >= policy.most || since.bytes * 2 >= rows.size().bytes)

  const begin = ({ version }: StateHead): Round => {
    const slots: Record<string, SlotRows> = {}
    const todo: Array<number> = []
    for (const [slot, changed] of rows.slots()) {
      const there = base?.snapshot.slots[slot]
      if (there !== undefined && changed <= there.asOf) slots[slot] = { asOf: version, rows: there.rows }
      else todo.push(slot)
    }
    return { floor: version, attempt: ++attempts, todo, slots }
  }

  /** Some slots, as they are now. */
  const take = (
    { attempt, slots, todo }: Round,
    { version }: StateHead
  ): ReadonlyArray<readonly [number, Finished]> => {
    const taken: Array<readonly [number, Finished]> = []
    for (let bytes = 0; bytes < policy.bytesPerBatch;) {
      const slot = todo.shift()
      if (slot === undefined) break
      const written = rows.writeSlot(slot, { log, version, epoch, attempt })
      taken.push([slot, written])
      bytes += written.object.length + written.chunks.length * chunkBytes
      slots[slot] = { asOf: version, rows: written.head }
    }
    return taken
  }

  const goOn = (current: Round, head: StateHead) =>
    Effect.suspend(() => {
      const taken = take(current, head)
      const write = Effect.forEach(taken, ([slot, written]) => deltas.write(written, slot), { discard: true })
      if (current.todo.length > 0) return beside("put into a snapshot", write)
      const { attempt, floor, slots } = current
      const snapshot: Snapshot = { format: 1, log, version: head.version, epoch, attempt, floor, slots }
      const end = Effect.map(deltas.writeSnapshot(snapshot), (name) => {
        ready = { name, snapshot }
        round = undefined
      })
      return beside("put into a snapshot", Effect.andThen(write, end))
    })

  const counts = (named: SnapshotName): Effect.Effect<void, StateStoreError> => {
    const known = ready !== undefined && isSameSnapshot(ready.name, named) ? ready.snapshot : undefined
    return Effect.map(
      known === undefined ? deltas.snapshot(named) : Effect.succeed(known),
      (snapshot) => {
        base = { name: named, snapshot }
        since = { deltas: 0, bytes: 0 }
        ready = undefined
        isUnclean = true
      }
    )
  }

  return {
    next: () => (ready ?? base)?.name,
    committed: Effect.fnUntraced(function*(head, written) {
      if (written > 0) since = { deltas: since.deltas + 1, bytes: since.bytes + written }
      if (head?.base !== undefined && !isSameSnapshot(head.base, base?.name)) yield* counts(head.base)
      if (isBusy || head === undefined || rest-- > 0) return
      rest = 0
      if (round !== undefined) return yield* goOn(round, head)
      if (isUnclean && base !== undefined) {
        const cleaned = clean(home, deltas, options, base)
        return yield* beside("cleaned", Effect.tap(cleaned, () => Effect.sync(() => (isUnclean = false))))
      }
      if (ready === undefined && isDue()) {
        round = begin(head)
        yield* goOn(round, head)
      }
    })
  }
}

const restAfterFailure = 16
const chunkBytes = 1024 * 1024

const isSameSnapshot = (one: SnapshotName | undefined, other: SnapshotName | undefined): boolean =>
  one === other ||
  (one !== undefined && other !== undefined && one.version === other.version && one.epoch === other.epoch &&
    one.attempt === other.attempt && one.checksum === other.checksum)

/** Deletes what neither the snapshot that counts nor a savepoint needs. */
const clean = Effect.fnUntraced(function*(
  home: StateHome,
  deltas: StoredDeltas.StoredDeltas,
  { epoch, log, pinned }: Options,
  base: Base
) {
  // Read after the record of the snapshot was appended: a savepoint that was recorded later finds that it is too late (S22).
  const pins = (yield* pinned).filter((head) => head.log === log)
  const kept = yield* Effect.forEach(pins, (head) => Effect.map(snapshotOf(deltas, head), (base) => ({ head, base })))
  const heads = new Set<string>()
  for (const snapshot of [base.snapshot, ...kept.flatMap(({ base }) => base === undefined ? [] : [base])]) {
    heads.add(DeltaName.snapshotName(snapshot))
    for (const [slot, { rows }] of Object.entries(snapshot.slots)) {
      heads.add(DeltaName.headName({ ...rows, slot: Number(slot) }))
    }
  }
  const isNeeded = (name: DeltaName.Parsed): boolean => {
    if (name.epoch > epoch || name.log !== DeltaName.logName(log)) return true
    if (name.of !== undefined) return name.version > base.snapshot.version || heads.has(name.head)
    return name.version > base.snapshot.floor ||
      kept.some(({ base, head }) => name.version <= head.version && name.version > (base?.floor ?? -1))
  }
  const needless = (yield* StoredDeltas.namesIn(home)).filter((name) => !isNeeded(name))
  yield* Effect.forEach(needless, ({ name }) => home.delete(name), { concurrency: 4, discard: true })
})

/** That of a savepoint whose snapshot is gone is lost already. */
const snapshotOf = (deltas: StoredDeltas.StoredDeltas, { base }: StateHead) =>
  base === undefined
    ? Effect.undefined
    : Effect.catchIf(deltas.snapshot(base), StoredDeltas.isGone, () => Effect.undefined)
