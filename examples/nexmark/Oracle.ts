/**
 * What each query must give for all events at once, said plainly over arrays: nothing here knows of flows. Of results that
 * change, the last of each key. q12 is not here: what it gives depends on the clock.
 */
import type { Auction, Bid, Event, Person } from "./Event.ts"

type Rows = ReadonlyArray<unknown>

/** Events by kind. */
interface House {
  readonly events: ReadonlyArray<Event>
  readonly persons: ReadonlyArray<Person>
  readonly auctions: ReadonlyArray<Auction>
  readonly bids: ReadonlyArray<Bid>
}

export const oracle = (query: keyof typeof oracles, events: ReadonlyArray<Event>): Rows =>
  oracles[query]({
    events,
    persons: events.filter((event) => event._tag === "Person"),
    auctions: events.filter((event) => event._tag === "Auction"),
    bids: events.filter((event) => event._tag === "Bid")
  })

const grouped = <A, K>(
  values: ReadonlyArray<A>,
  keyOf: (value: A) => K
): ReadonlyArray<readonly [K, ReadonlyArray<A>]> => {
  const groups = new Map<K, Array<A>>()
  for (const value of values) {
    const key = keyOf(value)
    groups.set(key, [...groups.get(key) ?? [], value])
  }
  return [...groups]
}

const distinct = (values: ReadonlyArray<number>): number => new Set(values).size
const sum = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0)
const inWindow = (time: number, size: number): number => Math.floor(time / size) * size
const dayOf = ({ dateTime }: { readonly dateTime: number }): string => new Date(dateTime).toISOString().slice(0, 10)

/** Each auction that anybody bid for while it was open, with its highest bid. */
const closed = ({ auctions, bids }: House) => {
  const byAuction = new Map(grouped(bids, ({ auction }) => auction))
  return auctions.flatMap((auction) => {
    const [bid] = (byAuction.get(auction.id) ?? [])
      .filter(({ dateTime }) => dateTime >= auction.dateTime && dateTime <= auction.expires)
      .toSorted((a, b) => b.price - a.price || a.dateTime - b.dateTime || a.bidder - b.bidder)
    return bid === undefined ? [] : [{ auction, bid }]
  })
}

const listing = ({ category, dateTime, expires, id, initialBid, itemName, reserve, seller }: Auction) => ({
  id,
  itemName,
  initialBid,
  reserve,
  dateTime,
  expires,
  seller,
  category
})

const ofRank = (bids: ReadonlyArray<Bid>, from: number, to: number) =>
  bids.filter(({ price }) => price >= from && price < to)

/** By rank of the price, and in all. */
const ranked = (bids: ReadonlyArray<Bid>, count: (bids: ReadonlyArray<Bid>) => number) => ({
  all: count(bids),
  1: count(ofRank(bids, 0, 10_000)),
  2: count(ofRank(bids, 10_000, 1_000_000)),
  3: count(ofRank(bids, 1_000_000, Infinity))
})

const statistics = (bids: ReadonlyArray<Bid>) => ({
  bids: ranked(bids, ({ length }) => length),
  bidders: ranked(bids, (some) => distinct(some.map(({ bidder }) => bidder))),
  auctions: ranked(bids, (some) => distinct(some.map(({ auction }) => auction)))
})

const euro = (price: number): number => Math.floor(price * 908 / 1000)

const oracles = {
  q0: ({ events }: House): Rows => events,
  q1: ({ bids }: House): Rows =>
    bids.map(({ auction, bidder, dateTime, extra, price }) => ({
      auction,
      bidder,
      price: euro(price),
      dateTime,
      extra
    })),
  q2: ({ bids }: House): Rows =>
    bids.filter(({ auction }) => auction % 123 === 0).map(({ auction, price }) => ({ auction, price })),
  q3: ({ auctions, persons }: House): Rows =>
    auctions.filter(({ category }) => category === 10).flatMap(({ id, seller }) =>
      persons.filter((person) => person.id === seller && ["OR", "ID", "CA"].includes(person.state))
        .map(({ city, name, state }) => ({ name, city, state, auction: id }))
    ),
  q4: (house: House): Rows =>
    grouped(closed(house), ({ auction }) => auction.category).map(([category, all]) => ({
      category,
      average: sum(all.map(({ bid }) => bid.price)) / all.length
    })),
  q5: ({ bids }: House): Rows => {
    const windows = bids.flatMap(({ auction, dateTime }) =>
      Array.from({ length: 5 }, (_, i) => ({ auction, start: inWindow(dateTime, 2000) - i * 2000 }))
    )
    return grouped(windows, ({ start }) => start).flatMap(([start, all]) => {
      const counts = grouped(all, ({ auction }) => auction).map(([auction, { length }]) => ({ auction, bids: length }))
      const most = Math.max(...counts.map(({ bids }) => bids))
      return counts.filter(({ bids }) => bids === most).map((count) => ({ ...count, start, end: start + 10_000 }))
    })
  },
  q6: (house: House): Rows =>
    grouped(closed(house), ({ auction }) => auction.seller).flatMap(([seller, all]) =>
      all.toSorted((a, b) => a.auction.expires - b.auction.expires || a.auction.id - b.auction.id).map(
        (_, i, sorted) => {
          const last = sorted.slice(Math.max(0, i - 9), i + 1).map(({ bid }) => bid.price)
          return { seller, average: sum(last) / last.length }
        }
      )
    ),
  q7: ({ bids }: House): Rows =>
    grouped(bids, ({ dateTime }) => inWindow(dateTime, 10_000)).map(([, all]) => {
      const [{ auction, bidder, dateTime, extra, price }] = all.toSorted((a, b) =>
        b.price - a.price || a.dateTime - b.dateTime
      ) as [Bid]
      return { auction, bidder, price, dateTime, extra }
    }),
  q8: ({ auctions, persons }: House): Rows =>
    persons.flatMap(({ dateTime, id, name }) => {
      const start = inWindow(dateTime, 10_000)
      const isSeller = auctions.some(({ dateTime, seller }) => seller === id && inWindow(dateTime, 10_000) === start)
      return isSeller ? [{ id, name, start }] : []
    }),
  q9: (house: House): Rows =>
    closed(house).map(({ auction, bid }) => ({
      ...listing(auction),
      bidder: bid.bidder,
      price: bid.price,
      bidDateTime: bid.dateTime
    })),
  q10: ({ bids }: House): Rows =>
    bids.map(({ auction, bidder, dateTime, extra, price }) => ({
      file: `${dayOf({ dateTime })}/${new Date(dateTime).toISOString().slice(11, 16).replace(":", "-")}.csv`,
      line: `${auction},${bidder},${price},${dateTime},${extra}`
    })),
  q11: ({ bids }: House): Rows =>
    grouped(bids, ({ bidder }) => bidder).flatMap(([bidder, all]) => {
      const times = all.map(({ dateTime }) => dateTime).toSorted((a, b) => a - b)
      const starts = times.flatMap((time, i) => i === 0 || time - times[i - 1]! >= 10_000 ? [i] : [])
      return starts.map((from, i) => {
        const session = times.slice(from, starts[i + 1])
        return { bidder, bids: session.length, start: session[0], end: session.at(-1)! + 10_000 }
      })
    }),
  q13: ({ bids }: House): Rows =>
    bids.map(({ auction, bidder, dateTime, price }) => ({
      auction,
      bidder,
      price,
      dateTime,
      value: `value of ${auction % 10_000}`
    })),
  q14: ({ bids }: House): Rows =>
    bids.map(({ auction, bidder, dateTime, extra, price }) => {
      const hour = new Date(dateTime).getUTCHours()
      return {
        auction,
        bidder,
        price: euro(price),
        bidTimeType: hour < 7 || hour > 19 ? "nightTime" : hour === 7 || hour === 19 ? "otherTime" : "dayTime",
        dateTime,
        extra,
        c: extra.split("c").length - 1
      }
    }).filter(({ price }) => price > 1_000_000 && price < 50_000_000),
  q15: ({ bids }: House): Rows => grouped(bids, dayOf).map(([day, all]) => ({ day, ...statistics(all) })),
  q16: ({ bids }: House): Rows =>
    grouped(bids, (bid) => `${bid.channel} ${dayOf(bid)}`).map(([key, all]) => ({
      channel: key.split(" ")[0],
      day: key.split(" ")[1],
      minute: new Date(Math.max(...all.map(({ dateTime }) => dateTime))).toISOString().slice(11, 16),
      ...statistics(all)
    })),
  q17: ({ bids }: House): Rows =>
    grouped(bids, (bid) => `${bid.auction} ${dayOf(bid)}`).map(([key, all]) => {
      const prices = all.map(({ price }) => price)
      const { 1: rank1, 2: rank2, 3: rank3 } = ranked(all, ({ length }) => length)
      return {
        auction: Number(key.split(" ")[0]),
        day: key.split(" ")[1],
        bids: all.length,
        rank1,
        rank2,
        rank3,
        min: Math.min(...prices),
        max: Math.max(...prices),
        mean: sum(prices) / prices.length,
        sum: sum(prices)
      }
    }),
  q18: ({ bids }: House): Rows =>
    grouped(bids, ({ auction, bidder }) => `${auction} ${bidder}`).map(([, all]) =>
      all.reduce((last, bid) => bid.dateTime >= last.dateTime ? bid : last)
    ),
  q19: ({ bids }: House): Rows =>
    grouped(bids, ({ auction }) => auction).map(([auction, all]) => ({
      auction,
      top: all.toSorted((a, b) => b.price - a.price || a.dateTime - b.dateTime).slice(0, 10)
    })),
  q20: ({ auctions, bids }: House): Rows => {
    const ofTen = new Map(auctions.filter(({ category }) => category === 10).map((auction) => [auction.id, auction]))
    return bids.flatMap((bid) => ofTen.has(bid.auction) ? [{ bid, auction: ofTen.get(bid.auction) }] : [])
  },
  q21: ({ bids }: House): Rows => {
    const known = ["apple", "google", "facebook", "baidu"]
    return bids.flatMap(({ auction, bidder, channel, price, url }) => {
      const at = known.indexOf(channel.toLowerCase())
      const channelId = at >= 0 ? String(at) : new URL(url).searchParams.get("channel_id")
      return channelId === null ? [] : [{ auction, bidder, price, channel, channelId }]
    })
  },
  q22: ({ bids }: House): Rows =>
    bids.map(({ auction, bidder, channel, price, url }) => {
      const [dir1, dir2, dir3] = new URL(url).pathname.slice(1).split("/")
      return { auction, bidder, price, channel, dir1, dir2, dir3 }
    })
}
