/**
 * Numbers that users give as options: one that can't be meant is refused where it is given, and says which it is. A mistake in
 * a program, not a failure that it could handle: so it is thrown.
 *
 * @internal
 */

/**
 * The number, or the default if there is none.
 *
 * Throws `RangeError` for what is no whole number within the limits, which are included. `Infinity` is one where it is the
 * upper limit.
 *
 * @category options
 * @since 0.2.0
 */
export const check = (
  name: string,
  value: number | undefined,
  limits: { readonly least: number; readonly most: number; readonly otherwise: number }
): number => {
  const { least, most, otherwise } = limits
  if (value === undefined) return otherwise
  const isWhole = Number.isInteger(value) || value === Infinity
  if (!isWhole || value < least || value > most) {
    throw new RangeError(`${name}: a whole number from ${least} to ${most} is needed here, not ${value}`)
  }
  return value
}
