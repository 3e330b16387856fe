/**
 * Digests of results, for the nine queries of which other programs have made them too: a hash of each result's numbers, added
 * up, so that the order is of no importance. Of q4, whose average depends on the order, they are of the winning bids.
 */
import type { Flow } from "effect-pravega/flow"
import type { Bid, Event } from "./Event.ts"
import type { queries } from "./Queries.ts"
import type { Won } from "./queries/winningBids.ts"

const mix = (a: number, b: number, c: number, d: number): number => {
  let h = 17
  for (const v of [a, b, c, d]) {
    h = Math.imul(h ^ (v % 2 ** 32 | 0), 0x01000193)
    h = Math.imul(h ^ Math.floor(v / 2 ** 32), 0x01000193)
  }
  h ^= h >>> 15
  h = Math.imul(h, 0x846ca68b)
  return h ^ (h >>> 13)
}

type Out<Name extends keyof typeof queries> = Flow.Output<typeof queries[Name]>

const kinds = { Person: 0, Auction: 1, Bid: 2 }

/** The hash of one result. */
export const hashes = {
  q0: (event: Event) => {
    const kind = kinds[event._tag]
    if (event._tag === "Bid") return mix(kind, event.dateTime, 0, event.auction)
    return mix(kind, event.dateTime, event.id, event._tag === "Auction" ? event.seller : 0)
  },
  q1: ({ auction, bidder, dateTime, price }: Out<"q1">) => mix(auction, bidder, price, dateTime),
  q2: ({ auction, price }: Out<"q2">) => mix(auction, price, 0, 0),
  q4: ({ auction, bid }: Won) => mix(auction.id, auction.category, bid.price, auction.expires),
  q5: ({ auction, bids, end, start }: Out<"q5">) => mix(auction, bids, start, end),
  q7: ({ auction, bidder, dateTime, price }: Out<"q7">) => mix(auction, bidder, price, dateTime),
  q8: ({ id, start }: Out<"q8">) => mix(id, start, 0, 0),
  q11: ({ bidder, bids, end, start }: Out<"q11">) => mix(bidder, bids, start, end),
  q18: ({ auction, bidder, dateTime, price }: Bid) => mix(auction, bidder, price, dateTime)
}

/** How many results there are, and their digest, of so many events at 10,000 a second. */
export interface Digest {
  readonly outputs: number
  readonly digest: number
}

/** By the number of events. Worked out by a program in plain JavaScript; those of Flink 2.3 are the same. */
export const known: Readonly<Record<number, Readonly<Record<keyof typeof hashes, Digest>>>> = {
  20_000: {
    q0: { outputs: 20000, digest: 2072010425 },
    q1: { outputs: 18400, digest: 3822513550 },
    q2: { outputs: 63, digest: 2015482842 },
    q4: { outputs: 1118, digest: 649631878 },
    q5: { outputs: 5, digest: 2145316940 },
    q7: { outputs: 1, digest: 4039785342 },
    q8: { outputs: 183, digest: 3299369654 },
    q11: { outputs: 384, digest: 2438934373 },
    q18: { outputs: 18400, digest: 650556813 }
  },
  200_000: {
    q0: { outputs: 200000, digest: 2871015176 },
    q1: { outputs: 184000, digest: 3618500887 },
    q2: { outputs: 1511, digest: 1067445342 },
    q4: { outputs: 11188, digest: 782277636 },
    q5: { outputs: 15, digest: 1519742730 },
    q7: { outputs: 2, digest: 393208713 },
    q8: { outputs: 1735, digest: 1541458739 },
    q11: { outputs: 3927, digest: 963221225 },
    q18: { outputs: 184000, digest: 1855940679 }
  },
  2_000_000: {
    q0: { outputs: 2000000, digest: 2018193108 },
    q1: { outputs: 1840000, digest: 1075373719 },
    q2: { outputs: 14485, digest: 402378899 },
    q4: { outputs: 111794, digest: 2944278044 },
    q5: { outputs: 106, digest: 2067808954 },
    q7: { outputs: 20, digest: 1674800913 },
    q8: { outputs: 16935, digest: 3209362531 },
    q11: { outputs: 39931, digest: 1613060262 },
    q18: { outputs: 1840000, digest: 4139435542 }
  }
}
