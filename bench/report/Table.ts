/** What was measured, as tables in Markdown: a row per case row, a column per subject, median (least..most) of the rounds. */
import type { Measured, Metric, Ratio } from "../cases/Case.ts"
import { median } from "./Statistics.ts"

export interface TableOptions {
  readonly subjects: ReadonlyArray<string>
  readonly ratios: ReadonlyArray<Ratio>
}

/** Rows and subjects without any value are left out; undefined if none is left. */
export const table = (
  metric: Metric,
  measured: ReadonlyArray<Measured>,
  { ratios, subjects: all }: TableOptions
): string | undefined => {
  const valuesOf = (row: string, subject: string): ReadonlyArray<number> =>
    measured
      .filter((one) => one.row === row && one.subject === subject)
      .flatMap((one) => metric.of(one.figures) ?? [])
      .filter(Number.isFinite)
  const names = [...new Set(measured.map(({ row }) => row))]
  const subjects = all.filter((subject) => names.some((row) => valuesOf(row, subject).length > 0))
  const compared = metric.better === undefined || subjects.length < 2 ? [] : ratios
  const rows = names.flatMap((row) => {
    const values = subjects.map((subject) => valuesOf(row, subject))
    if (values.every((one) => one.length === 0)) return []
    const cells = values.map((one) => cell(one, metric.digits ?? 0))
    const named = subjects.map((subject, i) => [subject, values[i]!] as const)
    return [`| ${[row, ...cells, ...compared.map((ratio) => ratioOf(metric, named, ratio))].join(" | ")} |`]
  })
  if (rows.length === 0) return undefined
  const heads = ["", ...subjects, ...compared.map(({ title }) => title)]
  return [`| ${heads.join(" | ")} |`, `| ${heads.map((_, i) => i === 0 ? "---" : "---:").join(" | ")} |`, ...rows]
    .join("\n")
}

export const format = (value: number, digits: number): string =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })

const cell = (values: ReadonlyArray<number>, digits: number): string => {
  if (values.length === 0) return "-"
  const middle = format(median(values), digits)
  if (values.length === 1) return middle
  return `${middle} (${format(Math.min(...values), digits)}..${format(Math.max(...values), digits)})`
}

/** Above 1: better, whether more is better or less. */
const ratioOf = (
  metric: Metric,
  values: ReadonlyArray<readonly [subject: string, values: ReadonlyArray<number>]>,
  { of, to }: Ratio
): string => {
  const mine = values.find(([subject]) => subject === of)?.[1] ?? []
  const others = values
    .filter(([subject, its]) => subject !== of && its.length > 0 && (to?.includes(subject) ?? true))
    .filter(([subject]) => metric.incomparable?.includes(subject) !== true)
    .map(([, its]) => median(its))
  if (mine.length === 0 || others.length === 0) return "-"
  return metric.better === "less"
    ? (Math.min(...others) / median(mine)).toFixed(2)
    : (median(mine) / Math.max(...others)).toFixed(2)
}
