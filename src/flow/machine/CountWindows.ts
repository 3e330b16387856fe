/**
 * Windows of so many inputs of a key, in the order in which they come. Row `c`: the window that is not full yet, which is due
 * at the end of time.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import type { Windowed } from "../graph/Node.ts"
import type { Count } from "../time/Window.ts"
import * as Firing from "./Firing.ts"
import type { KeyCodec } from "./Keys.ts"
import type { Emitted, Operator } from "./Operator.ts"

interface Filling {
  readonly count: number
  readonly accumulator: unknown
  readonly start: number
  readonly end: number
}

/** @category constructors @since 0.2.0 */
export const make = (name: string, { aggregate }: Windowed, window: Count, { key: keyOf }: KeyCodec): Operator => {
  const put = (key: string, { accumulator, end, start }: Filling, emitted: Emitted, before: number): void => {
    emitted.values.push({ key: keyOf(key), value: aggregate.result(accumulator), window: { start, end } })
    // A window of old inputs that is full now is a result of now.
    emitted.places.push(Firing.placeOf(name, key, Math.max(end - 1, before)))
  }
  return {
    rows: {
      c: {
        schema: Schema.Struct({
          count: Schema.Int,
          accumulator: aggregate.accumulator,
          start: Schema.Int,
          end: Schema.Int
        }),
        due: () => ({ line: "event", time: Infinity })
      }
    },
    watermark: (input) => input,
    usesClock: false,
    run: (rows, { keys, places, values }, moment, emitted) => {
      const filling = new Map<string, Filling | undefined>()
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i]!
        const at = places[i]!
        const there = filling.has(key) ? filling.get(key) : rows.get(key, "c") as Filling | undefined
        const next: Filling = {
          count: (there?.count ?? 0) + 1,
          accumulator: aggregate.add(there === undefined ? aggregate.initial : there.accumulator, values[i], at),
          start: Math.min(there?.start ?? at.time, at.time),
          end: Math.max(there?.end ?? at.time + 1, at.time + 1)
        }
        if (next.count < window.size) filling.set(key, next)
        else {
          put(key, next, emitted, moment.before)
          filling.set(key, undefined)
        }
      }
      for (const [key, next] of filling) {
        if (next === undefined) rows.delete(key, "c")
        else rows.set(key, "c", next)
      }
      return Firing.all(rows, "event", moment, ({ key, sub }) => {
        put(key, rows.get(key, sub) as Filling, emitted, moment.before)
        rows.delete(key, sub)
      })
    }
  }
}
