/** What a new process costs: time until its first event, and memory. */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { PeerProcess } from "../peers/PeerProcess.ts"
import { peakMiBOf } from "../ProcessUse.ts"
import type { Bench, Case, PreparedPeer } from "./Case.ts"

const events = 60_000
const size = 1024
const stream = "start"

interface Row {
  readonly label: string
  /** On a stream with enough events. */
  readonly first: string
  /** In the same process. */
  readonly many: string
}

const rows: ReadonlyArray<Row> = [
  {
    label: "writing",
    first: `write events=1 size=${size} stream=`,
    many: `write events=${events} size=${size} stream=`
  },
  {
    label: "reading with a reader group",
    first: "group events=1 readers=1 stream=",
    many: `group events=${events} readers=1 stream=`
  }
]

const measure = async (bench: Bench, round: number, row: Row, { peer, program }: PreparedPeer): Promise<void> => {
  const name = await bench.server.stream(stream, 4, async (empty) => {
    const filler = bench.server.process(bench.peers.at(-1)!.program)
    await filler.ask(`write events=${events} size=${size} stream=${empty}`, 60)
  })
  const started = performance.now()
  const fresh = new PeerProcess(program, bench.server.controller)
  try {
    await fresh.ask(row.first + name, 60)
    const firstMs = performance.now() - started
    await fresh.ask(row.many + name, 60)
    bench.record({ row: row.label, subject: peer.title, round, figures: { firstMs, peakMiB: peakMiBOf(fresh.pid!) } })
  } finally {
    await fresh.stop()
  }
}

const importing = "const t = performance.now(); await import('effect-pravega'); console.log(performance.now() - t)"

const measureImport = (bench: Bench, round: number): void => {
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", importing], {
    cwd: join(import.meta.dirname, "../.."),
    encoding: "utf8"
  })
  const subject = bench.peers.at(-1)!.peer.title
  bench.record({ row: "import of the library", subject, round, figures: { firstMs: Number(stdout) } })
}

export const start: Case = {
  name: "start",
  title: "Start and memory",
  does:
    "A new process for each measurement: from its start to the answer to its first command, which writes one event " +
    "and has its acknowledgement, or makes a reader group and has read the first event; and its peak memory (VmHWM) when " +
    `it has then written, or read, ${events.toLocaleString("en")} events of 1 KiB. Java with a heap of at most 1 GiB.`,
  doesNotShow:
    "memory of processes that run for days; a JVM with a smaller heap, which would take less and collect more.",
  metrics: [
    {
      title: "Milliseconds to the first event",
      of: (f) => f["firstMs"],
      better: "less"
    },
    { title: "Peak memory, MiB", of: (f) => f["peakMiB"], better: "less" }
  ],
  seconds: 40,
  run: async (bench) => {
    await bench.server.withRoom(events * size * 20)
    for (const round of bench.rounds()) {
      measureImport(bench, round)
      for (const row of rows) {
        for (let turn = 0; turn < bench.peers.length; turn++) {
          const prepared = bench.peers[(turn + round) % bench.peers.length]!
          try {
            await measure(bench, round, row, prepared)
          } catch (cause) {
            bench.failed(row.label, prepared.peer.title, cause)
          }
        }
      }
    }
  }
}
