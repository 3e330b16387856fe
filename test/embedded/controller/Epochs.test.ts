/** The history of a stream's segments, held against random scalings and against a model that walks from key to key. */
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as KeyRange from "../../../src/core/KeyRange.ts"
import { epoch as epochOf, makeId, number, type SegmentId, type SegmentWithRange } from "../../../src/core/Segment.ts"
import * as Cuts from "../../../src/embedded/controller/model/Cuts.ts"
import * as Epochs from "../../../src/embedded/controller/model/Epochs.ts"
import { complete, join } from "../../../src/embedded/controller/model/WriterTimes.ts"

/** What happens to the stream next, in terms that fit any state of it. */
type Step =
  | { readonly _tag: "Scale"; readonly from: number; readonly count: number; readonly parts: number }
  | { readonly _tag: "Roll"; readonly epoch: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    _tag: fc.constant("Scale"),
    from: fc.nat(7),
    count: fc.integer({ min: 1, max: 4 }),
    parts: fc.integer({ min: 1, max: 4 })
  }),
  fc.record({ _tag: fc.constant("Roll"), epoch: fc.nat(7) })
)

const history = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.nat(9), fc.array(step, { maxLength: 8 })).map(
  ([count, firstNumber, steps]) => {
    let epochs: Epochs.Epochs = [Epochs.first(count, firstNumber)]
    for (const next of steps) epochs = take(epochs, next)
    return epochs
  }
)

const take = (epochs: Epochs.Epochs, next: Step): Epochs.Epochs => {
  const { reference, segments } = Epochs.active(epochs)
  if (next._tag === "Roll") {
    const old = epochs[next.epoch % epochs.length]!
    return old.reference === reference ? epochs : [...epochs, ...Epochs.roll(epochs, old)]
  }
  const sorted = segments.toSorted((a, b) => a.range.low - b.range.low)
  const from = next.from % sorted.length
  const sealed = sorted.slice(from, from + next.count)
  const low = sealed[0]!.range.low
  const high = sealed.at(-1)!.range.high
  const bound = (i: number) => i === next.parts ? high : low + (i * (high - low)) / next.parts
  const ranges = Array.from({ length: next.parts }, (_, i) => ({ low: bound(i), high: bound(i + 1) }))
  const plan = Epochs.scale(epochs, sealed.map(({ id }) => id), ranges)
  assert(plan._tag === "Planned")
  return [...epochs, plan.next]
}

/** The segments that a reader of one key passes, in order. */
const path = (epochs: Epochs.Epochs, key: number): ReadonlyArray<SegmentId> => {
  const ids = epochs.map(({ segments }) => segments.find(({ range }) => range.low <= key && key < range.high)!.id)
  return ids.filter((id, i) => id !== ids[i - 1])
}

/** One key in each of the smallest ranges: its lower bound, since halves may round to the upper one. */
const keys = (epochs: Epochs.Epochs): ReadonlyArray<number> => {
  const bounds = new Set(Epochs.all(epochs).flatMap(({ range }) => [range.low, range.high]))
  return [...bounds].toSorted((a, b) => a - b).slice(0, -1)
}

/** A position that a reader can be in: some way along every key's path, whole segments at a time. */
const cutAt = (epochs: Epochs.Epochs, epoch: number, offset: bigint): Cuts.Cut =>
  new Map(epochs[epoch % epochs.length]!.segments.map(({ id }) => [id, offset]))

const ids = (segments: ReadonlyArray<SegmentWithRange>) => segments.map(({ id }) => id)
const sorted = (of: Iterable<bigint>) => [...of].toSorted((a, b) => a < b ? -1 : a > b ? 1 : 0)

describe("Epochs", () => {
  it("cover the keys once, always; ids tell the epoch, numbers are never given twice in it", () => {
    fc.assert(fc.property(history, (epochs) => {
      epochs.forEach(({ epoch, reference, segments }, i) => {
        assert.strictEqual(epoch, i)
        assert.isAtMost(reference, epoch)
        assert.isTrue(KeyRange.coverOnce(segments.map(({ range }) => range)))
        assert.strictEqual(new Set(segments.map(({ id }) => number(id))).size, segments.length)
        for (const { id } of segments) assert.isAtMost(epochOf(id), epoch)
      })
      const all = ids(Epochs.all(epochs))
      assert.strictEqual(new Set(all).size, all.length)
      assert.strictEqual(Epochs.highestNumber(epochs), Math.max(...all.map(number)))
    }))
  })

  it("successors lead along each key's path, and name what they follow", () => {
    fc.assert(fc.property(history, (epochs) => {
      const after = new Map(Epochs.all(epochs).map(({ id }) => [id, new Set<bigint>()]))
      const before = new Map(Epochs.all(epochs).map(({ id }) => [id, new Set<bigint>()]))
      for (const key of keys(epochs)) {
        const way = path(epochs, key)
        way.slice(1).forEach((id, i) => {
          after.get(way[i]!)!.add(id)
          before.get(id)!.add(way[i]!)
        })
      }
      for (const { id } of Epochs.all(epochs)) {
        const successors = Epochs.successors(epochs, id)
        assert.deepStrictEqual(sorted(ids(successors)), sorted(after.get(id)!))
        for (const successor of successors) {
          assert.deepStrictEqual(sorted(successor.predecessors), sorted(before.get(successor.id)!))
        }
      }
      assert.deepStrictEqual(Epochs.successors(epochs, makeId(1_000, 0)), [])
    }))
  })

  it("between two cuts lie the segments on the keys' paths from the one to the other", () => {
    fc.assert(fc.property(history, fc.nat(9), fc.nat(9), (epochs, a, b) => {
      const [first, last] = [
        Math.min(a % epochs.length, b % epochs.length),
        Math.max(a % epochs.length, b % epochs.length)
      ]
      const [from, to] = [cutAt(epochs, first, 5n), cutAt(epochs, last, 5n)]
      const expected = new Set<bigint>()
      for (const key of keys(epochs)) {
        const way = path(epochs, key)
        const start = way.findIndex((id) => from.has(id))
        const end = way.findLastIndex((id) => to.has(id))
        for (const id of way.slice(start, end + 1)) expected.add(id)
      }
      const between = Cuts.between(epochs, from, to)
      assert(typeof between !== "string")
      assert.deepStrictEqual(sorted(ids(between)), sorted(expected))
      const back = Cuts.between(epochs, to, cutAt(epochs, first, 4n))
      assert.strictEqual(back, "reversed")
      const whole = Cuts.between(epochs, new Map(), new Map())
      assert(typeof whole !== "string")
      assert.deepStrictEqual(sorted(ids(whole)), sorted(ids(Epochs.all(epochs))))
    }))
  })

  it("nothing lies between the cuts of a stream of the same name that is gone", () => {
    fc.assert(fc.property(history, fc.nat(9), (epochs, at) => {
      const foreign = new Map(Array.from(cutAt(epochs, at, 5n), ([id, offset]) => [id + 100n, offset]))
      assert.strictEqual(Cuts.between(epochs, foreign, new Map()), "foreign")
      assert.strictEqual(Cuts.between(epochs, new Map(), foreign), "foreign")
      const some = new Map([...foreign, ...cutAt(epochs, at, 5n)])
      assert.deepStrictEqual(
        Cuts.between(epochs, some, new Map()),
        Cuts.between(epochs, cutAt(epochs, at, 5n), new Map())
      )
    }))
  })

  it("the nearest of several positions covers the keys once, and each of them is at or after it", () => {
    fc.assert(fc.property(history, fc.array(fc.tuple(fc.nat(9), fc.nat(20)), { minLength: 1 }), (epochs, places) => {
      const cuts = places.map(([at, offset]) => cutAt(epochs, at, BigInt(offset)))
      const nearest = Cuts.lowest(epochs, cuts)
      assert.isTrue(Cuts.covers(epochs, nearest))
      for (const cut of cuts) {
        assert.isTrue(Cuts.isAtOrAfter(Cuts.place(epochs, cut)!, Cuts.place(epochs, nearest)!))
      }
      const isOneOfThem = ([id, offset]: readonly [bigint, bigint]) => cuts.some((cut) => cut.get(id) === offset)
      assert.isTrue([...nearest].every(isOneOfThem))
    }))
  })

  it("before a cut lies what no key has ahead of it", () => {
    fc.assert(fc.property(history, fc.nat(9), (epochs, at) => {
      const cut = cutAt(epochs, at, 0n)
      const expected = new Set(ids(Epochs.all(epochs)))
      for (const key of keys(epochs)) {
        const way = path(epochs, key)
        for (const id of way.slice(way.findIndex((entry) => cut.has(entry)))) expected.delete(id)
      }
      assert.deepStrictEqual(sorted(ids(Cuts.before(epochs, cut, Epochs.all(epochs)))), sorted(expected))
    }))
  })

  it("joined positions cover the keys once, at or after each of them", () => {
    fc.assert(fc.property(history, fc.nat(9), fc.nat(9), fc.nat(20), fc.nat(20), (epochs, a, b, x, y) => {
      const cuts = [cutAt(epochs, a, BigInt(x)), cutAt(epochs, b, BigInt(y))]
      const joined = join(epochs, cuts)
      assert.isTrue(Cuts.covers(epochs, joined))
      for (const cut of cuts) {
        assert.isTrue(Cuts.isAtOrAfter(Cuts.place(epochs, joined)!, Cuts.place(epochs, cut)!))
      }
    }))
  })

  it("a position that lacks keys is completed, and what it has stays or is passed", () => {
    fc.assert(fc.property(history, fc.nat(9), fc.nat(255), (epochs, a, chosen) => {
      const all = Array.from(cutAt(epochs, a, -1n)).filter((_, i) => i === 0 || (chosen >> (i % 8) & 1) === 1)
      const position = new Map(all)
      const completed = complete(epochs, position)
      assert.isTrue(Cuts.covers(epochs, completed))
      for (const [id, offset] of position) {
        if (completed.has(id)) assert.strictEqual(completed.get(id), offset)
      }
      // of segments that were not in it: their beginning
      for (const [id, offset] of completed) if (!position.has(id)) assert.strictEqual(offset, 0n)
    }))
  })

  it("scales are refused unless they seal active segments and cover the same keys", () => {
    const epochs = [Epochs.first(2, 0)]
    const scale = (seal: ReadonlyArray<number>, ...ranges: ReadonlyArray<readonly [number, number]>) =>
      Epochs.scale(epochs, seal.map((id) => makeId(id, 0)), ranges.map(([low, high]) => ({ low, high })))._tag
    assert.strictEqual(scale([0], [0, 0.5]), "Planned")
    assert.strictEqual(scale([0, 1], [0.25, 1], [0, 0.25]), "Planned")
    assert.strictEqual(scale([7], [0, 0.5]), "NotActive")
    assert.strictEqual(scale([7], [0, 0.4]), "NotActive")
    assert.strictEqual(scale([0], [0, 0.4]), "DoesNotTile")
    assert.strictEqual(scale([0], [0, 0.5000000000000001]), "DoesNotTile")
    assert.strictEqual(scale([0]), "DoesNotTile")
    assert.strictEqual(scale([0], [0.5, 0]), "DoesNotTile")
    assert.strictEqual(scale([0], [0, 0.3], [0.2, 0.5]), "DoesNotTile")
    assert.strictEqual(scale([0, 0], [0, 0.5]), "DoesNotTile")
    assert.strictEqual(scale([0], [Number.NaN, 0.5]), "DoesNotTile")
  })
})
