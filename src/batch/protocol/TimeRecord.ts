/**
 * What a checkpoint log says of time, where a pipeline's flow goes by it: what a look at the sources found when a batch was
 * planned, and how far time is after it. Both are recorded, so that a batch that is done again has the same time; how one
 * follows from the other is `FlowTime`'s.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"

/** Text of a place in a source's part, a segment's offset for example. */
const Offset = Schema.String

/**
 * What a look at a source found when a batch was planned.
 *
 * @category models
 * @since 0.2.0
 */
export class SourceLook extends Schema.Class<SourceLook>("effect-pravega/SourceLook")({
  /** Per part that is left to read: how far it is read when the batch is done, and where it ends. */
  parts: Schema.Record(Schema.String, Schema.Struct({ readTo: Offset, tail: Offset })),
  /** Nothing will come after this batch. */
  isEnded: Schema.Boolean
}) {}

/** Per source. @category schemas @since 0.2.0 */
export const Looks = Schema.Record(Schema.String, SourceLook)
/** @category models @since 0.2.0 */
export type Looks = typeof Looks.Type

/** How far time is in a part of a source. @category schemas @since 0.2.0 */
export const PartTime = Schema.Struct({
  watermark: Schema.Number,
  /** The first look that found this end. */
  since: Schema.optionalKey(Schema.Struct({ at: Schema.Int, tail: Offset }))
})
/** @category models @since 0.2.0 */
export type PartTime = typeof PartTime.Type

/** How far time is in a step. @category schemas @since 0.2.0 */
export const StepTime = Schema.Struct({
  input: Schema.Number,
  output: Schema.Number,
  /** Something was due and is not done: the next batch does it. */
  isLeftOver: Schema.Boolean
})
/** @category models @since 0.2.0 */
export type StepTime = typeof StepTime.Type

/**
 * How far time is after a batch. Watermarks are exclusive, in milliseconds since 1970; `-Infinity` before anything is known,
 * `Infinity` at the end of time.
 *
 * @category models
 * @since 0.2.0
 */
export class TimeState extends Schema.Class<TimeState>("effect-pravega/TimeState")({
  /** The time in the batch's plan; never goes back. */
  at: Schema.Int,
  /** W(n), of all sources. */
  watermark: Schema.Number,
  /** Per source, per part. */
  sources: Schema.Record(Schema.String, Schema.Record(Schema.String, PartTime)),
  /** Per step of the flow, by name. */
  steps: Schema.Record(Schema.String, StepTime)
}) {}
