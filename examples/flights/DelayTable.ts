/**
 * Delays by airport and hour: what flights add up to, how two tables differ, and what is printed of one. It adds up by itself,
 * without windows, so that the audit does not trust what it checks.
 */
import type { Delays, Flight } from "./Flight.ts"

/** Sums per airport and hour. */
export type DelayTable = Map<string, Delays>

/** A 32-bit mix of a row number (the finalizer of MurmurHash3), so that sums of rows tell sets of rows apart. */
export const mix = (row: number): number => {
  let h = row + 1
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** What counts as delayed, in minutes. */
const late = 15

export const isDelayed = ({ delayMinutes }: Flight): boolean => delayMinutes > late

/** Adds what a result says. Each airport and hour has one: of a second one, all flights are repeated. */
export const add = (table: DelayTable, { airport, delayMinutes, delayed, flights, rows, start }: Delays): void => {
  const key = `${airport} ${start.getTime()}`
  const sum = table.get(key)
  table.set(key, {
    airport,
    start,
    flights: flights + (sum?.flights ?? 0),
    delayed: delayed + (sum?.delayed ?? 0),
    delayMinutes: delayMinutes + (sum?.delayMinutes ?? 0),
    rows: rows + (sum?.rows ?? 0)
  })
}

const hour = 3_600_000

export const addFlights = (table: DelayTable, flights: ReadonlyArray<Flight>): void => {
  for (const flight of flights) {
    add(table, {
      airport: flight.origin,
      start: new Date(Math.floor(flight.departure.getTime() / hour) * hour),
      flights: 1,
      delayed: isDelayed(flight) ? 1 : 0,
      delayMinutes: flight.delayMinutes,
      rows: mix(flight.row)
    })
  }
}

/** How a table differs from the one it should be, in flights. */
export interface Difference {
  readonly lost: number
  readonly repeated: number
  /** Hours whose number of flights is right, but not the flights. */
  readonly wrongHours: number
}

export const difference = (actual: DelayTable, expected: DelayTable): Difference => {
  let lost = 0
  let repeated = 0
  let wrongHours = 0
  for (const key of new Set([...actual.keys(), ...expected.keys()])) {
    const a = actual.get(key)
    const e = expected.get(key)
    const more = (a?.flights ?? 0) - (e?.flights ?? 0)
    if (more < 0) lost -= more
    else if (more > 0) repeated += more
    else if (a?.rows !== e?.rows || a?.delayMinutes !== e?.delayMinutes || a?.delayed !== e?.delayed) wrongHours++
  }
  return { lost, repeated, wrongHours }
}

/** The busiest airports with their delays over the day, as text. */
export const render = (table: DelayTable, airports: number): string => {
  const byAirport = new Map<string, Array<Delays>>()
  for (const cell of table.values()) {
    const cells = byAirport.get(cell.airport)
    if (cells === undefined) byAirport.set(cell.airport, [cell])
    else cells.push(cell)
  }
  const sum = (cells: ReadonlyArray<Delays>, f: (cell: Delays) => number) => cells.reduce((n, cell) => n + f(cell), 0)
  const parts = [[0, 6], [6, 9], [9, 12], [12, 15], [15, 18], [18, 21], [21, 24]] as const
  const hours = (from: number, to: number) => `${String(from).padStart(2, "0")}-${String(to).padStart(2, "0")}h`
  const mean = (cells: ReadonlyArray<Delays>) => {
    const n = sum(cells, (cell) => cell.flights)
    return n === 0 ? "-" : (sum(cells, (cell) => cell.delayMinutes) / n).toFixed(1)
  }
  const rows = [...byAirport]
    .map(([airport, cells]) => ({ airport, cells, flights: sum(cells, (cell) => cell.flights) }))
    .sort((a, b) => b.flights - a.flights || (a.airport < b.airport ? -1 : 1))
    .slice(0, airports)
    .map(({ airport, cells, flights }) => [
      airport,
      String(flights),
      `${(100 * sum(cells, (cell) => cell.delayed) / flights).toFixed(1)}%`,
      mean(cells),
      ...parts.map(([from, to]) =>
        mean(cells.filter(({ start }) => start.getUTCHours() >= from && start.getUTCHours() < to))
      )
    ])
  const head = ["airport", "flights", "> 15 min", "mean", ...parts.map(([from, to]) => hours(from, to))]
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)))
  const line = (cells: ReadonlyArray<string>) =>
    cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("  ")
  return [line(head), ...rows.map(line)].join("\n")
}
