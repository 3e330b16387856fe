/**
 * The values of each key with the greatest ranks, over all time. Values lie as rows in the order of their ranks, so that the
 * first ones are read and no others. Of events those that are not among the first are forgotten: nothing brings them back.
 * Behind changes all are kept, for one that is taken back makes room for the next.
 *
 * Rows: `r` + rank, the greatest first + time + place: a value.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import * as Change from "../Change.ts"
import type { TopN } from "../graph/Node.ts"
import type { Place } from "../Place.ts"
import * as Firing from "./Firing.ts"
import * as Keys from "./Keys.ts"
import type { Inputs, Operator, Row, Rows } from "./Operator.ts"
import * as Pairs from "./Pairs.ts"

interface Kept {
  readonly value: unknown
}

interface Touched {
  /** The first ones before the batch. */
  readonly before: ReadonlyArray<Row>
  /** The greatest of its inputs in this batch. */
  time: number
}

/** @category constructors @since 0.2.0 */
export const make = (name: string, operation: TopN, ofChanges: boolean, { key: keyOf }: Keys.KeyCodec): Operator => {
  const { emit, n, value } = operation
  const take = ofChanges ? takeChanges(operation) : takeEvents(operation)
  const told = (key: string, top: ReadonlyArray<Row>) => ({ key: keyOf(key), value: top.map(valueOf) })
  return {
    rows: { r: { schema: Schema.Struct({ value }) } },
    watermark: (input) => input,
    usesClock: false,
    run: (rows, inputs, { before }, emitted) => {
      const touched = take(rows, inputs, before)
      for (const [key, { before, time }] of touched) {
        const now = rows.range(key, "r", "s", n)
        if (isSame(before, now)) continue
        emitted.values.push(emit === "updates" ? told(key, now) : change(before, now, (top) => told(key, top)))
        emitted.places.push(Firing.placeOf(name, key, time))
      }
      return { leftOver: undefined }
    }
  }
}

const valueOf = ({ value }: Row): unknown => (value as Kept).value

const isSame = (a: ReadonlyArray<Row>, b: ReadonlyArray<Row>): boolean =>
  a.length === b.length && a.every((row, i) => row.sub === b[i]!.sub && valueOf(row) === valueOf(b[i]!))

const change = (
  before: ReadonlyArray<Row>,
  now: ReadonlyArray<Row>,
  told: (top: ReadonlyArray<Row>) => unknown
): Change.Change<unknown> => {
  if (before.length === 0) return Change.added(told(now))
  return now.length === 0 ? Change.removed(told(before)) : Change.replaced(told(before), told(now))
}

type Take = (rows: Rows, inputs: Inputs, before: number) => ReadonlyMap<string, Touched>

const touch = (
  all: Map<string, Touched>,
  rows: Rows,
  n: number,
  key: string,
  time: number,
  before: number
): Touched => {
  let entry = all.get(key)
  // A result is never older than what was said of time before.
  if (entry === undefined) all.set(key, entry = { before: rows.range(key, "r", "s", n), time: before })
  if (time > entry.time) entry.time = time
  return entry
}

const takeEvents = ({ n, rank }: TopN): Take => (rows, { keys, places, values }, before) => {
  const touched = new Map<string, Touched>()
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    const at = places[i]!
    const entry = touch(touched, rows, n, key, at.time, before)
    const sub = subOf(rank(values[i]), at)
    // Behind n that were there before, it never comes among the first.
    if (entry.before.length === n && sub > entry.before[n - 1]!.sub) continue
    put(rows, key, sub, values[i])
  }
  for (const key of touched.keys()) {
    for (const { sub } of rows.range(key, "r", "s").slice(n)) rows.delete(key, sub)
  }
  return touched
}

const takeChanges = ({ n, rank, value: schema }: TopN): Take => {
  const textOf = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(schema)))
  const remove = (rows: Rows, key: string, value: unknown): void => {
    const prefix = `r${rank(value)}`
    const text = textOf(value)
    // Ranks end where they end, and times begin with a digit or a letter.
    const equal = rows.range(key, prefix, `${prefix}\uffff`).filter((row) => textOf(valueOf(row)) === text).at(-1)
    if (equal !== undefined) rows.delete(key, equal.sub)
  }
  return (rows, { keys, places, values }, before) => {
    const touched = new Map<string, Touched>()
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!
      const at = places[i]!
      touch(touched, rows, n, key, at.time, before)
      const told = values[i] as Change.Change<unknown>
      if (told._tag !== "Added") remove(rows, key, told.before)
      if (told._tag !== "Removed") put(rows, key, subOf(rank(told.after), at), told.after)
    }
    return touched
  }
}

/** Two of one place and rank are behind one another. */
const put = (rows: Rows, key: string, sub: string, value: unknown): void => {
  let free = sub
  while (rows.get(key, free) !== undefined) free += "+"
  rows.set(key, free, { value })
}

const subOf = (rank: string, at: Place): string => `r${rank}${Keys.timeText(at.time)}${Pairs.placeText(at)}`
