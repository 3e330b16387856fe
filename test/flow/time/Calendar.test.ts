/** Days, weeks and months of places whose clocks are set, against what `Intl` says of each instant. */
import { assert, describe, it } from "@effect/vitest"
import { Aggregate, Flow, Window } from "effect-pravega/flow"
import * as Schema from "effect/Schema"
import * as FastCheck from "fast-check"
import * as Calendar from "../../../src/flow/time/Calendar.ts"
import type { Interval } from "../../../src/flow/time/Window.ts"

const hour = 3_600_000

const at = (window: Window.Window, time: number): Interval => {
  assert(window.shape._tag === "Calendar")
  return Calendar.grid(window.shape).at(time)[0]!
}

/** Midnight is left out, comes twice, is set back over; a day is left out; half an hour is set. */
const zones = [
  "Europe/Berlin",
  "America/Sao_Paulo",
  "America/Havana",
  "America/St_Johns",
  "Asia/Beirut",
  "Pacific/Apia",
  "Australia/Lord_Howe",
  "Asia/Kathmandu",
  "UTC",
  "+05:30"
]

const between = { min: Date.UTC(1995, 0, 1), max: Date.UTC(2030, 0, 1) }
/** Near the nights on which clocks are set, mostly. */
const times = (zone: string) =>
  FastCheck.oneof(
    FastCheck.integer(between),
    FastCheck.constantFrom(...transitions(zone)).chain((near) =>
      FastCheck.integer({ min: near - 30 * hour, max: near + 30 * hour })
    )
  )

/** To the hour, by looking at each. */
const transitions = (zone: string): ReadonlyArray<number> => {
  const found: Array<number> = [Date.UTC(2026, 2, 29, 1)]
  const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" })
  const offset = (time: number) => format.format(time).split(" ").at(-1)
  for (let time = Date.UTC(2005, 0, 1); time < Date.UTC(2014, 0, 1); time += 24 * hour) {
    if (offset(time) !== offset(time + 24 * hour)) found.push(time)
  }
  return found
}

describe("windows of a calendar", () => {
  for (const zone of zones) {
    const format = new Intl.DateTimeFormat("en-CA", {
      timeZone: zone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit"
    })
    const dayOf = (time: number): string => format.format(time)

    it(`are the days of ${zone}`, () => {
      const days = Window.days({ zone })
      FastCheck.assert(
        FastCheck.property(times(zone), (time) => {
          const { end, start } = at(days, time)
          assert.isTrue(start <= time && time < end)
          // It begins with the first instant of a day that was not there before, and so does the next one.
          assert.isTrue(dayOf(start) > dayOf(start - 1))
          assert.isTrue(dayOf(end) > dayOf(end - 1))
          // Its last instant is shown as one of the day before where clocks are set back over midnight.
          assert.isTrue(dayOf(end - 1) <= dayOf(start))
          assert.deepStrictEqual(at(days, start), { start, end })
          assert.deepStrictEqual(at(days, end - 1), { start, end })
          assert.strictEqual(at(days, end).start, end)
        }),
        { numRuns: 60 }
      )
    })

    it(`are the months and weeks of ${zone}`, () => {
      const months = Window.months({ zone })
      const weeks = Window.weeks({ zone })
      const weekday = new Intl.DateTimeFormat("en-US", { timeZone: zone, weekday: "short" })
      FastCheck.assert(
        FastCheck.property(times(zone), (time) => {
          const month = at(months, time)
          assert.isTrue(month.start <= time && time < month.end)
          assert.match(dayOf(month.start), /-01$/)
          assert.match(dayOf(month.end), /-01$/)
          assert.isAtMost(month.end - month.start, 31 * 24 * hour + 2 * hour)
          const week = at(weeks, time)
          assert.isTrue(week.start <= time && time < week.end)
          assert.strictEqual(weekday.format(week.start), "Mon")
          assert.strictEqual(weekday.format(week.end), "Mon")
          assert.isAtMost(week.end - week.start, 7 * 24 * hour + 2 * hour)
        }),
        { numRuns: 30 }
      )
    })
  }

  it("are of 23 and 25 hours where clocks are set", () => {
    const length = (time: string) => {
      const { end, start } = at(Window.days({ zone: "Europe/Berlin" }), Date.parse(time))
      return (end - start) / hour
    }
    assert.deepStrictEqual(
      ["2026-03-28", "2026-03-29", "2026-10-25", "2026-10-26"].map((day) => length(`${day}T12:00Z`)),
      [
        24,
        23,
        25,
        24
      ]
    )
  })

  it("begin when the day of a shop does", () => {
    const shop = Window.days({ zone: "Europe/Berlin", offset: "6 hours" })
    const { end, start } = at(shop, Date.parse("2026-03-29T00:30Z"))
    assert.strictEqual(new Date(start).toISOString(), "2026-03-28T05:00:00.000Z")
    assert.strictEqual(new Date(end).toISOString(), "2026-03-29T04:00:00.000Z")
  })

  it("S20: are known by zone, offset and unit", () => {
    const structure = (window: Window.Window) =>
      JSON.stringify(
        Flow.describe(
          Flow.events<string>().pipe(
            Flow.keyBy("word", Schema.String, (word) => word),
            Flow.window("windows", window, Aggregate.count)
          )
        ).structure
      )
    const all = [
      Window.days({ zone: "Europe/Berlin" }),
      Window.days({ zone: "Europe/Berlin", offset: 1 }),
      Window.days({ zone: "Europe/Rome" }),
      Window.weeks({ zone: "Europe/Berlin" }),
      Window.weeks({ zone: "Europe/Berlin", startsOn: 0 }),
      Window.months({ zone: "Europe/Berlin" })
    ]
    assert.strictEqual(new Set(all.map(structure)).size, all.length)
  })

  it("are refused for zones that there are not, and days that begin after they end", () => {
    assert.throws(() => Window.days({ zone: "Europe/Atlantis" }), RangeError)
    assert.throws(() => Window.days({ zone: "UTC", offset: "24 hours" }), RangeError)
  })
})
