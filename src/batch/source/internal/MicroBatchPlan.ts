/**
 * What a batch reads of a Pravega stream, and how it stands in the checkpoint log. How it is found is `RangePlanner`'s.
 */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { ScopedStream } from "../../../core/ScopedStream.ts"
import { StreamCut } from "../../../core/StreamCut.ts"
import { BatchPlan } from "../../../pravega/read/BatchReader.ts"
import * as RangePlanner from "./RangePlanner.ts"

/** Fixed once it is in the log. @category models @since 0.1.0 */
export class MicroBatchPlan extends BatchPlan.extend<MicroBatchPlan>("effect-pravega/MicroBatchPlan")({
  /** What was gone when it was planned, and is left out. */
  gaps: Schema.Array(RangePlanner.Gap),
  lanes: Schema.Int.check(Schema.isGreaterThan(0))
}) {}

const stream = Schema.toEncoded(ScopedStream)
const cut = Schema.toEncoded(StreamCut)

/**
 * As it is recorded: the log's words are `from` and `to`, and stay so whatever the names in the program become.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Recorded = Schema.Struct({
  stream,
  from: cut,
  to: cut,
  ranges: Schema.Array(Schema.Struct({
    stream,
    segment: Schema.BigInt,
    from: Schema.BigInt,
    to: Schema.BigInt,
    predecessors: Schema.Array(Schema.BigInt)
  })),
  gaps: Schema.Array(Schema.Struct({
    segment: Schema.BigInt,
    from: Schema.BigInt,
    to: Schema.UndefinedOr(Schema.BigInt)
  })),
  lanes: Schema.Int
}).pipe(Schema.decodeTo(
  MicroBatchPlan,
  SchemaTransformation.transform({
    decode: ({ from, gaps, ranges, to, ...rest }): (typeof MicroBatchPlan)["Encoded"] => ({
      ...rest,
      start: from,
      end: to,
      gaps: gaps.map(({ from, segment, to }) => ({ segment, start: from, end: to })),
      ranges: ranges.map(({ from, to, ...range }) => ({ ...range, start: from, end: to }))
    }),
    encode: ({ end, gaps, ranges, start, ...rest }) => ({
      ...rest,
      from: start,
      to: end,
      gaps: gaps.map(({ end, segment, start }) => ({ segment, from: start, to: end })),
      ranges: ranges.map(({ end, start, ...range }) => ({ ...range, from: start, to: end }))
    })
  })
))
