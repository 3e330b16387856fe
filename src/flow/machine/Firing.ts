/**
 * What becomes due: taken in order of time, then key, and no more of it in a batch than there may be.
 *
 * @since 0.2.0
 */
import type { Place } from "../Place.ts"
import type { Due, Line, Moment, Ran, Rows } from "./Operator.ts"

/**
 * Takes rows that are due; `fire` must change each, so that it is not due any more, or later. One that `fire` makes due is
 * taken in its turn.
 *
 * @category folding
 * @since 0.2.0
 */
export const all = (rows: Rows, line: Line, moment: Moment, fire: (due: Due) => Again | void): Ran => {
  // At the end of time nothing waits any more, not for the clock either; it is one batch.
  const isEnd = moment.watermark === Infinity
  const now = line === "event" || isEnd ? moment.watermark : moment.clock
  const most = isEnd ? Infinity : moment.maxFirings
  for (let fired = 0; fired < most;) {
    const time = rows.nextDue(line)
    if (time === undefined || time > now) break
    // Of one time only: what fires may make something due before those of later times.
    for (const row of rows.due(line, time, Math.min(atOnce, most - fired))) {
      fired++
      if (fire(row) === "again") break
    }
  }
  const left = rows.nextDue(line)
  return { leftOver: left !== undefined && left <= now ? left : undefined }
}

/** The place of a result: one per step, key and time, whatever the batches. @category constructors @since 0.2.0 */
export const placeOf = (step: string, key: string, time: number, ordinal = 0): Place => ({
  time,
  source: `${step}\u0000${key}`,
  segment: 0n,
  offset: 0n,
  ordinal
})

/** The place of the n-th of several that one made. @category constructors @since 0.2.0 */
export const nth = ({ offset, ordinal, segment, source, time }: Place, n: number): Place => ({
  time,
  source,
  segment,
  offset,
  ordinal: ordinal + n
})

/** Something else may come before what is in hand. @category models @since 0.2.0 */
export type Again = "again"

const atOnce = 4096
