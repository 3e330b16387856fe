/** The swarm, outside of a test runner, for as long as one likes. */
import { fork } from "node:child_process"
import { appendFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { count, describeKinds, describeTally, explain, noTally, type Tally, tooRare } from "./Swarm.ts"

const usage = `npm run soak -- [options]: simulated histories of crashes and faults

  --seeds N     how many histories (default 1000)
  --from N      the first seed (default 0)
  --workers N   processes that share them (default 1)
  --keep FILE   where seeds that fail are kept (default failed-seeds.txt)

Prints how far it is, and each seed that fails with what it violates; ends with 1 if there was one.
SIMULATION_SEED=N npx vitest run test/simulation shows a seed's history.`

const { values } = parseArgs({
  options: {
    help: { type: "boolean", short: "h", default: false },
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "0" },
    workers: { type: "string", default: "1" },
    keep: { type: "string", default: "failed-seeds.txt" },
    part: { type: "string" }
  }
})
const [seeds, from, workers] = [values.seeds, values.from, values.workers].map(Number) as [number, number, number]
if (![seeds, from, workers].every((value) => Number.isSafeInteger(value) && value >= 0) || workers < 1) {
  throw new RangeError("--seeds, --from and --workers must be whole numbers")
}

/** How many seeds a worker runs between two reports. */
const reported = 250

type Report =
  | { readonly _tag: "progress"; readonly tally: Tally }
  | { readonly _tag: "failure"; readonly seed: number; readonly text: string }

/** A worker: every so-many-th seed. */
const work = async (part: number): Promise<void> => {
  const send = (report: Report) => process.send?.(report)
  let tally = noTally()
  let failures = 0
  for (let seed = from + part; seed < from + seeds; seed += workers) {
    const failed = await count(tally, seed)
    if (failed !== undefined) {
      // one is made smaller: where many fail, they fail alike
      const text = failures++ === 0 ? await explain(seed) : `seed ${seed}: ${failed.violations.join("; ")}`
      send({ _tag: "failure", seed, text })
    }
    if (tally.histories === reported) {
      send({ _tag: "progress", tally })
      tally = noTally()
    }
  }
  send({ _tag: "progress", tally })
  process.disconnect()
}

const add = (to: Tally, tally: Tally): void => {
  const { kinds, ...counts } = tally
  for (const [kind, count] of Object.entries(kinds)) to.kinds[kind] = (to.kinds[kind] ?? 0) + count
  for (const [name, value] of Object.entries(counts)) to[name as keyof typeof counts] += value
}

const lead = (): void => {
  const total = noTally()
  const begun = performance.now()
  let failures = 0
  let told = 0
  const onReport = (report: Report): void => {
    if (report._tag === "failure") {
      failures++
      appendFileSync(values.keep, `${report.seed}\n`)
      return console.log(report.text)
    }
    add(total, report.tally)
    total.realMillis = performance.now() - begun
    if (total.realMillis - told < 10_000) return
    told = total.realMillis
    console.log(describeTally(total))
  }
  const file = fileURLToPath(import.meta.url)
  const running = Array.from({ length: workers }, (_, part) =>
    new Promise<number>((resolve) => {
      const child = fork(file, [...process.argv.slice(2), "--part", `${part}`])
      child.on("message", (report: Report) => onReport(report))
      child.on("exit", (code) => resolve(code ?? 1))
    }))
  void Promise.all(running).then((codes) => {
    total.realMillis = performance.now() - begun
    console.log(`drawn: ${describeKinds(total)}`)
    const isWhole = codes.every((code) => code === 0)
    console.log(`${describeTally(total)}; ${failures} seeds failed${isWhole ? "" : "; a worker died"}`)
    // fewer histories say little of how often something is drawn
    const rare = seeds >= 5000 ? tooRare(total) : []
    if (rare.length > 0) console.log(`drawn in less than one history of a hundred: ${rare.join(", ")}`)
    process.exitCode = isWhole && failures === 0 && rare.length === 0 ? 0 : 1
  })
}

if (values.help) console.log(usage)
else if (values.part === undefined) lead()
else await work(Number(values.part))
