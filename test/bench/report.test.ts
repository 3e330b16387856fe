/** What the benchmark prints is what was measured. */
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import type { Measured, Metric } from "../../bench/cases/Case.ts"
import { slope } from "../../bench/report/Plot.ts"
import { median, quantile } from "../../bench/report/Statistics.ts"
import { table } from "../../bench/report/Table.ts"

const rate: Metric = { title: "rate", of: (figures) => figures["rate"], better: "more" }
const time: Metric = { title: "time", of: (figures) => figures["time"], better: "less", digits: 1 }

const measured = (subject: string, values: ReadonlyArray<number>): ReadonlyArray<Measured> =>
  values.map((value, round) => ({ row: "1 KiB", subject, round, figures: { rate: value, time: value } }))

const all = [...measured("slow", [10, 12, 11]), ...measured("fast", [20, 40, 30]), ...measured("ours", [60, 59, 61])]
const options = { subjects: ["slow", "fast", "ours"], ratios: [{ title: "ratio", of: "ours" }] }

const lastRow = (text: string | undefined) => text?.split("\n").at(-1)

describe("the benchmark's report", () => {
  it("shows medians with their spread, and compares with the best other", () => {
    assert.strictEqual(lastRow(table(rate, all, options)), "| 1 KiB | 11 (10..12) | 30 (20..40) | 60 (59..61) | 2.00 |")
    assert.strictEqual(
      lastRow(table(time, all, options)),
      "| 1 KiB | 11.0 (10.0..12.0) | 30.0 (20.0..40.0) | 60.0 (59.0..61.0) | 0.18 |"
    )
  })

  it("leaves those out of the comparison that do less, and says so where nothing is left", () => {
    const unfair = { ...rate, incomparable: ["fast"] }
    assert.isTrue(lastRow(table(unfair, all, options))?.endsWith("| 5.45 |"))
    const alone = { ...rate, incomparable: ["fast", "slow"] }
    assert.isTrue(lastRow(table(alone, all, options))?.endsWith("| - |"))
  })

  it("leaves out what nobody measured", () => {
    const other: Metric = { title: "other", of: (figures) => figures["other"] }
    assert.strictEqual(table(other, all, options), undefined)
  })

  it("finds the exponent of a power law", () => {
    const exponent = fc.double({ min: -2, max: 2, noNaN: true })
    fc.assert(fc.property(exponent, fc.double({ min: 0.1, max: 10, noNaN: true }), (exponent, factor) => {
      const points = [1, 10, 100, 1000].map((x) => [x, factor * x ** exponent] as const)
      assert.approximately(slope({ name: "law", points }), exponent, 1e-6)
    }))
  })

  it("has quantiles that are values, in order", () => {
    const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 })
    fc.assert(fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
      const sorted = values.toSorted((a, b) => a - b)
      assert.isTrue(values.includes(quantile(sorted, share)))
      assert.isTrue(median(values) >= sorted[0]! && median(values) <= sorted.at(-1)!)
    }))
  })
})
