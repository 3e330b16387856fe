/**
 * Keys as texts, for maps and rows: a key's canonical bytes, one character a byte. Equal keys have equal texts, `<` orders
 * texts as their bytes, and the key comes back from its text.
 *
 * What the bytes are is said in `Key`.
 *
 * @since 0.2.0
 */
import type * as Schema from "effect/Schema"
import * as Key from "../key/Key.ts"

/** @category models @since 0.2.0 */
export interface KeyCodec {
  readonly text: (key: unknown) => string
  readonly key: (text: string) => unknown
}

/**
 * It remembers the texts of the keys that came last: most keys come again.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (schema: Schema.Codec<unknown, unknown>): KeyCodec => {
  const { decode, encode } = Key.make(schema)
  const known = new Map<unknown, string>()
  const text = (key: unknown): string => Buffer.from(encode(key)).toString("latin1")
  return {
    text: (key) => {
      // Objects are compared by what is in them, and -0 is 0.
      if (typeof key === "object" || typeof key === "function") return text(key)
      const there = known.get(key)
      if (there !== undefined) return there
      if (known.size >= remembered) known.clear()
      const made = text(key)
      known.set(key, made)
      return made
    },
    key: (text) => decode(Buffer.from(text, "latin1"))
  }
}

const remembered = 65_536

/** A time as a text: `<` orders texts as times. For times of less than 2^52, which is the year 144,680. @category converting @since 0.2.0 */
export const timeText = (time: number): string => (time + halfOfAll).toString(36).padStart(11, "0")

/** @category converting @since 0.2.0 */
export const textTime = (text: string): number => Number.parseInt(text.slice(0, 11), 36) - halfOfAll

const halfOfAll = 2 ** 52
