/**
 * When a query's batches are due.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"

/** @category models @since 0.1.0 */
export type Trigger =
  | { readonly _tag: "once" }
  | { readonly _tag: "availableNow" }
  | { readonly _tag: "asFastAsPossible" }
  | { readonly _tag: "every"; readonly interval: Duration.Duration }

/** One batch, within the source's limits, if there is input; unfinished ones before it. @category constructors @since 0.1.0 */
export const once: Trigger = { _tag: "once" }

/** As many batches as it takes to read what is there when the query starts. @category constructors @since 0.1.0 */
export const availableNow: Trigger = { _tag: "availableNow" }

/** One batch after the other, as soon as there is input, until the source ends. @category constructors @since 0.1.0 */
export const asFastAsPossible: Trigger = { _tag: "asFastAsPossible" }

/**
 * A batch at each interval, counted from the query's start, until the source ends. A batch that takes longer is followed
 * by the next at once. Throws if the interval is not positive.
 *
 * @category constructors
 * @since 0.1.0
 */
export const every = (interval: Duration.Input): Trigger => {
  const duration = Duration.fromInputUnsafe(interval)
  if (!Duration.isGreaterThan(duration, Duration.zero)) {
    throw new RangeError("Trigger.every: the interval must be positive")
  }
  return { _tag: "every", interval: duration }
}
