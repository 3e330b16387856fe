/**
 * Nexmark's events, by number: each random draw is a hash of the event's number and the draw's, so that an event is the same
 * whoever makes it, and when. A source of them can be read again from anywhere.
 *
 * The parameters are the public ones: of 50 events 1 person, 3 auctions and 46 bids; 1 of 2 bids for a hot auction, 3 of 4 by a
 * hot bidder, 3 of 4 auctions by a hot seller; 100 auctions in flight, 1,000 active people; persons of 200, auctions of 500,
 * bids of 100 bytes. Prices are uniform within each power of ten, since `Math.pow` is not the same everywhere.
 */
import type { Event } from "./Event.ts"

/** The time of the first event. */
export const start = 1_700_000_000_000

export interface Options {
  /** Of event time; default 10,000. Fewer let windows close after fewer events. */
  readonly eventsPerSecond?: number | undefined
}

/** The nth event, from 0. */
export const make = ({ eventsPerSecond = 10_000 }: Options = {}): (n: number) => Event => {
  const time = (n: number) => start + Math.floor(n * 1000 / eventsPerSecond)
  return (n) => {
    const place = n % perEpoch
    if (place < 1) return person(n, time(n))
    return place < 4 ? auction(n, time(n), time(n + 1666) - time(n)) : bid(n, time(n))
  }
}

const perEpoch = 50
const inFlight = 100
const active = 1000
/** Bids and auctions may be ahead of the auctions and people that they are of. */
const ahead = 10
const firstId = 1000

const person = (n: number, dateTime: number): Event => ({
  _tag: "Person",
  id: firstId + lastPerson(n),
  name: text(n, 1, 12),
  emailAddress: text(n, 2, 20),
  city: cities[draw(n, 4, cities.length)]!,
  state: states[draw(n, 5, states.length)]!,
  dateTime,
  extra: text(n, 3, 140)
})

const auction = (n: number, dateTime: number, horizon: number): Event => {
  const initialBid = price(n, 4)
  return {
    _tag: "Auction",
    id: firstId + lastAuction(n),
    itemName: text(n, 8, 20),
    description: text(n, 9, 100),
    initialBid,
    reserve: initialBid + price(n, 12),
    dateTime,
    expires: dateTime + 1 + draw(n, 7, Math.max(horizon * 2, 1)),
    seller: firstId + (draw(n, 1, 4) > 0 ? hundred(lastPerson(n)) : somePerson(n, 2)),
    category: 10 + draw(n, 3, 5),
    extra: text(n, 10, 332)
  }
}

const bid = (n: number, dateTime: number): Event => {
  const last = lastAuction(n)
  const least = Math.max(last - inFlight, 0)
  const isHot = draw(n, 8, 2) > 0
  const channel = isHot ? hotChannels[draw(n, 9, 4)]! : draw(n, 10, 10_000)
  const page = pages[draw(n, 13, pages.length)]!
  return {
    _tag: "Bid",
    auction: firstId + (draw(n, 1, 2) > 0 ? hundred(last) : least + draw(n, 2, last - least + 1 + ahead)),
    bidder: firstId + (draw(n, 3, 4) > 0 ? hundred(lastPerson(n)) + 1 : somePerson(n, 4)),
    price: price(n, 5),
    channel: isHot ? String(channel) : `channel-${channel}`,
    url: isHot ? `${page}?query=1` : `${page}?channel_id=${channel}`,
    dateTime,
    extra: text(n, 11, 68)
  }
}

const hash = (n: number, k: number): number => {
  let x = (Math.imul(n % 2 ** 32 | 0, 0x9E3779B1) + Math.imul(k, 0x85EBCA77)) | 0
  x ^= x >>> 16
  x = Math.imul(x, 0x7feb352d)
  x ^= x >>> 15
  x = Math.imul(x, 0x846ca68b)
  x ^= x >>> 16
  return x >>> 0
}

/** The kth draw of event n: a whole number below the bound. */
const draw = (n: number, k: number, bound: number): number => Math.floor(hash(n, k) * bound / 2 ** 32)

const powers = [1, 10, 100, 1000, 10_000, 100_000]

/** Takes three draws, from k on. */
const price = (n: number, k: number): number => {
  const power = powers[draw(n, k, 6)]!
  return (100 + draw(n, k + 1, 900)) * power + draw(n, k + 2, power)
}

const letters = Array.from({ length: 4096 }, (_, i) => String.fromCharCode(97 + draw(i, 99, 26))).join("")

const text = (n: number, k: number, length: number): string => {
  const from = draw(n, k, 3000)
  return letters.substring(from, from + length)
}

const hotChannels = ["Google", "Facebook", "Baidu", "Apple"]
const pages = Array.from(
  { length: 100 },
  (_, i) => `https://www.nexmark.com/${text(i, 1, 5)}/${text(i, 2, 5)}/${text(i, 3, 5)}/item.htm`
)
const states = ["AZ", "CA", "ID", "OR", "WA", "WY"]
const cities = [
  "Phoenix",
  "Los Angeles",
  "San Francisco",
  "Boise",
  "Portland",
  "Bend",
  "Redmond",
  "Seattle",
  "Kent",
  "Cheyenne"
]

const hundred = (n: number): number => Math.trunc(n / 100) * 100

/** The numbers of the last person and of the last auction up to event n. */
const lastPerson = (n: number): number => Math.floor(n / perEpoch)
const lastAuction = (n: number): number => {
  const epoch = Math.floor(n / perEpoch)
  const place = n % perEpoch
  if (place < 1) return (epoch - 1) * 3 + 2
  return place >= 4 ? epoch * 3 + 2 : epoch * 3 + place - 1
}

const somePerson = (n: number, k: number): number => {
  const people = lastPerson(n) + 1
  const recent = Math.min(people, active)
  return people - recent + draw(n, k, recent + ahead)
}
