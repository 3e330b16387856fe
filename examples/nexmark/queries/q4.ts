// q4: what auctions of each category close at on average. The average goes on for ever, so what comes out of a batch is what
// it is now in the categories that the batch changed.
import { Aggregate, Flow } from "effect-pravega/flow"
import * as Schema from "effect/Schema"
import { winningBids, type Won } from "./winningBids.ts"

export const q4 = winningBids.pipe(
  Flow.keyBy("category", Schema.Int, ({ auction }) => auction.category),
  Flow.aggregate("average price", Aggregate.mean(({ bid }: Won) => bid.price)),
  Flow.map(({ key, value }) => ({ category: key, average: value }))
)
