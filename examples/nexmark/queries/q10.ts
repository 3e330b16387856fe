// q10: all bids into files, by day and minute. A flow says which file a bid is for and what its line is; writing files is
// a sink's affair, and no sink of files comes with this package.
import { Flow } from "effect-pravega/flow"
import { bids } from "../Event.ts"

export const q10 = bids.pipe(
  Flow.map(({ auction, bidder, dateTime, extra, price }) => {
    const [day, time] = new Date(dateTime).toISOString().split("T")
    return {
      file: `${day}/${time!.slice(0, 2)}-${time!.slice(3, 5)}.csv`,
      line: [auction, bidder, price, dateTime, extra].join()
    }
  })
)
