/** What befalls the log of a history besides faults: a bit of it turns, and somebody repairs it, or puts a copy back. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type { CheckpointLog, StoredRecord } from "../../src/batch/log/CheckpointLog.ts"
import * as LogRepair from "../../src/batch/log/LogRepair.ts"
import * as LogState from "../../src/batch/log/LogState.ts"
import { QueryName } from "../../src/batch/protocol/QueryName.ts"
import { describeExit, type QueryWorld } from "../../src/testing/simulation/QueryWorld.ts"

/** How a process ended that had a minute's time, and no faults. */
export type Ended = "crashed" | Exit.Exit<void, unknown>

export interface Damage {
  readonly query: string
  /** Which record, and which of its bits: both counted from the first one again where there are fewer. */
  readonly record: number
  readonly bit: number
  /** Runs something beside the history. */
  readonly aside: <E>(effect: Effect.Effect<void, E, CheckpointLog>) => Effect.Effect<Ended>
  /** A life of the query. */
  readonly life: Effect.Effect<Ended>
  readonly isCorrupt: (ended: Ended) => boolean
}

/** What the query must go on with, whoever owns it. */
const standing = (records: ReadonlyArray<StoredRecord>): string | undefined => {
  const read = LogState.fromRecords(records)
  if (Result.isFailure(read) || read.success.state === undefined) return undefined
  const { head, nextBatch, positions, started, unfinished } = read.success.state
  return JSON.stringify([
    nextBatch,
    positions,
    head,
    started.log,
    unfinished.map(({ aside, batch, begun, planned, prepared }) => [
      batch,
      planned.plans,
      planned.positions,
      Array.from(begun),
      Array.from(prepared ?? []),
      aside
    ])
  ])
}

/**
 * Nobody runs. The last record is left alone: cut off in the middle of a write, it is dropped. A query that meets the damage
 * stops; a repair says again what the log said, or refuses, and then the record is put back.
 */
export const damage = Effect.fnUntraced(
  function*(world: QueryWorld, { aside, bit, isCorrupt, life, query, record }: Damage) {
    const violated = (detail: string) => world.violated({ invariant: "repair", detail })
    const records = [...world.logs.records(query)]
    const hit = records[record % Math.max(1, records.length - 1)]
    if (hit === undefined || records.length < 2) return
    const bytes = hit.bytes.slice()
    const place = (bit >> 3) % bytes.length
    bytes[place] = bytes[place]! ^ (1 << (bit & 7))
    const before = standing(records)
    world.logs.damage(query, hit.sequence, bytes)
    world.simulation.timeline.add("!", "world", `a bit of record ${hit.sequence} turns`)
    const putBack = () => void world.logs.damage(query, hit.sequence, hit.bytes)

    let plan: LogRepair.Plan["_tag"] | "refused" | undefined
    const looked = yield* aside(
      LogRepair.propose(QueryName.make(query)).pipe(
        Effect.map(({ _tag }) => void (plan = _tag)),
        Effect.catchTag("RepairRefused", () => Effect.sync(() => void (plan = "refused")))
      )
    )
    if (plan === undefined) return violated(`nobody says what a repair would do: ${describe(looked)}`)
    // it is before a record that says all again
    if (plan === "nothing") return putBack()
    const length = world.logs.records(query).length
    const ended = yield* life
    if (!isCorrupt(ended) || world.logs.records(query).length !== length) {
      violated(`record ${hit.sequence} is damaged, and a query ${describe(ended)}`)
    }
    world.simulation.timeline.add("=", "repair", plan)
    if (plan === "refused") return putBack()
    if (plan === "restate") world.monitor.expectRepair()
    const repaired = yield* aside(Effect.asVoid(LogRepair.repair(QueryName.make(query))))
    if (repaired === "crashed" || Exit.isFailure(repaired)) {
      violated(`the repair that was proposed ${describe(repaired)}`)
    }
    const after = standing(world.logs.records(query))
    if (after !== before) violated(`the log said ${before}, and says now ${after}`)
  }
)

const describe = (ended: Ended): string => ended === "crashed" ? "has not ended" : describeExit(ended)
