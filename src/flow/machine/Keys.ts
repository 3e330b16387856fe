/**
 * Keys as texts: a key's canonical bytes, one character a byte. Equal keys have equal texts, `<` orders texts as their bytes,
 * and the key comes back from its text.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"

/** @category models @since 0.2.0 */
export interface KeyCodec {
  readonly text: (key: unknown) => string
  readonly key: (text: string) => unknown
}

/** @category constructors @since 0.2.0 */
export const make = (schema: Schema.Codec<unknown, unknown>): KeyCodec => {
  const json = Schema.fromJsonString(Schema.toCodecJson(schema))
  const encode = Schema.encodeSync(json)
  const decode = Schema.decodeSync(json)
  return { text: (key) => encode(key), key: (text) => decode(text) }
}

/** A time as a text: `<` orders texts as times. For times of less than 2^52, which is the year 144,680. @category converting @since 0.2.0 */
export const timeText = (time: number): string => (time + halfOfAll).toString(36).padStart(11, "0")

/** @category converting @since 0.2.0 */
export const textTime = (text: string): number => Number.parseInt(text.slice(0, 11), 36) - halfOfAll

const halfOfAll = 2 ** 52
