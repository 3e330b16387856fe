/**
 * Ranks as texts: `<` orders texts from the greatest rank to the least, and no rank's text begins another's.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import * as Key from "../key/Key.ts"
import type { Comparable } from "./internal/Comparable.ts"

const kinds = {
  // @effect-diagnostics-next-line schemaNumber:off (NaN and the infinities have ranks as well)
  number: Key.make(Schema.Number),
  bigint: Key.make(Schema.BigInt),
  string: Key.make(Schema.String),
  boolean: Key.make(Schema.Boolean),
  date: Key.make(Schema.Date)
}

/** In the order in which values of different kinds are. */
const bytesOf = (rank: Comparable): ReadonlyArray<number> => {
  if (typeof rank === "number") return [1, ...kinds.number.encode(rank)]
  if (typeof rank === "bigint") return [2, ...kinds.bigint.encode(rank)]
  if (typeof rank === "string") return [3, ...kinds.string.encode(rank)]
  if (typeof rank === "boolean") return [4, ...kinds.boolean.encode(rank)]
  if (rank instanceof Date) return [5, ...kinds.date.encode(rank)]
  return [6, ...rank.flatMap(bytesOf), 0]
}

/** Throws `InvalidKey` for a text that has half a surrogate pair. @category converting @since 0.2.0 */
export const text = (rank: Comparable): string => String.fromCharCode(...bytesOf(rank).map((byte) => 255 - byte))
