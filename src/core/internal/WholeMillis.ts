/**
 * Times as the controller takes them.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

/** The largest Java long, as near as a number comes: 2^63. */
const longest = 2 ** 63

/** A time of zero or more whole milliseconds, at most a Java long's. @category schemas @since 0.1.0 */
export const WholeMillis = Schema.Duration.check(
  Schema.makeFilter((duration: Duration.Duration) => {
    const millis = Duration.toMillis(duration)
    return Number.isInteger(millis) && millis >= 0 && millis <= longest || "whole milliseconds, 0 to 2^63"
  })
)
