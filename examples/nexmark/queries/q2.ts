// q2: the bids for some auctions: those whose number is a multiple of 123.
import { Flow } from "effect-pravega/flow"
import { bids } from "../Event.ts"

export const q2 = bids.pipe(
  Flow.filter(({ auction }) => auction % 123 === 0),
  Flow.map(({ auction, price }) => ({ auction, price }))
)
