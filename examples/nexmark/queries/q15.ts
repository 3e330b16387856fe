// q15: the bids of each day, by rank of their prices, and how many different bidders and auctions there are among them.
import { Flow } from "effect-pravega/flow"
import { dayText, statistics } from "./statistics.ts"

export const q15 = statistics(() => "").pipe(
  Flow.map(({ value, window }) => {
    const { auctions, bidders, bids } = value
    return { day: dayText(window.start), bids, bidders, auctions }
  })
)
