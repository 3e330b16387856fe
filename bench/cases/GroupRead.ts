/** Whole streams read with a reader group. */
import { fillOf } from "./BatchRead.ts"
import { type Case, cpuPerMillion, eventsPerSecond, sizes, sizeText } from "./Case.ts"
import { type Row, sideBySide } from "./sideBySide.ts"

const row = (size: number, segments: number, readers: number): Row => ({
  label: `${sizeText(size)}, ${segments} segments, ${readers} reader${readers === 1 ? "" : "s"}`,
  command: "group",
  options: `events=${fillOf[size]!} readers=${readers}`,
  stream: { name: `filled-${size}-${segments}`, segments, fill: { events: fillOf[size]!, size } },
  writes: 0
})

export const groupRead: Case = {
  name: "group",
  title: "Reader groups",
  does:
    "All of a stream by the readers of a new reader group, in one process, until the last event has come; the time " +
    "includes the acquisition of the segments. Events as in the batch reads.",
  doesNotShow:
    "readers in several processes; how segments are shared when readers come and go: with a stream that is " +
    "read in a second, one reader may have taken all of them.",
  metrics: [eventsPerSecond, cpuPerMillion],
  seconds: 90,
  run: (bench) => {
    const chosen = bench.isQuick ? [row(1024, 4, 1)] : [
      ...sizes.map((size) => row(size, 4, 1)),
      ...[2, 4].map((readers) => row(1024, 4, readers)),
      ...[1, 4].map((readers) => row(1024, 16, readers))
    ]
    return sideBySide(bench, chosen, [row(1024, 4, 1)])
  }
}
