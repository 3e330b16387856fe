// q18: the last bid of each bidder in each auction; of those in the same millisecond, the one that came last. What comes out of
// a batch is what is the last now, of those that bid in it.
import { Aggregate, Flow } from "effect-pravega/flow"
import * as Schema from "effect/Schema"
import { Bid, bids } from "../Event.ts"

const BidderAndAuction = Schema.Struct({ bidder: Schema.Int, auction: Schema.Int })

export const q18 = bids.pipe(
  Flow.keyBy("bidder and auction", BidderAndAuction, ({ auction, bidder }) => ({ bidder, auction })),
  Flow.aggregate("last bid", Aggregate.last(Bid)),
  Flow.map(({ value }) => value)
)
