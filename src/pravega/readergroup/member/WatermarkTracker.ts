/**
 * Follows the watermarks of a stream while a group advances through it, and says in which time window the group is. Pure:
 * watermarks are given to it, as many as it wants.
 *
 * @see `WatermarkReaderImpl` of Pravega 0.13.0
 * @internal
 */
import type { KeyRange } from "../../../core/KeyRange.ts"
import * as Reading from "../../../core/Reading.ts"
import type { SegmentId } from "../../../core/Segment.ts"
import type { RangedPositions } from "../../../core/SegmentPositions.ts"
import type { TimeWindow } from "../../../core/TimeWindow.ts"
import type { Watermark } from "../../../core/Watermark.ts"

interface Place {
  readonly id: SegmentId
  readonly range: KeyRange | undefined
  readonly offset: bigint
}

/** @category models @since 0.1.0 */
export class WatermarkTracker {
  private position: ReadonlyArray<Place> = []
  /** Those that the group has not passed, oldest first. */
  private ahead: Array<Watermark> = []
  private passed: bigint | undefined = undefined

  /** How far the group has read the stream, by segment names. */
  advanceTo(position: RangedPositions): void {
    this.position = Array.from(
      position,
      ([name, { offset, range }]) => ({ id: Reading.segment(name).id, range, offset })
    )
    for (let first = this.ahead[0]; first !== undefined && compare(this.position, first) > 0; first = this.ahead[0]) {
      this.passed = first.lowerTime
      this.ahead.shift()
    }
  }

  /** The next watermark of the stream. */
  add(mark: Watermark): void {
    if (compare(this.position, mark) <= 0) this.ahead.push(mark)
    else this.passed = mark.lowerTime
  }

  /** Whether the window's upper bound needs a later watermark. */
  get wantsMore(): boolean {
    const last = this.ahead.at(-1)
    return last === undefined || compare(this.position, last) >= 0
  }

  get window(): TimeWindow {
    return { lower: this.passed, upper: this.ahead.at(-1)?.upperTime }
  }
}

/** 1: behind the watermark in some segments and before it in none (or exactly at it); -1: the reverse; 0: both. */
const compare = (position: ReadonlyArray<Place>, mark: Watermark): -1 | 0 | 1 => {
  let isBelow = false
  let isAbove = false
  for (const place of position) {
    for (const other of matching(place, mark)) {
      const order = comparePlaces(place, other)
      if (order > 0) isAbove = true
      else if (order < 0) isBelow = true
    }
  }
  if (isBelow) return isAbove ? 0 : -1
  return 1
}

const matching = ({ id, range }: Place, { positions }: Watermark) => {
  const same = positions.find(({ segment }) => segment === id)
  if (same !== undefined) return [same]
  return range === undefined
    ? positions
    : positions.filter((other) => other.range.low < range.high && range.low < other.range.high)
}

/** A segment that was made later is further on; in one segment, -1 is its end. */
const comparePlaces = (a: Place, b: Watermark["positions"][number]): number => {
  if (a.id !== b.segment) return a.id > b.segment ? 1 : -1
  if (a.offset === b.offset || (a.offset < 0n && b.offset < 0n)) return 0
  if (a.offset < 0n) return 1
  if (b.offset < 0n) return -1
  return a.offset > b.offset ? 1 : -1
}
