/**
 * How many there were, and how many different ones.
 *
 * @since 0.2.0
 */
import * as Base64 from "effect/encoding/Base64"
import * as Schema from "effect/Schema"
import * as Key from "../key/Key.ts"
import { type Ability, type Aggregate, of } from "./Contract.ts"

/**
 * How many inputs there were.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 *
 * const flights = Aggregate.struct({ flights: Aggregate.count })
 * ```
 *
 * @category aggregates
 * @since 0.2.0
 */
export const count: Aggregate<unknown, number, number, Ability> = of({
  initial: 0,
  add: (accumulator) => accumulator + 1,
  merge: (a, b) => a + b,
  remove: (accumulator) => accumulator - 1,
  result: (accumulator) => accumulator,
  hasEmptyResult: true,
  accumulator: Schema.Int,
  fingerprint: "count"
})

/**
 * How many different values there were: exactly so many, or more than the limit.
 *
 * @category models
 * @since 0.2.0
 */
export type Distinct =
  | { readonly _tag: "Exactly"; readonly count: number }
  | { readonly _tag: "MoreThan"; readonly count: number }

/** The keys in their order, each once; undefined when there were more than the limit. */
type DistinctKeys = ReadonlyArray<string> | undefined

/** @category options @since 0.2.0 */
export interface DistinctOptions {
  /** Up to how many are counted. The accumulator holds the bytes of each, in Base64; beyond the limit, nothing. */
  readonly limit: number
}

/**
 * How many different values there were, exactly up to a limit. Values are the same when their canonical bytes are (see
 * `Key`). The more values there are, the longer an input takes: use it for thousands of values, not for millions.
 *
 * Throws `UnsupportedKey` when the values of the Schema have no canonical bytes, and `RangeError` for a limit that is no
 * whole number of 0 or more.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const visitors = Aggregate.distinct(Schema.String, { limit: 1000 }).pipe(
 *   Aggregate.mapInput((visit: { user: string }) => visit.user),
 *   Aggregate.map((users) => users._tag === "Exactly" ? users.count : Infinity)
 * )
 * ```
 *
 * @category aggregates
 * @since 0.2.0
 */
export const distinct = <A>(
  schema: Schema.Codec<A, unknown>,
  { limit }: DistinctOptions
): Aggregate<A, DistinctKeys, Distinct, "merge" | "empty"> => {
  if (!Number.isSafeInteger(limit) || limit < 0) {
    throw new RangeError(`Aggregate.distinct: the limit must be a whole number of 0 or more, it is ${limit}`)
  }
  const { encode, fingerprint } = Key.make(schema)
  const within = (keys: ReadonlyArray<string>): DistinctKeys => keys.length > limit ? undefined : keys
  return of<A, DistinctKeys, Distinct, "merge" | "empty">({
    initial: [],
    add: (keys, input) => keys === undefined ? keys : within(inserted(keys, Base64.encode(encode(input)))),
    merge: (a, b) => a === undefined || b === undefined ? undefined : within(united(a, b)),
    result: (keys) => keys === undefined ? { _tag: "MoreThan", count: limit } : { _tag: "Exactly", count: keys.length },
    hasEmptyResult: true,
    accumulator: Schema.UndefinedOr(Schema.Array(Schema.String)),
    fingerprint: `distinct(${limit},${fingerprint})`
  })
}

/** The same array where the key is in it. */
const inserted = (keys: ReadonlyArray<string>, key: string): ReadonlyArray<string> => {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (keys[middle]! < key) low = middle + 1
    else high = middle
  }
  return keys[low] === key ? keys : keys.toSpliced(low, 0, key)
}

const united = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): ReadonlyArray<string> => {
  const keys: Array<string> = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    const [x, y] = [a[i], b[j]]
    const next = y === undefined || (x !== undefined && x < y) ? x! : y
    keys.push(next)
    if (next === x) i++
    if (next === y) j++
  }
  return keys
}
