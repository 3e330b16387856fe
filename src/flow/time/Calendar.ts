/**
 * Where the windows of a calendar lie. They are worked out on the clocks on the walls, and then put where these clocks showed
 * that time first.
 *
 * @since 0.2.0
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import type { Grid } from "./Grid.ts"
import type { Calendar, Interval } from "./Window.ts"

/** @category constructors @since 0.2.0 */
export const grid = (calendar: Calendar): Grid => {
  const windowOf = finder(calendar)
  // Times mostly lie in the window of the one before. To ask for an offset costs as much as hundreds of events.
  const recent: Array<Interval> = []
  const at = (time: number): ReadonlyArray<Interval> => {
    const found = recent.find(({ end, start }) => start <= time && time < end) ?? windowOf(time)
    if (recent[0] !== found) {
      const i = recent.indexOf(found)
      recent.splice(i < 0 ? recent.length : i, 1)
      recent.unshift(found)
      if (recent.length > remembered) recent.pop()
    }
    return [found]
  }
  return { time: "event", at, closes: ({ end }) => end }
}

const remembered = 32

const finder = ({ offset, unit, weekStartsOn, zone: name }: Calendar) => {
  const zone = Option.getOrThrow(DateTime.zoneFromString(name))
  const first = (wall: DateTime.Utc): DateTime.Utc => DateTime.startOf(wall, unit, { weekStartsOn })
  const next = (wall: DateTime.Utc): DateTime.Utc => DateTime.add(wall, { [`${unit}s`]: 1 })
  /** Where the clocks are set forward over it, the first instant after; where it comes twice, the first one. */
  const instant = (wall: DateTime.Utc): number =>
    DateTime.makeZonedUnsafe(wall.epochMilliseconds + offset, { timeZone: zone, adjustForTimeZone: true })
      .epochMilliseconds
  return (time: number): Interval => {
    const shown = DateTime.toDate(DateTime.makeZonedUnsafe(time, { timeZone: zone })).getTime()
    let wall = first(DateTime.makeUnsafe(shown - offset))
    // Clocks that are set back over a bound show the earlier day again: that belongs to the later one, which has begun.
    if (time >= instant(next(wall))) wall = next(wall)
    if (time < instant(wall)) wall = first(DateTime.makeUnsafe(wall.epochMilliseconds - 1))
    return { start: instant(wall), end: instant(next(wall)) }
  }
}
