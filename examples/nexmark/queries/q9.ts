// q9: each auction with its winning bid, when it closes.
import { Flow } from "effect-pravega/flow"
import { winningBids } from "./winningBids.ts"

export const q9 = winningBids.pipe(
  Flow.map(({ auction, bid }) => ({
    ...auction,
    bidder: bid.bidder,
    price: bid.price,
    bidDateTime: bid.dateTime
  }))
)
