/**
 * Aggregates: how many inputs become one value. An aggregate is a plain value, and aggregates compose: a struct of them is
 * one. They say nothing of keys, windows or time: those are a `Flow`'s.
 *
 * What holds for each, and is checked by `AggregateLaws`: an accumulator is never changed in place; it survives its Schema;
 * `merge`, where there is one, is associative and commutative, and the order of the inputs decides nothing: ties go by place.
 *
 * @since 0.2.0
 */
export * from "./Combining.ts"
export * from "./Contract.ts"
export * from "./Counting.ts"
export * from "./Extremes.ts"
export * from "./Lists.ts"
export * from "./Quantiles.ts"
export * from "./Sums.ts"

// what accumulators are made of: they occur in the types of aggregates
export type { Buckets } from "./internal/Buckets.ts"
export type { ExactSum, Wide } from "./internal/ExactSum.ts"
export type { Placed } from "./internal/Placed.ts"
