/**
 * What a keyed step is to an engine: rows of state by key, and a pure function that takes a slot's share of a batch. The
 * engine decides where rows live and how they last; a step never sees it, and never sees a clock that is not recorded.
 *
 * @since 0.2.0
 */
import type * as Schema from "effect/Schema"
import type { Place } from "../Place.ts"

/**
 * The rows of one step in one slot, as batch n sees them: version n-1 and what the batch itself wrote. A row is found by the
 * key's text and a second text, `sub`, whose first letter says what kind of row it is. Values are decoded, and never changed
 * in place.
 *
 * @category models
 * @since 0.2.0
 */
export interface Rows {
  readonly get: (key: string, sub: string) => unknown
  /** Undefined is no value: use `delete`. */
  readonly set: (key: string, sub: string, value: unknown) => void
  readonly delete: (key: string, sub: string) => void
  /** Those of a key with `from <= sub < to`, in order of `sub`, as they are now; of many the first `limit`. */
  readonly range: (key: string, from: string, to: string, limit?: number) => ReadonlyArray<Row>
  /** The first `limit` rows that are due at `upTo` or before, in order of due time, key, sub. They stay until they are changed. */
  readonly due: (line: Line, upTo: number, limit: number) => ReadonlyArray<Due>
  /** When the first row is due. */
  readonly nextDue: (line: Line) => number | undefined
}

/** A time line: that of the events, or that of the recorded clock. @category models @since 0.2.0 */
export type Line = "event" | "clock"

/** @category models @since 0.2.0 */
export interface Row {
  readonly sub: string
  readonly value: unknown
}

/** @category models @since 0.2.0 */
export interface Due {
  readonly time: number
  readonly key: string
  readonly sub: string
}

/**
 * A kind of row. When a row is due is a function of the row, so that an engine can keep an index of it, and make it again.
 *
 * @category models
 * @since 0.2.0
 */
export interface RowKind {
  readonly schema: Schema.Codec<unknown, unknown>
  /** Where rows of this kind have Schemas of their own: that of one. */
  readonly schemaOf?: ((sub: string) => Schema.Codec<unknown, unknown>) | undefined
  /** Undefined: never. */
  readonly due?:
    | ((sub: string, value: unknown) => { readonly line: Line; readonly time: number } | undefined)
    | undefined
}

/**
 * What a step takes in: a slot's share of a batch, in the fixed order (by partition, then place). Columns, so that an event
 * costs no object more.
 *
 * @category models
 * @since 0.2.0
 */
export interface Inputs {
  readonly keys: ReadonlyArray<string>
  readonly values: ReadonlyArray<unknown>
  readonly places: ReadonlyArray<Place>
  /** Which of the step's inputs; undefined where it has one. */
  readonly ports: ReadonlyArray<number> | undefined
}

/**
 * What a batch knows of time; all of it recorded. Watermarks are exclusive: nothing earlier is to come.
 *
 * @category models
 * @since 0.2.0
 */
export interface Moment {
  /** W(n-1) of the step's input, by which lateness is judged. */
  readonly before: number
  /** W(n) of the step's input; `Infinity` at the end of time. */
  readonly watermark: number
  /** The recorded clock of batch n, in milliseconds since 1970. */
  readonly clock: number
  /** How many rows that are due are taken at most; the rest makes the next batch. */
  readonly maxFirings: number
}

/** Where a step puts what it makes. @category models @since 0.2.0 */
export interface Emitted {
  readonly values: Array<unknown>
  readonly places: Array<Place>
  /** What came too late, as it came in: its port and value. */
  readonly late: Array<{ readonly port: number; readonly value: unknown; readonly at: Place }>
  /** Events that were seen before and left out, or timers that were set at the end of time. */
  dropped: number
}

/** What a step says after a batch. @category models @since 0.2.0 */
export interface Ran {
  /**
   * Some that were due are left over: when the first of them was. The step's output watermark is then that of an input
   * watermark 1 ms before.
   */
  readonly leftOver: number | undefined
}

/** @category models @since 0.2.0 */
export interface Operator {
  /** By the first letter of `sub`. */
  readonly rows: Readonly<Record<string, RowKind>>
  /** W of what it makes, from W of what it takes in. */
  readonly watermark: (input: number) => number
  /** Whether the recorded clock can make something due. */
  readonly usesClock: boolean
  readonly run: (rows: Rows, inputs: Inputs, moment: Moment, emitted: Emitted) => Ran
}

/** @category constructors @since 0.2.0 */
export const emitted = (): Emitted => ({ values: [], places: [], late: [], dropped: 0 })
