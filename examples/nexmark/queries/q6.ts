// q6: what each seller's last ten auctions closed at on average, told anew whenever one closes.
//
// SQL can't say it over results that change; here winning bids never change. "Last" is by when auctions close; of those that
// close in the same millisecond, by their numbers.
import { Flow } from "effect-pravega/flow"
import * as Schema from "effect/Schema"
import { winningBids } from "./winningBids.ts"

const Sold = Schema.Struct({ seller: Schema.Int, price: Schema.Int })

export const q6 = winningBids.pipe(
  Flow.map(({ auction, bid }) => ({ seller: auction.seller, price: bid.price })),
  Flow.keyBy("seller", Schema.Int, ({ seller }) => seller),
  Flow.mapState("last ten", {
    event: Sold,
    state: Schema.Array(Schema.Int),
    initial: [],
    onEvent: (before, { price, seller }) => {
      const prices = [...before, price].slice(-10)
      return [prices, [{ seller, average: prices.reduce((sum, price) => sum + price, 0) / prices.length }]]
    }
  })
)
