/**
 * Values of rows as texts, by their Schema: JSON, which a heap keeps as it is.
 */
import * as Schema from "effect/Schema"
import type { RowKind } from "../../flow/machine/Operator.ts"

/** @category models @since 0.2.0 */
export interface RowCodec {
  readonly encode: (value: unknown) => string
  readonly decode: (text: string) => unknown
}

const known = new WeakMap<Schema.Codec<unknown, unknown>, RowCodec>()

/** By the kind that the first letter of `sub` names, or the row itself. @category getters @since 0.2.0 */
export const codecOf = (kinds: Readonly<Record<string, RowKind>>, sub: string): RowCodec => {
  const kind = kinds[sub[0] ?? ""]
  if (kind === undefined) throw new RangeError(`the step has no rows of the kind "${sub[0]}"`)
  const schema = kind.schemaOf?.(sub) ?? kind.schema
  let codec = known.get(schema)
  if (codec === undefined) known.set(schema, codec = make(schema))
  return codec
}

const make = (schema: Schema.Codec<unknown, unknown>): RowCodec => {
  const json = Schema.toCodecJson(schema)
  const encode = Schema.encodeSync(json)
  const decode = Schema.decodeUnknownSync(json)
  return { encode: (value) => JSON.stringify(encode(value)), decode: (text) => decode(JSON.parse(text)) }
}
