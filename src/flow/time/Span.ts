/**
 * Lengths of time as flows keep them: whole milliseconds, checked where they are given.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"

/** Throws `RangeError` unless it is a whole number of milliseconds, 0 or more. @category converting @since 0.2.0 */
export const millis = (name: string, input: Duration.Input): number => {
  const value = Duration.toMillis(Duration.fromInputUnsafe(input))
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${name}: it must be a whole number of milliseconds, 0 or more, it is ${value}`)
  }
  return value
}

/** As `millis`, and 1 or more. @category converting @since 0.2.0 */
export const positive = (name: string, input: Duration.Input): number => {
  const value = millis(name, input)
  if (value === 0) throw new RangeError(`${name}: it must be 1 ms or more`)
  return value
}

/** As `millis`, or for ever: `Infinity`. @category converting @since 0.2.0 */
export const orForever = (name: string, input: Duration.Input): number => {
  const duration = Duration.fromInputUnsafe(input)
  return Duration.isFinite(duration) ? millis(name, duration) : Infinity
}
