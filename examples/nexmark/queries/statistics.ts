// Bids by rank of their prices, and how many different bidders and auctions there are among them, per group and day. For q15
// and q16.
//
// Different ones are counted as flows, not in one value: of each bidder (and auction) the first bid of the day goes on, and
// what goes on is counted. So a day may have millions of them.
import { Aggregate, Flow, Window } from "effect-pravega/flow"
import * as Schema from "effect/Schema"
import { type Bid, bids } from "../Event.ts"

/** By price: 1 is below 10,000, 2 below 1,000,000, 3 all others. */
export const rankOf = ({ price }: Pick<Bid, "price">): Rank => price < 10_000 ? 1 : price < 1_000_000 ? 2 : 3
export type Rank = 1 | 2 | 3

/** Something to be counted, in a rank, or in all of them. */
interface Mark {
  readonly group: string
  readonly what: "bids" | "bidders" | "auctions"
  readonly rank: Rank | "all"
  readonly id: number
  readonly dateTime: number
}

const day = 24 * 60 * 60 * 1000

const count = (what: Mark["what"], rank: Mark["rank"]) =>
  Aggregate.filter(Aggregate.count, (mark: Mark) => mark.what === what && mark.rank === rank)

const counts = (what: Mark["what"]) =>
  Aggregate.struct({ all: count(what, "all"), 1: count(what, 1), 2: count(what, 2), 3: count(what, 3) })

/** The counts of a day, as they are after each batch. */
export const statistics = (groupOf: (bid: Bid) => string) => {
  const markOf = (bid: Bid, what: Mark["what"], rank: Mark["rank"], id: number): Mark => ({
    group: groupOf(bid),
    what,
    rank,
    id,
    dateTime: bid.dateTime
  })
  const all = bids.pipe(Flow.flatMap((bid) => [markOf(bid, "bids", "all", 0), markOf(bid, "bids", rankOf(bid), 0)]))
  const different = bids.pipe(
    Flow.flatMap((bid) => [
      markOf(bid, "bidders", "all", bid.bidder),
      markOf(bid, "bidders", rankOf(bid), bid.bidder),
      markOf(bid, "auctions", "all", bid.auction),
      markOf(bid, "auctions", rankOf(bid), bid.auction)
    ]),
    Flow.keyBy(
      "one of a day",
      Schema.String,
      ({ dateTime, group, id, rank, what }) => `${group}/${Math.floor(dateTime / day)}/${what}/${rank}/${id}`
    ),
    Flow.deduplicate("first of a day", { within: "1 day" })
  )
  return Flow.merge([all, different]).pipe(
    Flow.keyBy("group", Schema.String, ({ group }) => group),
    Flow.window(
      "statistics",
      Window.tumbling("1 day"),
      Aggregate.struct({
        bids: counts("bids"),
        bidders: counts("bidders"),
        auctions: counts("auctions"),
        last: Aggregate.max((mark: Mark) => mark.dateTime)
      }),
      { emit: "updates" }
    )
  )
}

/** 2023-11-14 */
export const dayText = (time: number): string => new Date(time).toISOString().slice(0, 10)
/** 22:13 */
export const minuteText = (time: number): string => new Date(time).toISOString().slice(11, 16)
