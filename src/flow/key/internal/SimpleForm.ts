/**
 * The key forms of values without parts: texts, numbers, times.
 *
 * @internal
 */
import * as DateTime from "effect/DateTime"
import type * as SchemaAST from "effect/SchemaAST"
import { NotOrderable, type OrderedReader, type OrderedWriter } from "./OrderedBytes.ts"

/** @category models @since 0.2.0 */
export interface KeyForm {
  /** In a union, a byte in front of the value says it; their order is that of the kinds. */
  readonly kind: Kind
  readonly write: (value: unknown, to: OrderedWriter) => void
  readonly read: (from: OrderedReader) => unknown
  /** Forms with the same description have the same bytes. */
  readonly description: string
}

/** The numbers are in stored keys, and never change. @category constants @since 0.2.0 */
export const kinds = {
  null: 0x10,
  undefined: 0x11,
  boolean: 0x20,
  number: 0x30,
  bigint: 0x31,
  time: 0x40,
  text: 0x50,
  bytes: 0x51,
  option: 0x60,
  tuple: 0x70,
  struct: 0x80
} as const
/** @category models @since 0.2.0 */
export type Kind = keyof typeof kinds

/** A value is none of its Schema's. @category errors @since 0.2.0 */
export const expected = (what: string, value: unknown): NotOrderable =>
  new NotOrderable(`${what} expected, not ${value === null ? "null" : typeof value}`)

/** @category encoding @since 0.2.0 */
export const text: KeyForm = {
  kind: "text",
  write: (value, to) => {
    if (typeof value !== "string") throw expected("a text", value)
    to.text(value)
  },
  read: (from) => from.text(),
  description: "text"
}

/** @category encoding @since 0.2.0 */
export const number: KeyForm = {
  kind: "number",
  write: (value, to) => {
    if (typeof value !== "number") throw expected("a number", value)
    to.number(value)
  },
  read: (from) => from.number(),
  description: "number"
}

/** @category encoding @since 0.2.0 */
export const bigint: KeyForm = {
  kind: "bigint",
  write: (value, to) => {
    if (typeof value !== "bigint") throw expected("a bigint", value)
    to.bigint(value)
  },
  read: (from) => from.bigint(),
  description: "bigint"
}

/** @category encoding @since 0.2.0 */
export const boolean: KeyForm = {
  kind: "boolean",
  write: (value, to) => {
    if (typeof value !== "boolean") throw expected("a boolean", value)
    to.byte(value ? 1 : 0)
  },
  read: (from) => from.byte() !== 0,
  description: "boolean"
}

/** @category encoding @since 0.2.0 */
export const bytes: KeyForm = {
  kind: "bytes",
  write: (value, to) => {
    if (!(value instanceof Uint8Array)) throw expected("bytes", value)
    to.bytes(value)
  },
  read: (from) => from.bytes(),
  description: "bytes"
}

/** @category encoding @since 0.2.0 */
export const date: KeyForm = {
  kind: "time",
  write: (value, to) => {
    if (!(value instanceof Date)) throw expected("a Date", value)
    to.number(value.getTime())
  },
  read: (from) => new Date(from.number()),
  description: "time"
}

/** @category encoding @since 0.2.0 */
export const utc: KeyForm = {
  kind: "time",
  write: (value, to) => {
    if (!DateTime.isDateTime(value)) throw expected("a DateTime", value)
    to.number(DateTime.toEpochMillis(value))
  },
  read: (from) => DateTime.makeUnsafe(from.number()),
  description: "time"
}

/** @category encoding @since 0.2.0 */
export const constant = (kind: "null" | "undefined", value: null | undefined): KeyForm => ({
  kind,
  write: (given) => {
    if (given !== value) throw expected(kind, given)
  },
  read: () => value,
  description: kind
})

/**
 * As its value, not by its place among others: one more literal in a Schema leaves the bytes of the others as they are.
 *
 * @category encoding
 * @since 0.2.0
 */
export const ofLiteral = (literal: SchemaAST.LiteralValue): KeyForm => {
  switch (typeof literal) {
    case "string":
      return text
    case "number":
      return number
    case "bigint":
      return bigint
    default:
      return boolean
  }
}
