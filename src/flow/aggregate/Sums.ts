/**
 * Sums and means. Of floats they are exact, and rounded once, when a result is asked for: in whatever order and grouping
 * numbers are added, the result is the same.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import { type Ability, type Aggregate, NoInput, of } from "./Contract.ts"
import * as ExactSum from "./internal/ExactSum.ts"

/**
 * The sum of numbers, exact and rounded once: of `[0.1, 0.2, 0.3, 1e16, -1e16]` it is 0.6 in every grouping. Without an
 * input it is 0. As with `+`, NaN makes it NaN, and so do both infinities; -0 counts as 0.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 *
 * const turnover = Aggregate.sum((trade: { price: number; amount: number }) => trade.price * trade.amount)
 * ```
 *
 * @category aggregates
 * @since 0.2.0
 */
export const sum = <In>(number: (input: In) => number): Aggregate<In, ExactSum.ExactSum, number, Ability> =>
  of({
    initial: 0,
    add: (accumulator, input) => ExactSum.add(accumulator, number(input)),
    merge: ExactSum.merge,
    remove: (accumulator, input) => ExactSum.subtract(accumulator, number(input)),
    result: ExactSum.toNumber,
    hasEmptyResult: true,
    accumulator: ExactSum.ExactSum,
    fingerprint: "sum"
  })

/**
 * The sum of bigints. Without an input it is 0n.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 *
 * const bytes = Aggregate.sumBigInt((file: { size: bigint }) => file.size)
 * ```
 *
 * @category aggregates
 * @since 0.2.0
 */
export const sumBigInt = <In>(number: (input: In) => bigint): Aggregate<In, bigint, bigint, Ability> =>
  of({
    initial: 0n,
    add: (accumulator, input) => accumulator + number(input),
    merge: (a, b) => a + b,
    remove: (accumulator, input) => accumulator - number(input),
    result: (accumulator) => accumulator,
    hasEmptyResult: true,
    accumulator: Schema.BigInt,
    fingerprint: "sumBigInt"
  })

/** What a mean keeps. @category models @since 0.2.0 */
export interface Mean {
  readonly sum: ExactSum.ExactSum
  readonly count: number
}

/**
 * The mean of numbers: the exact sum by the count, rounded once. It is a number also where the sum would be too large for
 * one. There is none without an input.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 *
 * const delays = Aggregate.struct({
 *   flights: Aggregate.count,
 *   delay: Aggregate.mean((flight: { delay: number }) => flight.delay)
 * })
 * ```
 *
 * @category aggregates
 * @since 0.2.0
 */
export const mean = <In>(number: (input: In) => number): Aggregate<In, Mean, number, "merge" | "remove"> =>
  of({
    initial: { sum: 0, count: 0 },
    add: ({ count, sum }, input) => ({ sum: ExactSum.add(sum, number(input)), count: count + 1 }),
    merge: (a, b) => ({ sum: ExactSum.merge(a.sum, b.sum), count: a.count + b.count }),
    remove: ({ count, sum }, input) => ({ sum: ExactSum.subtract(sum, number(input)), count: count - 1 }),
    result: ({ count, sum }) => {
      if (count === 0) throw new NoInput({ aggregate: "mean" })
      return ExactSum.dividedBy(sum, count)
    },
    hasEmptyResult: false,
    accumulator: Schema.Struct({ sum: ExactSum.ExactSum, count: Schema.Int }),
    fingerprint: "mean"
  })
