/**
 * Quantiles, by a sketch of buckets: how many numbers began with which bits. Two sketches merge exactly, to what all numbers
 * in one would have given; nothing depends on their order. (Sketches that choose what they keep, as t-digest and KLL, don't.)
 *
 * @since 0.2.0
 */
import { type Aggregate, NoInput, of } from "./Contract.ts"
import * as Buckets from "./internal/Buckets.ts"

/** @category options @since 0.2.0 */
export interface QuantileOptions {
  /**
   * How far a result may be from the number that it stands for, as a part of that: default 0.01, that is 1 %. From 1e-6 to
   * 0.5. The accumulator has a count for each bucket in which there is a number: with 1 %, at most 64 between a number and
   * its double.
   */
  readonly accuracy?: number | undefined
}

/**
 * Quantiles of numbers: for 0.5, a number that at least half of them do not exceed. Each is within the accuracy of the
 * number that it stands for, but for numbers nearer to zero than 2.3e-308. NaN is greater than all others. There are none
 * without an input.
 *
 * Throws `RangeError` for fractions that are not between 0 and 1, and for an accuracy out of bounds.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 *
 * const latency = Aggregate.quantiles((request: { millis: number }) => request.millis, [0.5, 0.99]).pipe(
 *   Aggregate.map(([median, p99]) => ({ median, p99 }))
 * )
 * ```
 *
 * @category aggregates
 * @since 0.2.0
 */
export const quantiles = <In, const Fractions extends ReadonlyArray<number>>(
  number: (input: In) => number,
  fractions: Fractions,
  { accuracy = 0.01 }: QuantileOptions = {}
): Aggregate<In, Buckets.Buckets, { readonly [K in keyof Fractions]: number }, "merge" | "remove"> => {
  for (const fraction of fractions) {
    if (!(fraction >= 0 && fraction <= 1)) {
      throw new RangeError(`Aggregate.quantiles: each fraction must be between 0 and 1, one is ${fraction}`)
    }
  }
  if (!(accuracy >= 1e-6 && accuracy <= 0.5)) {
    throw new RangeError(`Aggregate.quantiles: the accuracy must be from 1e-6 to 0.5, it is ${accuracy}`)
  }
  const bits = Buckets.bitsOf(accuracy)
  return of({
    initial: Buckets.empty,
    add: (buckets, input) => Buckets.added(buckets, Buckets.indexOf(number(input), bits), 1),
    merge: Buckets.merged,
    remove: (buckets, input) => Buckets.added(buckets, Buckets.indexOf(number(input), bits), -1),
    result: (buckets) => {
      if (buckets.counts.length === 0) throw new NoInput({ aggregate: "quantiles" })
      return fractions.map((fraction) => Buckets.valueOf(Buckets.find(buckets, fraction), bits)) as never
    },
    hasEmptyResult: false,
    accumulator: Buckets.Buckets,
    fingerprint: `quantiles(${bits})`
  })
}
