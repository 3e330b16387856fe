/**
 * Delays by airport and hour: added up from flights or from parts, compared, printed.
 */
import type { Delays, Flight } from "./Flight.ts"

/** Sums per airport and hour. */
export type DelayTable = Map<string, Delays>

/** A 32-bit mix of a row number (the finalizer of MurmurHash3), so that sums of rows tell sets of rows apart. */
const mix = (row: number): number => {
  let h = row + 1
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const add = (table: DelayTable, part: Delays): void => {
  const key = `${part.airport} ${part.hour}`
  const sum = table.get(key)
  table.set(
    key,
    sum === undefined ? part : {
      airport: part.airport,
      hour: part.hour,
      flights: sum.flights + part.flights,
      delayed: sum.delayed + part.delayed,
      delayMinutes: sum.delayMinutes + part.delayMinutes,
      rows: (sum.rows + part.rows) >>> 0
    }
  )
}

export const addParts = (table: DelayTable, parts: ReadonlyArray<Delays>): DelayTable => {
  for (const part of parts) add(table, part)
  return table
}

export const addFlights = (table: DelayTable, flights: ReadonlyArray<Flight>): DelayTable => {
  for (const flight of flights) {
    add(table, {
      airport: flight.origin,
      hour: flight.departure.getUTCHours(),
      flights: 1,
      delayed: flight.delayMinutes > 15 ? 1 : 0,
      delayMinutes: flight.delayMinutes,
      rows: mix(flight.row)
    })
  }
  return table
}

/** How a table differs from the one it should be, in flights. */
export interface Difference {
  readonly lost: number
  readonly repeated: number
  /** Cells whose number of flights is right, but not the flights. */
  readonly wrongCells: number
}

export const difference = (actual: DelayTable, expected: DelayTable): Difference => {
  let lost = 0
  let repeated = 0
  let wrongCells = 0
  for (const key of new Set([...actual.keys(), ...expected.keys()])) {
    const a = actual.get(key)
    const e = expected.get(key)
    const more = (a?.flights ?? 0) - (e?.flights ?? 0)
    if (more < 0) lost -= more
    else if (more > 0) repeated += more
    else if (a?.rows !== e?.rows || a?.delayMinutes !== e?.delayMinutes || a?.delayed !== e?.delayed) wrongCells++
  }
  return { lost, repeated, wrongCells }
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
      ...parts.map(([from, to]) => mean(cells.filter((cell) => cell.hour >= from && cell.hour < to)))
    ])
  const head = ["airport", "flights", "> 15 min", "mean", ...parts.map(([from, to]) => hours(from, to))]
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)))
  const line = (cells: ReadonlyArray<string>) =>
    cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("  ")
  return [line(head), ...rows.map(line)].join("\n")
}
