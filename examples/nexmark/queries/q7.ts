// q7: the highest bid of each ten seconds; of several the earliest.
import { Aggregate, Flow, Window } from "effect-pravega/flow"
import * as Schema from "effect/Schema"
import { bids } from "../Event.ts"

const Offer = Schema.Struct({
  auction: Schema.Int,
  bidder: Schema.Int,
  price: Schema.Int,
  dateTime: Schema.Int,
  extra: Schema.String
})

export const q7 = bids.pipe(
  Flow.map(({ auction, bidder, dateTime, extra, price }) => ({ auction, bidder, price, dateTime, extra })),
  Flow.keyBy("all", Schema.Null, () => null),
  Flow.window("highest bid", Window.tumbling("10 seconds"), Aggregate.maxBy(Offer, ({ price }) => price)),
  Flow.map(({ value }) => value)
)
