/**
 * What joins mean: which pairs there are, in which moment each is known, and what is known to have no partner.
 *
 * @since 0.2.0
 */
import * as Option from "effect/Option"
import type { JoinType, JoinWithin, TableJoin, WindowJoin } from "../graph/Node.ts"
import { compare } from "../Place.ts"
import { type Arrival, byMoment, type Event, firstFrom, type History, type Made, resultOf } from "./History.ts"

type KeyOf = (text: string) => unknown
type Result = Event & { readonly n: number }

/** What a pair, or one alone, looks like. */
const shaped = (type: JoinType, left: Event | undefined, right: Event | undefined): object => {
  if (type === "semi") return { left: left!.value }
  const optional = (event: Event | undefined) => event === undefined ? Option.none() : Option.some(event.value)
  return {
    left: type === "right" || type === "full" ? optional(left) : left!.value,
    right: type === "left" || type === "full" ? optional(right) : right!.value
  }
}

interface Rules {
  readonly type: JoinType
  readonly fits: (left: Arrival, right: Arrival) => boolean
  /** When it is known that no partner comes any more. */
  readonly isOver: (one: Arrival, watermark: number) => boolean
  readonly place: (left: Arrival, right: Arrival) => Event["at"]
  readonly placeAlone: (one: Arrival) => Event["at"]
}

/** All that two sides make. */
const joined = (
  { fits, isOver, place, placeAlone, type }: Rules,
  key: unknown,
  history: History,
  all: ReadonlyArray<Arrival>
): ReadonlyArray<Result> => {
  const lefts = all.filter(({ port }) => port === 0)
  const rights = all.filter(({ port }) => port === 1)
  const pairs = lefts.flatMap((left) => rights.filter((right) => fits(left, right)).map((right) => ({ left, right })))
  const alone = (one: Arrival): ReadonlyArray<Result> => {
    if (pairs.some(({ left, right }) => left === one || right === one)) return []
    const n = firstFrom(history, one.n, ({ watermark }) => isOver(one, watermark))
    const sides = one.port === 0 ? shaped(type, one, undefined) : shaped(type, undefined, one)
    return n === undefined ? [] : [{ n, at: placeAlone(one), value: { key, ...sides } }]
  }
  if (type === "semi") {
    return lefts.flatMap((left) => {
      const partners = pairs.filter((pair) => pair.left === left)
      if (partners.length === 0) return []
      const n = Math.min(...partners.map(({ right }) => Math.max(left.n, right.n)))
      return [{ n, at: placeAlone(left), value: { key, ...shaped(type, left, undefined) } }]
    })
  }
  return [
    ...pairs.map(({ left, right }) => ({
      n: Math.max(left.n, right.n),
      at: place(left, right),
      value: { key, ...shaped(type, left, right) }
    })),
    ...type === "left" || type === "full" ? lefts.flatMap(alone) : [],
    ...type === "right" || type === "full" ? rights.flatMap(alone) : []
  ]
}

const ofKeys = (
  arrivals: ReadonlyArray<Arrival>,
  make: (key: string, ofKey: ReadonlyArray<Arrival>) => ReadonlyArray<Result>
): ReadonlyArray<Result> => [...Map.groupBy(arrivals, ({ key }) => key)].flatMap(([key, ofKey]) => make(key, ofKey))

/** @category models @since 0.2.0 */
export const within = (
  name: string,
  { grace, lower, type, upper, where }: JoinWithin,
  keyOf: KeyOf,
  history: History,
  arrivals: ReadonlyArray<Arrival>
): Made => {
  const isLate = ({ at, n }: Arrival) => at.time < history[n]!.before - grace
  const results = ofKeys(arrivals.filter((arrival) => !isLate(arrival)), (key, ofKey) =>
    joined(
      {
        type,
        fits: (left, right) =>
          right.at.time >= left.at.time + lower && right.at.time <= left.at.time + upper &&
          (where === undefined || where(left.value, right.value)),
        isOver: ({ at, port }, watermark) => watermark - grace > (port === 0 ? at.time + upper : at.time - lower),
        place: (left, right) => ({
          time: Math.max(left.at.time, right.at.time),
          source: `${name}\u0000${key}`,
          segment: left.at.offset,
          offset: right.at.offset,
          ordinal: 0
        }),
        placeAlone: ({ at }) => at
      },
      keyOf(key),
      history,
      ofKey
    ))
  const outer = (side: "left" | "right") => type === side || type === "full"
  return {
    events: byMoment(history, results),
    late: arrivals.filter(isLate),
    hold: grace + Math.max(0, outer("left") ? upper : 0, outer("right") ? -lower : 0)
  }
}

/** @category models @since 0.2.0 */
export const inWindows = (
  name: string,
  { grace, type, where, window: { every, offset, size } }: WindowJoin,
  keyOf: KeyOf,
  history: History,
  arrivals: ReadonlyArray<Arrival>
): Made => {
  const endsOf = ({ at: { time } }: Arrival): ReadonlyArray<number> => {
    const ends: Array<number> = []
    for (let start = Math.floor((time - offset) / every) * every + offset; start + size > time; start -= every) {
      ends.push(start + size)
    }
    return ends
  }
  const openEnds = (arrival: Arrival) => endsOf(arrival).filter((end) => end + grace > history[arrival.n]!.before)
  const results = ofKeys(arrivals, (key, ofKey) => {
    const ends = [...new Set(ofKey.flatMap(openEnds))]
    return ends.flatMap((end) => {
      const rules: Rules = {
        type,
        fits: (left, right) => where === undefined || where(left.value, right.value),
        isOver: (_one, watermark) => watermark >= end + grace,
        place: () => resultOf(name, key, end - 1),
        placeAlone: () => resultOf(name, key, end - 1)
      }
      return joined(rules, keyOf(key), history, ofKey.filter((arrival) => openEnds(arrival).includes(end)))
        .map((result) => ({ ...result, value: { ...result.value as object, window: { start: end - size, end } } }))
    })
  })
  const late = arrivals.filter((arrival) => endsOf(arrival).length > 0 && openEnds(arrival).length === 0)
  return { events: byMoment(history, results), late, hold: grace }
}

/** @category models @since 0.2.0 */
export const withTable = (
  { asOf, history: back, isDeleted, type }: TableJoin,
  keyOf: KeyOf,
  history: History,
  arrivals: ReadonlyArray<Arrival>
): Made => {
  const late: Array<Arrival> = []
  const results = ofKeys(arrivals, (key, ofKey) => {
    const versions: Array<Arrival> = []
    const isLate = ({ at, n }: Arrival) => asOf === "time" && at.time < history[n]!.before - back
    for (const row of ofKey.filter(({ port }) => port === 1)) {
      const newest = versions.toSorted((a, b) => compare(a.at, b.at)).at(-1)
      // What was deleted in an earlier batch is forgotten by the time at which this one is late.
      const isKnown = newest === undefined ? false : isDeleted?.(newest.value) !== true || newest.n === row.n
      const isNewest = (isKnown || isDeleted === undefined) &&
        (newest === undefined || compare(newest.at, row.at) < 0)
      if (isLate(row) && !isNewest) late.push(row)
      else versions.push(row)
    }
    return ofKey.filter(({ port }) => port === 0).flatMap((event): ReadonlyArray<Result> => {
      if (isLate(event)) {
        late.push(event)
        return []
      }
      const n = asOf === "arrival"
        ? event.n
        : firstFrom(history, event.n, ({ watermark }) => watermark > event.at.time)
      if (n === undefined) return []
      const known = asOf === "arrival"
        ? versions.filter((row) => ofKey.indexOf(row) < ofKey.indexOf(event)).at(-1)
        : versions.filter((row) => row.n <= n && row.at.time <= event.at.time).toSorted((a, b) => compare(a.at, b.at))
          .at(-1)
      const row = known === undefined || isDeleted?.(known.value) === true ? Option.none() : Option.some(known.value)
      if (type === "inner" && Option.isNone(row)) return []
      return [{
        n,
        at: event.at,
        value: { key: keyOf(key), left: event.value, right: type === "left" ? row : Option.getOrThrow(row) }
      }]
    })
  })
  return { events: byMoment(history, results), late, hold: 0 }
}
