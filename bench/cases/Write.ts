/** Events written without transaction. */
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

const eventsOf: Readonly<Record<number, number>> = { 100: 200_000, 1024: 100_000, 10240: 6000, 102400: 600 }

const row = (size: number, segments: number, events: number): Row => ({
  label: `${sizeText(size)}, ${segmentsText(segments)}`,
  command: "write",
  options: `events=${events} size=${size}`,
  stream: { name: `write-${segments}`, segments },
  writes: events * size
})

export const write: Case = {
  name: "write",
  title: "Writes without transaction",
  does: "Events with routing keys k0..k999 at random, as many in flight as the client allows (Python: 1,000, as its " +
    "option), all acknowledgements awaited. 200,000 events of 100 B, 100,000 of 1 KiB, 6,000 of 10 KiB, 600 of 100 KiB.",
  doesNotShow: "a server on other machines, where the network and not the cores that all share here is the limit; a " +
    "server that replicates and keeps its log on disks; several writers at the same time; cold starts (see there).",
  metrics: [eventsPerSecond, cpuPerMillion, serverCpuPerMillion],
  seconds: 215,
  run: (bench) => {
    const chosen = bench.isQuick ?
      [row(100, 4, 50_000), row(1024, 4, 25_000)] :
      sizes.flatMap((size) => segmentCounts.map((segments) => row(size, segments, eventsOf[size]!)))
    return sideBySide(bench, chosen, [1, 4].map((segments) => row(1024, segments, 20_000)))
  }
}
