/**
 * The part of the key space [0, 1) that a segment holds.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/** @category models */
export interface KeyRange {
  readonly low: number
  readonly high: number
}
/** @category schemas */
export const KeyRange = Schema.Struct({ low: Schema.Finite, high: Schema.Finite })
