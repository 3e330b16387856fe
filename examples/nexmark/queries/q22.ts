// q22: each bid with the three directories in its address.
import { Flow } from "effect-pravega/flow"
import { bids } from "../Event.ts"

export const q22 = bids.pipe(
  Flow.map(({ auction, bidder, channel, price, url }) => {
    const [, , , dir1, dir2, dir3] = url.split("/")
    return { auction, bidder, price, channel, dir1, dir2, dir3 }
  })
)
