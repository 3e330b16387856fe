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

interface Round {
  readonly floor: number
  readonly attempt: number
  readonly todo: Array<number>
  readonly slots: Record<string, SlotRows>
}

/** @category models @since 0.2.0 */
export class Snapshots {
  private readonly home: StateHome
  private readonly deltas: StoredDeltas.StoredDeltas
  private readonly rows: WorkingSet
  private readonly options: Options
  private base: Base | undefined
  private since: Since
  /** Durable, and named by no record that is known to be there. */
  private ready: Base | undefined
  private round: Round | undefined
  private attempts = 0
  private isBusy = false
  private isUnclean = false
  /** After a failure, so many commits pass before the next try. */
  private rest = 0

  constructor(
    home: StateHome,
    deltas: StoredDeltas.StoredDeltas,
    rows: WorkingSet,
    options: Options,
    { base, since }: { readonly base: Base | undefined; readonly since: Since }
  ) {
    this.home = home
    this.deltas = deltas
    this.rows = rows
    this.options = options
    this.base = base
    this.since = since
  }

  /** The one that the next record is to name. */
  next(): SnapshotName | undefined {
    return (this.ready ?? this.base)?.name
  }

  /** No try is open, and this is current. Does some of what is to be done, and goes on with it beside what follows. */
  committed(head: StateHead | undefined, written: number): Effect.Effect<void, StateStoreError> {
    if (written > 0) this.since = { deltas: this.since.deltas + 1, bytes: this.since.bytes + written }
    const named = head?.base
    const counted = named === undefined || isSameSnapshot(named, this.base?.name) ? Effect.void : this.count(named)
    return Effect.andThen(counted, Effect.suspend(() => head === undefined ? Effect.void : this.goOn(head)))
  }

  /** A record names it. */
  private count(name: SnapshotName): Effect.Effect<void, StateStoreError> {
    const { ready } = this
    const known = ready !== undefined && isSameSnapshot(ready.name, name) ? ready.snapshot : undefined
    return Effect.map(known === undefined ? this.deltas.snapshot(name) : Effect.succeed(known), (snapshot) => {
      this.base = { name, snapshot }
      this.since = { deltas: 0, bytes: 0 }
      this.ready = undefined
      this.isUnclean = true
    })
  }

  private goOn(head: StateHead): Effect.Effect<void> {
    if (this.isBusy) return Effect.void
    if (this.rest > 0) {
      this.rest--
      return Effect.void
    }
    const { base } = this
    if (this.round === undefined && this.isUnclean && base !== undefined) {
      const cleaned = clean(this.home, this.deltas, this.options, base)
      return this.beside(
        "cleaned",
        Effect.map(cleaned, () => {
          this.isUnclean = false
        })
      )
    }
    if (this.round === undefined && this.ready === undefined && this.isDue()) this.round = this.begin(head)
    return this.round === undefined ? Effect.void : this.take(this.round, head)
  }

  private isDue(): boolean {
    const { options: { policy }, rows, since } = this
    return since.deltas >= policy.deltas && (since.deltas >= policy.most || since.bytes * 2 >= rows.size().bytes)
  }

  private begin({ version }: StateHead): Round {
    const slots: Record<string, SlotRows> = {}
    const todo: Array<number> = []
    for (const [slot, changed] of this.rows.slots()) {
      const there = this.base?.snapshot.slots[slot]
      if (there !== undefined && changed <= there.asOf) slots[slot] = { asOf: version, rows: there.rows }
      else todo.push(slot)
    }
    return { floor: version, attempt: ++this.attempts, todo, slots }
  }

  /** Some slots, as they are now; with the last one it is a snapshot. */
  private take({ attempt, floor, slots, todo }: Round, { version }: StateHead): Effect.Effect<void> {
    const { epoch, log, policy } = this.options
    const taken: Array<readonly [number, Finished]> = []
    for (let bytes = 0; bytes < policy.bytesPerBatch;) {
      const slot = todo.shift()
      if (slot === undefined) break
      const written = this.rows.writeSlot(slot, { log, version, epoch, attempt })
      taken.push([slot, written])
      bytes += written.chunks.reduce((sum, chunk) => sum + chunk.length, written.object.length)
      slots[slot] = { asOf: version, rows: written.head }
    }
    const write = Effect.forEach(taken, ([slot, written]) => this.deltas.write(written, slot), { discard: true })
    if (todo.length > 0) return this.beside("put into a snapshot", write)
    const snapshot: Snapshot = { format: 1, log, version, epoch, attempt, floor, slots }
    const end = Effect.map(this.deltas.writeSnapshot(snapshot), (name) => {
      this.ready = { name, snapshot }
      this.round = undefined
    })
    return this.beside("put into a snapshot", Effect.andThen(write, end))
  }

  private beside(does: string, work: Effect.Effect<void, unknown>): Effect.Effect<void> {
    const { query, scope } = this.options
    this.isBusy = true
    const failed = (cause: unknown) => {
      this.round = undefined
      this.rest = restAfterFailure
      return Effect.logWarning(`the state of query "${query}" was not ${does}; it is tried again later`, cause)
    }
    const ended = Effect.sync(() => {
      this.isBusy = false
    })
    return Effect.asVoid(
      Effect.forkIn(work.pipe(Effect.catch(failed), Effect.ensuring(ended)), scope)
    )
  }
}

const restAfterFailure = 16

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
