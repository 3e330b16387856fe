/**
 * The rows of all steps in the heap, at the current version and in the open try, and how much of the heap they may take.
 */
import type { RowKind } from "../../flow/machine/Operator.ts"
import { StateStoreError, ValueNotCodable, ValueTooLarge, WorkingSetFull } from "../StateError.ts"
import type { StateHead } from "../StateHead.ts"
import { DeltaWriter, type Finished, maxRowBytes, type StoredRow } from "./Delta.ts"
import { HeapRows } from "./HeapRows.ts"

/** @category options @since 0.2.0 */
export interface WorkingSetOptions {
  readonly query: string
  readonly operators: Readonly<Record<string, Readonly<Record<string, RowKind>>>>
  readonly heapBytes: number
}

/** @category models @since 0.2.0 */
export interface Size {
  readonly rows: number
  readonly bytes: number
}

/** What a try is as a delta; no delta when nothing changed. @category models @since 0.2.0 */
export interface Written {
  readonly delta: Finished | undefined
  /** How much there will be. */
  readonly size: Size
}

/** @category models @since 0.2.0 */
export class WorkingSet {
  private readonly options: WorkingSetOptions
  /** In the order of their names, as deltas have them. */
  readonly operators: ReadonlyArray<string>
  private readonly tables = new Map<string, Map<number, HeapRows>>()
  private rows = 0
  private bytes = 0
  /** In which version each slot was changed last. */
  private readonly changed = new Map<number, number>()
  /** In which slots the open try changed something. */
  private readonly touched = new Set<number>()

  constructor(options: WorkingSetOptions) {
    this.options = options
    this.operators = Object.keys(options.operators).sort()
  }

  size(): Size {
    return { rows: this.rows, bytes: this.bytes }
  }

  table(operator: string, slot: number): HeapRows {
    let slots = this.tables.get(operator)
    if (slots === undefined) this.tables.set(operator, slots = new Map())
    let rows = slots.get(slot)
    if (rows === undefined) slots.set(slot, rows = this.newTable(operator))
    return rows
  }

  private newTable(operator: string): HeapRows {
    const kinds = this.options.operators[operator]
    if (kinds === undefined) throw new RangeError(`the flow has no step "${operator}" with state`)
    const { query } = this.options
    return new HeapRows(kinds, (operation, key, sub, cause) =>
      new StateStoreError({
        reason: new ValueNotCodable({ query, operator, key: hex(key), sub, operation, cause })
      }))
  }

  /** The delta of the open try. Throws `StateStoreError`. */
  write(name: Omit<StateHead, "digest">, predecessor: StateHead | undefined): Written {
    const writer = new DeltaWriter()
    let { bytes, rows } = this
    let count = 0
    this.touched.clear()
    for (const operator of this.operators) {
      for (const [slot, table] of this.slotsOf(operator)) {
        for (const changed of table.changes()) {
          this.writeRow(writer, { operator, slot, ...changed })
          rows += changed.size.rows
          bytes += changed.size.bytes
          count++
          this.touched.add(slot)
        }
      }
    }
    this.check(rows, bytes)
    return { delta: count === 0 ? undefined : writer.finish(name, predecessor), size: { rows, bytes } }
  }

  private slotsOf(operator: string): ReadonlyArray<readonly [number, HeapRows]> {
    return Array.from(this.tables.get(operator) ?? []).sort(([a], [b]) => a - b)
  }

  private writeRow(writer: DeltaWriter, row: StoredRow): void {
    if (writer.write(row)) return
    const { key, operator, sub, value } = row
    const bytes = key.length + Buffer.byteLength(sub) + Buffer.byteLength(value ?? "")
    const { query } = this.options
    throw new StateStoreError({
      reason: new ValueTooLarge({ query, operator, key: hex(key), sub, bytes, limit: maxRowBytes })
    })
  }

  private check(rows: number, bytes: number): void {
    const { heapBytes, query } = this.options
    if (bytes <= heapBytes) return
    throw new StateStoreError({ reason: new WorkingSetFull({ query, rows, bytes, limit: heapBytes }) })
  }

  /** The open try is the current version. `write` was called before. */
  settle({ bytes, rows }: Size, version: number): void {
    for (const slots of this.tables.values()) for (const table of slots.values()) table.settle()
    this.bytes = bytes
    this.rows = rows
    for (const slot of this.touched) this.changed.set(slot, version)
    this.touched.clear()
  }

  undo(): void {
    this.touched.clear()
    for (const slots of this.tables.values()) for (const table of slots.values()) table.undo()
  }

  has({ key, operator, slot, sub }: StoredRow): boolean {
    return this.table(operator, slot).has(key, sub)
  }

  /** Of each slot in which there were rows: the version that changed it last. */
  slots(): ReadonlyMap<number, number> {
    return this.changed
  }

  /** A row that was deleted changed its slot, too. */
  touch(slot: number, version: number): void {
    this.changed.set(slot, Math.max(version, this.changed.get(slot) ?? version))
  }

  /** The rows of a step at the current version; of a slot, if one is named. */
  current(operator: string, slot: number | undefined): Array<StoredRow> {
    const found: Array<StoredRow> = []
    for (const [number, table] of this.tables.get(operator) ?? []) {
      if (slot !== undefined && slot !== number) continue
      for (const row of table.all()) found.push({ operator, slot: number, ...row })
    }
    return found
  }

  /** All rows of a slot at the current version, as a delta that builds upon nothing. */
  writeSlot(slot: number, name: Omit<StateHead, "digest">): Finished {
    const writer = new DeltaWriter()
    for (const operator of this.operators) {
      const table = this.tables.get(operator)?.get(slot)
      if (table !== undefined) { for (const row of table.all()) this.writeRow(writer, { operator, slot, ...row }) }
    }
    return writer.finish(name, undefined)
  }

  /** Writes into the current version. Throws `StateStoreError`. */
  load({ due, key, operator, slot, sub, value }: StoredRow, version: number): void {
    this.touch(slot, version)
    const more = this.table(operator, slot).load(key, sub, value, due)
    this.rows += more.rows
    this.bytes += more.bytes
    this.check(this.rows, this.bytes)
  }
}

const hex = (key: string): string => Buffer.from(key, "latin1").toString("hex")
