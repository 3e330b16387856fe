/**
 * Inputs that are kept with the place they came from, by which ties between them are decided.
 */
import * as Schema from "effect/Schema"
import * as Place from "../../Place.ts"

/** @category models @since 0.2.0 */
export interface Placed<out A> {
  readonly value: A
  readonly at: Place.Place
}

/** @category schemas @since 0.2.0 */
export const Placed = <A>(value: Schema.Codec<A, unknown>): Schema.Codec<Placed<A>, unknown> =>
  Schema.Struct({ value, at: Place.Place })

/** Below zero when the first comes first. @category ordering @since 0.2.0 */
export type Compare<in A> = (a: Placed<A>, b: Placed<A>) => number

/** The earlier place first. @category ordering @since 0.2.0 */
export const byPlace: Compare<unknown> = (a, b) => Place.compare(a.at, b.at)

/** Puts an item where it belongs, and leaves out what is then beyond the limit. @category folding @since 0.2.0 */
export const inserted = <A>(
  items: ReadonlyArray<Placed<A>>,
  item: Placed<A>,
  compare: Compare<A>,
  limit: number
): ReadonlyArray<Placed<A>> => {
  // from the end, where what comes in order belongs
  let index = items.length
  while (index > 0 && compare(item, items[index - 1]!) < 0) index--
  if (index === limit) return items
  const more = items.toSpliced(index, 0, item)
  if (more.length > limit) more.pop()
  return more
}

/** The first of both, up to the limit. @category folding @since 0.2.0 */
export const united = <A>(
  a: ReadonlyArray<Placed<A>>,
  b: ReadonlyArray<Placed<A>>,
  compare: Compare<A>,
  limit: number
): ReadonlyArray<Placed<A>> => {
  const items: Array<Placed<A>> = []
  let [i, j] = [0, 0]
  while (items.length < limit && (i < a.length || j < b.length)) {
    const [x, y] = [a[i], b[j]]
    const isFirst = y === undefined || (x !== undefined && compare(x, y) <= 0)
    items.push(isFirst ? x! : y)
    if (isFirst) i++
    else j++
  }
  return items
}
