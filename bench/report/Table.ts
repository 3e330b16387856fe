/** What was measured, as tables in Markdown: a row per case row, a column per subject, median (least..most) of the rounds. */
import type { Measured, Metric } from "../cases/Case.ts"
import { median } from "./Statistics.ts"

/** Whose column is compared with the best of the others. */
export interface TableOptions {
  readonly subjects: ReadonlyArray<string>
  readonly ours: string
}

/** Rows without any value are left out; undefined if none is left. */
export const table = (
  metric: Metric,
  measured: ReadonlyArray<Measured>,
  { ours, subjects }: TableOptions
): string | undefined => {
  const valuesOf = (row: string, subject: string): ReadonlyArray<number> =>
    measured
      .filter((one) => one.row === row && one.subject === subject)
      .flatMap((one) => metric.of(one.figures) ?? [])
      .filter(Number.isFinite)
  const rows = [...new Set(measured.map(({ row }) => row))].flatMap((row) => {
    const values = subjects.map((subject) => valuesOf(row, subject))
    if (values.every((one) => one.length === 0)) return []
    const cells = values.map((one) => cell(one, metric.digits ?? 0))
    const ratio = ratioOf(metric, subjects.map((subject, i) => [subject, values[i]!] as const), ours)
    return [`| ${[row, ...cells, ...(hasRatio(metric, subjects) ? [ratio] : [])].join(" | ")} |`]
  })
  if (rows.length === 0) return undefined
  const heads = ["", ...subjects, ...(hasRatio(metric, subjects) ? ["ratio to the best other"] : [])]
  return [`| ${heads.join(" | ")} |`, `| ${heads.map((_, i) => i === 0 ? "---" : "---:").join(" | ")} |`, ...rows]
    .join("\n")
}

const hasRatio = (metric: Metric, subjects: ReadonlyArray<string>) => metric.better !== undefined && subjects.length > 1

export const format = (value: number, digits: number): string =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })

const cell = (values: ReadonlyArray<number>, digits: number): string => {
  if (values.length === 0) return "-"
  const middle = format(median(values), digits)
  if (values.length === 1) return middle
  return `${middle} (${format(Math.min(...values), digits)}..${format(Math.max(...values), digits)})`
}

/** Above 1: ours is better, whether more is better or less. */
const ratioOf = (
  metric: Metric,
  values: ReadonlyArray<readonly [subject: string, values: ReadonlyArray<number>]>,
  ours: string
): string => {
  const mine = values.find(([subject]) => subject === ours)?.[1] ?? []
  const others = values
    .filter(([subject, of]) => subject !== ours && of.length > 0 && metric.incomparable?.includes(subject) !== true)
    .map(([, of]) => median(of))
  if (mine.length === 0 || others.length === 0) return "-"
  return metric.better === "less"
    ? (Math.min(...others) / median(mine)).toFixed(2)
    : (median(mine) / Math.max(...others)).toFixed(2)
}
