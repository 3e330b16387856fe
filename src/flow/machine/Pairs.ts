/**
 * What two sides of a join make: a pair, or one of them alone, in the form that the join's type says; and where it belongs
 * in time.
 *
 * @since 0.2.0
 */
import * as Option from "effect/Option"
import type { JoinType } from "../graph/Node.ts"
import type { Place } from "../Place.ts"
import type { Emitted } from "./Operator.ts"

/** @category models @since 0.2.0 */
export interface Sides {
  readonly left: unknown
  readonly right: unknown
}

/** Whether a side's events come alone when no partner can come any more. @category guards @since 0.2.0 */
export const isOuter = (type: JoinType, side: "left" | "right"): boolean => type === side || type === "full"

/** A pair. @category constructors @since 0.2.0 */
export const both = (type: JoinType, left: unknown, right: unknown): Sides | { readonly left: unknown } => {
  if (type === "semi") return { left }
  return {
    left: isOuter(type, "right") ? Option.some(left) : left,
    right: isOuter(type, "left") ? Option.some(right) : right
  }
}

/** One without a partner. @category constructors @since 0.2.0 */
export const alone = (type: JoinType, side: "left" | "right", value: unknown): Sides => {
  const own = type === "full" ? Option.some(value) : value
  return side === "left" ? { left: own, right: Option.none() } : { left: Option.none(), right: own }
}

/** A pair is as old as the later of its two. @category constructors @since 0.2.0 */
export const placeOf = (step: string, key: string, left: Place, right: Place): Place => ({
  time: Math.max(left.time, right.time),
  source: `${step}\u0000${key}`,
  segment: left.offset,
  offset: right.offset,
  ordinal: 0
})

/** Puts what was made in the order of its times: what comes alone is older than the pairs of the same batch. @category ordering @since 0.2.0 */
export const sortByTime = (emitted: Emitted): void => {
  const { places, values } = emitted
  const order = places.map((_, i) => i).sort((a, b) => places[a]!.time - places[b]!.time || a - b)
  const sortedValues = order.map((i) => values[i])
  const sortedPlaces = order.map((i) => places[i]!)
  for (let i = 0; i < order.length; i++) {
    values[i] = sortedValues[i]
    places[i] = sortedPlaces[i]!
  }
}

/** As a part of a row's `sub`: `<` orders texts of one time as their places. @category formatting @since 0.2.0 */
export const placeText = ({ offset, ordinal, segment, source }: Place): string =>
  `${source}\u0000${digits(segment, 14)}${digits(offset, 14)}${ordinal.toString(36).padStart(11, "0")}`

const digits = (value: bigint, width: number): string => value.toString(36).padStart(width, "0")
