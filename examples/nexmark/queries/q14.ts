// q14: bids of more than a million and less than fifty million cents in euro, with the time of the day by name (in UTC), and how
// often a letter is in their text.
import { Flow } from "effect-pravega/flow"
import { bids } from "../Event.ts"

const nameOfTime = (time: number): string => {
  const hour = new Date(time).getUTCHours()
  if (hour >= 8 && hour <= 18) return "dayTime"
  return hour <= 6 || hour >= 20 ? "nightTime" : "otherTime"
}

const countOf = (letter: string, text: string): number => {
  let count = 0
  for (let at = text.indexOf(letter); at >= 0; at = text.indexOf(letter, at + 1)) count++
  return count
}

export const q14 = bids.pipe(
  Flow.filterMap(({ auction, bidder, dateTime, extra, price }) => {
    const inEuro = Math.floor(price * 908 / 1000)
    if (inEuro <= 1_000_000 || inEuro >= 50_000_000) return undefined
    return {
      auction,
      bidder,
      price: inEuro,
      bidTimeType: nameOfTime(dateTime),
      dateTime,
      extra,
      c: countOf("c", extra)
    }
  })
)
