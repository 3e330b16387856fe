/** What a command measured. */
import { quantile } from "../../report/Statistics.ts"

export type Figures = Readonly<Record<string, number>>

export const since = (start: number): number => (performance.now() - start) / 1000

/** As the other peers name them: P50 to Max, in milliseconds. */
export const percentiles = (name: string, millis: ReadonlyArray<number> | Float64Array): Figures => {
  const sorted = Float64Array.from(millis).toSorted()
  return {
    [`${name}P50Ms`]: quantile(sorted, 0.5),
    [`${name}P99Ms`]: quantile(sorted, 0.99),
    [`${name}P999Ms`]: quantile(sorted, 0.999),
    [`${name}MaxMs`]: quantile(sorted, 1)
  }
}
