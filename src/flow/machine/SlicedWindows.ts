/**
 * Windows of one size. Inputs are added up by slice, so that one costs the same however many windows it is in; a window's
 * result is merged from its slices when it is due. Windows of a key that are due in one batch share these sums (`Panes`).
 *
 * Rows: `s` + start of a slice, its accumulator. Where windows overlap, `n`: the end of the key's next window that has
 * something in it.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import * as Change from "../Change.ts"
import type { AnyAggregate, Windowed } from "../graph/Node.ts"
import * as Slices from "../time/Slices.ts"
import type { Interval, Sliced } from "../time/Window.ts"
import * as Firing from "./Firing.ts"
import * as Keys from "./Keys.ts"
import type { Emitted, Inputs, Line, Moment, Operator, Ran, Rows } from "./Operator.ts"
import { type KeyedStep, OperatorBatch } from "./OperatorBatch.ts"
import { type Pane, Panes } from "./Panes.ts"

interface Slice {
  readonly start: number
  /** Undefined: there was none before the batch. */
  readonly before: unknown
  accumulator: unknown
}

/** What a batch touches of a key. Most have one slice. */
interface Touched {
  last: Slice
  readonly others: Array<Slice>
}

/** @category constructors @since 0.2.0 */
export const make = (name: string, operation: Windowed, window: Sliced, key: Keys.KeyCodec): Operator => {
  const line: Line = window.time === "event" ? "event" : "clock"
  const { grace } = operation
  const overlaps = window.every < window.size
  return {
    rows: {
      s: {
        schema: operation.aggregate.accumulator,
        due: overlaps ? undefined : (sub) => ({ line, time: Keys.textTime(sub.slice(1)) + window.size + grace })
      },
      ...overlaps
        ? { n: { schema: Schema.Int, due: (_sub, end) => ({ line, time: Number(end) + grace }) } }
        : {}
    },
    watermark: line === "event" ? (input) => input - grace : (input) => input,
    usesClock: line === "clock",
    run: (rows, inputs, moment, emitted) =>
      new Batch({ name, operation, key }, window, rows, moment, emitted).run(inputs)
  }
}

class Batch extends OperatorBatch<Windowed> {
  private readonly aggregate: AnyAggregate
  private readonly window: Sliced
  private readonly overlaps: boolean
  private readonly touched = new Map<string, Touched>()
  private readonly closings = new Map<string, Panes>()
  /** Windows that end here or before are closed. */
  private readonly closed: number

  constructor(step: KeyedStep<Windowed>, window: Sliced, rows: Rows, moment: Moment, emitted: Emitted) {
    super(step, rows, moment, emitted)
    this.aggregate = step.operation.aggregate
    this.window = window
    this.overlaps = window.every < window.size
    // What comes in by the clock is never late.
    this.closed = window.time === "event" ? moment.before - step.operation.grace : -Infinity
  }

  run(inputs: Inputs): Ran {
    this.add(inputs)
    if (this.operation.emit !== "final") this.tell()
    this.write()
    return this.fire()
  }

  private add(inputs: Inputs): void {
    const { aggregate, closed, touched, window } = this
    const { keys, places, values } = inputs
    const byEvent = window.time === "event"
    for (let i = 0; i < keys.length; i++) {
      const at = places[i]!
      const time = byEvent ? at.time : this.moment.clock
      const end = Slices.lastEnd(window, time)
      if (end <= time) continue // in a gap between two windows
      if (end <= closed) {
        this.emitted.late.push({ port: 0, value: values[i], at })
        continue
      }
      const start = Slices.sliceStart(window, time)
      const key = keys[i]!
      const entry = touched.get(key)
      const slice = entry === undefined || entry.last.start !== start ? this.sliceOf(key, entry, start) : entry.last
      slice.accumulator = aggregate.add(slice.accumulator, values[i], at)
    }
  }

  private sliceOf(key: string, entry: Touched | undefined, start: number): Slice {
    const found = entry?.others.find((slice) => slice.start === start)
    if (entry !== undefined && found !== undefined) {
      entry.others[entry.others.indexOf(found)] = entry.last
      entry.last = found
      return found
    }
    const before = this.rows.get(key, subOf(start))
    const slice: Slice = { start, before, accumulator: before ?? this.aggregate.initial }
    if (entry === undefined) this.touched.set(key, { last: slice, others: [] })
    else {
      entry.others.push(entry.last)
      entry.last = slice
    }
    return slice
  }

  private write(): void {
    for (const [key, { last, others }] of this.touched) {
      this.writeSlice(key, last)
      for (const slice of others) this.writeSlice(key, slice)
    }
  }

  private writeSlice(key: string, slice: Slice): void {
    this.rows.set(key, subOf(slice.start), slice.accumulator)
    if (!this.overlaps || slice.before !== undefined) return
    const end = Slices.firstOpenEnd(this.window, slice.start, this.closed)
    const next = this.rows.get(key, "n")
    if (next === undefined || end < Number(next)) this.rows.set(key, "n", end)
  }

  /** Tells what the batch changed, at most once per key and window. */
  private tell(): void {
    for (const [key, { last, others }] of this.touched) {
      const slices = others.length === 0 ? [last] : [...others, last].toSorted((a, b) => a.start - b.start)
      const ends = new Set<number>()
      for (const { start } of slices) {
        const to = Slices.lastEnd(this.window, start)
        for (let end = Slices.firstOpenEnd(this.window, start, this.closed); end <= to; end += this.window.every) {
          ends.add(end)
        }
      }
      const now = this.panes(this.slicesOf(key, slices, ({ accumulator }) => accumulator))
      const was = this.panes(this.slicesOf(key, slices, ({ before }) => before))
      for (const end of [...ends].sort((a, b) => a - b)) this.tellWindow(key, end, now, was)
    }
  }

  private tellWindow(key: string, end: number, now: Panes, was: Panes): void {
    const window = { start: end - this.window.size, end }
    const after = this.result(key, window, now.sum(window.start, end)!)
    if (this.operation.emit === "updates") return this.put(key, window, after)
    const before = was.sum(window.start, end)
    this.put(
      key,
      window,
      before === undefined ? Change.added(after) : Change.replaced(this.result(key, window, before), after)
    )
  }

  /** The stored slices of a key with those that the batch touched, as one of the two that a slice has; undefined is none. */
  private slicesOf(
    key: string,
    touched: ReadonlyArray<Slice>,
    valueOf: (slice: Slice) => unknown
  ): (from: number, to: number) => ReadonlyArray<Pane> {
    return (from, to) => {
      const found = new Map<number, unknown>()
      if (this.overlaps) {
        for (const { accumulator, start } of this.stored(key, from, to)) {
          found.set(start, accumulator)
        }
      }
      for (const slice of touched) {
        if (slice.start < from || slice.start >= to) continue
        const value = valueOf(slice)
        if (value !== undefined) found.set(slice.start, value)
      }
      return [...found].sort(([a], [b]) => a - b).map(([start, accumulator]) => ({ start, accumulator }))
    }
  }

  private stored(key: string, from: number, to: number): ReadonlyArray<Pane> {
    return this.rows.range(key, subOf(from), subOf(to)).map(({ sub, value }) => ({
      start: Keys.textTime(sub.slice(1)),
      accumulator: value
    }))
  }

  private panes(slices: (from: number, to: number) => ReadonlyArray<Pane>): Panes {
    // Windows that don't overlap have one slice each, and an aggregate that need not be able to merge.
    return new Panes((a, b) => this.aggregate.merge!(a, b), slices)
  }

  private result(key: string, window: Interval, { accumulator }: Pane): unknown {
    return { key: this.key.key(key), value: this.aggregate.result(accumulator), window }
  }

  /** Results have the last instant of their window as their time. */
  private put(key: string, window: Interval, value: unknown): void {
    this.emitted.values.push(value)
    this.emitted.places.push(Firing.placeOf(this.name, key, window.end - 1))
  }

  private fire(): Ran {
    const line = this.window.time === "event" ? "event" : "clock"
    return Firing.all(this.rows, line, this.moment, ({ key, sub }) => {
      if (this.overlaps) this.fireNext(key)
      else this.fireSlice(key, sub)
    })
  }

  private fireSlice(key: string, sub: string): void {
    if (this.operation.emit === "final") {
      const start = Keys.textTime(sub.slice(1))
      const window = { start, end: start + this.window.size }
      this.put(key, window, this.result(key, window, { start, accumulator: this.rows.get(key, sub) }))
    }
    this.rows.delete(key, sub)
  }

  /** All is taken in: the slices of windows that close stay as they are. */
  private closing(key: string): Panes {
    let panes = this.closings.get(key)
    if (panes === undefined) {
      panes = this.panes((from, to) => this.stored(key, from, to))
      this.closings.set(key, panes)
    }
    return panes
  }

  private fireNext(key: string): void {
    const { every, size } = this.window
    const end = Number(this.rows.get(key, "n"))
    const window = { start: end - size, end }
    if (this.operation.emit === "final") {
      const sum = this.closing(key).sum(window.start, end)
      if (sum !== undefined) this.put(key, window, this.result(key, window, sum))
    }
    // Slices that begin before the next window are in no other.
    const next = window.start + Math.min(every, size)
    for (const { sub } of this.rows.range(key, subOf(window.start), subOf(next))) this.rows.delete(key, sub)
    const [first] = this.rows.range(key, "s", "t", 1)
    if (first === undefined) this.rows.delete(key, "n")
    else this.rows.set(key, "n", Math.max(end + every, Slices.firstEnd(this.window, Keys.textTime(first.sub.slice(1)))))
  }
}

const subOf = (start: number): string => `s${Keys.timeText(start)}`
