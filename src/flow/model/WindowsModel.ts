/**
 * What windows mean. They add up inputs one by one, and know of no slice and no merge.
 *
 * @since 0.2.0
 */
import * as Change from "../Change.ts"
import type { AnyAggregate, Windowed } from "../graph/Node.ts"
import * as CalendarGrid from "../time/Calendar.ts"
import { allTime } from "../time/Grid.ts"
import type { Calendar, Count, Global, Interval, Session, Sliced } from "../time/Window.ts"
import {
  type Arrival,
  byMoment,
  type Event,
  firstFrom,
  type History,
  type Made,
  type Moment,
  resultOf
} from "./History.ts"

/** What keys are, read from their texts. */
type KeyOf = (text: string) => unknown
type Result = Event & { readonly n: number }

const sumOf = (aggregate: AnyAggregate, inputs: ReadonlyArray<Event>): unknown =>
  aggregate.result(inputs.reduce((sum, { at, value }) => aggregate.add(sum, value, at), aggregate.initial))

// -----------------------------------------------------------------------------
// windows that are known by a time alone
// -----------------------------------------------------------------------------

/** All windows of one size that a time is in, the last one first. */
const windowsAt = ({ every, offset, size }: Sliced, time: number): ReadonlyArray<Interval> => {
  const found: Array<Interval> = []
  for (let start = Math.floor((time - offset) / every) * every + offset; start + size > time; start -= every) {
    found.push({ start, end: start + size })
  }
  return found
}

/** Where windows lie, and when they are complete. */
interface Where {
  readonly byEvent: boolean
  readonly windowsAt: (time: number) => ReadonlyArray<Interval>
  readonly closes: (window: Interval) => number
  /** One for all time. */
  readonly isGlobal: boolean
}

const whereOf = (window: Sliced | Calendar | Global): Where => {
  if (window._tag === "Global") {
    return { byEvent: true, windowsAt: () => [allTime], closes: () => Infinity, isGlobal: true }
  }
  if (window._tag === "Calendar") {
    const { at, closes } = CalendarGrid.grid(window)
    return { byEvent: true, windowsAt: at, closes, isGlobal: false }
  }
  return {
    byEvent: window.time === "event",
    windowsAt: (time) => windowsAt(window, time),
    closes: ({ end }) => end,
    isGlobal: false
  }
}

/** @category models @since 0.2.0 */
export const known = (
  name: string,
  operation: Windowed,
  window: Sliced | Calendar | Global,
  keyOf: KeyOf,
  history: History,
  arrivals: ReadonlyArray<Arrival>
): Made => {
  const { aggregate, emit, grace } = operation
  const { byEvent, closes, isGlobal, windowsAt } = whereOf(window)
  const timeOf = ({ at, n }: Arrival) => byEvent ? at.time : history[n]!.clock
  const isOpen = ({ n }: Arrival, interval: Interval) => !byEvent || closes(interval) + grace > history[n]!.before
  const taken = arrivals.flatMap((arrival) =>
    windowsAt(timeOf(arrival)).filter((interval) => isOpen(arrival, interval)).map((interval) => ({
      arrival,
      interval
    }))
  )
  const late = arrivals.filter((arrival) => {
    const windows = windowsAt(timeOf(arrival))
    return windows.length > 0 && !windows.some((interval) => isOpen(arrival, interval))
  })
  const groups = Map.groupBy(taken, ({ arrival, interval }) => `${interval.end} ${arrival.key}`)
  const results = [...groups.values()].flatMap((group): ReadonlyArray<Result> => {
    const { arrival: { key }, interval } = group[0]!
    const inputs = group.map(({ arrival }) => arrival)
    const since = (n: number) => inputs.filter((input) => input.n <= n)
    const upTo = (n: number) => ({ key: keyOf(key), value: sumOf(aggregate, since(n)), window: interval })
    const at = (n: number) => {
      if (!isGlobal) return resultOf(name, key, interval.end - 1)
      const { before, watermark } = history[n]!
      const known = Number.isFinite(watermark) ? watermark : before
      return resultOf(name, key, Math.max(known, ...since(n).map(({ at }) => at.time)))
    }
    const isComplete = ({ clock, watermark }: Moment, grace: number) =>
      (byEvent || watermark === Infinity ? watermark : clock) >= closes(interval) + grace
    if (emit === "final") {
      const n = firstFrom(history, inputs[0]!.n, (moment) => isComplete(moment, grace))
      return n === undefined ? [] : [{ n, at: at(n), value: upTo(n) }]
    }
    const isEnded = ({ n }: Arrival) => byEvent && history[n]!.before >= closes(interval)
    const moments = toldIn(
      operation,
      history,
      inputs,
      (moment, untold) => isComplete(moment, grace) || (isComplete(moment, 0) && !untold.some(isEnded))
    )
    return moments.map((n, i): Result => {
      if (emit === "parts") {
        const part = since(n).filter((input) => i === 0 || input.n > moments[i - 1]!)
        return { n, at: at(n), value: { ...upTo(n), value: sumOf(aggregate, part) } }
      }
      if (emit === "updates") return { n, at: at(n), value: upTo(n) }
      const value = i === 0 ? Change.added(upTo(n)) : Change.replaced(upTo(moments[i - 1]!), upTo(n))
      return { n, at: at(n), value }
    })
  })
  return { events: byMoment(history, inOrder(results)), late, hold: byEvent && !isGlobal ? grace : 0 }
}

/** In which moments a window with something new is told. */
const toldIn = (
  { early }: Windowed,
  history: History,
  inputs: ReadonlyArray<Arrival>,
  isComplete: (moment: Moment, untold: ReadonlyArray<Arrival>) => boolean
): ReadonlyArray<number> => {
  const isDue = (untold: ReadonlyArray<Arrival>, { clock, watermark }: Moment): boolean => {
    switch (early._tag) {
      case "Batch":
        return true
      case "Never":
        return false
      case "Count":
        return untold.length >= early.count
      case "After":
        return early.by === "event"
          ? watermark >= Math.min(...untold.map(({ at }) => at.time)) + early.after
          : clock >= Math.min(...untold.map(({ n }) => history[n]!.clock)) + early.after
    }
  }
  let told = -1
  return history.flatMap((moment, n) => {
    const untold = inputs.filter((input) => input.n > told && input.n <= n)
    if (untold.length === 0 || !(isComplete(moment, untold) || isDue(untold, moment))) return []
    told = n
    return [n]
  })
}

const inOrder = (results: ReadonlyArray<Result>): ReadonlyArray<Result> =>
  results.toSorted((a, b) =>
    a.at.time - b.at.time || (a.at.source < b.at.source ? -1 : a.at.source > b.at.source ? 1 : 0)
  )

// -----------------------------------------------------------------------------
// sessions
// -----------------------------------------------------------------------------

interface Part extends Arrival {
  readonly end: number
}

/** What overlaps, each lot in order of arrival. */
const overlapping = (parts: ReadonlyArray<Part>): ReadonlyArray<ReadonlyArray<Part>> => {
  const lots: Array<{ end: number; readonly parts: Array<Part> }> = []
  for (const part of parts.toSorted((a, b) => a.at.time - b.at.time)) {
    const last = lots.at(-1)
    if (last === undefined || part.at.time >= last.end) lots.push({ end: part.end, parts: [part] })
    else {
      last.parts.push(part)
      last.end = Math.max(last.end, part.end)
    }
  }
  return lots.map((lot) => parts.filter((part) => lot.parts.includes(part)))
}

const intervalOf = (parts: ReadonlyArray<Part>): Interval => ({
  start: Math.min(...parts.map(({ at }) => at.time)),
  end: Math.max(...parts.map(({ end }) => end))
})

/** @category models @since 0.2.0 */
export const sessions = (
  name: string,
  operation: Windowed,
  { gap }: Session,
  keyOf: KeyOf,
  history: History,
  arrivals: ReadonlyArray<Arrival>
): Made => {
  const { emit, grace } = operation
  const gapOf = typeof gap === "number" ? () => gap : gap as (value: unknown) => number
  const late: Array<Arrival> = []
  const results: Array<Result> = []
  for (const [key, ofKey] of Map.groupBy(arrivals, ({ key }) => key)) {
    const tell = (n: number, interval: Interval, value: unknown) =>
      results.push({ n, value, at: resultOf(name, key, interval.end - 1) })
    const result = (parts: ReadonlyArray<Part>) => ({
      key: keyOf(key),
      value: sumOf(operation.aggregate, parts),
      window: intervalOf(parts)
    })
    // The parts of sessions that have not come out.
    let open: ReadonlyArray<ReadonlyArray<Part>> = []
    history.forEach(({ before, watermark }, n) => {
      const come = ofKey.filter((arrival) => arrival.n === n)
        .map((arrival) => ({ ...arrival, end: arrival.at.time + gapOf(arrival.value) }))
      const [inTime, tooLate] = partition(
        overlapping([...open.flat(), ...come]),
        (parts) => intervalOf(parts).end + grace > before
      )
      late.push(...tooLate.flat())
      if (emit === "changes") changes(open, inTime, (interval, value) => tell(n, interval, value), result)
      const [left, due] = partition(inTime, (parts) => intervalOf(parts).end + grace > watermark)
      if (emit === "final") { for (const parts of due) tell(n, intervalOf(parts), result(parts)) }
      open = left
    })
  }
  return { events: byMoment(history, inOrder(results)), late, hold: grace }
}

const partition = <A>(all: ReadonlyArray<A>, isFirst: (one: A) => boolean): readonly [Array<A>, Array<A>] => [
  all.filter(isFirst),
  all.filter((one) => !isFirst(one))
]

/** A session is another one if it begins elsewhere. */
const changes = (
  before: ReadonlyArray<ReadonlyArray<Part>>,
  after: ReadonlyArray<ReadonlyArray<Part>>,
  tell: (interval: Interval, value: unknown) => void,
  result: (parts: ReadonlyArray<Part>) => unknown
): void => {
  const startOf = (parts: ReadonlyArray<Part>) => intervalOf(parts).start
  for (const parts of after) {
    const old = before.find((other) => startOf(other) === startOf(parts))
    if (old === undefined) tell(intervalOf(parts), Change.added(result(parts)))
    else if (old.length < parts.length) tell(intervalOf(parts), Change.replaced(result(old), result(parts)))
  }
  for (const parts of before) {
    if (after.some((other) => startOf(other) === startOf(parts))) continue
    tell(intervalOf(parts), Change.removed(result(parts)))
  }
}

// -----------------------------------------------------------------------------
// by count
// -----------------------------------------------------------------------------

/** @category models @since 0.2.0 */
export const counted = (
  name: string,
  { aggregate }: Windowed,
  { size }: Count,
  keyOf: KeyOf,
  history: History,
  arrivals: ReadonlyArray<Arrival>
): Made => {
  const results: Array<Result> = []
  for (const [key, ofKey] of Map.groupBy(arrivals, ({ key }) => key)) {
    for (let i = 0; i < ofKey.length; i += size) {
      const inputs = ofKey.slice(i, i + size)
      const times = inputs.map(({ at }) => at.time)
      const window = { start: Math.min(...times), end: Math.max(...times) + 1 }
      const n = inputs.length === size
        ? inputs.at(-1)!.n
        : firstFrom(history, inputs.at(-1)!.n, ({ watermark }) => watermark === Infinity)
      if (n === undefined) continue
      const at = resultOf(name, key, Math.max(window.end - 1, history[n]!.before))
      results.push({ n, at, value: { key: keyOf(key), value: sumOf(aggregate, inputs), window } })
    }
  }
  return { events: byMoment(history, results), late: [], hold: 0 }
}
