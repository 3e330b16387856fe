/**
 * A step's rows in the heap of one process, with an index of what is due. For interpreters in memory and for tests; it knows
 * nothing of versions, and what is written stays written.
 *
 * @since 0.2.0
 */
import type { Due, Line, Row, RowKind, Rows } from "./Operator.ts"

/** The rows of one key, in order of `sub`. Most keys have few. */
interface OfKey {
  readonly subs: Array<string>
  readonly values: Array<unknown>
}

/** @category constructors @since 0.2.0 */
export class MemoryRows implements Rows {
  private readonly kinds: Readonly<Record<string, RowKind>>
  private readonly keys = new Map<string, OfKey>()
  private readonly lines: Readonly<Record<Line, DueTimes>> = { event: new DueTimes(), clock: new DueTimes() }
  /** How many rows there are. */
  size = 0

  constructor(kinds: Readonly<Record<string, RowKind>>) {
    this.kinds = kinds
  }

  get(key: string, sub: string): unknown {
    const rows = this.keys.get(key)
    if (rows === undefined) return undefined
    const i = firstNotBelow(rows.subs, sub)
    return rows.subs[i] === sub ? rows.values[i] : undefined
  }

  set(key: string, sub: string, value: unknown): void {
    let rows = this.keys.get(key)
    if (rows === undefined) this.keys.set(key, rows = { subs: [], values: [] })
    const i = firstNotBelow(rows.subs, sub)
    const due = this.kinds[sub[0]!]?.due
    if (rows.subs[i] === sub) {
      if (due !== undefined) this.move(key, sub, due(sub, rows.values[i]), due(sub, value))
      rows.values[i] = value
      return
    }
    if (due !== undefined) this.move(key, sub, undefined, due(sub, value))
    rows.subs.splice(i, 0, sub)
    rows.values.splice(i, 0, value)
    this.size++
  }

  delete(key: string, sub: string): void {
    const rows = this.keys.get(key)
    if (rows === undefined) return
    const i = firstNotBelow(rows.subs, sub)
    if (rows.subs[i] !== sub) return
    const due = this.kinds[sub[0]!]?.due
    if (due !== undefined) this.move(key, sub, due(sub, rows.values[i]), undefined)
    if (rows.subs.length === 1) this.keys.delete(key)
    else {
      rows.subs.splice(i, 1)
      rows.values.splice(i, 1)
    }
    this.size--
  }

  range(key: string, from: string, to: string, limit = Infinity): ReadonlyArray<Row> {
    const rows = this.keys.get(key)
    if (rows === undefined) return []
    const found: Array<Row> = []
    for (
      let i = firstNotBelow(rows.subs, from);
      i < rows.subs.length && rows.subs[i]! < to && found.length < limit;
      i++
    ) {
      found.push({ sub: rows.subs[i]!, value: rows.values[i] })
    }
    return found
  }

  due(line: Line, upTo: number, limit: number): ReadonlyArray<Due> {
    return this.lines[line].first(upTo, limit)
  }

  nextDue(line: Line): number | undefined {
    return this.lines[line].next()
  }

  /** All rows, for tests and inspection. */
  *all(): Generator<{ readonly key: string } & Row> {
    for (const [key, { subs, values }] of this.keys) {
      for (let i = 0; i < subs.length; i++) yield { key, sub: subs[i]!, value: values[i] }
    }
  }

  private move(key: string, sub: string, from: At | undefined, to: At | undefined): void {
    if (from !== undefined && to !== undefined && from.line === to.line && from.time === to.time) return
    if (from !== undefined) this.lines[from.line].delete(from.time, key, sub)
    if (to !== undefined) this.lines[to.line].add(to.time, key, sub)
  }
}

type At = { readonly line: Line; readonly time: number }

/** The first index whose sub is not below. @category getters @since 0.2.0 */
export const firstNotBelow = (subs: ReadonlyArray<string>, sub: string): number => {
  let low = 0
  let high = subs.length
  // New rows are mostly the last ones.
  if (high > 0 && subs[high - 1]! < sub) return high
  while (low < high) {
    const middle = (low + high) >>> 1
    if (subs[middle]! < sub) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Rows by due time: few times with many rows each, as windows have them, or many with few.
 *
 * @category models
 * @since 0.2.0
 */
export class DueTimes {
  /** By time and key; most keys have one row of a time, and a Set for each would take more room than the row. */
  private readonly byTime = new Map<number, Map<string, string | Set<string>>>()
  /** A binary heap of the times in `byTime`; those of which nothing is left stay until they are on top. */
  private readonly heap: Array<number> = []

  add(time: number, key: string, sub: string): void {
    let keys = this.byTime.get(time)
    if (keys === undefined) {
      this.byTime.set(time, keys = new Map())
      push(this.heap, time)
    }
    const subs = keys.get(key)
    if (subs === undefined) keys.set(key, sub)
    else if (typeof subs !== "string") subs.add(sub)
    else if (subs !== sub) keys.set(key, new Set([subs, sub]))
  }

  delete(time: number, key: string, sub: string): void {
    const keys = this.byTime.get(time)
    const subs = keys?.get(key)
    if (keys === undefined || subs === undefined) return
    if (typeof subs === "string") {
      if (subs === sub) keys.delete(key)
      return
    }
    subs.delete(sub)
    if (subs.size === 0) keys.delete(key)
  }

  next(): number | undefined {
    for (;;) {
      const time = this.heap[0]
      if (time === undefined) return undefined
      if (this.byTime.get(time)!.size > 0) return time
      this.byTime.delete(time)
      pop(this.heap)
    }
  }

  first(upTo: number, limit: number): ReadonlyArray<Due> {
    const found: Array<Due> = []
    const taken: Array<number> = []
    while (found.length < limit) {
      const time = this.next()
      if (time === undefined || time > upTo) break
      const keys = this.byTime.get(time)!
      for (const key of [...keys.keys()].sort()) {
        const subs = keys.get(key)!
        for (const sub of typeof subs === "string" ? [subs] : [...subs].sort()) {
          if (found.length < limit) found.push({ time, key, sub })
        }
      }
      taken.push(pop(this.heap))
    }
    for (const time of taken) push(this.heap, time)
    return found
  }
}

const push = (heap: Array<number>, time: number): void => {
  let i = heap.push(time) - 1
  while (i > 0) {
    const parent = (i - 1) >>> 1
    if (heap[parent]! <= time) break
    heap[i] = heap[parent]!
    i = parent
  }
  heap[i] = time
}

const pop = (heap: Array<number>): number => {
  const top = heap[0]!
  const last = heap.pop()!
  const size = heap.length
  if (size === 0) return top
  let i = 0
  for (;;) {
    let child = 2 * i + 1
    if (child >= size) break
    if (child + 1 < size && heap[child + 1]! < heap[child]!) child++
    if (heap[child]! >= last) break
    heap[i] = heap[child]!
    i = child
  }
  heap[i] = last
  return top
}
