// q17: the bids of each auction and day: how many, by rank of their prices, and the least, greatest, mean and sum of those.
import { Aggregate, Flow, Window } from "effect-pravega/flow"
import * as Schema from "effect/Schema"
import { type Bid, bids } from "../Event.ts"
import { dayText, type Rank, rankOf } from "./statistics.ts"

const ofRank = (rank: Rank) => Aggregate.filter(Aggregate.count, (bid: Bid) => rankOf(bid) === rank)
const price = ({ price }: Bid) => price

export const q17 = bids.pipe(
  Flow.keyBy("auction", Schema.Int, ({ auction }) => auction),
  Flow.window(
    "statistics",
    Window.tumbling("1 day"),
    Aggregate.struct({
      bids: Aggregate.count,
      rank1: ofRank(1),
      rank2: ofRank(2),
      rank3: ofRank(3),
      min: Aggregate.min(price),
      max: Aggregate.max(price),
      mean: Aggregate.mean(price),
      sum: Aggregate.sum(price)
    }),
    { emit: "updates" }
  ),
  Flow.map(({ key, value, window }) => ({ auction: key, day: dayText(window.start), ...value }))
)
