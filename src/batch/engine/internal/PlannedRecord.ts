/**
 * The record that fixes the input of a batch: what it says of a range that was found. How a range is found is `Planning`'s.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import { Planned } from "../../protocol/CheckpointRecord.ts"
import type { FoundRange, Run } from "../BatchRun.ts"

/** The record of the next batch, which reads this range. @category constructors @since 0.2.0 */
export const make = <E, R>(run: Run<E, R>, { isFull, looks, plans, positions }: FoundRange) =>
  Effect.map(run.flow?.now(run.log.state()) ?? Clock.currentTimeMillis, (at) => {
    run.ahead.isBehind = isFull
    const { nextBatch: batch, positions: before } = run.log.state()
    const named = batch % wholeEvery === 0 ? { positions } : moved(before, positions)
    return new Planned({ batch, at, plans, ...named, ...looks === undefined ? {} : { looks } })
  })

/**
 * Every so many batches all sources are named, moved or not: a log with a damaged record can be repaired if a later one says
 * where all of them stand.
 */
const wholeEvery = 16

/** A batch that reads one of 200 sources costs what the one costs. */
const moved = (before: Planned["positions"], after: Planned["positions"]) => {
  const changed = Object.entries(after).filter(([name, position]) => !isSamePosition(before[name], position))
  return changed.length === Object.keys(after).length
    ? { positions: after }
    : { positions: Object.fromEntries(changed), isPartial: true as const }
}

const isSamePosition = (one: Schema.Json | undefined, other: Schema.Json | undefined): boolean =>
  one === other || (one !== undefined && JSON.stringify(one) === JSON.stringify(other))
