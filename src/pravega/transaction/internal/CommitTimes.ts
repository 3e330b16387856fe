/**
 * How long the controller's transactions took from accepted to committed of late. Nobody tells a client when one is
 * committed: it asks, and each question costs client and controller about 0.5 ms of CPU. So it does not ask before it may be
 * so, and then often.
 */

/** In milliseconds, by controller. */
const typical = new WeakMap<object, number>()

/**
 * How long not to ask, after the commit was accepted: half of what the last ones took. (Three quarters found it a tenth later.)
 *
 * @category measuring
 * @since 0.1.0
 */
export const quietMillis = (controller: object): number => (typical.get(controller) ?? 0) / 2

/**
 * Follows the quickest at once, and slower ones over several commits: one that was slow must not hold up the next.
 *
 * @category measuring
 * @since 0.1.0
 */
export const note = (controller: object, millis: number): void => {
  const before = typical.get(controller) ?? 0
  typical.set(controller, millis < before ? millis : before + Math.min(millis - before, longestStep) / 4)
}

/** In milliseconds. */
const longestStep = 100
