/**
 * The least, the greatest, the first and the last. Where several inputs are, the place decides: the earlier wins, so that
 * the order of arrival is of no importance.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import * as Place from "../Place.ts"
import { type Aggregate, NoInput, of } from "./Contract.ts"
import { type Comparable, compare } from "./internal/Comparable.ts"
import { byPlace, type Compare, Placed } from "./internal/Placed.ts"

export type { Comparable } from "./internal/Comparable.ts"

/**
 * The least number. As with `Math.min`, NaN makes it NaN; -0 counts as 0. There is none without an input.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 *
 * const lowest = Aggregate.min((reading: { celsius: number }) => reading.celsius)
 * ```
 *
 * @category aggregates
 * @since 0.2.0
 */
export const min = <In>(number: (input: In) => number): Aggregate<In, number | undefined, number, "merge"> =>
  extreme("min", number, Math.min)

/**
 * The greatest number. As with `Math.max`, NaN makes it NaN; -0 counts as 0. There is none without an input.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 *
 * const highest = Aggregate.max((bid: { price: number }) => bid.price)
 * ```
 *
 * @category aggregates
 * @since 0.2.0
 */
export const max = <In>(number: (input: In) => number): Aggregate<In, number | undefined, number, "merge"> =>
  extreme("max", number, Math.max)

/**
 * The input with the least rank; of several, the one with the earlier place. There is none without an input.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const Offer = Schema.Struct({ shop: Schema.String, price: Schema.Finite })
 *
 * const cheapest = Aggregate.minBy(Offer, (offer) => offer.price)
 * ```
 *
 * @category aggregates
 * @since 0.2.0
 */
export const minBy = <A>(
  schema: Schema.Codec<A, unknown>,
  rank: (input: A) => Comparable
): Aggregate<A, Placed<A> | undefined, A, "merge"> =>
  chosen("minBy", schema, (a, b) => compare(rank(a.value), rank(b.value)) || byPlace(a, b))

/**
 * The input with the greatest rank; of several, the one with the earlier place. There is none without an input.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const Bid = Schema.Struct({ bidder: Schema.String, price: Schema.BigInt })
 *
 * const winner = Aggregate.maxBy(Bid, (bid) => bid.price)
 * ```
 *
 * @category aggregates
 * @since 0.2.0
 */
export const maxBy = <A>(
  schema: Schema.Codec<A, unknown>,
  rank: (input: A) => Comparable
): Aggregate<A, Placed<A> | undefined, A, "merge"> =>
  chosen("maxBy", schema, (a, b) => compare(rank(b.value), rank(a.value)) || byPlace(a, b))

/**
 * The input of the earliest time; of several, the one with the earlier place. There is none without an input.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const opening = Aggregate.first(Schema.Finite).pipe(Aggregate.mapInput((trade: { price: number }) => trade.price))
 * ```
 *
 * @category aggregates
 * @since 0.2.0
 */
export const first = <A>(schema: Schema.Codec<A, unknown>): Aggregate<A, Placed<A> | undefined, A, "merge"> =>
  chosen("first", schema, byPlace)

/**
 * The input of the latest time; of several, the one with the later place. There is none without an input.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const closing = Aggregate.last(Schema.Finite).pipe(Aggregate.mapInput((trade: { price: number }) => trade.price))
 * ```
 *
 * @category aggregates
 * @since 0.2.0
 */
export const last = <A>(schema: Schema.Codec<A, unknown>): Aggregate<A, Placed<A> | undefined, A, "merge"> =>
  chosen("last", schema, (a, b) => Place.compare(b.at, a.at))

const extreme = <In>(
  name: string,
  number: (input: In) => number,
  choose: (a: number, b: number) => number
): Aggregate<In, number | undefined, number, "merge"> => {
  const with_ = (accumulator: number | undefined, value: number): number =>
    // -0 is 0 in any company, and its sign would be lost in JSON
    accumulator === undefined ? value + 0 : choose(accumulator, value + 0)
  return of({
    initial: undefined,
    add: (accumulator, input) => with_(accumulator, number(input)),
    merge: (a, b) => b === undefined ? a : with_(a, b),
    result: (accumulator) => {
      if (accumulator === undefined) throw new NoInput({ aggregate: name })
      return accumulator
    },
    hasEmptyResult: false,
    // @effect-diagnostics-next-line schemaNumber:off (NaN and the infinities are kept as well)
    accumulator: Schema.UndefinedOr(Schema.Number),
    fingerprint: name
  })
}

/** Of all inputs the one that comes first. */
const chosen = <A>(
  name: string,
  schema: Schema.Codec<A, unknown>,
  compare: Compare<A>
): Aggregate<A, Placed<A> | undefined, A, "merge"> => {
  const firstOf = (a: Placed<A> | undefined, b: Placed<A>): Placed<A> => a === undefined || compare(b, a) < 0 ? b : a
  return of({
    initial: undefined,
    add: (accumulator, value, at) => firstOf(accumulator, { value, at }),
    merge: (a, b) => b === undefined ? a : firstOf(a, b),
    result: (accumulator) => {
      if (accumulator === undefined) throw new NoInput({ aggregate: name })
      return accumulator.value
    },
    hasEmptyResult: false,
    accumulator: Schema.UndefinedOr(Placed(schema)),
    fingerprint: name
  })
}
