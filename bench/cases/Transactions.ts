/** Transactions, one after the other. */
import { python } from "../peers/Python.ts"
import { type Case, eventsPerSecond, segmentCounts, segmentsText, sizes, sizeText } from "./Case.ts"
import { type Row, sideBySide } from "./sideBySide.ts"

const row = (events: number, size: number, segments: number, count: number): Row => ({
  label: `${events.toLocaleString("en")} x ${sizeText(size)}, ${segmentsText(segments)}`,
  command: "transactions",
  options: `events=${events} size=${size} count=${count}`,
  stream: { name: `transactions-${segments}`, segments },
  writes: events * size * count
})

/** It waits for less. */
const incomparable = [python.title]

/** Fewer of those that are long or large. */
const countOf = (events: number, size: number): number => Math.min(8, Math.max(3, Math.floor(60e6 / (events * size))))

export const transactions: Case = {
  name: "txn",
  title: "Transactions",
  does:
    "One after the other by one writer: begun, filled with events (keys at random), committed, and waited for until " +
    "they are committed, which each client finds by asking (Java, Rust, Python every 2 ms; Python can only ask whether " +
    "it is still open, which ends before it is committed: its figures are shown, and not compared). 3 to 8 in each measurement.",
  doesNotShow:
    "several transactions at the same time; how rates fall when a stream has committed thousands; the time " +
    "until a reader has seen the events.",
  metrics: [
    { ...eventsPerSecond, incomparable },
    { title: "Begin to committed, p50, ms", of: (f) => f["transactionP50Ms"], better: "less", digits: 1, incomparable },
    { title: "Commit to committed, p50, ms", of: (f) => f["commitP50Ms"], better: "less", digits: 1, incomparable }
  ],
  seconds: 200,
  run: (bench) => {
    const chosen = bench.isQuick ? [row(1, 1024, 4, 4), row(1000, 1024, 4, 4)] : [
      ...[1, 100, 1000, 10_000].flatMap((events) =>
        segmentCounts.map((segments) => row(events, 1024, segments, countOf(events, 1024)))
      ),
      ...sizes.filter((size) => size !== 1024).map((size) => {
        const events = size > 10_240 ? 100 : 1000
        return row(events, size, 4, countOf(events, size))
      })
    ]
    return sideBySide(bench, chosen, [row(1000, 1024, 4, 5)])
  }
}
