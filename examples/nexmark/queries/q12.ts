// q12: how many bids each bidder makes in ten seconds of the clock. The clock is the one that is recorded with each batch, so
// that a batch that is run again has the same results; but which batch a bid is in decides which window it is in.
import { Aggregate, Flow, Window } from "effect-pravega/flow"
import * as Schema from "effect/Schema"
import { bids } from "../Event.ts"

export const q12 = bids.pipe(
  Flow.keyBy("bidder", Schema.Int, ({ bidder }) => bidder),
  Flow.window("by the clock", Window.tumbling("10 seconds", { time: "processing" }), Aggregate.count),
  Flow.map(({ key, value, window }) => ({ bidder: key, bids: value, ...window }))
)
