/**
 * Nexmark's queries, from events that the process makes itself to results that it counts: ours as exactly-once queries, beside
 * Apache Flink on the same events, if its program is there: NEXMARK_FLINK names a folder whose `run.sh QUERY --events N
 * --backend hashmap|rocksdb --checkpoint MS --parallelism N` prints what it took as a line of JSON.
 */
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import * as Digest from "../../examples/nexmark/Digest.ts"
import { queries } from "../../examples/nexmark/Queries.ts"
import type { Bench, Case } from "./Case.ts"

const run = promisify(execFile)

/** What a run took, whoever ran it. */
interface Took {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakMiB: number
  readonly outputs: number
  readonly digest: number
}

interface Subject {
  readonly title: string
  readonly knows: (query: string) => boolean
  readonly run: (query: string, events: number) => Promise<Took>
}

const last = (text: string): Record<string, number> => JSON.parse(text.trim().split("\n").at(-1) ?? "")

const ours: Subject = {
  title: "effect-pravega",
  knows: () => true,
  run: async (query, events) => {
    const folder = mkdtempSync(join(tmpdir(), "nexmark-"))
    try {
      const program = join(import.meta.dirname, "../nexmarkProcess.ts")
      const { stdout } = await run(process.execPath, ["--conditions=source", program, query, String(events), folder])
      const { cpuSeconds = 0, digest = 0, outputs = 0, peakMiB = 0, seconds = 0 } = last(stdout)
      return { seconds, cpuSeconds, peakMiB, outputs, digest }
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
}

const flink = (folder: string, backend: "hashmap" | "rocksdb"): Subject => ({
  title: `Flink, ${backend === "hashmap" ? "heap" : "RocksDB"}`,
  knows: (query) => query in Digest.hashes,
  run: async (query, events) => {
    const options = ["--backend", backend, "--checkpoint", "1000", "--parallelism", "1"]
    const { stdout } = await run(join(folder, "run.sh"), [query, "--events", String(events), ...options])
    const { cpuS = 0, digest = 0, outputs = 0, peakMiB = 0, seconds = 0 } = last(stdout)
    return { seconds, cpuSeconds: cpuS, peakMiB, outputs, digest }
  }
})

/** Ours tells of each batch what is the last bid now, Flink each bid: other results, the same meaning. */
const tellsLess = (query: string, subject: Subject): boolean => query === "q18" && subject === ours

const check = (query: string, events: number, subject: Subject, { digest, outputs }: Took): void => {
  const known = Object.entries(Digest.known[events] ?? {}).find(([name]) => name === query)?.[1]
  if (known === undefined || tellsLess(query, subject)) return
  if (known.digest !== digest || known.outputs !== outputs) {
    throw new Error(`${outputs} results with the digest ${digest}, not ${known.outputs} with ${known.digest}`)
  }
}

const measure = async (bench: Bench, subject: Subject, query: string, round: number, events: number) => {
  try {
    const took = await subject.run(query, events)
    check(query, events, subject, took)
    const { cpuSeconds, peakMiB, seconds } = took
    bench.record({ row: query, subject: subject.title, round, figures: { events, seconds, cpuSeconds, peakMiB } })
  } catch (cause) {
    bench.failed(query, subject.title, cause)
  }
}

const quick = ["q0", "q4", "q5", "q11"]

const per = (seconds: "seconds" | "cpuSeconds") => (figures: Readonly<Record<string, number>>) =>
  (figures["events"] ?? Number.NaN) / (figures[seconds] ?? Number.NaN) / 1000

export const nexmark: Case = {
  name: "nexmark",
  title: "Nexmark",
  does:
    "The queries of `docs/nexmark.md` over 2,000,000 events, each in a process of its own that makes the events itself, counts " +
    "and hashes the results, and throws them away. Log and state are files, synced for each batch of 50,000 events; " +
    "Flink makes a checkpoint each second, in one task slot. Results are compared by their digests.",
  doesNotShow:
    "sources and sinks outside the process, latency, recovery. Starting is not counted, for neither; what compilers take while a " +
    "query runs is, for both. q4 is the winning bids that its averages are of. q18 gives what is the last bid after each batch; " +
    "Flink's gives each bid.",
  metrics: [
    { title: "Thousand events per CPU second", of: per("cpuSeconds"), better: "more" },
    { title: "Thousand events per second", of: per("seconds"), better: "more" },
    { title: "Peak memory, MiB", of: (figures) => figures["peakMiB"], better: "less" }
  ],
  needsClients: false,
  isExtra: true,
  seconds: 900,
  run: async (bench) => {
    const folder = process.env["NEXMARK_FLINK"] ?? ""
    const subjects = folder === "" ? [ours] : [flink(folder, "hashmap"), flink(folder, "rocksdb"), ours]
    if (folder === "") bench.remark("Flink was left out: NEXMARK_FLINK does not say where its program is.")
    const events = bench.isQuick ? 200_000 : 2_000_000
    for (const round of bench.rounds()) {
      for (const query of Object.keys(queries)) {
        if (bench.isQuick && !quick.includes(query)) continue
        for (const subject of subjects) {
          if (subject.knows(query)) await measure(bench, subject, query, round, events)
        }
      }
    }
  }
}
