// q5: hot items: of the last ten seconds, every two seconds, the auctions with the most bids; all of them, if there are
// several with as many.
import { Aggregate, Flow, Window } from "effect-pravega/flow"
import * as Schema from "effect/Schema"
import { bids } from "../Event.ts"

const Counted = Schema.Struct({ auction: Schema.Int, bids: Schema.Int, start: Schema.Int, end: Schema.Int })
type Counted = typeof Counted.Type

/** All that have the most. */
const most = Aggregate.make({
  name: "most",
  accumulator: Schema.Array(Counted),
  initial: [],
  add: (top: ReadonlyArray<Counted>, one: Counted) => {
    const most = top[0]?.bids ?? 0
    if (one.bids < most) return top
    return one.bids > most ? [one] : [...top, one]
  },
  result: (top) => top
})

export const q5 = bids.pipe(
  Flow.keyBy("auction", Schema.Int, ({ auction }) => auction),
  Flow.window("bids", Window.sliding({ size: "10 seconds", every: "2 seconds" }), Aggregate.count),
  Flow.map(({ key, value, window }): Counted => ({ auction: key, bids: value, ...window })),
  // the results of a window have its last instant as their time, so they are together in a window of the same end
  Flow.keyBy("window", Schema.Int, ({ end }) => end),
  Flow.window("most bids", Window.tumbling("2 seconds"), most),
  Flow.flatMap(({ value }) => value)
)
