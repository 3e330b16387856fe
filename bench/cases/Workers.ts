/** A query whose process takes its time, in fibers of one process and in worker threads. */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { startEmbedded } from "../EmbeddedServer.ts"
import { type Case, eventsPerSecond } from "./Case.ts"

const run = promisify(execFile)

const subjects = [["fibers of the process", 0], ["1 thread", 1], ["2 threads", 2], ["4 threads", 4]] as const

export const workers: Case = {
  name: "workers",
  title: "Worker threads",
  does:
    "A query from 8 segments to 8 segments of the embedded server, which is a process of its own, exactly once. Each event " +
    "costs some 30 microseconds of hashing. Its parts are processed by fibers of the query's process, or by worker threads.",
  doesNotShow: "runners of a cluster; pipelines that wait for Pravega most of the time. Starting is not counted.",
  metrics: [
    eventsPerSecond,
    {
      title: "CPU microseconds per event",
      of: ({ cpuSeconds = Number.NaN, events = Number.NaN }) => cpuSeconds * 1e6 / events,
      better: "less",
      digits: 1
    }
  ],
  ratios: [{ title: "2 threads to fibers", of: "2 threads", to: ["fibers of the process"] }],
  needsClients: false,
  isExtra: true,
  seconds: 60,
  run: async (bench) => {
    const events = bench.isQuick ? 40_000 : 200_000
    for (const round of bench.rounds()) {
      for (const [subject, threads] of subjects) {
        const server = await startEmbedded({ keepsData: false })
        try {
          const program = join(import.meta.dirname, "../workers/process.ts")
          const { stdout } = await run(process.execPath, ["--conditions=source", program, `${threads}`, `${events}`], {
            env: { ...process.env, PRAVEGA_CONTROLLER: server.controller }
          })
          const figures: Record<string, number> = JSON.parse(stdout.trim().split("\n").at(-1) ?? "")
          bench.record({ row: `${events.toLocaleString("en")} events of 30 us`, subject, round, figures })
        } catch (cause) {
          bench.failed("workers", subject, cause)
        } finally {
          await server.stop()
        }
      }
    }
  }
}
