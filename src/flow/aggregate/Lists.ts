/**
 * Inputs that are kept: all up to a limit, or those with the greatest ranks.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import { type Aggregate, of } from "./Contract.ts"
import { type Comparable, compare } from "./internal/Comparable.ts"
import { byPlace, type Compare, inserted, Placed, united } from "./internal/Placed.ts"

/** Inputs in the order of their places. @category models @since 0.2.0 */
export interface Collected<out A> {
  readonly items: ReadonlyArray<A>
  /** How many more there were: the later ones, beyond the limit. */
  readonly leftOut: number
}

/** @category models @since 0.2.0 */
export interface Kept<out A> {
  readonly items: ReadonlyArray<Placed<A>>
  readonly leftOut: number
}

/** @category options @since 0.2.0 */
export interface CollectOptions {
  /** How many inputs are kept. They are stored as one value, which is copied with each input: for hundreds, not for millions. */
  readonly limit: number
}

/**
 * The inputs themselves, in the order of their times (and then places), up to a limit. Of those beyond it the result says
 * how many there were.
 *
 * Throws `RangeError` for a limit that is no whole number above 0.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const pages = Aggregate.collect(Schema.String, { limit: 100 }).pipe(
 *   Aggregate.mapInput((view: { page: string }) => view.page),
 *   Aggregate.map(({ items, leftOut }) => leftOut > 0 ? [...items, "..."] : items)
 * )
 * ```
 *
 * @category aggregates
 * @since 0.2.0
 */
export const collect = <A>(
  schema: Schema.Codec<A, unknown>,
  { limit }: CollectOptions
): Aggregate<A, Kept<A>, Collected<A>, "merge" | "empty"> => {
  checkLimit("collect", limit)
  const kept = (items: ReadonlyArray<Placed<A>>, all: number): Kept<A> => ({ items, leftOut: all - items.length })
  return of<A, Kept<A>, Collected<A>, "merge" | "empty">({
    initial: { items: [], leftOut: 0 },
    add: ({ items, leftOut }, value, at) =>
      kept(inserted(items, { value, at }, byPlace, limit), items.length + leftOut + 1),
    merge: (a, b) =>
      kept(united(a.items, b.items, byPlace, limit), a.items.length + a.leftOut + b.items.length + b.leftOut),
    result: ({ items, leftOut }) => ({ items: items.map(({ value }) => value), leftOut }),
    hasEmptyResult: true,
    accumulator: Schema.Struct({ items: Schema.Array(Placed(schema)), leftOut: Schema.Int }),
    fingerprint: `collect(${limit})`
  })
}

/** @category options @since 0.2.0 */
export interface TopOptions<in A> {
  /** How many. They are stored as one value, which is copied when they change. */
  readonly n: number
  readonly by: (input: A) => Comparable
}

/**
 * The inputs with the greatest ranks, the greatest first; of several with the same, the one with the earlier place.
 *
 * Throws `RangeError` for an `n` that is no whole number above 0.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const Trade = Schema.Struct({ symbol: Schema.String, amount: Schema.Finite })
 *
 * const largest = Aggregate.topN(Trade, { n: 10, by: (trade) => trade.amount })
 * ```
 *
 * @category aggregates
 * @since 0.2.0
 */
export const topN = <A>(
  schema: Schema.Codec<A, unknown>,
  { by, n }: TopOptions<A>
): Aggregate<A, ReadonlyArray<Placed<A>>, ReadonlyArray<A>, "merge" | "empty"> => {
  checkLimit("topN", n)
  const greatest: Compare<A> = (a, b) => compare(by(b.value), by(a.value)) || byPlace(a, b)
  return of<A, ReadonlyArray<Placed<A>>, ReadonlyArray<A>, "merge" | "empty">({
    initial: [],
    add: (items, value, at) => inserted(items, { value, at }, greatest, n),
    merge: (a, b) => united(a, b, greatest, n),
    result: (items) => items.map(({ value }) => value),
    hasEmptyResult: true,
    accumulator: Schema.Array(Placed(schema)),
    fingerprint: `topN(${n})`
  })
}

const checkLimit = (name: string, limit: number): void => {
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new RangeError(
      `Aggregate.${name}: the number of inputs to keep must be a positive whole number, it is ${limit}`
    )
  }
}
