/**
 * Which segments to seal, and which key ranges to create, so that a stream has n equal segments; and which changes of a
 * scaling policy the controller can follow. Pure.
 *
 * @internal
 */
import * as KeyRange from "../../../core/KeyRange.ts"
import * as ScalingPolicy from "../../../core/ScalingPolicy.ts"
import type { SegmentId, SegmentWithRange } from "../../../core/Segment.ts"

/** @category models @since 0.1.0 */
export interface ScalePlan {
  readonly seal: ReadonlyArray<SegmentId>
  readonly create: ReadonlyArray<KeyRange.KeyRange>
}

/**
 * Segments that have one of the wanted ranges already are kept. The controller compares bounds exactly, so the key
 * space ends where the stream's last segment ends, which rounding may have put just below 1.
 *
 * @internal
 * @category converting
 * @since 0.1.0
 */
export const toEqual = (segments: ReadonlyArray<SegmentWithRange>, count: number): ScalePlan => {
  const present = segments.toSorted((a, b) => a.range.low - b.range.low)
  const end = endOf(segments)
  const wanted = KeyRange.equal(count).map(({ high, low }, i) => ({ low, high: i === count - 1 ? end : high }))
  const key = ({ high, low }: KeyRange.KeyRange) => `${low} ${high}`
  const presentKeys = new Set(present.map(({ range }) => key(range)))
  const wantedKeys = new Set(wanted.map(key))
  return {
    seal: present.filter(({ range }) => !wantedKeys.has(key(range))).map(({ id }) => id),
    create: wanted.filter((range) => !presentKeys.has(key(range)))
  }
}

/**
 * Whether an update to `policy` makes the controller scale the stream to ranges that end elsewhere than the present ones,
 * because rounding puts the end of 49, 98, 103, ... equal ranges just below 1. 0.13.0 tries such a scaling without end:
 * the stream takes no other change any more, and the controller is kept busy.
 *
 * @internal
 * @category running
 * @since 0.1.0
 */
export const sticks = (
  segments: ReadonlyArray<SegmentWithRange>,
  policy: ScalingPolicy.ScalingPolicy
): boolean => {
  const count = ScalingPolicy.initialSegments(policy)
  const scales = policy._tag === "Fixed" ? count !== segments.length : count > segments.length
  return segments.length > 0 && scales && KeyRange.equal(count).at(-1)?.high !== endOf(segments)
}

const endOf = (segments: ReadonlyArray<SegmentWithRange>): number =>
  segments.length === 0 ? 1 : Math.max(...segments.map(({ range }) => range.high))
