/**
 * The data set: `data/flights-3m.parquet` of the development dependency vega-datasets, 3,000,000 rows.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet"
import { compressors } from "hyparquet-compressors"
import { fileURLToPath } from "node:url"
import type { Flight } from "./Flight.ts"

export class FlightDataError extends Data.TaggedError("FlightDataError")<{ readonly cause: unknown }> {
  override get message(): string {
    return `cannot read the flights: ${String(this.cause)} (npm ci installs them with vega-datasets)`
  }
}

/** How many flights there are. */
export const size = 3_000_000

const Row = Schema.Struct({
  date: Schema.Date,
  delay: Schema.BigInt,
  distance: Schema.BigInt,
  origin: Schema.String,
  destination: Schema.String
})
const isRow = Schema.is(Row)

const attempt = <A>(evaluate: () => Promise<A>) =>
  Effect.tryPromise({ try: evaluate, catch: (cause) => new FlightDataError({ cause }) })

/** The open file. */
export interface FlightData {
  /** The flights of the rows [from, to), in order. */
  readonly read: (from: number, to: number) => Stream.Stream<Flight, FlightDataError>
}

/** Opens the file. A row group (about 270,000 rows) is decoded at a time, and the last one is kept. */
export const open: Effect.Effect<FlightData, FlightDataError> = Effect.gen(function*() {
  // the package exports only its entry point, build/index.js
  const path = fileURLToPath(new URL("../data/flights-3m.parquet", import.meta.resolve("vega-datasets")))
  const file = yield* attempt(() => asyncBufferFromFile(path))
  const metadata = yield* attempt(() => parquetMetadataAsync(file))
  const ends: Array<number> = []
  for (const group of metadata.row_groups) ends.push((ends.at(-1) ?? 0) + Number(group.num_rows))

  let kept: { readonly start: number; readonly flights: ReadonlyArray<Flight> } | undefined
  const group = Effect.fnUntraced(function*(index: number) {
    const rowStart = ends[index - 1] ?? 0
    if (kept?.start === rowStart) return kept
    const rows: ReadonlyArray<unknown> = yield* attempt(() =>
      parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd: ends[index]! })
    )
    const flights: Array<Flight> = []
    for (const row of rows) {
      if (!isRow(row)) return yield* new FlightDataError({ cause: `row ${rowStart + flights.length} is no flight` })
      flights.push({
        row: rowStart + flights.length,
        departure: row.date,
        delayMinutes: Number(row.delay),
        distanceMiles: Number(row.distance),
        origin: row.origin,
        destination: row.destination
      })
    }
    return kept = { start: rowStart, flights }
  })

  return {
    read: (from, to) =>
      Stream.paginate(ends.findIndex((end) => end > from), (index) =>
        Effect.map(group(index), ({ flights, start }) =>
          [
            flights.slice(Math.max(from - start, 0), to - start),
            ends[index]! < to ? Option.some(index + 1) : Option.none()
          ] as const))
  }
})
