/**
 * Pauses between attempts that grow, so that what is in trouble is not asked more than it can answer. How long something is
 * tried, and what ends it, is its own business.
 *
 * @internal
 */
import type * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"

/** Pauses that double, from the first to the longest one, without end. @category constructors @since 0.2.0 */
export const doubling = (first: Duration.Input, longest: Duration.Input): Schedule.Schedule<Duration.Duration> =>
  growing(first, longest, 2)

/** Pauses that grow by a factor, from the first to the longest one, without end. @category constructors @since 0.2.0 */
export const growing = (
  first: Duration.Input,
  longest: Duration.Input,
  factor: number
): Schedule.Schedule<Duration.Duration> => Schedule.min([Schedule.exponential(first, factor), Schedule.spaced(longest)])

/**
 * Between attempts at one request, of the controller or of a store: 50 ms, doubled up to 3 s, which is about 20 s for the
 * usual 12 attempts. Clients that lost the same server don't come back all at once.
 *
 * @category constructors
 * @since 0.2.0
 */
export const ofRequests = (attempts: number): Schedule.Schedule<Duration.Duration> =>
  doubling("50 millis", "3 seconds").pipe(Schedule.jittered, Schedule.upTo({ times: attempts - 1 }))
