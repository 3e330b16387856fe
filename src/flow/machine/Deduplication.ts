/**
 * Deduplication: of the inputs of a key within a time, the first that comes goes on. Row `d`: the time of that one.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import type { Deduplicated } from "../graph/Node.ts"
import * as Firing from "./Firing.ts"
import type { Operator } from "./Operator.ts"

/** @category constructors @since 0.2.0 */
export const make = ({ within }: Deduplicated): Operator => ({
  rows: {
    d: {
      schema: Schema.Number,
      due: within === Infinity ? undefined : (_sub, time) => ({ line: "event", time: Number(time) + within })
    }
  },
  watermark: (input) => input,
  usesClock: false,
  run: (rows, { keys, places, values }, moment, emitted) => {
    for (let i = 0; i < keys.length; i++) {
      const at = places[i]!
      const key = keys[i]!
      // What is older than the watermark may have been seen, and forgotten.
      if (at.time < moment.before && within !== Infinity) {
        emitted.late.push({ port: 0, value: values[i], at })
        continue
      }
      const seen = rows.get(key, "d")
      if (seen !== undefined && Math.abs(at.time - Number(seen)) < within) {
        emitted.dropped++
        continue
      }
      // The one that is remembered is the latest: those that come near an earlier one are late by then, or come through.
      if (seen === undefined || at.time > Number(seen)) rows.set(key, "d", at.time)
      emitted.values.push(values[i])
      emitted.places.push(at)
    }
    return Firing.all(rows, "event", moment, ({ key, sub }) => rows.delete(key, sub))
  }
})
