// q19: the ten highest bids of each auction; of the same price, the earlier comes first.
import { Flow } from "effect-pravega/flow"
import * as Schema from "effect/Schema"
import { Bid, bids } from "../Event.ts"

export const q19 = bids.pipe(
  Flow.keyBy("auction", Schema.Int, ({ auction }) => auction),
  Flow.topN("top ten", { n: 10, by: ({ price }) => price, value: Bid }),
  Flow.map(({ key, value }) => ({ auction: key, top: value }))
)
