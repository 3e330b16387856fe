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
const Mark = Schema.Struct({
  group: Schema.String,
  what: Schema.Literals(["bids", "bidders", "auctions"]),
  rank: Schema.Literals([1, 2, 3, "all"]),
  id: Schema.Int,
  dateTime: Schema.Int
})
type Mark = typeof Mark.Type

const day = 24 * 60 * 60 * 1000

const count = (what: Mark["what"], rank: Mark["rank"]) =>
  Aggregate.filter(Aggregate.count, (mark: Mark) => mark.what === what && mark.rank === rank)

const counts = (what: Mark["what"]) =>
  Aggregate.struct({ all: count(what, "all"), 1: count(what, 1), 2: count(what, 2), 3: count(what, 3) })

const inAll = (mark: Mark): ReadonlyArray<Mark> => [{ ...mark, rank: "all" }, mark]

/** Lets through what is the first of its day, and the first of its rank. The state has a bit for each rank that there was. */
const firstOfADay = Flow.mapState("first of a day", {
  order: "arrival",
  event: Mark,
  state: Schema.Int,
  initial: 0,
  ttl: { after: "1 day" },
  onEvent: (seen, mark) => {
    const bit = 1 << Number(mark.rank)
    if ((seen & bit) !== 0) return [seen, []]
    return [seen | bit, seen === 0 ? inAll(mark) : [mark]]
  }
})

/** The counts of a day, as they are after each batch. */
export const statistics = (groupOf: (bid: Bid) => string) => {
  const markOf = (bid: Bid, what: Mark["what"], id: number): Mark => ({
    group: groupOf(bid),
    what,
    rank: rankOf(bid),
    id,
    dateTime: bid.dateTime
  })
  const all = bids.pipe(Flow.flatMap((bid) => inAll(markOf(bid, "bids", 0))))
  const different = bids.pipe(
    Flow.flatMap((bid) => [markOf(bid, "bidders", bid.bidder), markOf(bid, "auctions", bid.auction)]),
    Flow.keyBy(
      "one of a day",
      Schema.String,
      ({ dateTime, group, id, what }) => `${group}/${Math.floor(dateTime / day)}/${what}/${id}`
    ),
    firstOfADay
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
