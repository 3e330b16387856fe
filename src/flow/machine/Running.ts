/**
 * Aggregates over all time: a row `a` per key, and a result per batch for those that it touched. Behind changes, a key of which
 * all was taken back has none any more.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import * as Change from "../Change.ts"
import type { Running } from "../graph/Node.ts"
import type { Place } from "../Place.ts"
import * as Firing from "./Firing.ts"
import type { KeyCodec } from "./Keys.ts"
import type { Operator } from "./Operator.ts"

interface Sum {
  /** How many inputs are in it. */
  readonly count: number
  readonly accumulator: unknown
}

interface Touched {
  /** Undefined: the key had none before the batch. */
  readonly before: Sum | undefined
  sum: Sum
  /** The greatest of its inputs in this batch. */
  time: number
}

/** @category constructors @since 0.2.0 */
export const make = (name: string, operation: Running, ofChanges: boolean, { key: keyOf }: KeyCodec): Operator => {
  const { aggregate, emit } = operation
  const put = ofChanges ? changed(operation) : added(operation)
  const none: Sum = { count: 0, accumulator: aggregate.initial }
  return {
    rows: { a: { schema: Schema.Struct({ count: Schema.Int, accumulator: aggregate.accumulator }) } },
    watermark: (input) => input,
    usesClock: false,
    run: (rows, { keys, places, values }, { before }, emitted) => {
      const touched = new Map<string, Touched>()
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i]!
        const at = places[i]!
        let entry = touched.get(key)
        if (entry === undefined) {
          const stored = rows.get(key, "a") as Sum | undefined
          // A result is never older than what was said of time before.
          touched.set(key, entry = { before: stored, sum: stored ?? none, time: before })
        }
        entry.sum = put(entry.sum, values[i], at)
        if (at.time > entry.time) entry.time = at.time
      }
      for (const [key, entry] of touched) {
        const result = ({ accumulator }: Sum) => ({ key: keyOf(key), value: aggregate.result(accumulator) })
        if (entry.sum.count > 0) rows.set(key, "a", entry.sum)
        else rows.delete(key, "a")
        const told = emit === "updates" ? updated(operation, entry, result) : change(entry, result)
        if (told === undefined) continue
        emitted.values.push(told)
        emitted.places.push(Firing.placeOf(name, key, entry.time))
      }
      return { leftOver: undefined }
    }
  }
}

type Put = (sum: Sum, value: unknown, at: Place) => Sum

const added = ({ aggregate }: Running): Put => ({ accumulator, count }, value, at) => ({
  count: count + 1,
  accumulator: aggregate.add(accumulator, value, at)
})

/** What was taken back is removed, what was put in is added. */
const changed = (operation: Running): Put => {
  const put = added(operation)
  return (sum, value, at) => {
    const told = value as Change.Change<unknown>
    const without = told._tag === "Added" ? sum : {
      count: sum.count - 1,
      accumulator: operation.aggregate.remove!(sum.accumulator, told.before)
    }
    return told._tag === "Removed" ? without : put(without, told.after, at)
  }
}

const updated = ({ aggregate }: Running, { sum }: Touched, result: (sum: Sum) => unknown): unknown =>
  sum.count > 0 || aggregate.hasEmptyResult ? result(sum) : undefined

const change = ({ before, sum }: Touched, result: (sum: Sum) => unknown): Change.Change<unknown> | undefined => {
  if (before === undefined) return sum.count > 0 ? Change.added(result(sum)) : undefined
  return sum.count > 0 ? Change.replaced(result(before), result(sum)) : Change.removed(result(before))
}
