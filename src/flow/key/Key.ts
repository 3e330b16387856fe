/**
 * Keys: by what events belong together. A key has canonical bytes by its Schema: equal keys have equal bytes, and the order
 * of the bytes is the natural order of the keys. By its bytes a key belongs to a key group, and by that to a slot.
 *
 * Not a `RoutingKey`: that is Pravega's, a text, and decides where an event is written.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as KeyHash from "../../core/KeyHash.ts"
import * as KeyForm from "./internal/KeyForm.ts"
import { NotOrderable, OrderedReader, OrderedWriter } from "./internal/OrderedBytes.ts"

/**
 * The Schema's values have no canonical bytes. Thrown where a flow is built.
 *
 * @category errors
 * @since 0.2.0
 */
export class UnsupportedKey extends Schema.TaggedError<UnsupportedKey>()("UnsupportedKey", {
  problem: Schema.String
}) {
  override get message(): string {
    return `values of this Schema can't be keys: ${this.problem}. Make the key of texts, numbers, dates, tuples or structs of them`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * A value is no key: half a surrogate pair in a text, a value of another type. Or bytes are not those of a key.
 *
 * @category errors
 * @since 0.2.0
 */
export class InvalidKey extends Schema.TaggedError<InvalidKey>()("InvalidKey", {
  problem: Schema.String,
  /** The bytes that were read, as hexadecimal digits; absent when a value was to be written. */
  bytes: Schema.optionalKey(Schema.String),
  cause: Schema.Defect()
}) {
  override get message(): string {
    return this.bytes === undefined
      ? `the value can't be a key of this Schema: ${this.problem}`
      : `the bytes ${this.bytes} are no key of this Schema: ${this.problem}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The bytes of a Schema's values.
 *
 * @category models
 * @since 0.2.0
 */
export interface Key<in out A> {
  /** A new array each time. Throws `InvalidKey`. */
  readonly encode: (key: A) => Uint8Array
  /** The key again; of an optional field that was `undefined`, without the field. Throws `InvalidKey`. */
  readonly decode: (bytes: Uint8Array) => A
  /** Which bytes a key has: part of a query's structure. Fields in another order are no other keys. */
  readonly fingerprint: string
}

/**
 * Works out the bytes of a Schema's values. Throws `UnsupportedKey` for those that have none: of what is unknown or
 * recursive, of records, of unions whose members nothing tells apart.
 *
 * The order is natural for numbers, bigints, dates and Options (none first), by code point for texts, by the elements for
 * tuples and arrays, by the fields (in the order of their names) for structs, by the tag for unions of structs. -0 is 0, and
 * there is one NaN, greater than all numbers. A class of one's own goes by its JSON.
 *
 * **Example**
 *
 * ```ts
 * import { Key } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const route = Key.make(Schema.Struct({ from: Schema.String, to: Schema.String }))
 *
 * const bytes = route.encode({ from: "VIE", to: "OSL" })
 * const slot = Key.slot(Key.group(bytes))
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = <A>(schema: Schema.Codec<A, unknown>): Key<A> => {
  const form = supported(() => KeyForm.of(SchemaAST.toType(schema.ast)))
  const writer = new OrderedWriter()
  return {
    encode: (key) => {
      try {
        form.write(key, writer)
        return writer.take()
      } catch (cause) {
        writer.clear()
        throw new InvalidKey({ problem: problemOf(cause), cause })
      }
    },
    decode: (bytes) => {
      try {
        const reader = new OrderedReader(bytes)
        const key = form.read(reader)
        if (!reader.isAtEnd) throw new NotOrderable("bytes behind its end")
        // what was written as the Schema's value is read as one
        return key as A
      } catch (cause) {
        throw new InvalidKey({ problem: problemOf(cause), bytes: hex(bytes), cause })
      }
    },
    fingerprint: form.description
  }
}

const supported = <A>(form: () => A): A => {
  try {
    return form()
  } catch (cause) {
    if (cause instanceof NotOrderable) throw new UnsupportedKey({ problem: cause.message })
    throw cause
  }
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

const problemOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

/**
 * How many key groups there are unless a query says otherwise. Fixed at a query's first start.
 *
 * @category constants
 * @since 0.2.0
 */
export const defaultGroups = 128

/**
 * How many slots the groups lie in unless a query says otherwise. Fixed at a query's first start.
 *
 * @category constants
 * @since 0.2.0
 */
export const defaultSlots = 32

/** Of its own: no other hash of the same bytes has anything to do with a key's group. */
const seed = 0x67726f75

/** The group of a key's bytes, from 0. The same everywhere and for ever. @category getters @since 0.2.0 */
export const group = (bytes: Uint8Array, groups: number = defaultGroups): number =>
  (KeyHash.ofBytes(bytes, seed).first.low >>> 0) % groups

/** The slot in which a group lies, from 0: neighbours lie together. @category getters @since 0.2.0 */
export const slot = (group: number, groups: number = defaultGroups, slots: number = defaultSlots): number =>
  Math.floor(group * slots / groups)

/** Compares bytes without a sign, the shorter first: the order of keys. @category ordering @since 0.2.0 */
export const compare = (a: Uint8Array, b: Uint8Array): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}
