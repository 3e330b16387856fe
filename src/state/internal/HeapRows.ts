/**
 * The rows of one step in one slot, in the heap: as the current version has them, as texts, and what the open try made of
 * them. The try writes in place and notes what was there before, so that it can be undone; what it decoded is its own, and
 * goes with it: nothing that it could have changed by mistake is ever in the next try.
 *
 * It doesn't know versions, nor where they last.
 */
import { DueTimes, firstNotBelow } from "../../flow/machine/MemoryRows.ts"
import type { Due, Line, Row, RowKind, Rows } from "../../flow/machine/Operator.ts"
import type { At, StoredRow } from "./Delta.ts"
import { codecOf } from "./RowCodec.ts"

/** A row: its text as of the current version, or its value as of the open try, or both. */
interface Cell {
  text: string | undefined
  value: unknown
  due: At | undefined
  /** It was made by the open try. */
  isOwn: boolean
}

/** In order of `sub`. Most keys have few. */
interface OfKey {
  readonly subs: Array<string>
  readonly cells: Array<Cell>
}

/** What a try changed; without a value it was deleted. @category models @since 0.2.0 */
export interface Changed {
  readonly key: string
  readonly sub: string
  /** JSON. */
  readonly value: string | undefined
  readonly due: At | undefined
  readonly size: More
}

/** How many rows and bytes there are more. @category models @since 0.2.0 */
export interface More {
  readonly rows: number
  readonly bytes: number
}

/** @category models @since 0.2.0 */
export class HeapRows implements Rows {
  private readonly kinds: Readonly<Record<string, RowKind>>
  private readonly fail: Fail
  private readonly keys = new Map<string, OfKey>()
  private readonly lines: Readonly<Record<Line, DueTimes>> = { event: new DueTimes(), clock: new DueTimes() }
  /** What was there before the open try, of all that it changed. */
  private readonly before = new Map<string, Map<string, Cell | undefined>>()
  /** Cells of the current version that the open try has decoded. */
  private readonly decoded: Array<Cell> = []

  constructor(kinds: Readonly<Record<string, RowKind>>, fail: Fail) {
    this.kinds = kinds
    this.fail = fail
  }

  get(key: string, sub: string): unknown {
    const rows = this.keys.get(key)
    if (rows === undefined) return undefined
    const i = firstNotBelow(rows.subs, sub)
    return rows.subs[i] === sub ? this.valueOf(rows.cells[i]!, key, sub) : undefined
  }

  set(key: string, sub: string, value: unknown): void {
    let rows = this.keys.get(key)
    if (rows === undefined) this.keys.set(key, rows = { subs: [], cells: [] })
    const i = firstNotBelow(rows.subs, sub)
    const due = this.kinds[sub[0]!]?.due?.(sub, value)
    const there = rows.subs[i] === sub ? rows.cells[i] : undefined
    if (there?.isOwn === true) {
      this.move(key, sub, there.due, due)
      there.value = value
      there.due = due
      return
    }
    this.note(key, sub, there)
    this.move(key, sub, there?.due, due)
    insert(rows, i, sub, { text: undefined, value, due, isOwn: true }, there !== undefined)
  }

  delete(key: string, sub: string): void {
    const rows = this.keys.get(key)
    if (rows === undefined) return
    const i = firstNotBelow(rows.subs, sub)
    if (rows.subs[i] !== sub) return
    const there = rows.cells[i]!
    if (!there.isOwn) this.note(key, sub, there)
    this.move(key, sub, there.due, undefined)
    this.take(key, rows, i)
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
      const sub = rows.subs[i]!
      found.push({ sub, value: this.valueOf(rows.cells[i]!, key, sub) })
    }
    return found
  }

  due(line: Line, upTo: number, limit: number): ReadonlyArray<Due> {
    return this.lines[line].first(upTo, limit)
  }

  nextDue(line: Line): number | undefined {
    return this.lines[line].next()
  }

  /** What the open try changed, in order of key and sub, as it is stored. A value that is what it was before is no change. */
  changes(): ReadonlyArray<Changed> {
    const all: Array<Changed> = []
    for (const key of Array.from(this.before.keys()).sort()) {
      const before = this.before.get(key)!
      for (const sub of Array.from(before.keys()).sort()) {
        const changed = this.changeOf(key, sub, before.get(sub))
        if (changed !== undefined) all.push(changed)
      }
    }
    return all
  }

  private changeOf(key: string, sub: string, old: Cell | undefined): Changed | undefined {
    const cell = this.find(key, sub)
    if (cell?.isOwn === true) {
      cell.text = this.encode(cell.value, key, sub)
    }
    const [was, is] = [old?.text, cell?.text]
    const isSame = was === is && old?.due?.line === cell?.due?.line && old?.due?.time === cell?.due?.time
    if (isSame) return undefined
    return {
      key,
      sub,
      value: is,
      due: cell?.due,
      size: more(key, sub, was, is)
    }
  }

  /** What the open try made is the current version. `changes` was called before. */
  settle(): void {
    for (const [key, subs] of this.before) {
      for (const sub of subs.keys()) {
        const cell = this.find(key, sub)
        if (cell === undefined) continue
        cell.value = undefined
        cell.isOwn = false
      }
    }
    this.before.clear()
    this.forget()
  }

  /** The current version is as if the open try had never been. */
  undo(): void {
    for (const [key, subs] of this.before) {
      for (const [sub, old] of subs) {
        const cell = this.find(key, sub)
        this.move(key, sub, cell?.due, old?.due)
        this.put(key, sub, old)
      }
    }
    this.before.clear()
    this.forget()
  }

  /** Writes into the current version. Answers with how many bytes and rows there are more. */
  load(key: string, sub: string, text: string | undefined, due: At | undefined): More {
    const old = this.find(key, sub)
    this.move(key, sub, old?.due, due)
    this.put(key, sub, text === undefined ? undefined : { text, value: undefined, due, isOwn: false })
    return more(key, sub, old?.text, text)
  }

  /** Those of the current version, whatever the open try has made of them. */
  *all(): Generator<Pick<StoredRow, "key" | "sub" | "value" | "due">> {
    for (const [key, { cells, subs }] of this.keys) {
      const before = this.before.get(key)
      for (const [i, sub] of subs.entries()) {
        if (before?.has(sub) !== true) yield asStored(key, sub, cells[i]!)
      }
    }
    for (const [key, subs] of this.before) {
      for (const [sub, cell] of subs) if (cell !== undefined) yield asStored(key, sub, cell)
    }
  }

  has(key: string, sub: string): boolean {
    return this.find(key, sub) !== undefined
  }

  private find(key: string, sub: string): Cell | undefined {
    const rows = this.keys.get(key)
    if (rows === undefined) return undefined
    const i = firstNotBelow(rows.subs, sub)
    return rows.subs[i] === sub ? rows.cells[i] : undefined
  }

  private put(key: string, sub: string, cell: Cell | undefined): void {
    let rows = this.keys.get(key)
    if (rows === undefined) {
      if (cell === undefined) return
      this.keys.set(key, rows = { subs: [], cells: [] })
    }
    const i = firstNotBelow(rows.subs, sub)
    const isThere = rows.subs[i] === sub
    if (cell !== undefined) insert(rows, i, sub, cell, isThere)
    else if (isThere) this.take(key, rows, i)
  }

  private take(key: string, rows: OfKey, i: number): void {
    if (rows.subs.length === 1) {
      this.keys.delete(key)
    } else {
      rows.subs.splice(i, 1)
      rows.cells.splice(i, 1)
    }
  }

  /** Notes what was there before the try, once. */
  private note(key: string, sub: string, cell: Cell | undefined): void {
    let subs = this.before.get(key)
    if (subs === undefined) this.before.set(key, subs = new Map())
    if (!subs.has(sub)) subs.set(sub, cell)
  }

  private valueOf(cell: Cell, key: string, sub: string): unknown {
    if (cell.value === undefined && cell.text !== undefined) {
      cell.value = this.decode(cell.text, key, sub)
      this.decoded.push(cell)
    }
    return cell.value
  }

  private forget(): void {
    for (const cell of this.decoded) cell.value = undefined
    this.decoded.length = 0
  }

  private encode(value: unknown, key: string, sub: string): string {
    try {
      return codecOf(this.kinds, sub).encode(value)
    } catch (cause) {
      throw this.fail("encode", key, sub, cause)
    }
  }

  private decode(text: string, key: string, sub: string): unknown {
    try {
      return codecOf(this.kinds, sub).decode(text)
    } catch (cause) {
      throw this.fail("decode", key, sub, cause)
    }
  }

  private move(key: string, sub: string, from: At | undefined, to: At | undefined): void {
    if (from !== undefined && to !== undefined && from.line === to.line && from.time === to.time) return
    if (from !== undefined) this.lines[from.line].delete(from.time, key, sub)
    if (to !== undefined) this.lines[to.line].add(to.time, key, sub)
  }
}

/** @category errors @since 0.2.0 */
export type Fail = (operation: "encode" | "decode", key: string, sub: string, cause: unknown) => Error

const asStored = (key: string, sub: string, { due, text }: Cell) => ({ key, sub, value: text, due })

const more = (key: string, sub: string, was: string | undefined, is: string | undefined): More => ({
  rows: Number(is !== undefined) - Number(was !== undefined),
  bytes: sizeOf(key, sub, is) - sizeOf(key, sub, was)
})

const sizeOf = (key: string, sub: string, text: string | undefined): number =>
  text === undefined ? 0 : key.length + sub.length + text.length

const insert = (rows: OfKey, i: number, sub: string, cell: Cell, isThere: boolean): void => {
  if (isThere) {
    rows.cells[i] = cell
  } else {
    rows.subs.splice(i, 0, sub)
    rows.cells.splice(i, 0, cell)
  }
}
