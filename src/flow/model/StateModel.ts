/**
 * What state of one's own means: the events and timers of each key, one after the other.
 *
 * @since 0.2.0
 */
import type { Deduplicated, Next, Stateful, Timer } from "../graph/Node.ts"
import type { KeyCodec } from "../machine/Keys.ts"
import { MapView } from "../machine/MapView.ts"
import { compare } from "../Place.ts"
import {
  type Arrival,
  byMoment,
  type Event,
  type History,
  type Made,
  type Moment,
  resultOf,
  withOrdinal
} from "./History.ts"

type KeyOf = (text: string) => unknown
type Result = Event & { readonly n: number }

/** What a key has: all of it in plain maps. */
interface OfKey {
  state: unknown
  used: number
  readonly maps: Map<string, Map<string, unknown>>
  readonly timers: Map<string, Exclude<Timer, undefined>>
  waiting: Array<Arrival>
}

/** What is done next with a key. */
type Turn =
  | { readonly _tag: "event"; readonly time: number; readonly event: Arrival }
  | { readonly _tag: "timer"; readonly time: number; readonly name: string }

/** @category models @since 0.2.0 */
export const stateful = (
  name: string,
  operation: Stateful,
  keyOf: KeyOf,
  mapKeys: Readonly<Record<string, KeyCodec>>,
  history: History,
  arrivals: ReadonlyArray<Arrival>
): Made => {
  const late: Array<Arrival> = []
  const results: Array<Result> = []
  for (const [key, ofKey] of Map.groupBy(arrivals, ({ key }) => key)) {
    const life = new Life(name, operation, key, keyOf(key), mapKeys)
    history.forEach((moment, n) => {
      const come = ofKey.filter((arrival) => arrival.n === n)
      const inOrder = operation.order === "time"
      late.push(...come.filter(({ at }) => inOrder && at.time < moment.before))
      const events = life.live(moment, come.filter(({ at }) => !inOrder || at.time >= moment.before))
      results.push(...events.map((event) => ({ ...event, n })))
    })
  }
  return { events: byMoment(history, results), late, hold: 0 }
}

class Life {
  private readonly name: string
  private readonly operation: Stateful
  private readonly key: string
  private readonly decoded: unknown
  private readonly mapKeys: Readonly<Record<string, KeyCodec>>
  private readonly kept: OfKey

  constructor(
    name: string,
    operation: Stateful,
    key: string,
    decoded: unknown,
    mapKeys: Readonly<Record<string, KeyCodec>>
  ) {
    this.name = name
    this.operation = operation
    this.key = key
    this.decoded = decoded
    this.mapKeys = mapKeys
    this.kept = {
      state: undefined,
      used: -Infinity,
      maps: new Map(Object.keys(mapKeys).map((map) => [map, new Map()])),
      timers: new Map(),
      waiting: []
    }
  }

  live(moment: Moment, come: ReadonlyArray<Arrival>): ReadonlyArray<Event> {
    const made: Array<Event> = []
    if (this.operation.order === "time") this.kept.waiting.push(...come)
    else for (const event of come) made.push(...this.take(moment, { _tag: "event", time: event.at.time, event }))
    for (let turn = this.next(moment); turn !== undefined; turn = this.next(moment)) {
      made.push(...this.take(moment, turn))
    }
    for (let timer = this.nextOfClock(moment); timer !== undefined; timer = this.nextOfClock(moment)) {
      const time = Number.isFinite(moment.before) ? moment.before : moment.clock
      made.push(...this.take(moment, { _tag: "timer", time, name: timer }))
    }
    const { ttl } = this.operation
    if (ttl !== undefined) this.expire(ttl.by === "event" ? moment.watermark : moment.clock)
    return made
  }

  /** What the watermark has passed, the earliest first: of one time, events before timers. */
  private next({ watermark }: Moment): Turn | undefined {
    const [event] = this.kept.waiting.toSorted((a, b) => compare(a.at, b.at))
    const [timer] = [...this.kept.timers].flatMap(([name, set]) => "at" in set ? [{ name, time: set.at }] : [])
      .toSorted((a, b) => a.time - b.time || (a.name < b.name ? -1 : 1))
    if (event !== undefined && event.at.time < watermark && (timer === undefined || event.at.time <= timer.time)) {
      return { _tag: "event", time: event.at.time, event }
    }
    return timer !== undefined && timer.time < watermark ? { _tag: "timer", ...timer } : undefined
  }

  /** At the end of time nothing waits for the clock. */
  private nextOfClock({ clock, watermark }: Moment): string | undefined {
    const now = watermark === Infinity ? Infinity : clock
    const [timer] = [...this.kept.timers]
      .flatMap(([name, set]) => "clock" in set && set.clock <= now ? [{ name, time: set.clock }] : [])
      .toSorted((a, b) => a.time - b.time || (a.name < b.name ? -1 : 1))
    return timer?.name
  }

  private take(moment: Moment, turn: Turn): ReadonlyArray<Event> {
    const { initial, onEvent, onTimer, ttl } = this.operation
    const { kept } = this
    if (turn._tag === "event") kept.waiting = kept.waiting.filter((event) => event !== turn.event)
    else kept.timers.delete(turn.name)
    const now = ttl?.by === "clock" ? moment.clock : turn.time
    this.expire(now)
    const before = kept.state
    const state = before === undefined ? initial : before
    const views = Object.fromEntries([...kept.maps].map(([map, entries]) => [map, this.view(map, entries)]))
    const context = {
      key: this.decoded,
      time: turn.time,
      watermark: moment.before,
      clock: moment.clock,
      maps: views
    }
    const [next, outputs, also] = turn._tag === "event"
      ? onEvent(state, turn.event.value, context)
      : onTimer?.(state, turn.name, context) ?? [state, []] as Next
    if (next === undefined) this.forget()
    else {
      if (before === undefined || next !== state || ttl?.renewedBy === "read") kept.used = Math.max(kept.used, now)
      kept.state = next
    }
    this.keep(moment, turn, also)
    const at = turn._tag === "event" ? turn.event.at : resultOf(`${this.name}\u0000${turn.name}`, this.key, turn.time)
    return outputs.map((value, i) => ({ value, at: withOrdinal(at, at.ordinal + i) }))
  }

  private keep(moment: Moment, turn: Turn, also: Next[2]): void {
    for (const [map, view] of Object.entries(also?.maps ?? {})) {
      const entries = this.kept.maps.get(map)!
      for (const [text, change] of (view as MapView).changes) {
        if (change === undefined) entries.delete(text)
        else entries.set(text, change.value)
      }
    }
    // At the end of time what is set fires; what that sets does not.
    const isOver = turn._tag === "timer" && moment.watermark === Infinity
    for (const [name, set] of Object.entries(also?.timers ?? {})) {
      if (set === undefined) this.kept.timers.delete(name)
      else if (!isOver) this.kept.timers.set(name, "at" in set ? { at: Math.max(set.at, turn.time) } : set)
    }
  }

  private expire(now: number): void {
    const { ttl } = this.operation
    if (ttl !== undefined && this.kept.used + ttl.after <= now) this.forget()
  }

  private forget(): void {
    this.kept.state = undefined
    this.kept.used = -Infinity
    for (const entries of this.kept.maps.values()) entries.clear()
  }

  private view(map: string, entries: ReadonlyMap<string, unknown>): MapView {
    const copy = new Map(entries)
    return new MapView(this.mapKeys[map]!, {
      get: (text) => copy.get(text),
      range: (from, to) => [...copy].filter(([text]) => text >= from && (to === undefined || text < to))
    })
  }
}

/** @category models @since 0.2.0 */
export const deduplicated = ({ within }: Deduplicated, history: History, arrivals: ReadonlyArray<Arrival>): Made => {
  const isLate = ({ at, n }: Arrival) => within !== Infinity && at.time < history[n]!.before
  const made = [...Map.groupBy(arrivals.filter((arrival) => !isLate(arrival)), ({ key }) => key).values()].flatMap(
    (ofKey) => {
      let latest = -Infinity
      return ofKey.filter(({ at }) => {
        if (latest !== -Infinity && Math.abs(at.time - latest) < within) return false
        latest = Math.max(latest, at.time)
        return true
      })
    }
  )
  return { events: byMoment(history, made), late: arrivals.filter(isLate), hold: 0 }
}
