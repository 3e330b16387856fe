// q20: each bid with its auction, of those of category 10.
import { Flow } from "effect-pravega/flow"
import * as Schema from "effect/Schema"
import { Auction, auctions, Bid, bids } from "../Event.ts"
import { joinOne } from "./joinOne.ts"

const isAuction = (event: Auction | Bid): event is Auction => event._tag === "Auction"

export const q20 = Flow.merge([auctions, bids]).pipe(
  Flow.keyBy("auction", Schema.Int, (event) => isAuction(event) ? event.id : event.auction),
  joinOne("auction of a bid", { one: Auction, many: Bid, isOne: isAuction }),
  // only now: what was bid for the others must not wait for ever
  Flow.filter(({ one }) => one.category === 10),
  Flow.map(({ each, one }) => ({ bid: each, auction: one }))
)
