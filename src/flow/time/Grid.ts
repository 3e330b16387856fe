/**
 * Where windows lie that are known by a time alone: those of one size, and the one of all time.
 *
 * @since 0.2.0
 */
import * as Slices from "./Slices.ts"
import type { Interval, Sliced } from "./Window.ts"

/** @category models @since 0.2.0 */
export interface Grid {
  readonly time: "event" | "processing"
  /** All that a time is in, the first one first. */
  readonly at: (time: number) => ReadonlyArray<Interval>
  /** When what is in one is complete. */
  readonly closes: (window: Interval) => number
}

/** @category constructors @since 0.2.0 */
export const ofSliced = (window: Sliced): Grid => ({
  time: window.time,
  at: (time) => {
    const windows: Array<Interval> = []
    const last = Slices.lastEnd(window, time)
    for (let end = Slices.firstEnd(window, time); end <= last; end += window.every) {
      windows.push({ start: end - window.size, end })
    }
    return windows
  },
  closes: ({ end }) => end
})

/** What a `Date` can have. @category constants @since 0.2.0 */
export const allTime: Interval = { start: -8.64e15, end: 8.64e15 }

/** @category constructors @since 0.2.0 */
export const ofAllTime: Grid = { time: "event", at: () => [allTime], closes: () => Infinity }
