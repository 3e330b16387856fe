/** How cost grows with the number of events, of segments, of keys, with the size of events, and with the checkpoint log. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type EmbeddedServer, startEmbedded } from "../EmbeddedServer.ts"
import { PeerProcess } from "../peers/PeerProcess.ts"
import { makeStream } from "../RealServer.ts"
import { plot, type Series, slopeText } from "../report/Plot.ts"
import type { Bench, Case } from "./Case.ts"

const plots = join(import.meta.dirname, "../plots")

/** One axis along which something grows. */
interface Growth {
  readonly name: string
  readonly title: string
  readonly xTitle: string
  readonly xs: ReadonlyArray<number>
  /** Series by name: seconds (or what `yTitle` says), or undefined where it would take too long. */
  readonly measure: (site: Site, x: number) => Promise<Readonly<Record<string, number>>>
  readonly yTitle: string
}

/** An embedded server in a directory, and our client. */
interface Site {
  readonly controller: string
  readonly client: PeerProcess
}

let made = 0

const newStream = async ({ controller }: Site, segments: number): Promise<string> => {
  const name = `growth/s${++made}`
  await makeStream(controller, name, segments)
  return name
}

const writeAndRead = async (site: Site, { events, segments, size }: Readonly<Record<string, number>>) => {
  const stream = await newStream(site, segments!)
  const written = await site.client.ask(`write events=${events} size=${size} stream=${stream}`, 300)
  const read = await site.client.ask(`batch parallel=4 stream=${stream}`, 300)
  return { write: written["seconds"]!, "batch read": read["seconds"]! }
}

const growths: ReadonlyArray<Growth> = [
  {
    name: "events",
    title: "Events of 100 B on 4 segments",
    xTitle: "events",
    yTitle: "seconds",
    xs: [1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7],
    measure: (site, events) => writeAndRead(site, { events, segments: 4, size: 100 })
  },
  {
    name: "segments",
    title: "100,000 events of 100 B",
    xTitle: "segments",
    yTitle: "seconds",
    xs: [1, 4, 16, 64, 256],
    measure: (site, segments) => writeAndRead(site, { events: 100_000, segments, size: 100 })
  },
  {
    name: "size",
    title: "One event, of 4 segments, by its size",
    xTitle: "bytes per event (0 is shown at 1)",
    yTitle: "microseconds per event",
    // the largest that Pravega's writers allow, with its header
    xs: [0, 10, 100, 1e3, 1e4, 1e5, 1e6, 8 * 1024 * 1024 - 8],
    measure: async (site, size) => {
      const events = Math.max(12, Math.min(100_000, Math.floor(1e8 / (size + 100))))
      const seconds = await writeAndRead(site, { events, segments: 4, size })
      return Object.fromEntries(Object.entries(seconds).map(([name, value]) => [name, value / events * 1e6]))
    }
  },
  {
    name: "keys",
    title: "100,000 events of 100 B on 4 segments, by their routing keys",
    xTitle: "keys",
    yTitle: "seconds",
    xs: [1, 10, 100, 1e3, 1e4, 1e5],
    measure: async (site, keys) => {
      const stream = await newStream(site, 4)
      await makeStream(site.controller, `${stream}-copy`, 4)
      const figures = await site.client.ask(`copyKeyed keys=${keys} events=100000 stream=${stream}`, 300)
      return { write: figures["writeSeconds"]!, "copy in order per key": figures["seconds"]! }
    }
  },
  {
    name: "log",
    title: "A batch of 100 events, by the batches in its query's log before it",
    xTitle: "batches before",
    yTitle: "milliseconds",
    xs: [1, 10, 100, 1000],
    measure: async (site, count) => {
      const stream = await newStream(site, 4)
      await makeStream(site.controller, `${stream}-copy`, 4)
      const figures = await site.client.ask(`batches count=${count} events=100 size=100 stream=${stream}`, 300)
      return { "the last batch": figures["lastMs"]!, "opening the query": figures["openMs"]! }
    }
  }
]

/** A point that takes longer is the last of its axis. */
const longestSeconds = 40

const along = async (bench: Bench, growth: Growth): Promise<void> => {
  const { measure, name, title, xTitle, yTitle } = growth
  const series = new Map<string, Array<readonly [number, number]>>()
  for (const x of bench.isQuick ? growth.xs.slice(0, 3) : growth.xs) {
    const started = performance.now()
    // a server of its own: what came before must not weigh on it
    const server: EmbeddedServer = await startEmbedded({ keepsData: true })
    const client = new PeerProcess(bench.peers.at(-1)!.program, server.controller)
    try {
      const site = { controller: server.controller, client }
      await writeAndRead(site, { events: 20_000, segments: 4, size: 100 })
      for (const [subject, y] of Object.entries(await measure(site, x))) {
        series.set(subject, [...(series.get(subject) ?? []), [Math.max(1, x), y]])
        bench.record({
          row: `${x.toLocaleString("en")} ${xTitle.split(" ")[0]}`,
          subject,
          round: 0,
          figures: { [name]: y }
        })
      }
    } catch (cause) {
      bench.failed(`${title}, ${x}`, "effect-pravega", cause)
    } finally {
      await client.stop()
      await server.stop()
    }
    if ((performance.now() - started) / 1000 > longestSeconds) break
  }
  const all: ReadonlyArray<Series> = Array.from(series, ([subject, points]) => ({ name: subject, points }))
  if (bench.isQuick || all.every(({ points }) => points.length < 2)) return
  mkdirSync(plots, { recursive: true })
  writeFileSync(join(plots, `${name}.svg`), plot({ title, xTitle, yTitle, series: all }))
  for (const one of all) bench.remark(`![${title}](plots/${name}.svg) ${slopeText(one)}.`)
}

export const growth: Case = {
  name: "growth",
  title: "How cost grows",
  does:
    "On the embedded server in a directory, a new one for each point, with our client. Slopes are those of the last four " +
    "points on logarithmic axes: 1 is in proportion, 0 not at all.",
  doesNotShow: "the real server; state that a query's process keeps; several rounds: one point is one measurement.",
  metrics: growths.map(({ name, title, yTitle }) => ({ title: `${title}: ${yTitle}`, of: (f) => f[name], digits: 2 })),
  seconds: 300,
  isExtra: true,
  run: async (bench) => {
    for (const round of bench.rounds()) {
      if (round > 0) return
      for (const one of growths) await along(bench, one)
    }
  }
}
