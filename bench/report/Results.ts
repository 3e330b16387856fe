/** bench/RESULTS.md, from what was measured last of each case. */
import type { Case } from "../cases/Case.ts"
import { serverText } from "../RealServer.ts"
import type { Outcome } from "./Outcome.ts"
import { table } from "./Table.ts"

/** In the order of the columns; a case may have its own subjects. */
export interface ResultsOptions {
  readonly cases: ReadonlyArray<Case>
  readonly outcomes: ReadonlyMap<string, Outcome>
  readonly ours: string
  /** Columns are in this order, the others after them as they were measured. */
  readonly order: ReadonlyArray<string>
}

export const results = (options: ResultsOptions): string =>
  [
    "# Results",
    head,
    ...options.cases.flatMap((kase) => {
      const outcome = options.outcomes.get(kase.name)
      return outcome === undefined ? [] : [section(kase, outcome, options)]
    })
  ].join("\n\n") + "\n"

const head =
  `Written by \`npm run bench\`, which measures each client in turn on the same server, in the same run: figures of
different runs or machines can't be compared. Each cell is the median, with the least and the most, of some rounds; the
ratio is ours to the best of the others, and above 1 ours is better, also where less is better.

Server, where nothing else is said: ${serverText}, on the cores that the clients use too.`

/** One case, as RESULTS.md and the terminal show it. */
export const section = (
  kase: Case,
  outcome: Outcome,
  { order, ours }: Pick<ResultsOptions, "order" | "ours">
): string => {
  const measured = [...new Set(outcome.measured.map(({ subject }) => subject))]
  const subjects = [
    ...order.filter((subject) => measured.includes(subject) && subject !== ours),
    ...measured.filter((subject) => !order.includes(subject) && subject !== ours),
    ...(measured.includes(ours) ? [ours] : [])
  ]
  const ratios = kase.ratios ?? [{ title: "ratio to the best other", of: ours }]
  const tables = kase.metrics.flatMap((metric) => {
    const text = table(metric, outcome.measured, { subjects, ratios })
    return text === undefined ? [] : [`**${metric.title}**`, text]
  })
  return [
    `## ${kase.title}`,
    kase.does,
    ...tables,
    ...(outcome.remarks ?? []),
    `Not shown: ${kase.doesNotShow}`,
    ...outcome.leftOut.map((text) => `Left out: ${text}.`),
    ...outcome.failures.map((text) => `Failed: ${text}.`),
    `${outcome.date.slice(0, 10)}, ${outcome.rounds} round${outcome.rounds === 1 ? "" : "s"}; ${outcome.machine}; ` +
    `Node ${outcome.node}; \`${outcome.command}\``
  ].join("\n\n")
}
