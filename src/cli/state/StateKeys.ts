/** Keys of steps as they are shown and typed: in words where their bytes are those of a simple Schema, else as digits. */
import * as Schema from "effect/Schema"
import * as Key from "../../flow/key/Key.ts"

/** @category models @since 0.2.0 */
export interface KeyWords {
  readonly show: (key: string) => string
  /** Undefined: it is no key of the step. */
  readonly read: (word: string) => string | undefined
}

/** By `Key.fingerprint`. @category constructors @since 0.2.0 */
export const of = (form: string): KeyWords => {
  switch (form) {
    case "text":
      return words(Schema.String, String, String)
    case "number":
      return words(Schema.Number, Number, String)
    case "bigint":
      return words(Schema.BigInt, BigInt, String)
    case "boolean":
      return words(Schema.Boolean, (word) => word === "true" ? true : word === "false" ? false : undefined, String)
    case "time":
      return words(Schema.Date, (word) => new Date(word), (date) => date.toISOString())
    default:
      return { show: (key) => `0x${hex(key)}`, read: fromHex }
  }
}

const words = <A>(
  schema: Schema.Codec<A, unknown>,
  parse: (word: string) => A | undefined,
  show: (key: A) => string
): KeyWords => {
  const { decode, encode } = Key.make(schema)
  return {
    show: (key) => show(decode(Buffer.from(key, "latin1"))),
    read: (word) => {
      try {
        const key = parse(word)
        return key === undefined ? undefined : Buffer.from(encode(key)).toString("latin1")
      } catch {
        // the word is none of the Schema's values: whoever typed it is told
        return undefined
      }
    }
  }
}

const hex = (key: string): string => Buffer.from(key, "latin1").toString("hex")

const fromHex = (word: string): string | undefined =>
  /^0x([0-9a-f]{2})*$/.test(word) ? Buffer.from(word.slice(2), "hex").toString("latin1") : undefined
