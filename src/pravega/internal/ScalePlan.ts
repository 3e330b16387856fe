/**
 * Which segments to seal, and which key ranges to create, so that a stream has n equal segments. Pure.
 *
 * @internal
 */
import * as KeyRange from "../../core/KeyRange.ts"
import type { SegmentId, SegmentWithRange } from "../../core/Segment.ts"

export interface ScalePlan {
  readonly seal: ReadonlyArray<SegmentId>
  readonly create: ReadonlyArray<KeyRange.KeyRange>
}

/**
 * Segments that have one of the wanted ranges already are kept. The controller compares bounds exactly, so the key
 * space ends where the stream's last segment ends, which rounding may have put just below 1.
 *
 * @internal
 */
export const toEqual = (segments: ReadonlyArray<SegmentWithRange>, count: number): ScalePlan => {
  const present = segments.toSorted((a, b) => a.range.low - b.range.low)
  const end = present.at(-1)?.range.high ?? 1
  const wanted = KeyRange.equal(count).map(({ high, low }, i) => ({ low, high: i === count - 1 ? end : high }))
  const key = ({ high, low }: KeyRange.KeyRange) => `${low} ${high}`
  const presentKeys = new Set(present.map(({ range }) => key(range)))
  const wantedKeys = new Set(wanted.map(key))
  return {
    seal: present.filter(({ range }) => !wantedKeys.has(key(range))).map(({ id }) => id),
    create: wanted.filter((range) => !presentKeys.has(key(range)))
  }
}
