/**
 * State of one's own per key, with timers. In order of time, events wait as rows until the watermark has passed them; then a
 * key's events and timers go by (time, events first, place). By arrival, events are taken as they come.
 *
 * Rows: `v`: the state, and when it was last used. `m` + a map's name + its key: an entry. `e` + time + place: a waiting
 * event. `t` + name: a timer.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import type { Next, Stateful, Ttl } from "../graph/Node.ts"
import { Place } from "../Place.ts"
import * as Firing from "./Firing.ts"
import * as Keys from "./Keys.ts"
import { MapView } from "./MapView.ts"
import type { Emitted, Inputs, Moment, Operator, Ran, Rows } from "./Operator.ts"
import { type KeyedStep, OperatorBatch } from "./OperatorBatch.ts"
import * as Pairs from "./Pairs.ts"

interface Kept {
  readonly state: unknown
  /** By which its life is measured; null: it has none. */
  readonly used: number | null
}

interface Waiting {
  readonly value: unknown
  readonly at: Place
}

type Set = { readonly at: number } | { readonly clock: number }

/** What a batch has of a key. */
interface OfKey {
  readonly key: unknown
  kept: Kept | undefined
  isDirty: boolean
}

const noMaps = {}

/** @category constructors @since 0.2.0 */
export const make = (name: string, operation: Stateful, key: Keys.KeyCodec): Operator => {
  const { event = Schema.Never, maps, state, ttl } = operation
  return {
    rows: {
      v: {
        schema: Schema.Struct({ state, used: Schema.NullOr(Schema.Number) }),
        due: ttl === undefined
          ? undefined
          : (_sub, kept) => ({ line: ttl.by, time: Number((kept as Kept).used) + ttl.after })
      },
      m: {
        schema: Schema.Never,
        schemaOf: (sub) => maps[sub.slice(1, sub.indexOf("\u0000"))]!.value
      },
      e: {
        schema: Schema.Struct({ value: event, at: Place }),
        due: (_sub, waiting) => ({ line: "event", time: (waiting as Waiting).at.time + 1 })
      },
      t: {
        schema: Schema.Union([Schema.Struct({ at: Schema.Int }), Schema.Struct({ clock: Schema.Int })]),
        // A timer of a time goes after the events of this time.
        due: (_sub, timer) =>
          "at" in (timer as Set)
            ? { line: "event", time: (timer as { readonly at: number }).at + 1 }
            : { line: "clock", time: (timer as { readonly clock: number }).clock }
      }
    },
    watermark: (input) => input,
    usesClock: true,
    run: (rows, inputs, moment, emitted) => new Batch({ name, operation, key }, rows, moment, emitted).run(inputs)
  }
}

class Batch extends OperatorBatch<Stateful> {
  private readonly mapKeys: Readonly<Record<string, Keys.KeyCodec>>
  private readonly hasMaps: boolean
  private readonly touched = new Map<string, OfKey>()
  /** A timer was set, or taken back. */
  private hasSet = false

  constructor(step: KeyedStep<Stateful>, rows: Rows, moment: Moment, emitted: Emitted) {
    super(step, rows, moment, emitted)
    this.mapKeys = Object.fromEntries(
      Object.entries(step.operation.maps).map(([map, { key }]) => [map, Keys.make(key)])
    )
    this.hasMaps = Object.keys(step.operation.maps).length > 0
  }

  run({ keys, places, values }: Inputs): Ran {
    const inOrder = this.operation.order === "time"
    for (let i = 0; i < keys.length; i++) {
      const at = places[i]!
      if (!inOrder) this.onEvent(keys[i]!, values[i], at)
      else if (at.time < this.moment.before) this.emitted.late.push({ port: 0, value: values[i], at })
      else this.rows.set(keys[i]!, `e${Keys.timeText(at.time)}${Pairs.placeText(at)}`, { value: values[i], at })
    }
    this.flush()
    const byTime = Firing.all(this.rows, "event", this.moment, ({ key, sub, time }) => this.fire(key, sub, time))
    this.flush()
    const byClock = Firing.all(this.rows, "clock", this.moment, ({ key, sub, time }) => this.fire(key, sub, time))
    this.flush()
    return { leftOver: byTime.leftOver ?? (byClock.leftOver === undefined ? undefined : this.moment.watermark) }
  }

  private fire(key: string, sub: string, due: number): Firing.Again | void {
    if (sub === "v") return this.expire(key, due)
    this.hasSet = false
    const row = this.rows.get(key, sub)
    this.rows.delete(key, sub)
    if (sub.startsWith("e")) {
      const { at, value } = row as Waiting
      this.onEvent(key, value, at)
    } else {
      const timer = row as Set
      this.onTimer(key, sub.slice(1), "at" in timer ? timer.at : undefined)
    }
    if (this.hasSet) return "again"
  }

  private onEvent(key: string, value: unknown, at: Place): void {
    const ofKey = this.ofKey(key, at.time)
    const { onEvent } = this.operation
    this.follow(key, ofKey, at.time, at, false, onEvent(this.stateOf(ofKey), value, this.context(key, ofKey, at.time)))
  }

  private onTimer(key: string, timer: string, time: number | undefined): void {
    // By the clock, what comes out is as old as what is known of time.
    const { before, clock } = this.moment
    const now = time ?? (Number.isFinite(before) ? before : clock)
    const ofKey = this.ofKey(key, now)
    const at = Firing.placeOf(`${this.name}\u0000${timer}`, key, now)
    const { onTimer } = this.operation
    const state = this.stateOf(ofKey)
    this.follow(key, ofKey, now, at, true, onTimer?.(state, timer, this.context(key, ofKey, now)) ?? [state, []])
  }

  private stateOf({ kept }: OfKey): unknown {
    return kept === undefined ? this.operation.initial : kept.state
  }

  private context(key: string, ofKey: OfKey, time: number): unknown {
    const { before, clock } = this.moment
    return { key: ofKey.key, time, watermark: before, clock, maps: this.hasMaps ? this.views(key) : noMaps }
  }

  /** What follows of an event or a timer. Called for each. */
  private follow(
    key: string,
    ofKey: OfKey,
    time: number,
    at: Place,
    isTimer: boolean,
    [next, outputs, also]: Next
  ): void {
    const { initial, ttl } = this.operation
    const state = this.stateOf(ofKey)
    const used = this.used(ttl, time, ofKey, next !== state)
    if (next === undefined) this.forget(key, ofKey)
    else if (
      ofKey.kept === undefined
        ? next !== initial || ttl !== undefined
        : next !== state || used !== ofKey.kept.used
    ) {
      ofKey.kept = { state: next, used }
      ofKey.isDirty = true
    }
    for (let i = 0; i < outputs.length; i++) {
      this.emitted.values.push(outputs[i])
      this.emitted.places.push(i === 0 ? at : Firing.nth(at, i))
    }
    if (also === undefined) return
    if (also.maps !== undefined) this.keepMaps(key, also.maps)
    if (also.timers !== undefined) this.setTimers(key, time, also.timers, isTimer)
  }

  private used(ttl: Ttl | undefined, time: number, { kept }: OfKey, isWritten: boolean): number | null {
    if (ttl === undefined) return null
    const now = ttl.by === "event" ? time : this.moment.clock
    const before = kept?.used ?? null
    if (before === null) return now
    return isWritten || ttl.renewedBy === "read" ? Math.max(before, now) : before
  }

  private ofKey(key: string, time: number): OfKey {
    let ofKey = this.touched.get(key)
    if (ofKey === undefined) {
      ofKey = { key: this.key.key(key), kept: this.rows.get(key, "v") as Kept | undefined, isDirty: false }
      this.touched.set(key, ofKey)
    }
    const { ttl } = this.operation
    if (ttl === undefined || ofKey.kept === undefined) return ofKey
    const now = ttl.by === "event" ? time : this.moment.clock
    if (Number(ofKey.kept.used) + ttl.after <= now) this.forget(key, ofKey)
    return ofKey
  }

  /** What is over is invisible at once; here it goes. */
  private expire(key: string, due: number): void {
    const { ttl } = this.operation
    const ofKey = this.touched.get(key)
    if (ofKey === undefined || ttl === undefined) return this.remove(key)
    // It may have been used since it was written down.
    if (ofKey.kept !== undefined && Number(ofKey.kept.used) + ttl.after > due) return this.write(key, ofKey)
    this.forget(key, ofKey)
    this.write(key, ofKey)
  }

  private forget(key: string, ofKey: OfKey): void {
    this.remove(key)
    ofKey.kept = undefined
    ofKey.isDirty = false
  }

  private remove(key: string): void {
    this.rows.delete(key, "v")
    for (const { sub } of this.rows.range(key, "m", "n")) this.rows.delete(key, sub)
  }

  private write(key: string, ofKey: OfKey): void {
    ofKey.isDirty = false
    if (ofKey.kept === undefined) this.rows.delete(key, "v")
    else this.rows.set(key, "v", ofKey.kept)
  }

  private flush(): void {
    for (const [key, ofKey] of this.touched) if (ofKey.isDirty) this.write(key, ofKey)
  }

  private views(key: string): Readonly<Record<string, MapView>> {
    return Object.fromEntries(
      Object.entries(this.mapKeys).map(([map, keys]) => {
        const prefix = `m${map}\u0000`
        return [
          map,
          new MapView(keys, {
            get: (text) => this.rows.get(key, prefix + text),
            range: (from, to) =>
              this.rows.range(key, prefix + from, to === undefined ? `m${map}\u0001` : prefix + to)
                .map(({ sub, value }) => [sub.slice(prefix.length), value])
          })
        ]
      })
    )
  }

  private keepMaps(key: string, maps: Readonly<Record<string, unknown>>): void {
    for (const [map, view] of Object.entries(maps)) {
      for (const [text, change] of (view as MapView).changes) {
        const sub = `m${map}\u0000${text}`
        if (change === undefined) this.rows.delete(key, sub)
        else this.rows.set(key, sub, change.value)
      }
    }
  }

  private setTimers(
    key: string,
    time: number,
    timers: Readonly<Record<string, Set | undefined>>,
    isTimer: boolean
  ): void {
    // At the end of time what is set fires; what that sets would go on for ever.
    const isOver = isTimer && this.moment.watermark === Infinity
    for (const [timer, set] of Object.entries(timers)) {
      this.hasSet = true
      if (set === undefined) this.rows.delete(key, `t${timer}`)
      else if (isOver) this.emitted.dropped++
      // A time that is over is now.
      else this.rows.set(key, `t${timer}`, "at" in set ? { at: Math.max(set.at, time) } : set)
    }
  }
}
