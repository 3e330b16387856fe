// q11: how many bids each bidder makes in a session, which ends after ten seconds without one.
import { Aggregate, Flow, Window } from "effect-pravega/flow"
import * as Schema from "effect/Schema"
import { bids } from "../Event.ts"

export const q11 = bids.pipe(
  Flow.keyBy("bidder", Schema.Int, ({ bidder }) => bidder),
  Flow.window("session", Window.session({ gap: "10 seconds" }), Aggregate.count),
  Flow.map(({ key, value, window }) => ({ bidder: key, bids: value, ...window }))
)
