/**
 * The natural order of values: what `<` would be if it knew NaN, dates, characters beyond U+FFFF and lists.
 *
 * @internal
 */
import { compareTexts } from "../../Place.ts"

/**
 * What has a natural order: numbers (NaN is the greatest), bigints, texts (by code point), booleans, dates, and lists of
 * them, by their first element that differs. Values of different kinds are in the order of this list.
 *
 * @category models
 * @since 0.2.0
 */
export type Comparable = number | bigint | string | boolean | Date | ReadonlyArray<Comparable>

/** Below zero when the first is the lesser. @category ordering @since 0.2.0 */
export const compare = (a: Comparable, b: Comparable): number => {
  if (typeof a === "number" && typeof b === "number") return compareNumbers(a, b)
  if (typeof a === "string" && typeof b === "string") return compareTexts(a, b)
  if (a instanceof Date && b instanceof Date) return compareNumbers(a.getTime(), b.getTime())
  if (isList(a) && isList(b)) return compareLists(a, b)
  if (kind(a) !== kind(b)) return kind(a) - kind(b)
  return a < b ? -1 : a > b ? 1 : 0
}

const compareNumbers = (a: number, b: number): number => {
  if (a < b) return -1
  if (a > b) return 1
  return a === b ? 0 : Number(Number.isNaN(a)) - Number(Number.isNaN(b))
}

const compareLists = (a: ReadonlyArray<Comparable>, b: ReadonlyArray<Comparable>): number => {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const compared = compare(a[i]!, b[i]!)
    if (compared !== 0) return compared
  }
  return a.length - b.length
}

const isList = (value: Comparable): value is ReadonlyArray<Comparable> => Array.isArray(value)

const kind = (value: Comparable): number =>
  value instanceof Date ? 4 : isList(value) ? 5 : ["number", "bigint", "string", "boolean"].indexOf(typeof value)
