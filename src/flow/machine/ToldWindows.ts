/**
 * Windows that are told as was asked for, and not in each batch: never before their end, after so many inputs, or after a
 * time. And windows that are not of one size. Each has a row of its own, with all that it knows of what was told.
 *
 * Rows: `w` + end of a window: its accumulator. `c` + its end: since when something is not told, where the clock counts for that
 * and does not for the window.
 *
 * @since 0.2.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Change from "../Change.ts"
import type { AnyAggregate, Windowed } from "../graph/Node.ts"
import type { Place } from "../Place.ts"
import * as Grid from "../time/Grid.ts"
import type { Interval } from "../time/Window.ts"
import * as Firing from "./Firing.ts"
import * as Keys from "./Keys.ts"
import type { Emitted, Inputs, Line, Moment, Operator, Ran, Rows } from "./Operator.ts"
import { type KeyedStep, OperatorBatch } from "./OperatorBatch.ts"

interface Kept {
  readonly start: number
  readonly end: number
  readonly accumulator: unknown
  /** The greatest of its inputs. */
  readonly time: number
  /** How many of them were not told. */
  readonly untold: number
  /** The time of the first of these, where that counts. */
  readonly since: number
  /** Some of them came after its end. */
  readonly isLate: boolean
  /** As it was told last, if what comes next is told as a change of it. */
  readonly told: Option.Option<unknown>
}

/** @category constructors @since 0.2.0 */
export const make = (name: string, operation: Windowed, grid: Grid.Grid, key: Keys.KeyCodec): Operator => {
  const { aggregate: { accumulator }, grace } = operation
  const line: Line = grid.time === "event" ? "event" : "clock"
  const after = ownClock(operation, line)
  return {
    rows: {
      w: {
        schema: Schema.Struct({
          start: Schema.Int,
          end: Schema.Int,
          accumulator,
          time: Schema.Int,
          untold: Schema.Int,
          since: Schema.Int,
          isLate: Schema.Boolean,
          told: Schema.Option(accumulator)
        }),
        due: (_sub, row) => ({ line, time: dueAt(operation, grid, line, row as Kept) })
      },
      ...after === undefined
        ? {}
        : { c: { schema: Schema.Int, due: (_sub, since) => ({ line: "clock", time: Number(since) + after }) } }
    },
    watermark: line === "event" && !isOfAllTime(grid) ? (input) => input - grace : (input) => input,
    usesClock: line === "clock" || after !== undefined,
    run: (rows, inputs, moment, emitted) =>
      new Batch({ name, operation, key }, grid, line, rows, moment, emitted).run(inputs)
  }
}

const isOfAllTime = (grid: Grid.Grid): boolean => grid === Grid.ofAllTime

/** After how long by the clock it is told, where the window itself does not go by the clock. */
const ownClock = ({ early }: Windowed, line: Line): number | undefined =>
  early._tag === "After" && early.by === "clock" && line === "event" ? early.after : undefined

/** When it is told, or, if all of it was, when it is over. */
const dueAt = ({ early, emit, grace }: Windowed, grid: Grid.Grid, line: Line, kept: Kept): number => {
  const over = grid.closes(kept) + grace
  if (emit === "final" || kept.untold === 0) return over
  const end = kept.isLate ? over : grid.closes(kept)
  return early._tag === "After" && early.by === line ? Math.min(end, kept.since + early.after) : end
}

class Batch extends OperatorBatch<Windowed> {
  private readonly aggregate: AnyAggregate
  private readonly grid: Grid.Grid
  private readonly line: Line
  /** By key and sub. */
  private readonly touched = new Map<string, Map<string, Kept>>()

  constructor(step: KeyedStep<Windowed>, grid: Grid.Grid, line: Line, rows: Rows, moment: Moment, emitted: Emitted) {
    super(step, rows, moment, emitted)
    this.aggregate = step.operation.aggregate
    this.grid = grid
    this.line = line
  }

  run({ keys, places, values }: Inputs): Ran {
    for (let i = 0; i < keys.length; i++) this.take(keys[i]!, values[i], places[i]!)
    for (const [key, windows] of this.touched) {
      for (const [sub, kept] of [...windows].sort(([a], [b]) => a < b ? -1 : 1)) {
        this.keep(key, sub, this.isTold(kept) ? this.tell(key, kept) : kept)
      }
    }
    const byLine = Firing.all(this.rows, this.line, this.moment, ({ key, sub }) => this.fire(key, sub))
    if (ownClock(this.operation, this.line) === undefined) return byLine
    const byClock = Firing.all(this.rows, "clock", this.moment, ({ key, sub }) => this.fire(key, `w${sub.slice(1)}`))
    return { leftOver: byLine.leftOver ?? (byClock.leftOver === undefined ? undefined : this.moment.watermark) }
  }

  private take(key: string, value: unknown, at: Place): void {
    const byEvent = this.line === "event"
    const windows = this.grid.at(byEvent ? at.time : this.moment.clock)
    const open = byEvent
      ? windows.filter((window) => this.grid.closes(window) + this.operation.grace > this.moment.before)
      : windows
    if (open.length === 0 && windows.length > 0) this.emitted.late.push({ port: 0, value, at })
    for (const window of open) this.add(key, window, value, at)
  }

  private add(key: string, { end, start }: Interval, value: unknown, at: Place): void {
    let windows = this.touched.get(key)
    if (windows === undefined) this.touched.set(key, windows = new Map())
    const sub = isOfAllTime(this.grid) ? "w" : `w${Keys.timeText(end)}`
    const kept = windows.get(sub) ?? this.rows.get(key, sub) as Kept | undefined ??
      this.none({ end, start }, at)
    const time = this.sinceOf(at)
    windows.set(sub, {
      ...kept,
      accumulator: this.aggregate.add(kept.accumulator, value, at),
      time: Math.max(kept.time, at.time),
      untold: kept.untold + 1,
      since: kept.untold === 0 ? time : Math.min(kept.since, time),
      isLate: kept.isLate || (this.line === "event" && this.grid.closes(kept) <= this.moment.before)
    })
  }

  /** The clock is kept only where it counts: other state follows from the input alone. */
  private sinceOf({ time }: Place): number {
    const { early } = this.operation
    if (early._tag !== "After") return 0
    return early.by === "event" ? time : this.moment.clock
  }

  private none({ end, start }: Interval, { time }: Place): Kept {
    const { initial } = this.aggregate
    return { start, end, accumulator: initial, time, untold: 0, since: 0, isLate: false, told: Option.none() }
  }

  /** What is due by time alone is told after all was taken in. */
  private isTold({ untold }: Kept): boolean {
    const { early, emit } = this.operation
    if (emit === "final") return false
    return early._tag === "Batch" || (early._tag === "Count" && untold >= early.count)
  }

  private keep(key: string, sub: string, kept: Kept): void {
    this.rows.set(key, sub, kept)
    if (ownClock(this.operation, this.line) === undefined) return
    if (kept.untold > 0) this.rows.set(key, `c${sub.slice(1)}`, kept.since)
    else this.rows.delete(key, `c${sub.slice(1)}`)
  }

  private fire(key: string, sub: string): void {
    const kept = this.rows.get(key, sub) as Kept
    const isOver = this.operation.emit === "final" || kept.untold === 0
    const told = kept.untold > 0 ? this.tell(key, kept) : kept
    if (isOver) this.rows.delete(key, sub)
    else this.keep(key, sub, told)
  }

  private tell(key: string, kept: Kept): Kept {
    const { emit } = this.operation
    const now = this.resultOf(key, kept, kept.accumulator)
    this.emitted.values.push(
      emit !== "changes"
        ? now
        : Option.match(kept.told, {
          onNone: () => Change.added(now),
          onSome: (before) => Change.replaced(this.resultOf(key, kept, before), now)
        })
    )
    this.emitted.places.push(Firing.placeOf(this.name, key, this.timeOf(kept)))
    const { initial } = this.aggregate
    return {
      ...kept,
      untold: 0,
      accumulator: emit === "parts" ? initial : kept.accumulator,
      told: emit === "changes" ? Option.some(kept.accumulator) : kept.told
    }
  }

  /** A window's result has its last instant as its time; one of all time is never older than what is known of time. */
  private timeOf({ end, time }: Kept): number {
    const { before, watermark } = this.moment
    return isOfAllTime(this.grid) ? Math.max(time, Number.isFinite(watermark) ? watermark : before) : end - 1
  }

  private resultOf(key: string, { end, start }: Interval, accumulator: unknown): unknown {
    return { key: this.key.key(key), value: this.aggregate.result(accumulator), window: { start, end } }
  }
}
