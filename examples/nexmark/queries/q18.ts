// q18: the last bid of each bidder in each auction, and what it takes the place of.
import { Flow } from "effect-pravega/flow"
import * as Schema from "effect/Schema"
import { Bid, bids } from "../Event.ts"

export const q18 = bids.pipe(
  Flow.keyBy(
    "bidder and auction",
    Schema.Struct({ bidder: Schema.Int, auction: Schema.Int }),
    ({ auction, bidder }) => ({
      bidder,
      auction
    })
  ),
  Flow.latest("last bid", { event: Bid })
)
