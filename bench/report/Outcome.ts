/** What a case measured, with what it was measured on: kept in bench/results, from which RESULTS.md is written. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { cpus, release, totalmem } from "node:os"
import { join } from "node:path"
import type { Measured } from "../cases/Case.ts"

export interface Outcome {
  readonly case: string
  /** ISO 8601. */
  readonly date: string
  readonly command: string
  readonly machine: string
  readonly node: string
  readonly rounds: number
  /** Peers that could not be run, and why. */
  readonly leftOut: ReadonlyArray<string>
  /** What is to be said beside the figures. */
  readonly remarks?: ReadonlyArray<string> | undefined
  /** Measurements that failed. */
  readonly failures: ReadonlyArray<string>
  readonly measured: ReadonlyArray<Measured>
}

export const machineText = (): string =>
  `${cpus().length} x ${cpus()[0]?.model.trim() ?? "unknown CPU"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
  `Linux ${release().split("-")[0]}`

const folder = join(import.meta.dirname, "..", "results")

export const save = (outcome: Outcome): void => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${outcome.case}.json`), encode(outcome))
}

/** One measurement a line: so that a change of one is a change of a line. */
const encode = ({ measured, ...rest }: Outcome): string => {
  const head = JSON.stringify(rest).slice(0, -1)
  return `${head},"measured":[\n${measured.map((one) => JSON.stringify(rounded(one))).join(",\n")}\n]}\n`
}

const rounded = ({ figures, ...rest }: Measured) => ({
  ...rest,
  figures: Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, Number(value.toPrecision(6))])
  )
})

/** By case. */
export const loadAll = (): ReadonlyMap<string, Outcome> => {
  mkdirSync(folder, { recursive: true })
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"))
  const outcomes = files.map((name): Outcome => JSON.parse(readFileSync(join(folder, name), "utf8")))
  return new Map(outcomes.map((outcome) => [outcome.case, outcome]))
}
