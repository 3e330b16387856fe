/** Whole streams read with the batch reader. */
import {
  type Case,
  cpuPerMillion,
  eventsPerSecond,
  segmentCounts,
  segmentsText,
  serverCpuPerMillion,
  sizes,
  sizeText
} from "./Case.ts"
import { type Row, sideBySide } from "./sideBySide.ts"

export const fillOf: Readonly<Record<number, number>> = { 100: 500_000, 1024: 100_000, 10240: 8000, 102400: 800 }

const row = (size: number, segments: number, parallel: number): Row => ({
  label: `${sizeText(size)}, ${segmentsText(segments)}, ${parallel === 1 ? "serial" : `${parallel} at a time`}`,
  command: "batch",
  options: `parallel=${parallel}`,
  stream: { name: `filled-${size}-${segments}`, segments, fill: { events: fillOf[size]!, size } },
  writes: 0
})

export const batchRead: Case = {
  name: "batch",
  title: "Batch reads",
  does:
    "All of a stream, from its head to its tail, one segment range after the other or four at a time. 500,000 events " +
    "of 100 B, 100,000 of 1 KiB, 8,000 of 10 KiB, 800 of 100 KiB. The Rust and Python clients have no batch reader.",
  doesNotShow:
    "reads from long-term storage: all of it is in the server's cache; decoding of events into values, which " +
    "stay bytes here.",
  metrics: [eventsPerSecond, cpuPerMillion, serverCpuPerMillion],
  seconds: 100,
  run: (bench) => {
    const chosen = bench.isQuick ?
      [row(1024, 4, 1), row(1024, 4, 4)] :
      sizes.flatMap((size) =>
        segmentCounts.flatMap((segments) => (segments === 1 ? [1] : [1, 4]).map((n) => row(size, segments, n)))
      )
    return sideBySide(bench, chosen, bench.isQuick ? [row(1024, 4, 4)] : [row(1024, 4, 4), row(100, 4, 4)])
  }
}
