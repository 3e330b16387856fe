/**
 * Times as the controller takes them.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

/** A finite time of zero or more whole milliseconds. */
export const WholeMillis = Schema.Duration.check(
  Schema.makeFilter((duration: Duration.Duration) => {
    const millis = Duration.toMillis(duration)
    return Number.isInteger(millis) && millis >= 0 || "whole milliseconds, zero or more"
  })
)
