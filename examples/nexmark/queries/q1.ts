// q1: each bid's price in euro, of which a dollar is 0.908; in whole cents.
import { Flow } from "effect-pravega/flow"
import { bids } from "../Event.ts"

export const q1 = bids.pipe(
  Flow.map(({ auction, bidder, dateTime, extra, price }) => ({
    auction,
    bidder,
    price: Math.floor(price * 908 / 1000),
    dateTime,
    extra
  }))
)
