/**
 * The benchmark: our client beside the Java client on one real Pravega, in turn, in one run. See `npm run bench -- --help`.
 */
import { Admin, Pravega, ScalingPolicy, StreamConfiguration } from "effect-pravega"
import { ScopedStream, ScopeName } from "effect-pravega"
import * as Effect from "effect/Effect"
import { spawn, spawnSync } from "node:child_process"
import { existsSync, writeFileSync } from "node:fs"
import { cpus, homedir, release, totalmem } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { startStandalone } from "../test/real/standalone.ts"

const help = `npm run bench -- [--quick] [--only write,batch] [--rounds N] [--json FILE]

Starts a real Pravega, builds the Java client's program (needs Java 11 and Maven; without them only ours runs), and runs
the two in turn, a fresh process each time, three passes in each. Prints a table; without --quick or --only it also
writes bench/RESULTS.md.`

interface Pass {
  readonly pass: number
  readonly events: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly maxRssMiB: number
}

interface Case {
  readonly kind: "write" | "batch"
  readonly size: number
  readonly segments: number
  readonly events: number
}

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "write,batch" },
    rounds: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean", short: "h", default: false }
  }
})
const rounds = Number(options.rounds ?? (options.quick ? 1 : 3))
const events = options.quick ? 50_000 : 100_000
const passes = 3
const cases: ReadonlyArray<Case> = [
  { kind: "write" as const, size: 1024, segments: 1, events },
  { kind: "write" as const, size: 1024, segments: 4, events },
  { kind: "batch" as const, size: 1024, segments: 4, events }
].filter((kase) => options.only.split(",").includes(kase.kind))

const here = fileURLToPath(new URL(".", import.meta.url))
const javaHome = join(homedir(), ".cache/effect-pravega/bench-java")

/** The class path of the Java program, compiled once into the cache; undefined when there is no Java or Maven. */
const buildJava = (): string | undefined => {
  const has = (tool: string, flag: string) => spawnSync(tool, [flag], { stdio: "ignore" }).status === 0
  if (!has("java", "-version") || !has("mvn", "-version")) return undefined
  const goals = [
    "compile",
    "dependency:copy-dependencies",
    `-DoutputDirectory=${javaHome}/lib`,
    "-DincludeScope=runtime"
  ]
  const mvn = ["-q", "-B", "-f", join(here, "peers/java/pom.xml"), `-Dout=${javaHome}`, ...goals]
  if (!existsSync(join(javaHome, "classes/peers/Bench.class"))) spawnSync("mvn", mvn, { stdio: "inherit" })
  return `${javaHome}/classes:${javaHome}/lib/*`
}

const run = (command: string, args: ReadonlyArray<string>): Promise<Array<Pass>> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] })
    let text = ""
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk
    })
    child.on("error", reject)
    child.on("close", (code) => {
      if (code !== 0) return reject(new Error(`${command} ended with ${code}`))
      resolve(text.trim().split("\n").map((line): Pass => JSON.parse(line)))
    })
  })

const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

const rate = (pass: Pass) => pass.events / pass.seconds
const spread = (values: ReadonlyArray<number>) =>
  `${Math.round(median(values)).toLocaleString("en")} (${Math.round(Math.min(...values)).toLocaleString("en")}..${
    Math.round(Math.max(...values)).toLocaleString("en")
  })`

const makeStream = (controller: string, scope: string, name: string, segments: number) =>
  Effect.gen(function*() {
    yield* Admin.createScope(ScopeName.make(scope))
    yield* Admin.createStream(
      ScopedStream.parse(`${scope}/${name}`),
      StreamConfiguration.make({ scaling: ScalingPolicy.fixed(segments) })
    )
  }).pipe(Effect.provide(Pravega.layer({ controller })), Effect.runPromise)

const main = async () => {
  if (options.help) return console.log(help)
  const classPath = buildJava()
  if (classPath === undefined) console.log("the Java client is left out: no java or mvn on PATH")
  const results = new Map<string, { readonly kase: Case; readonly java: Array<Pass>; readonly ours: Array<Pass> }>()
  for (let round = 0; round < rounds; round++) {
    // a standalone keeps all it is given in its heap: a fresh one for each round
    const server = await startStandalone({ heapMiB: 6144, cacheMiB: 2048 })
    try {
      const scope = `bench${round}`
      let n = 0
      const once = async (kase: Case, peer: "java" | "ours", stream: string) => {
        const args = [server.controller, scope, stream, kase.kind, `${kase.events}`, `${kase.size}`, `${passes}`]
        return peer === "java"
          ? run("java", ["-Xmx1g", "-cp", classPath ?? "", "peers.Bench", ...args])
          : run(process.execPath, ["--conditions=source", join(here, "peers/effect-pravega.ts"), ...args])
      }
      for (const kase of cases) {
        const key = `${kase.kind} ${kase.size} B, ${kase.segments} segment${kase.segments > 1 ? "s" : ""}`
        const row = results.get(key) ?? { kase, java: [], ours: [] }
        results.set(key, row)
        let filled: string | undefined
        for (const peer of ["java", "ours"] as const) {
          if (peer === "java" && classPath === undefined) continue
          let stream = filled
          if (stream === undefined) {
            stream = `s${n++}`
            await makeStream(server.controller, scope, stream, kase.segments)
            if (kase.kind === "batch") {
              await run(process.execPath, [
                "--conditions=source",
                join(here, "peers/effect-pravega.ts"),
                server.controller,
                scope,
                stream,
                "write",
                `${kase.events}`,
                `${kase.size}`,
                "1"
              ])
              filled = stream
            }
          }
          const done = await once(kase, peer, stream)
          row[peer].push(...done)
          console.log(
            `round ${round + 1}: ${key}, ${peer}: ${done.map((pass) => Math.round(rate(pass))).join(", ")} events/s`
          )
        }
      }
    } finally {
      await server.stop({ force: true })
    }
  }
  report(results, classPath !== undefined)
}

const report = (
  results: ReadonlyMap<string, { readonly kase: Case; readonly java: Array<Pass>; readonly ours: Array<Pass> }>,
  withJava: boolean
) => {
  const cell = (passes: ReadonlyArray<Pass>) => passes.length === 0 ? "-" : spread(passes.map(rate))
  const cold = (passes: ReadonlyArray<Pass>) => passes.filter((pass) => pass.pass === 0)
  const warm = (passes: ReadonlyArray<Pass>) => passes.filter((pass) => pass.pass > 0)
  const ratio = (ours: ReadonlyArray<Pass>, java: ReadonlyArray<Pass>) =>
    java.length === 0 ? "-" : (median(ours.map(rate)) / median(java.map(rate))).toFixed(2)
  const lines = ["| case | Java client 0.13.0 | effect-pravega | ratio |", "| --- | --- | --- | --- |"]
  for (const [key, { java, ours }] of results) {
    for (const [name, pick] of [["first pass", cold], ["later passes", warm]] as const) {
      lines.push(`| ${key}, ${name} | ${cell(pick(java))} | ${cell(pick(ours))} | ${ratio(pick(ours), pick(java))} |`)
    }
  }
  for (const [key, { java, ours }] of results) {
    const cpu = (passes: ReadonlyArray<Pass>) =>
      passes.length === 0 ? "-" : median(warm(passes).map((pass) => pass.cpuSeconds * 100_000 / pass.events)).toFixed(2)
    const rss = (passes: ReadonlyArray<Pass>) => passes.length === 0 ? "-" : Math.max(...passes.map((p) => p.maxRssMiB))
    lines.push(`| ${key}: CPU s per 100,000 events, later passes | ${cpu(java)} | ${cpu(ours)} | |`)
    lines.push(`| ${key}: peak memory, MiB | ${rss(java)} | ${rss(ours)} | |`)
  }
  const table = lines.join("\n")
  console.log(`\n${table}`)
  if (options.json !== undefined) writeFileSync(options.json, JSON.stringify([...results.values()], null, 2))
  if (options.quick || options.only !== "write,batch") return
  writeFileSync(join(here, "RESULTS.md"), results_md(table, withJava))
}

const results_md = (table: string, withJava: boolean): string =>
  `# Results

Events per second: median (least..most) over ${rounds} rounds. Written by \`npm run bench\` on ${
    new Date().toISOString().slice(0, 10)
  }.

Machine: ${cpus().length} x ${cpus()[0]?.model ?? "unknown CPU"}, ${
    Math.round(totalmem() / 2 ** 30)
  } GiB, Linux ${release()},
Node ${process.version}. Server: Pravega 0.13.0 standalone (in memory, one container, 6 GiB heap) on the same cores.${
    withJava ? "" : " The Java client was left out."
  }

${table}

Writes: ${events.toLocaleString("en")} events with keys k0..k999 at random, as many in flight as the client allows, all
acknowledgements awaited. Batch reads: the whole stream, four segments at a time. Each round runs the two clients in turn,
each in a fresh process that does the case three times; the first pass of the Java client has a cold JVM, ours a cold V8.

What this does not show: latency; other event sizes and numbers of segments; a server on other machines, where the network
and not the two cores that client and server share here would be the limit; the Rust client.
`

await main()
