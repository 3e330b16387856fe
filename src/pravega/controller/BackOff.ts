/**
 * The pauses between attempts at one request, of the controller or of a store.
 *
 * @internal
 */
import * as Schedule from "effect/Schedule"

/** 50 ms, doubled up to 3 s: about 20 s for the usual 12 attempts. @category constructors @since 0.1.0 */
export const make = (attempts: number) =>
  Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("3 seconds")]).pipe(
    Schedule.jittered,
    Schedule.upTo({ times: attempts - 1 })
  )
