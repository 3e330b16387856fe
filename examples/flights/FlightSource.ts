/**
 * The data set as a source of micro-batches: a position is a row, a plan is a range of rows. Rows never change, so a plan
 * read again gives the same flights: that is all that exactly-once asks of a source.
 */
import { Source } from "effect-pravega/batch"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as FlightData from "./FlightData.ts"

const Rows = Schema.Struct({ from: Schema.Natural, to: Schema.Natural })

/** The first `count` flights, `perBatch` at a time. */
export const make = (count: number, perBatch: number) =>
  Source.make({
    name: "flights-2001",
    structure: { count },
    asked: { count },
    position: Schema.Natural,
    plan: Rows,
    identity: Schema.Natural,
    open: Effect.map(FlightData.open, (data) => ({
      start: Effect.succeed({ identity: FlightData.size, start: 0, end: count }),
      verify: () => Effect.void,
      latest: Effect.succeed(count),
      plan: (from: number) => {
        const to = Math.min(from + perBatch, count)
        return Effect.succeed(
          from >= to ? { _tag: "ended" as const } : { _tag: "range" as const, plan: { from, to }, next: to }
        )
      },
      // one partition: an airport's flights keep their order
      partitions: ({ from, to }: typeof Rows.Type) =>
        Effect.succeed([{ id: 0, predecessors: [], events: data.read(from, to) }])
    }))
  })
