/**
 * Aggregates over all time: a row `a` per key, and a result per batch for those that it touched.
 *
 * @since 0.2.0
 */
import * as Change from "../Change.ts"
import type { Running } from "../graph/Node.ts"
import * as Firing from "./Firing.ts"
import type { KeyCodec } from "./Keys.ts"
import type { Operator } from "./Operator.ts"

interface Touched {
  readonly before: unknown
  accumulator: unknown
  /** The greatest of its inputs in this batch. */
  time: number
}

/** @category constructors @since 0.2.0 */
export const make = (name: string, operation: Running, ofChanges: boolean, { key: keyOf }: KeyCodec): Operator => {
  const { aggregate, emit } = operation
  const put = ofChanges ? changed(operation) : aggregate.add
  return {
    rows: { a: { schema: aggregate.accumulator } },
    watermark: (input) => input,
    usesClock: false,
    run: (rows, { keys, places, values }, { before }, emitted) => {
      const touched = new Map<string, Touched>()
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i]!
        const at = places[i]!
        let entry = touched.get(key)
        if (entry === undefined) {
          const stored = rows.get(key, "a")
          // A result is never older than what was said of time before.
          touched.set(key, entry = { before: stored, accumulator: stored ?? aggregate.initial, time: before })
        }
        entry.accumulator = put(entry.accumulator, values[i], at)
        if (at.time > entry.time) entry.time = at.time
      }
      for (const [key, entry] of touched) {
        rows.set(key, "a", entry.accumulator)
        const told = (accumulator: unknown) => ({ key: keyOf(key), value: aggregate.result(accumulator) })
        const after = told(entry.accumulator)
        emitted.values.push(
          emit === "updates"
            ? after
            : entry.before === undefined
            ? Change.added(after)
            : Change.replaced(told(entry.before), after)
        )
        emitted.places.push(Firing.placeOf(name, key, entry.time))
      }
      return { leftOver: undefined }
    }
  }
}

/** What was taken back is removed, what was put in is added. */
const changed =
  ({ aggregate }: Running) => (accumulator: unknown, value: unknown, at: Parameters<typeof aggregate.add>[2]) => {
    const change = value as Change.Change<unknown>
    const without = change._tag === "Added" ? accumulator : aggregate.remove!(accumulator, change.before)
    return change._tag === "Removed" ? without : aggregate.add(without, change.after, at)
  }
