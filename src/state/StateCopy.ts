/**
 * A version of a query's state, copied: into another home, for another query or log, or for another version of its flow. The
 * copy is a snapshot, so that neither needs anything of the other.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { RowKind } from "../flow/machine/Operator.ts"
import { DeltaWriter, type StoredRow } from "./internal/Delta.ts"
import * as Recovery from "./internal/Recovery.ts"
import * as RowUpgrade from "./internal/RowUpgrade.ts"
import type { SlotRows } from "./internal/Snapshot.ts"
import * as StoredDeltas from "./internal/StoredDeltas.ts"
import type { StateHome } from "./StateContract.ts"
import type { StateStoreError } from "./StateError.ts"
import type { StateHead } from "./StateHead.ts"
import type { StateUpgrade } from "./StateUpgrade.ts"

/** @category options @since 0.2.0 */
export interface Options {
  readonly from: { readonly home: StateHome; readonly query: string; readonly head: StateHead }
  /** Its epoch is to be claimed by the record that names the copy. */
  readonly to: { readonly home: StateHome; readonly query: string; readonly log: string; readonly epoch: number }
  /** The steps of the flow that goes on, and their kinds of rows. */
  readonly operators: Readonly<Record<string, Readonly<Record<string, RowKind>>>>
  readonly upgrade: StateUpgrade
  /** Steps that are what they were: their rows are taken as they are. */
  readonly same?: ReadonlySet<string> | undefined
}

/**
 * Makes the copy durable, and answers with how a log is to name it. It counts when a record does. All rows are in the heap
 * while it is made. Fails as opening the state does, and with `UpgradeRefused`: then nothing was written.
 *
 * @category running
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*(
  { from, operators, same = new Set(), to, upgrade }: Options
): Effect.fn.Return<StateHead, StateStoreError> {
  const { head } = from
  const slots = new Map<number, Map<string, StoredRow>>()
  const found = new Set<string>()
  yield* Recovery.read(StoredDeltas.reader(from.home, { query: from.query, log: head.log }), head, {
    check: () => Effect.void,
    has: (row) => found.has(Recovery.idOf(row)),
    touch: () => {},
    load: (row) => {
      found.add(Recovery.idOf(row))
      const kept = same.has(row.operator)
        ? row
        : RowUpgrade.upgraded(row, { query: to.query, operators, upgrade })
      if (kept === undefined) return
      let rows = slots.get(row.slot)
      if (rows === undefined) slots.set(row.slot, rows = new Map())
      rows.set(Recovery.idOf(kept), kept)
    }
  })

  const { epoch, log } = to
  const { version } = head
  // One that died before its copy counted may have left parts of it under another number.
  const attempt = yield* Clock.currentTimeMillis
  const deltas = StoredDeltas.make(to.home, { query: to.query, log, epoch, lastPlanned: version })
  const named: Record<string, SlotRows> = {}
  for (const [slot, rows] of slots) {
    const writer = new DeltaWriter()
    // Each of them was stored before; a migration can make it larger.
    for (const row of rows.values()) if (!writer.write(row)) return yield* RowUpgrade.tooLarge(to.query, row)
    const written = writer.finish({ log, version, epoch, attempt }, undefined)
    yield* deltas.write(written, slot)
    named[slot] = { asOf: version, rows: written.head }
  }
  const base = yield* deltas.writeSnapshot({ format: 1, log, version, epoch, attempt, floor: version, slots: named })
  return { log, version, epoch, attempt, digest: head.digest, base }
})
