import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { markAttribute } from "../../../src/pravega/readergroup/state/SynchronizerEntry.ts"
import * as SegmentAttribute from "../../../src/pravega/wire/SegmentAttribute.ts"
import { readVectors } from "../../vectors/vectors.ts"

const { naming } = Schema.decodeUnknownSync(
  Schema.Struct({ naming: Schema.Struct({ attributes: Schema.Record(Schema.String, Schema.String) }) })
)(readVectors("segments"))

describe("attributes of segments, against Java's", () => {
  it("have Java's ids", () => {
    assert.deepStrictEqual(naming.attributes, {
      RevisionStreamClientMark: SegmentAttribute.replayMark,
      CREATION_TIME: SegmentAttribute.creationTime,
      EVENT_COUNT: SegmentAttribute.eventCount,
      SCALE_POLICY_TYPE: SegmentAttribute.scalePolicyType,
      SCALE_POLICY_RATE: SegmentAttribute.scalePolicyRate,
      ROLLOVER_SIZE: SegmentAttribute.rolloverSize,
      ATTRIBUTE_SEGMENT_TYPE: SegmentAttribute.segmentType
    })
    assert.strictEqual(markAttribute, SegmentAttribute.replayMark)
  })
})
