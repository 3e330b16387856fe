/**
 * `npm run mutate`: small changes to the protocol's files, one at a time, and whether a test notices. What nobody notices
 * is printed: a test that is missing, or a change that makes no difference and is named in `equivalences.ts`.
 */
import { spawnSync } from "node:child_process"
import { existsSync, globSync, readFileSync, rmSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { type Equivalence, equivalences } from "./equivalences.ts"
import { protocolFiles, testsOf } from "./rooms.ts"

const usage = `npm run mutate -- [FILES...] [options]: what no test would notice

FILES are globs, with lines if need be (src/a.ts:10-20); default: the protocol and the writers (rooms.ts), which takes hours.

  --workers N    mutants at a time (default 1)
  --tests PATHS  the tests that should notice, separated by commas (default: those of the files' rooms)

Prints each survivor with its file, line and change; ends with 1 if there was one.`

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: "boolean", short: "h", default: false },
    workers: { type: "string", default: "1" },
    tests: { type: "string" }
  }
})

interface Mutant {
  readonly mutatorName: string
  readonly replacement?: string
  readonly status: string
  readonly location: { readonly start: Place; readonly end: Place }
}

/** Both from 1. */
interface Place {
  readonly line: number
  readonly column: number
}

/** What Stryker leaves: https://github.com/stryker-mutator/mutation-testing-elements, its schema of reports. */
interface Report {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: ReadonlyArray<Mutant> }>>
}

interface Change {
  readonly file: string
  readonly line: number
  readonly original: string
  readonly replacement: string
  readonly status: string
}

const here = fileURLToPath(new URL(".", import.meta.url))
const root = fileURLToPath(new URL("../..", import.meta.url))
const report = `${root}.mutants/report.json`

const run = (command: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}): number =>
  spawnSync(command, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } }).status ?? 1

/** Its packages are many, and nothing else needs them: they come when they are asked for. */
const install = (): number =>
  existsSync(`${here}node_modules/@stryker-mutator/core`)
    ? 0
    : run("npm", ["ci", "--prefix", "test/mutation", "--no-audit", "--no-fund", "--loglevel=error"])

const textOf = (source: string, { end, start }: Mutant["location"]): string => {
  const lines = source.split("\n").slice(start.line - 1, end.line)
  const last = lines.length - 1
  lines[last] = lines[last]!.slice(0, end.column - 1)
  lines[0] = lines[0]!.slice(start.column - 1)
  return lines.join("\n")
}

const changesOf = ({ files }: Report): ReadonlyArray<Change> =>
  Object.entries(files).flatMap(([file, { mutants, source }]) =>
    mutants.map(({ location, replacement = "", status }) => ({
      file,
      line: location.start.line,
      original: textOf(source, location),
      replacement,
      status
    }))
  )

const flat = (text: string): string => text.replaceAll(/\s+/g, " ").trim()

const isNamed = (change: Change, { file, original, replacement }: Equivalence): boolean =>
  change.file === file && flat(change.original) === flat(original) &&
  (replacement === undefined || flat(change.replacement) === flat(replacement))

const cut = (text: string): string => (text.length > 160 ? `${text.slice(0, 160)}...` : text)

const tell = (changes: ReadonlyArray<Change>): number => {
  const isAlive = ({ status }: Change) => status === "Survived" || status === "NoCoverage"
  const alive = changes.filter(isAlive)
  const survivors = alive.filter((change) => !equivalences.some((named) => isNamed(change, named)))
  for (const { file, line, original, replacement, status } of survivors) {
    console.log(`${file}:${line}: ${status === "NoCoverage" ? "no test runs it" : "survives"}`)
    console.log(`  - ${cut(flat(original))}\n  + ${cut(flat(replacement))}`)
  }
  const files = new Set(changes.map(({ file }) => file))
  // with lines given, what is elsewhere in the file was not tried
  const isWhole = !positionals.some((pattern) => /:\d/.test(pattern))
  const idle = equivalences.filter((named) =>
    isWhole && files.has(named.file) && !alive.some((change) => isNamed(change, named))
  )
  for (const { file, original } of idle) {
    console.log(`equivalences.ts: ${file}: no survivor is "${cut(flat(original))}"`)
  }
  const invalid = changes.filter(({ status }) =>
    status !== "Killed" && status !== "Timeout" && !isAlive({ ...none, status })
  )
  console.log(
    `${files.size} files, ${changes.length} mutants: ${changes.length - alive.length - invalid.length} noticed, ${
      alive.length - survivors.length
    } equivalent, ${invalid.length} that can't run, ${survivors.length} survivors`
  )
  return survivors.length + idle.length === 0 ? 0 : 1
}

const none: Change = { file: "", line: 0, original: "", replacement: "", status: "" }

const main = (): number => {
  const patterns = positionals.length > 0 ? positionals : protocolFiles
  const files = globSync(patterns.map((pattern) => pattern.replace(/:\d[\d:-]*$/, "")), { cwd: root })
  const tests = values.tests?.split(",") ?? testsOf(files)
  if (files.length === 0) throw new RangeError(`no file is ${patterns.join(", ")}`)
  if (tests.length === 0) throw new RangeError("no tests are known for these files: name some with --tests")
  const installed = install()
  if (installed !== 0) return installed
  rmSync(report, { force: true })
  const stryker = `${here}node_modules/@stryker-mutator/core/bin/stryker.js`
  const status = run(process.execPath, [
    stryker,
    "run",
    "test/mutation/stryker.config.json",
    "--mutate",
    patterns.join(","),
    "--concurrency",
    values.workers
  ], { MUTATION_TESTS: tests.join(",") })
  if (!existsSync(report)) return status === 0 ? 1 : status
  // what Stryker writes, in its own schema
  const read: Report = JSON.parse(readFileSync(report, "utf8"))
  return tell(changesOf(read))
}

if (values.help) console.log(usage)
else process.exitCode = main()
