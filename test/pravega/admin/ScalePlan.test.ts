/** How a stream is brought to n equal segments: exact tiling, whatever it had before. */
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as KeyRange from "../../../src/core/KeyRange.ts"
import * as ScalingPolicy from "../../../src/core/ScalingPolicy.ts"
import { makeId, type SegmentWithRange } from "../../../src/core/Segment.ts"
import * as ScalePlan from "../../../src/pravega/admin/internal/ScalePlan.ts"

const stream = (ranges: ReadonlyArray<KeyRange.KeyRange>): ReadonlyArray<SegmentWithRange> =>
  ranges.map((range, i) => ({ id: makeId(i, 0), range }))

const count = fc.integer({ min: 1, max: 120 })

/** What the controller makes of a plan. */
const apply = (segments: ReadonlyArray<SegmentWithRange>, plan: ScalePlan.ScalePlan) =>
  [...segments.filter(({ id }) => !plan.seal.includes(id)).map(({ range }) => range), ...plan.create]
    .toSorted((a, b) => a.low - b.low)

describe("ScalePlan.toEqual", () => {
  it("covers the key space that the stream covers, exactly, with the number of segments asked for", () => {
    fc.assert(fc.property(count, count, (from, to) => {
      const segments = stream(KeyRange.equal(from))
      const after = apply(segments, ScalePlan.toEqual(segments, to))
      assert.lengthOf(after, to)
      assert.strictEqual(after[0]?.low, 0)
      assert.strictEqual(after.at(-1)?.high, segments.at(-1)?.range.high)
      after.slice(1).forEach((range, i) => assert.strictEqual(range.low, after[i]?.high))
    }))
  })

  it("seals and creates nothing when the segments are there", () => {
    fc.assert(fc.property(count, (n) => {
      assert.deepStrictEqual(ScalePlan.toEqual(stream(KeyRange.equal(n)), n), { seal: [], create: [] })
    }))
  })

  it("keeps the segments that have a wanted range, and seals the same part of the key space that it creates", () => {
    const segments = stream([{ low: 0, high: 0.25 }, { low: 0.25, high: 0.5 }, { low: 0.5, high: 1 }])
    assert.deepStrictEqual(ScalePlan.toEqual(segments, 4), {
      seal: [makeId(2, 0)],
      create: [{ low: 0.5, high: 0.75 }, { low: 0.75, high: 1 }]
    })
  })
})

describe("ScalePlan.sticks", () => {
  const two = stream(KeyRange.equal(2))
  const rounded = stream(KeyRange.equal(49))
  const byRate = (minimumSegments: number) =>
    ScalingPolicy.byEventRate({ eventsPerSecond: 1, scaleFactor: 2, minimumSegments })

  it("is true where the controller would scale to ranges with another end", () => {
    assert.isTrue(ScalePlan.sticks(two, ScalingPolicy.fixed(49)))
    assert.isTrue(ScalePlan.sticks(rounded, ScalingPolicy.fixed(1)))
    assert.isTrue(ScalePlan.sticks(two, byRate(49)))
  })

  it("is false where it scales to the same end, or not at all", () => {
    assert.isFalse(ScalePlan.sticks(two, ScalingPolicy.fixed(3)))
    assert.isFalse(ScalePlan.sticks(rounded, ScalingPolicy.fixed(49)))
    assert.isFalse(ScalePlan.sticks(rounded, byRate(1)))
    assert.isFalse(ScalePlan.sticks([], ScalingPolicy.fixed(49)))
  })
})
