// q16: as q15, by channel; and the minute of the channel's last bid.
import { Flow } from "effect-pravega/flow"
import { dayText, minuteText, statistics } from "./statistics.ts"

export const q16 = statistics(({ channel }) => channel).pipe(
  Flow.map(({ key, value, window }) => {
    const { auctions, bidders, bids, last } = value
    return { channel: key, day: dayText(window.start), minute: minuteText(last), bids, bidders, auctions }
  })
)
