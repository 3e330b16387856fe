/**
 * Sessions: windows that grow with their inputs, and merge where they overlap.
 *
 * Rows: `s` + start of a session: its end and its accumulator. A row is told as what it was before the batch, so what
 * `changes` take back is what was stored.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import * as Change from "../Change.ts"
import type { AnyAggregate, Windowed } from "../graph/Node.ts"
import type { Place } from "../Place.ts"
import type { Session } from "../time/Window.ts"
import * as Firing from "./Firing.ts"
import * as Keys from "./Keys.ts"
import type { Emitted, Inputs, Moment, Operator, Ran, Rows } from "./Operator.ts"
import { type KeyedStep, OperatorBatch } from "./OperatorBatch.ts"

interface Stored {
  readonly end: number
  readonly accumulator: unknown
}

interface Open {
  start: number
  end: number
  accumulator: unknown
}

interface OfKey {
  /** As they were before the batch. */
  readonly before: ReadonlyMap<string, Stored>
  /** In order of their starts; they don't overlap. */
  readonly open: Array<Open>
  /** Inputs that would be late alone; they are in time if they overlap with a session that is not. */
  readonly old: Array<{ readonly value: unknown; readonly at: Place; readonly end: number }>
}

/** @category constructors @since 0.2.0 */
export const make = (name: string, operation: Windowed, window: Session, key: Keys.KeyCodec): Operator => ({
  rows: {
    s: {
      schema: Schema.Struct({ end: Schema.Int, accumulator: operation.aggregate.accumulator }),
      due: (_sub, value) => ({ line: "event", time: (value as Stored).end + operation.grace })
    }
  },
  watermark: (input) => input - operation.grace,
  usesClock: false,
  run: (rows, inputs, moment, emitted) => new Batch({ name, operation, key }, window, rows, moment, emitted).run(inputs)
})

class Batch extends OperatorBatch<Windowed> {
  private readonly aggregate: AnyAggregate
  private readonly gapOf: (value: unknown) => number
  private readonly touched = new Map<string, OfKey>()
  private readonly closed: number

  constructor(step: KeyedStep<Windowed>, { gap }: Session, rows: Rows, moment: Moment, emitted: Emitted) {
    super(step, rows, moment, emitted)
    this.aggregate = step.operation.aggregate
    this.gapOf = typeof gap === "number" ? () => gap : gap as (value: unknown) => number
    this.closed = moment.before - step.operation.grace
  }

  run({ keys, places, values }: Inputs): Ran {
    for (let i = 0; i < keys.length; i++) {
      const at = places[i]!
      const end = at.time + this.gapOf(values[i])
      const ofKey = this.ofKey(keys[i]!)
      if (end <= this.closed) ofKey.old.push({ value: values[i], at, end })
      else this.put(ofKey.open, at, end, values[i])
    }
    for (const ofKey of this.touched.values()) this.putOld(ofKey)
    for (const [key, { before, open }] of this.touched) this.write(key, before, open)
    return Firing.all(this.rows, "event", this.moment, ({ key, sub }) => {
      const { accumulator, end } = this.rows.get(key, sub) as Stored
      if (this.operation.emit === "final") {
        this.tell(key, end, this.result(key, { start: startOf(sub), end, accumulator }))
      }
      this.rows.delete(key, sub)
    })
  }

  private ofKey(key: string): OfKey {
    const there = this.touched.get(key)
    if (there !== undefined) return there
    const before = new Map<string, Stored>()
    const open: Array<Open> = []
    for (const { sub, value } of this.rows.range(key, "s", "t")) {
      const { accumulator, end } = value as Stored
      before.set(sub, { accumulator, end })
      open.push({ start: startOf(sub), end, accumulator })
    }
    const loaded: OfKey = { before, open, old: [] }
    this.touched.set(key, loaded)
    return loaded
  }

  /** Each that overlaps with an open session is in time, and may bring others into time. */
  private putOld({ old, open }: OfKey): void {
    let left: OfKey["old"] = old
    for (;;) {
      const apart = left.filter(({ at, end }) => !open.some((session) => at.time < session.end && session.start < end))
      if (apart.length === left.length) break
      for (const one of left) if (!apart.includes(one)) this.put(open, one.at, one.end, one.value)
      left = apart
    }
    for (const { at, value } of left) this.emitted.late.push({ port: 0, value, at })
  }

  private put(open: Array<Open>, at: Place, end: number, value: unknown): void {
    let from = open.length
    while (from > 0 && open[from - 1]!.end > at.time) from--
    let to = from
    while (to < open.length && open[to]!.start < end) to++
    const first = open[from]
    if (first === undefined || from === to) {
      open.splice(from, 0, {
        start: at.time,
        end,
        accumulator: this.aggregate.add(this.aggregate.initial, value, at)
      })
      return
    }
    first.start = Math.min(first.start, at.time)
    first.end = Math.max(first.end, end)
    for (const other of open.splice(from + 1, to - from - 1)) {
      first.accumulator = this.aggregate.merge!(first.accumulator, other.accumulator)
      first.end = Math.max(first.end, other.end)
    }
    first.accumulator = this.aggregate.add(first.accumulator, value, at)
  }

  private write(key: string, before: ReadonlyMap<string, Stored>, open: ReadonlyArray<Open>): void {
    const gone = new Map(before)
    for (const session of open) {
      const sub = subOf(session.start)
      const stored = before.get(sub)
      gone.delete(sub)
      const { accumulator, end } = session
      if (stored !== undefined && stored.end === end && stored.accumulator === accumulator) continue
      this.rows.set(key, sub, { end, accumulator })
      if (this.operation.emit === "changes") this.change(key, stored, session)
    }
    for (const [sub, { accumulator, end }] of gone) {
      this.rows.delete(key, sub)
      if (this.operation.emit !== "changes") continue
      this.tell(key, end, Change.removed(this.result(key, { start: startOf(sub), end, accumulator })))
    }
  }

  private change(key: string, stored: Stored | undefined, now: Open): void {
    const after = this.result(key, now)
    if (stored === undefined) return this.tell(key, now.end, Change.added(after))
    this.tell(key, now.end, Change.replaced(this.result(key, { start: now.start, ...stored }), after))
  }

  private result(key: string, { accumulator, end, start }: Open): unknown {
    return { key: this.key.key(key), value: this.aggregate.result(accumulator), window: { start, end } }
  }

  private tell(key: string, end: number, value: unknown): void {
    this.emitted.values.push(value)
    this.emitted.places.push(Firing.placeOf(this.name, key, end - 1))
  }
}

const subOf = (start: number): string => `s${Keys.timeText(start)}`
const startOf = (sub: string): number => Keys.textTime(sub.slice(1))
