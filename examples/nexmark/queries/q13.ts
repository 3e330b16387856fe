// q13: each bid with the row of a side table that it belongs to. The table is bounded and does not change while the query runs:
// so it is a value, and the flow stays pure. One that changes is another source and `Flow.joinTable`; one in a database is
// `Flow.mapEffect`.
import { Flow } from "effect-pravega/flow"
import { bids } from "../Event.ts"

export const sideTable: ReadonlyMap<number, string> = new Map(
  Array.from({ length: 10_000 }, (_, key) => [key, `value of ${key}`] as const)
)

export const q13 = bids.pipe(
  Flow.filterMap(({ auction, bidder, dateTime, price }) => {
    const value = sideTable.get(auction % 10_000)
    return value === undefined ? undefined : { auction, bidder, price, dateTime, value }
  })
)
