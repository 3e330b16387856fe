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

/** Finishes batches that are unfinished, and then runs one batch within the source's limits, if there is input. @category constructors @since 0.1.0 */
export const once: Trigger = { _tag: "once" }

/** Runs as many batches as it takes to read what is there when the query starts. @category constructors @since 0.1.0 */
export const availableNow: Trigger = { _tag: "availableNow" }

/** Runs one batch after the other, as soon as there is input, until the source ends. @category constructors @since 0.1.0 */
export const asFastAsPossible: Trigger = { _tag: "asFastAsPossible" }

/**
 * Runs a batch at each interval, counted from the query's start, until the source ends. A batch that takes longer is followed
 * by the next one at once.
 *
 * **Gotchas**
 *
 * Throws `RangeError` for an interval that is not positive.
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
