import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import fc from "fast-check"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import * as Segment from "../../src/core/Segment.ts"
import { StreamCut } from "../../src/core/StreamCut.ts"
import * as StreamCutOrder from "../../src/core/StreamCutOrder.ts"
import { allSegments, type History, readers, readings, stream } from "./histories.ts"

const compare = (a: StreamCut, b: StreamCut, history: History) =>
  Option.getOrUndefined(Result.getOrThrow(StreamCutOrder.compare(a, b, allSegments(history))))

const distance = (a: StreamCut, b: StreamCut, history: History) =>
  Result.getOrThrow(StreamCutOrder.distance(a, b, allSegments(history)))

const isBefore = (order: -1 | 0 | 1 | undefined) => order === -1 || order === 0

const id = Segment.makeId
const cut = (...positions: ReadonlyArray<readonly [Segment.SegmentId, bigint]>) =>
  new StreamCut({ stream, positions: new Map(positions) })
const extent = (id: Segment.SegmentId, low: number, high: number, length: bigint) => ({
  id,
  range: { low, high },
  length
})

describe("the order of stream cuts", () => {
  it("what a reader has read only grows", () => {
    fc.assert(fc.property(readings(2), ({ cuts: [a, b], history }) => {
      assert.isTrue(isBefore(compare(a!, b!, history)))
    }))
  })

  it("a cut is where it is, and turning the question round turns the answer round", () => {
    fc.assert(fc.property(fc.oneof(readings(2), readers(2)), ({ cuts: [a, b], history }) => {
      assert.strictEqual(compare(a!, a!, history), 0)
      const forward = compare(a!, b!, history)
      const backward = compare(b!, a!, history)
      assert.strictEqual(backward, forward === undefined || forward === 0 ? forward : -forward)
    }))
  })

  it("is transitive", () => {
    fc.assert(fc.property(fc.oneof(readings(3), readers(3)), ({ cuts: [a, b, c], history }) => {
      for (const [x, y, z] of [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]]) {
        if (isBefore(compare(x!, y!, history)) && isBefore(compare(y!, z!, history))) {
          assert.isTrue(isBefore(compare(x!, z!, history)))
        }
      }
    }))
  })

  it("cuts that are each ahead somewhere have no order", () => {
    const segments = [extent(id(0, 0), 0, 0.5, 100n), extent(id(1, 0), 0.5, 1, 100n)]
    const a = cut([id(0, 0), 10n], [id(1, 0), 20n])
    const b = cut([id(0, 0), 20n], [id(1, 0), 10n])
    assert.deepStrictEqual(StreamCutOrder.compare(a, b, segments), Result.succeed(Option.none()))
    const failed = StreamCutOrder.distance(a, b, segments)
    assert.strictEqual(Result.getOrThrow(Result.flip(failed)).reason._tag, "NotOrdered")
  })

  it("the end of a segment lies before its successors, with no byte between", () => {
    const segments = [
      extent(id(0, 0), 0, 1, 100n),
      extent(id(1, 1), 0, 0.5, 30n),
      extent(id(2, 1), 0.5, 1, 50n)
    ]
    const end = cut([id(0, 0), -1n])
    const start = cut([id(1, 1), 0n], [id(2, 1), 0n])
    assert.deepStrictEqual(StreamCutOrder.compare(end, start, segments), Result.succeed(Option.some(-1)))
    assert.deepStrictEqual(StreamCutOrder.distance(end, start, segments), Result.succeed(0n))
    const later = cut([id(1, 1), 10n], [id(2, 1), -1n])
    assert.deepStrictEqual(StreamCutOrder.distance(cut([id(0, 0), 40n]), later, segments), Result.succeed(120n))
  })

  it("unknown segments and other streams are errors", () => {
    const known = [extent(id(0, 0), 0, 1, 100n)]
    const reason = (result: Result.Result<unknown, StreamCutOrder.StreamCutOrderError>) =>
      Result.getOrThrow(Result.flip(result)).reason._tag
    assert.strictEqual(
      reason(StreamCutOrder.compare(cut([id(7, 0), 1n]), cut([id(0, 0), 1n]), known)),
      "UnknownSegment"
    )
    const other = new StreamCut({ stream: ScopedStream.fromTextUnsafe("scope/other"), positions: new Map() })
    const message = Result.getOrThrow(Result.flip(StreamCutOrder.compare(cut([id(7, 0), 1n]), cut(), known))).message
    assert.include(message, "scope/stream names the segment 7")
    assert.strictEqual(reason(StreamCutOrder.distance(cut(), other, known)), "DifferentStreams")
  })
})

describe("the distance of stream cuts", () => {
  it("is never negative, zero from a cut to itself, and adds up", () => {
    fc.assert(fc.property(readings(3), ({ cuts: [a, b, c], history }) => {
      assert.strictEqual(distance(a!, a!, history), 0n)
      const ab = distance(a!, b!, history)
      const bc = distance(b!, c!, history)
      assert.isTrue(ab >= 0n && bc >= 0n)
      assert.strictEqual(distance(a!, c!, history), ab + bc)
    }))
  })

  it("from the first segments' start to the last segments' end is all there is", () => {
    fc.assert(fc.property(readings(1), ({ history }) => {
      const sealed = new Set(history.scales.flatMap((scale) => scale.sealed.map((segment) => segment.id)))
      const last = allSegments(history).filter((segment) => !sealed.has(segment.id))
      const start = cut(...history.first.map((segment) => [segment.id, 0n] as const))
      const end = cut(...last.map((segment) => [segment.id, segment.length] as const))
      const all = allSegments(history).reduce((sum, segment) => sum + segment.length, 0n)
      assert.strictEqual(distance(start, end, history), all)
    }))
  })
})

describe("the validity of stream cuts", () => {
  it("where a reader stops is valid", () => {
    fc.assert(fc.property(readings(1), ({ cuts: [a], history }) => {
      assert.isTrue(StreamCutOrder.isValid(a!, allSegments(history)))
    }))
  })

  it("a cut that lacks a segment, or is beyond one, is not", () => {
    fc.assert(fc.property(readings(1), fc.nat(), ({ cuts: [a], history }, pick) => {
      const positions = [...a!.positions]
      const [at] = positions[pick % positions.length]!
      const extents = allSegments(history)
      const length = extents.find((segment) => segment.id === at)!.length
      assert.isFalse(StreamCutOrder.isValid(cut(...positions.filter(([id]) => id !== at)), extents))
      const beyond = positions.map(([id, offset]) => [id, id === at ? length + 1n : offset] as const)
      assert.isFalse(StreamCutOrder.isValid(cut(...beyond), extents))
    }))
  })
})
