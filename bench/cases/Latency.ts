/** From an event that is due to be written to a reader that has it. */
import type { Case } from "./Case.ts"
import { type Row, sideBySide } from "./sideBySide.ts"

const size = 1024

const row = (rate: number, seconds: number): Row => ({
  label: `${rate.toLocaleString("en")} events/s`,
  command: "latency",
  options: `rate=${rate} seconds=${seconds} warm=1 size=${size}`,
  stream: { name: `latency-${rate}`, segments: 1, isFresh: true },
  writes: rate * (seconds + 1) * size
})

const percentile = (title: string, name: string) => ({
  title: `${title}, ms`,
  of: (figures: Readonly<Record<string, number>>) => figures[`latency${name}Ms`],
  better: "less" as const,
  digits: 2
})

export const latency: Case = {
  name: "latency",
  title: "End-to-end latency",
  does:
    "Events of 1 KiB at a steady rate on one segment, a writer and a tail reader of a reader group in one process. " +
    "Each is due at a fixed instant, and is measured from when it is handed to the client (at the latest 2 ms after it " +
    "was due: who falls behind pays for it, a coarse timer does not) until the reader has it. " +
    "The Java reader polls with 5 ms, its best (with longer waits it misses wake-ups: pravega#6440).",
  doesNotShow: "a network; several readers; rates near the limit; the seconds after a start, which are left out.",
  metrics: [percentile("p50", "P50"), percentile("p99", "P99"), percentile("p99.9", "P999")],
  seconds: 75,
  run: (bench) => {
    const seconds = bench.isQuick ? 2 : 3
    const chosen = (bench.isQuick ? [1000] : [100, 1000, 10_000]).map((rate) => row(rate, seconds))
    return sideBySide(bench, chosen, [row(1000, 2)])
  }
}
