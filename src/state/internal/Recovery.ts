/**
 * A version of the state, read from its home: from the newest delta back to the snapshot that its head names, then that. A row
 * counts as it is met first, so that each is taken once.
 */
import * as Effect from "effect/Effect"
import type { StateStoreError } from "../StateError.ts"
import type { StateHead } from "../StateHead.ts"
import type { DeltaHead, StoredRow } from "./Delta.ts"
import type { SlotRows } from "./Snapshot.ts"
import type { Base, Since } from "./Snapshots.ts"
import type { StoredDeltas } from "./StoredDeltas.ts"

/** Where rows go. @category models @since 0.2.0 */
export interface Into {
  /** Asked before a delta's rows are read. */
  readonly check: (delta: DeltaHead) => Effect.Effect<void, StateStoreError>
  readonly has: (row: StoredRow) => boolean
  /** A row, and the version that it is of at most. What it throws of `StateStoreError` is the failure. */
  readonly load: (row: StoredRow, version: number) => void
  /** Only this one; undefined: all. */
  readonly slot?: number | undefined
  /** A row of a slot was deleted. */
  readonly touch: (slot: number, version: number) => void
}

/** What the version was read from. @category models @since 0.2.0 */
export interface Read {
  readonly base: Base | undefined
  readonly since: Since
}

/** @category getters @since 0.2.0 */
export const read = Effect.fnUntraced(function*(
  deltas: Pick<StoredDeltas, "find" | "snapshot">,
  head: StateHead | undefined,
  { check, has, load, slot: only, touch }: Into
): Effect.fn.Return<Read, StateStoreError> {
  const base = head?.base === undefined
    ? undefined
    : { name: head.base, snapshot: yield* deltas.snapshot(head.base) }
  const slots = base?.snapshot.slots ?? {}
  const floor = base?.snapshot.floor ?? -1
  const deleted = new Set<string>()
  const since = { deltas: 0, bytes: 0 }
  for (let next = head; next !== undefined && next.version > floor;) {
    const { version } = next
    const found = yield* deltas.find(next)
    yield* check(found.delta)
    yield* found.read((row) => {
      since.bytes += bytesOf(row)
      if (only !== undefined && row.slot !== only) return
      const there = slots[row.slot]
      if (there !== undefined && version <= there.asOf) return
      if (has(row) || (deleted.size > 0 && deleted.has(idOf(row)))) return
      if (row.value !== undefined) return load(row, version)
      deleted.add(idOf(row))
      touch(row.slot, version)
    })
    since.deltas++
    next = found.delta.predecessor
  }
  const restore = Effect.fnUntraced(function*([slot, { asOf, rows }]: readonly [string, SlotRows]) {
    const found = yield* deltas.find({ ...rows, slot: Number(slot) })
    yield* check(found.delta)
    yield* found.read((row) => {
      if (!has(row) && !deleted.has(idOf(row))) load(row, asOf)
    })
  })
  const wanted = Object.entries(slots).filter(([slot]) => only === undefined || Number(slot) === only)
  yield* Effect.forEach(wanted, restore, { concurrency: 8, discard: true })
  return { base, since }
})

/** As they count for what is kept. @category getters @since 0.2.0 */
export const bytesOf = ({ key, sub, value = "" }: StoredRow): number => key.length + sub.length + value.length

/** @category getters @since 0.2.0 */
export const idOf = ({ key, operator, slot, sub }: StoredRow): string => JSON.stringify([operator, slot, key, sub])
