/**
 * What happens at the auction house of Nexmark: people register, open auctions and bid in them. Prices are in cents, times in
 * milliseconds since 1970.
 */
import { Flow } from "effect-pravega/flow"
import * as Schema from "effect/Schema"

export const Person = Schema.Struct({
  _tag: Schema.tag("Person"),
  id: Schema.Int,
  name: Schema.String,
  emailAddress: Schema.String,
  city: Schema.String,
  state: Schema.String,
  dateTime: Schema.Int,
  extra: Schema.String
})
export type Person = typeof Person.Type

export const Auction = Schema.Struct({
  _tag: Schema.tag("Auction"),
  id: Schema.Int,
  itemName: Schema.String,
  description: Schema.String,
  initialBid: Schema.Int,
  reserve: Schema.Int,
  dateTime: Schema.Int,
  expires: Schema.Int,
  seller: Schema.Int,
  category: Schema.Int,
  extra: Schema.String
})
export type Auction = typeof Auction.Type

export const Bid = Schema.Struct({
  _tag: Schema.tag("Bid"),
  auction: Schema.Int,
  bidder: Schema.Int,
  price: Schema.Int,
  channel: Schema.String,
  url: Schema.String,
  dateTime: Schema.Int,
  extra: Schema.String
})
export type Bid = typeof Bid.Type

export const Event = Schema.Union([Person, Auction, Bid])
export type Event = typeof Event.Type

const isPerson = (event: Event): event is Person => event._tag === "Person"
const isAuction = (event: Event): event is Auction => event._tag === "Auction"
const isBid = (event: Event): event is Bid => event._tag === "Bid"

/** What every query begins with: one source, and what is in it by kind. */
export const events = Flow.events<Event>()
export const persons = events.pipe(Flow.filter(isPerson))
export const auctions = events.pipe(Flow.filter(isAuction))
export const bids = events.pipe(Flow.filter(isBid))
