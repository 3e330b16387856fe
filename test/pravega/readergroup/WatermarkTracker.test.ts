/** Time windows: what is known of the time of a position, from the watermarks around it. */
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { makeId, name } from "../../../src/core/Segment.ts"
import { Watermark } from "../../../src/core/Watermark.ts"
import { WatermarkTracker } from "../../../src/pravega/readergroup/member/WatermarkTracker.ts"

const stream = { scope: "s", stream: "t" }
const everything = { low: 0, high: 1 }
const [first, second] = [makeId(0, 0), makeId(1, 1)]

const at = (offset: number, segment = first) =>
  new Map([[name(stream, segment), { offset: BigInt(offset), range: everything }]])

const mark = (offset: number, time: number, segment = first) =>
  new Watermark({
    lowerTime: BigInt(time),
    upperTime: BigInt(time + 5),
    positions: [{ segment, range: everything, offset: BigInt(offset) }]
  })

describe("WatermarkTracker", () => {
  it("the window is between the last watermark that was passed and the next one, at every position", () => {
    const offsets = fc.uniqueArray(fc.nat(1000), { maxLength: 20 }).map((list) => list.toSorted((a, b) => a - b))
    const positions = fc.array(fc.nat(1000), { maxLength: 20 }).map((list) => list.toSorted((a, b) => a - b))
    fc.assert(fc.property(offsets, positions, (marks, places) => {
      const tracker = new WatermarkTracker()
      const coming = marks.map((offset, i) => mark(offset, i * 10))
      for (const place of places) {
        tracker.advanceTo(at(place))
        while (tracker.wantsMore && coming.length > 0) tracker.add(coming.shift()!)
        const passed = marks.filter((offset) => offset <= place).length
        assert.deepStrictEqual(tracker.window, {
          lower: passed === 0 ? undefined : BigInt((passed - 1) * 10),
          upper: passed === marks.length ? undefined : BigInt(passed * 10 + 5)
        })
      }
    }))
  })

  it("a later segment of the same keys is further on, whatever the offsets", () => {
    const tracker = new WatermarkTracker()
    tracker.advanceTo(at(900))
    tracker.add(mark(10, 100, second))
    assert.deepStrictEqual(tracker.window, { lower: undefined, upper: 105n })
    tracker.advanceTo(at(0, second))
    assert.deepStrictEqual(tracker.window, { lower: undefined, upper: 105n })
    tracker.advanceTo(at(10, second))
    assert.deepStrictEqual(tracker.window, { lower: 100n, upper: undefined })
  })

  it("the end of a segment is behind all of its offsets, and segments of other keys say nothing", () => {
    const tracker = new WatermarkTracker()
    tracker.advanceTo(at(-1))
    tracker.add(mark(1_000_000, 1))
    assert.deepStrictEqual(tracker.window, { lower: 1n, upper: undefined })
    const half = new Map([[name(stream, first), { offset: 0n, range: { low: 0, high: 0.5 } }]])
    const other = new WatermarkTracker()
    other.advanceTo(half)
    other.add(
      new Watermark({
        lowerTime: 7n,
        upperTime: 9n,
        positions: [{ segment: second, range: { low: 0.5, high: 1 }, offset: 50n }]
      })
    )
    // it is passed as far as this reader can tell
    assert.deepStrictEqual(other.window, { lower: 7n, upper: undefined })
  })
})
