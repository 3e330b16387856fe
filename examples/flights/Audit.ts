/**
 * Whether the job was done exactly once, found out apart from it: from the data set, and from the two streams as the batch
 * reader sees them. Nothing here looks at a checkpoint log or at what the pipelines say of themselves.
 */
import { BatchReader } from "effect-pravega"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as DelayTable from "./DelayTable.ts"
import { delays, flights } from "./Flight.ts"
import * as FlightData from "./FlightData.ts"

const whole = { start: "earliest", end: "latest" } as const

export const run = Effect.fnUntraced(function*(scope: string, count: number) {
  const times = new Uint8Array(count)
  let unknown = 0
  yield* BatchReader.stream(flights(scope), whole).pipe(Stream.runForEachArray((reads) =>
    Effect.sync(() => {
      for (const { event } of reads) {
        if (event.row < count) times[event.row]!++
        else unknown++
      }
    })
  ))
  const input = { events: unknown, lost: 0, repeated: unknown }
  for (const n of times) {
    input.events += n
    if (n === 0) input.lost++
    else input.repeated += n - 1
  }

  const table: DelayTable.DelayTable = new Map()
  let hours = 0
  yield* BatchReader.stream(delays(scope), whole).pipe(Stream.runForEachArray((reads) =>
    Effect.sync(() => {
      hours += reads.length
      for (const { event } of reads) DelayTable.add(table, event)
    })
  ))

  const expected: DelayTable.DelayTable = new Map()
  const data = yield* FlightData.open
  yield* data.read(0, count).pipe(
    Stream.runForEachArray((rows) => Effect.sync(() => DelayTable.addFlights(expected, rows)))
  )
  return { input, hours, table, output: DelayTable.difference(table, expected) }
})
