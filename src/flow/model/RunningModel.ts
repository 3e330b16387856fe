/**
 * What steps mean that look at all time: aggregates, and the values with the greatest ranks.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import * as Change from "../Change.ts"
import type { AnyAggregate, Running, TopN } from "../graph/Node.ts"
import { compare } from "../Place.ts"
import { type Arrival, byMoment, type Event, type History, type Made, resultOf } from "./History.ts"

/** What keys are, read from their texts. */
type KeyOf = (text: string) => unknown
type Result = Event & { readonly n: number }

/** @category models @since 0.2.0 */
export const running = (
  name: string,
  { aggregate, emit }: Running,
  ofChanges: boolean,
  keyOf: KeyOf,
  history: History,
  arrivals: ReadonlyArray<Arrival>
): Made => {
  const results = [...Map.groupBy(arrivals, ({ key }) => key)].flatMap(([key, ofKey]) => {
    const upTo = (n: number) => {
      const { count, sum } = total(aggregate, ofChanges, ofKey.filter((input) => input.n <= n))
      return count > 0 || (emit === "updates" && aggregate.hasEmptyResult)
        ? { key: keyOf(key), value: aggregate.result(sum) }
        : undefined
    }
    const moments = [...new Set(ofKey.map(({ n }) => n))]
    return moments.flatMap((n, i): ReadonlyArray<Result> => {
      const times = ofKey.filter((input) => input.n === n).map(({ at }) => at.time)
      const at = resultOf(name, key, Math.max(history[n]!.before, ...times))
      const now = upTo(n)
      const value = emit === "updates" ? now : change(i === 0 ? undefined : upTo(moments[i - 1]!), now)
      return value === undefined ? [] : [{ n, at, value }]
    })
  })
  return { events: byMoment(history, results), late: [], hold: 0 }
}

const change = (before: unknown, after: unknown): Change.Change<unknown> | undefined => {
  if (before === undefined) return after === undefined ? undefined : Change.added(after)
  return after === undefined ? Change.removed(before) : Change.replaced(before, after)
}

const total = (aggregate: AnyAggregate, ofChanges: boolean, inputs: ReadonlyArray<Event>) => {
  let count = 0
  let sum = aggregate.initial
  for (const { at, value } of inputs) {
    const change = ofChanges ? value as Change.Change<unknown> : Change.added(value)
    if (change._tag !== "Added") {
      sum = aggregate.remove!(sum, change.before)
      count--
    }
    if (change._tag !== "Removed") {
      sum = aggregate.add(sum, change.after, at)
      count++
    }
  }
  return { count, sum }
}

/** @category models @since 0.2.0 */
export const topped = (
  name: string,
  operation: TopN,
  ofChanges: boolean,
  keyOf: KeyOf,
  history: History,
  arrivals: ReadonlyArray<Arrival>
): Made => {
  const { emit, greatest } = operation
  const results = [...Map.groupBy(arrivals, ({ key }) => key)].flatMap(([key, ofKey]) => {
    // What it adds up are the values themselves, with their places.
    const upTo = (n: number) =>
      present(operation, ofChanges, ofKey.filter((input) => input.n <= n))
        .reduce((top, { at, value }) => greatest.add(top, value, at), greatest.initial) as ReadonlyArray<Event>
    const told = (top: ReadonlyArray<Event>) => ({ key: keyOf(key), value: greatest.result(top) })
    const moments = [...new Set(ofKey.map(({ n }) => n))]
    return moments.flatMap((n, i): ReadonlyArray<Result> => {
      const before = i === 0 ? [] : upTo(moments[i - 1]!)
      const now = upTo(n)
      if (before.length === now.length && now.every((one, k) => isSame(one, before[k]!))) return []
      const times = ofKey.filter((input) => input.n === n).map(({ at }) => at.time)
      const at = resultOf(name, key, Math.max(history[n]!.before, ...times))
      if (emit === "updates") return [{ n, at, value: told(now) }]
      return [{
        n,
        at,
        value: change(before.length === 0 ? undefined : told(before), now.length === 0 ? undefined : told(now))
      }]
    })
  })
  return { events: byMoment(history, results), late: [], hold: 0 }
}

const isSame = (a: Event, b: Event): boolean => a.value === b.value && compare(a.at, b.at) === 0

/** What was put in and not taken back. Of equal values the last one is taken back. */
const present = (
  { value: schema }: TopN,
  ofChanges: boolean,
  inputs: ReadonlyArray<Event>
): ReadonlyArray<Event> => {
  if (!ofChanges) return inputs
  const textOf = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(schema)))
  const all: Array<Event> = []
  for (const { at, value } of inputs) {
    const change = value as Change.Change<unknown>
    if (change._tag !== "Added") {
      const text = textOf(change.before)
      const equal = all.filter((one) => textOf(one.value) === text).toSorted((a, b) => compare(a.at, b.at))
      all.splice(all.indexOf(equal.at(-1)!), 1)
    }
    if (change._tag !== "Removed") all.push({ at, value: change.after })
  }
  return all
}
