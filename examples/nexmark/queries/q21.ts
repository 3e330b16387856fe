// q21: each bid with the number of its channel: a known one, or the one in its address; without those that have none.
import { Flow } from "effect-pravega/flow"
import { bids } from "../Event.ts"

const known: ReadonlyMap<string, string> = new Map([["apple", "0"], ["google", "1"], ["facebook", "2"], ["baidu", "3"]])

export const q21 = bids.pipe(
  Flow.filterMap(({ auction, bidder, channel, price, url }) => {
    const channelId = known.get(channel.toLowerCase()) ?? /[?&]channel_id=([^&]*)/.exec(url)?.[1]
    return channelId === undefined ? undefined : { auction, bidder, price, channel, channelId }
  })
)
