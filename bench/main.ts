/** The benchmark: our client beside others on one real Pravega, in turn, in one run. See `npm run bench -- --help`. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { batchRead } from "./cases/BatchRead.ts"
import type { Bench, Case, Measured, PreparedPeer } from "./cases/Case.ts"
import { codecs } from "./cases/Codec.ts"
import { copy } from "./cases/Copy.ts"
import { embedded } from "./cases/Embedded.ts"
import { groupRead } from "./cases/GroupRead.ts"
import { growth } from "./cases/Growth.ts"
import { latency } from "./cases/Latency.ts"
import { nexmark } from "./cases/Nexmark.ts"
import { start } from "./cases/Start.ts"
import { through } from "./cases/Through.ts"
import { transactions } from "./cases/Transactions.ts"
import { workers } from "./cases/Workers.ts"
import { write } from "./cases/Write.ts"
import { ours } from "./peers/EffectPravega.ts"
import { java } from "./peers/Java.ts"
import { isLeftOut } from "./peers/Peer.ts"
import { python } from "./peers/Python.ts"
import { rust } from "./peers/Rust.ts"
import { RealServer } from "./RealServer.ts"
import { loadAll, machineText, type Outcome, save } from "./report/Outcome.ts"
import { results, section } from "./report/Results.ts"

const cases: ReadonlyArray<Case> = [
  write,
  transactions,
  batchRead,
  groupRead,
  latency,
  copy,
  through,
  start,
  embedded,
  codecs,
  growth,
  nexmark,
  workers
]
/** Ours last. */
const peers = [java, rust, python, ours]
const order = peers.map(({ title }) => title)
const roundsMaximum = 3

const help = `npm run bench -- [--quick] [--only CASE,...] [--resume] [--rounds N] [--json FILE]

Starts a real Pravega, builds the Java, Rust and Python clients' programs (one whose tools are missing is left out), and
runs them and ours in turn. Prints tables. What a case measured is kept in bench/results, from which bench/RESULTS.md is
written anew after each case: a run that was interrupted loses only the case that it was in.

  --quick      the most telling rows of each case, once: 2 minutes. Keeps nothing
  --only       some cases: ${cases.map(({ isExtra, name }) => isExtra ? `${name} (else left out)` : name).join(", ")}
  --resume     leaves out the cases that were measured within the last hour
  --rounds N   of each case at most, as far as its share of 15 minutes goes; at least 1 (${roundsMaximum})
  --json FILE  everything that was measured, too`

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    resume: { type: "boolean", default: false },
    rounds: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean", short: "h", default: false }
  }
})

const chosenCases = (): ReadonlyArray<Case> => {
  const names = options.only?.split(",")
  const unknown = names?.filter((name) => !cases.some((kase) => kase.name === name)) ?? []
  if (unknown.length > 0) throw new Error(`no such case: ${unknown.join(", ")}`)
  const known = loadAll()
  const isFresh = (name: string) => Date.now() - Date.parse(known.get(name)?.date ?? "1970-01-01") < 3_600_000
  return cases.filter(({ isExtra, name }) =>
    (names?.includes(name) ?? isExtra !== true) && !(options.resume && isFresh(name))
  )
}

const runCase = async (kase: Case, bench: Pick<Bench, "peers" | "server">, leftOut: ReadonlyArray<string>) => {
  const measured: Array<Measured> = []
  const remarks: Array<string> = []
  const failures: Array<string> = []
  let rounds = 0
  const started = performance.now()
  const hasTime = () => {
    const seconds = (performance.now() - started) / 1000
    return seconds + seconds / rounds <= kase.seconds
  }
  const most = options.quick ? 1 : Number(options.rounds ?? roundsMaximum)
  await kase.run({
    ...bench,
    isQuick: options.quick,
    rounds: function*() {
      while (rounds === 0 || (rounds < most && hasTime())) yield rounds++
    },
    record: (one) => {
      measured.push(one)
      const first = kase.metrics.map((metric) => metric.of(one.figures)).find(Number.isFinite) ?? Number.NaN
      console.log(`${kase.name} | ${one.row} | ${one.subject} | ${first.toPrecision(5)}`)
    },
    remark: (text) => remarks.push(text),
    failed: (row, subject, cause) => {
      const said = (cause instanceof Error ? cause.message : String(cause)).split("\n").filter((line) => line !== "")
      const why = said.slice(0, 2).join(" ").slice(0, 200)
      failures.push(`${subject}, ${row}: ${why}`)
      console.error(`${kase.name} | ${row} | ${subject} | FAILED`, cause)
    }
  })
  const outcome: Outcome = {
    case: kase.name,
    date: new Date().toISOString(),
    command: ["npm run bench --", ...process.argv.slice(2)].join(" ").replace(/ --$/, ""),
    machine: machineText(),
    node: process.version,
    rounds,
    leftOut,
    remarks,
    failures,
    measured
  }
  return outcome
}

const main = async (): Promise<number> => {
  if (options.help) {
    console.log(help)
    return 0
  }
  const chosen = chosenCases()
  const prepared: Array<PreparedPeer> = []
  const leftOut: Array<string> = []
  // a case by itself does not wait until the others' clients are built
  for (const peer of chosen.some(({ needsClients }) => needsClients !== false) ? peers : []) {
    console.log(`preparing: ${peer.title}`)
    const program = await peer.prepare()
    if (isLeftOut(program)) leftOut.push(`${peer.title}, ${program.why}`)
    else prepared.push({ peer, program })
  }
  for (const text of leftOut) console.log(`left out: ${text}`)
  const server = new RealServer()
  const outcomes: Array<Outcome> = []
  let failed = 0
  try {
    for (const kase of chosen) {
      const started = performance.now()
      try {
        const outcome = await runCase(kase, { peers: prepared, server }, leftOut)
        outcomes.push(outcome)
        failed += outcome.failures.length
        console.log(`\n${section(kase, outcome, { order, ours: ours.title })}\n`)
        if (!options.quick) {
          save(outcome)
          const all = { cases, outcomes: loadAll(), order, ours: ours.title }
          writeFileSync(join(import.meta.dirname, "RESULTS.md"), results(all))
        }
      } catch (cause) {
        // the next case starts with a server of its own
        failed++
        console.error(`${kase.name} FAILED`, cause)
        await server.stop()
      }
      console.log(`${kase.name}: ${Math.round((performance.now() - started) / 1000)} s`)
    }
  } finally {
    await server.stop()
  }
  if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(outcomes, null, 2))
  return failed === 0 ? 0 : 1
}

process.exitCode = await main().catch((cause: unknown) => {
  console.error(cause instanceof Error ? cause.message : cause)
  return 1
})
