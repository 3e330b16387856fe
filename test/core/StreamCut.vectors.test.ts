/** Each stream cut anywhere in the vectors: alone, in checkpoints and in the configurations of reader groups. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as GzipText from "../../src/core/bytes/GzipText.ts"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import { ScopeName } from "../../src/core/ScopeName.ts"
import * as Segment from "../../src/core/Segment.ts"
import { StreamCut } from "../../src/core/StreamCut.ts"
import { StreamName } from "../../src/core/StreamName.ts"
import { readVectors } from "../vectors/vectors.ts"

const Bounded = Schema.Struct({
  unbounded: Schema.Literal(false),
  scope: ScopeName,
  stream: StreamName,
  positions: Schema.Array(Schema.Struct({
    segmentId: Schema.toCodecJson(Segment.SegmentId),
    segmentNumber: Schema.Int,
    epoch: Schema.Int,
    offset: Schema.BigIntFromString
  })),
  decompressedText: Schema.String,
  text: Schema.optionalKey(Schema.String),
  bytesHex: Schema.Uint8ArrayFromHex
})
const decode = Schema.decodeUnknownSync(Bounded)

const cutsIn = (value: unknown): ReadonlyArray<typeof Bounded.Type> => {
  if (Array.isArray(value)) return value.flatMap(cutsIn)
  if (typeof value !== "object" || value === null) return []
  return "unbounded" in value && value.unbounded === false ? [decode(value)] : Object.values(value).flatMap(cutsIn)
}

/** Whatever the order of its positions. */
const comparable = (cut: StreamCut | "unbounded") => {
  if (cut === "unbounded") throw new Error("an unbounded cut")
  return { stream: cut.stream, positions: Array.from(cut.positions).toSorted(([a], [b]) => a < b ? -1 : 1) }
}

describe("stream cuts wherever they are", () => {
  it("have Java's numbers and epochs, and read the same from text and bytes", () => {
    const cuts = cutsIn(readVectors("serialization"))
    assert.isNotEmpty(cuts)
    for (const vector of cuts) {
      for (const { epoch, segmentId, segmentNumber } of vector.positions) {
        assert.strictEqual(Segment.makeId(segmentNumber, epoch), segmentId)
      }
      const cut = new StreamCut({
        stream: new ScopedStream(vector),
        positions: new Map(vector.positions.map(({ offset, segmentId }) => [segmentId, offset]))
      })
      const read = [
        StreamCut.fromBytes(vector.bytesHex),
        StreamCut.fromText(GzipText.pack(vector.decompressedText)),
        ...(vector.text === undefined ? [] : [StreamCut.fromText(vector.text)])
      ]
      for (const result of read) assert.deepStrictEqual(comparable(Result.getOrThrow(result)), comparable(cut))
    }
  })
})
