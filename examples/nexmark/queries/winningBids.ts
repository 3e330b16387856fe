// The winning bid of each auction, when it closes: the highest of those between its begin and its end; of several the
// earliest, and then that of the bidder with the least number. For q4, q6 and q9.
//
// A timer closes the auction when all bids until then have come. Bids that come before their auction wait for it, but no longer
// than it could still begin before them.
import { Flow } from "effect-pravega/flow"
import * as Schema from "effect/Schema"
import { auctions, bids } from "../Event.ts"

const Listing = Schema.Struct({
  id: Schema.Int,
  itemName: Schema.String,
  initialBid: Schema.Int,
  reserve: Schema.Int,
  dateTime: Schema.Int,
  expires: Schema.Int,
  seller: Schema.Int,
  category: Schema.Int
})
type Listing = typeof Listing.Type

const Offer = Schema.Struct({ auction: Schema.Int, bidder: Schema.Int, price: Schema.Int, dateTime: Schema.Int })
type Offer = typeof Offer.Type

const Open = Schema.Struct({
  listing: Schema.UndefinedOr(Listing),
  best: Schema.UndefinedOr(Offer),
  early: Schema.Array(Offer)
})
type Open = typeof Open.Type

export interface Won {
  readonly auction: Listing
  readonly bid: Offer
}

const listings = auctions.pipe(
  Flow.map(({ category, dateTime, expires, id, initialBid, itemName, reserve, seller }): Listing => ({
    id,
    itemName,
    initialBid,
    reserve,
    dateTime,
    expires,
    seller,
    category
  }))
)
const offers = bids.pipe(
  Flow.map(({ auction, bidder, dateTime, price }): Offer => ({ auction, bidder, price, dateTime }))
)
const isOffer = (event: Listing | Offer): event is Offer => "bidder" in event

export const winningBids = Flow.merge([listings, offers]).pipe(
  Flow.keyBy("auction", Schema.Int, (event) => isOffer(event) ? event.auction : event.id),
  Flow.mapState("winning bids", {
    order: "arrival",
    event: Schema.Union([Listing, Offer]),
    state: Open,
    initial: { listing: undefined, best: undefined, early: [] },
    timers: ["closes", "forgets"],
    onEvent: (open, event, { watermark }) => {
      if (!isOffer(event)) {
        const best = open.early.reduce((best, offer) => better(event, best, offer), open.best)
        return [{ listing: event, best, early: [] }, [], { timers: { closes: { at: event.expires } } }]
      }
      if (open.listing !== undefined) {
        const best = better(open.listing, open.best, event)
        return [best === open.best ? open : { ...open, best }, []]
      }
      const early = [...open.early.filter(({ dateTime }) => dateTime >= watermark), event]
      const last = Math.max(...early.map(({ dateTime }) => dateTime))
      return [{ ...open, early }, [], { timers: { forgets: { at: last } } }]
    },
    onTimer: (open, timer): readonly [Open | undefined, ReadonlyArray<Won>] => {
      const { best, listing } = open
      if (timer === "forgets") return [listing === undefined ? undefined : open, []]
      return [undefined, listing === undefined || best === undefined ? [] : [{ auction: listing, bid: best }]]
    }
  })
)

const better = ({ dateTime, expires }: Listing, best: Offer | undefined, offer: Offer): Offer | undefined => {
  if (offer.dateTime < dateTime || offer.dateTime > expires) return best
  if (best === undefined || offer.price > best.price) return offer
  if (offer.price < best.price) return best
  return (offer.dateTime - best.dateTime || offer.bidder - best.bidder) < 0 ? offer : best
}
