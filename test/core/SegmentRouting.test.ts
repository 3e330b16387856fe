import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import fc from "fast-check"
import * as KeyRange from "../../src/core/KeyRange.ts"
import * as RoutingKey from "../../src/core/RoutingKey.ts"
import * as Segment from "../../src/core/Segment.ts"
import { SegmentRouting } from "../../src/core/SegmentRouting.ts"
import { history, type Scale } from "./histories.ts"

const position = fc.double({ min: 0, max: 1, noNaN: true })

const successors = ({ created }: Scale, sealed: Segment.SegmentWithRange) =>
  created.filter((segment) => KeyRange.overlap(segment.range, sealed.range))

describe("routing of positions to segments", () => {
  it("finds what a search through all segments finds", () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 200 }), position, (count, position) => {
      const segments = KeyRange.equal(count).map((range, i) => ({ id: Segment.makeId(i, 0), range }))
      assert.strictEqual(
        SegmentRouting.make(segments.toReversed()).segmentFor(position),
        RoutingKey.segmentFor(segments, position)
      )
    }))
  })

  it("every number of equal segments covers the key space, and its highest position has a segment", () => {
    for (let count = 1; count <= 1000; count++) {
      const ranges = KeyRange.equal(count)
      assert.isTrue(KeyRange.coverOnce(ranges), String(count))
      const routing = SegmentRouting.make(ranges.map((range, i) => ({ id: Segment.makeId(i, 0), range })))
      assert.strictEqual(routing.segmentFor(1 - Number.EPSILON / 2)?.id, Segment.makeId(count - 1, 0))
    }
  })

  it("has no segment for anything when the stream is sealed", () => {
    assert.isUndefined(SegmentRouting.make([]).segmentFor(0.5))
    assert.isUndefined(RoutingKey.segmentFor([], 0.5))
  })

  it("follows every scaling, in whatever order the seals are noticed", () => {
    fc.assert(fc.property(history, fc.infiniteStream(fc.nat()), ({ first, scales }, picks) => {
      let routing = SegmentRouting.make(first)
      let active: ReadonlyArray<Segment.SegmentWithRange> = first
      for (const scale of scales) {
        const pending = [...scale.sealed]
        while (pending.length > 0) {
          const [sealed] = pending.splice(picks.next().value % pending.length, 1)
          routing = Result.getOrThrow(routing.replace(sealed!.id, successors(scale, sealed!)))
          assert.isTrue(KeyRange.coverOnce(routing.segments.map((segment) => segment.range)))
          assert.notInclude(routing.segments.map((segment) => segment.id), sealed!.id)
        }
        active = [...active.filter((segment) => !scale.sealed.some((one) => one.id === segment.id)), ...scale.created]
        assert.deepStrictEqual(
          routing.segments.map(({ id, range }) => ({ id, range })),
          active.map(({ id, range }) => ({ id, range })).toSorted((a, b) => a.range.high - b.range.high)
        )
      }
    }))
  })

  it("a part of a merge's successor keeps to the range of what was sealed", () => {
    const [a, b, merged] = [Segment.makeId(0, 0), Segment.makeId(1, 0), Segment.makeId(2, 1)]
    const routing = SegmentRouting.make([{ id: a, range: { low: 0, high: 0.5 } }, {
      id: b,
      range: { low: 0.5, high: 1 }
    }])
    const half = Result.getOrThrow(routing.replace(a, [{ id: merged, range: { low: 0, high: 1 } }]))
    assert.deepStrictEqual([half.segmentFor(0.2)?.id, half.segmentFor(0.7)?.id], [merged, b])
    const whole = Result.getOrThrow(half.replace(b, [{ id: merged, range: { low: 0, high: 1 } }]))
    assert.deepStrictEqual(whole.segments, [{ id: merged, range: { low: 0, high: 1 } }])
    assert.deepStrictEqual(Result.getOrThrow(whole.replace(a, [])).segments, whole.segments)
  })

  it("successors that leave a gap, or overlap, are refused", () => {
    const [a, b, c] = [Segment.makeId(0, 0), Segment.makeId(1, 1), Segment.makeId(2, 1)]
    const routing = SegmentRouting.make([{ id: a, range: { low: 0, high: 1 } }])
    const ranges = (...bounds: ReadonlyArray<readonly [number, number]>) =>
      bounds.map(([low, high], i) => ({ id: [b, c][i]!, range: { low, high } }))
    for (
      const unfit of [[], ranges([0, 0.5]), ranges([0, 0.4], [0.5, 1]), ranges([0, 0.6], [0.5, 1]), ranges([0.1, 1])]
    ) {
      const refused = Result.getOrThrow(Result.flip(routing.replace(a, unfit)))
      assert.strictEqual(refused._tag, "SuccessorsDoNotFit")
      assert.strictEqual(refused.sealed, a)
    }
  })
})
