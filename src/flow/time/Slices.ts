/**
 * Where windows of one size lie: arithmetic on their grid. A slice is the time between two bounds of windows that follow
 * each other, start or end: all inputs of a slice are in the same windows.
 *
 * @since 0.2.0
 */
import type { Sliced } from "./Window.ts"

/** The greatest point of the grid `offset + n * every` that is not above `time`. */
const floorTo = (time: number, every: number, offset: number): number =>
  Math.floor((time - offset) / every) * every + offset

/** Where the slice that has this time begins. @category getters @since 0.2.0 */
export const sliceStart = ({ every, offset, size }: Sliced, time: number): number => {
  const opened = floorTo(time, every, offset)
  return size % every === 0 ? opened : Math.max(opened, floorTo(time, every, offset + size))
}

/** The end of the first window that has this time, if one has it: there are gaps where `every` is greater than `size`. @category getters @since 0.2.0 */
export const firstEnd = ({ every, offset, size }: Sliced, time: number): number =>
  floorTo(time - size, every, offset) + every + size

/** The end of the last window that has this time, if one has it. @category getters @since 0.2.0 */
export const lastEnd = ({ every, offset, size }: Sliced, time: number): number => floorTo(time, every, offset) + size

/** The end of the first window that has this time and ends after `closed`, if one has it. @category getters @since 0.2.0 */
export const firstOpenEnd = (window: Sliced, time: number, closed: number): number => {
  const first = firstEnd(window, time)
  return first > closed || closed === -Infinity
    ? first
    : first + (Math.floor((closed - first) / window.every) + 1) * window.every
}
