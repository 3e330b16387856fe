/** Which segment comes first over a range: as by comparing all of them, and with less work. */
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as KeyRange from "../../../src/core/KeyRange.ts"
import { makeId, type SegmentWithRange } from "../../../src/core/Segment.ts"
import * as Cuts from "../../../src/embedded/controller/model/Cuts.ts"
import * as Skyline from "../../../src/embedded/controller/model/Skyline.ts"

const range = fc.tuple(fc.nat(15), fc.integer({ min: 1, max: 8 })).map(([low, width]) => ({
  low: low / 24,
  high: (low + width) / 24
}))

/** Any segments, as hostile clients name them: they may lie upon each other, and leave gaps. */
const segments = fc.uniqueArray(
  fc.record({ id: fc.tuple(fc.nat(5), fc.nat(3)).map(([number, epoch]) => makeId(number, epoch)), range }),
  { selector: ({ id }) => id, maxLength: 12 }
)

const best = (all: ReadonlyArray<SegmentWithRange>, asked: KeyRange.KeyRange, isHighest: boolean) => {
  const ids = all.filter((segment) => KeyRange.overlap(segment.range, asked)).map(({ id }) => id)
  return ids.toSorted((a, b) => Number(isHighest ? b - a : a - b))[0]
}

describe("over a range", () => {
  it("the highest and the lowest are those that pairwise comparison finds", () => {
    fc.assert(fc.property(segments, range, (all, asked) => {
      assert.strictEqual(Skyline.highest(all).over(asked), best(all, asked, true))
      assert.strictEqual(Skyline.lowest(all).over(asked), best(all, asked, false))
    }))
  })

  it("positions are ordered as pairwise comparison orders them, whatever they name", () => {
    const at = (placed: ReadonlyArray<SegmentWithRange>, offsets: ReadonlyArray<number>) =>
      placed.map(({ id, range }, i) => ({ id, range, offset: BigInt(offsets[i % offsets.length]!) }))
    const offsets = fc.array(fc.nat(3), { minLength: 1 })
    fc.assert(fc.property(segments, segments, offsets, offsets, (a, b, x, y) => {
      const [later, earlier] = [at(a, x), at(b, y)]
      const expected = later.every((left) =>
        earlier.every((right) =>
          left.id === right.id
            ? left.offset >= right.offset
            : left.id > right.id || !KeyRange.overlap(left.range, right.range)
        )
      )
      // a segment has one range only: what it has in two positions is the same
      const isOne = later.every(({ id, range }) => earlier.every((other) => other.id !== id || other.range === range))
      fc.pre(isOne)
      assert.strictEqual(Cuts.isAtOrAfter(later, earlier), expected)
    }))
  })

  it("comparing two cuts of n segments looks at n log n ranges", () => {
    let looked = 0
    const counted = (count: number, epoch: number) =>
      KeyRange.equal(count).map((range, i) => ({
        id: makeId(i, epoch),
        offset: 0n,
        get range() {
          looked++
          return range
        }
      }))
    const count = 20_000
    assert.isTrue(Cuts.isAtOrAfter(counted(count, 1), counted(count, 0)))
    assert.isBelow(looked, 20 * count)
  })
})
