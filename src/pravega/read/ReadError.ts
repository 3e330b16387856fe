/**
 * What can go wrong when events are read: one error, with a closed union of reasons. Every reason names the segment and
 * the offsets it is about, so that a caller can say which events are concerned.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as CauseText from "../../core/CauseText.ts"
import { ScopedStream } from "../../core/ScopedStream.ts"
import * as Segment from "../../core/Segment.ts"
import { ControllerError } from "../controller/ControllerError.ts"
import { SegmentError } from "../segmentstore/SegmentError.ts"

const SegmentFields = { stream: ScopedStream, segment: Segment.SegmentId }

/**
 * Events that were to be read are gone: the stream was truncated, by a user or by its retention policy. Also the value
 * that reports a skip (see `OnTruncated`).
 *
 * @category errors
 * @since 0.1.0
 */
export class TruncatedData extends Schema.TaggedError<TruncatedData>()("TruncatedData", {
  ...SegmentFields,
  /** The first offset that is lost. */
  start: Schema.BigInt,
  /** The end of what is lost; undefined: the segment is gone, and with it its length. */
  end: Schema.UndefinedOr(Schema.BigInt)
}) {
  override get message(): string {
    const lost = this.end === undefined
      ? `everything from offset ${this.start}`
      : `offsets ${this.start} to ${this.end}`
    return `${lost} of segment ${Segment.name(this.stream, this.segment)} ${
      this.end === undefined ? "is" : "are"
    } lost: the stream was truncated. Start from the stream's head, or choose to skip what is lost (onTruncated)`
  }
}

/**
 * A range ends beyond the segment's end, so that waiting for it would wait for ever: the position belongs to another
 * stream of the same name, or was made up.
 *
 * @category errors
 * @since 0.1.0
 */
export class RangeBeyondEnd extends Schema.TaggedError<RangeBeyondEnd>()("RangeBeyondEnd", {
  ...SegmentFields,
  end: Schema.BigInt,
  length: Schema.BigInt
}) {
  override get message(): string {
    return `the range ends at offset ${this.end}, but segment ${Segment.name(this.stream, this.segment)} ends at ` +
      `${this.length}. Was the stream deleted and created again since the position was taken?`
  }
}

/**
 * A range ends inside an event: a range must begin and end at event boundaries.
 *
 * @category errors
 * @since 0.1.0
 */
export class RangeSplitsEvent extends Schema.TaggedError<RangeSplitsEvent>()("RangeSplitsEvent", {
  ...SegmentFields,
  /** Where the event starts. */
  offset: Schema.BigInt,
  /** Where the range ends. */
  end: Schema.BigInt
}) {
  override get message(): string {
    return `the range's end ${this.end} is no event boundary of segment ${Segment.name(this.stream, this.segment)}: ` +
      `an event starts at ${this.offset}`
  }
}

/**
 * The bytes at an offset are not a framed event: the range does not start at an event boundary, or the segment was not
 * written as events.
 *
 * @category errors
 * @since 0.1.0
 */
export class CorruptSegment extends Schema.TaggedError<CorruptSegment>()("CorruptSegment", {
  ...SegmentFields,
  offset: Schema.BigInt,
  detail: Schema.String
}) {
  override get message(): string {
    return `no event at offset ${this.offset} of segment ${Segment.name(this.stream, this.segment)}: ${this.detail}`
  }
}

/**
 * An event is larger than the reader accepts (`maxEventBytes`).
 *
 * @category errors
 * @since 0.1.0
 */
export class EventTooLarge extends Schema.TaggedError<EventTooLarge>()("EventTooLarge", {
  ...SegmentFields,
  offset: Schema.BigInt,
  /** In bytes, without the header. */
  size: Schema.Int,
  /** In bytes, without the header. */
  limit: Schema.Int
}) {
  override get message(): string {
    return `the event at offset ${this.offset} of segment ${
      Segment.name(this.stream, this.segment)
    } has ${this.size} ` +
      `bytes, the limit is ${this.limit}. Raise maxEventBytes if the stream is written with large events enabled; ` +
      "else the position is no event boundary"
  }
}

/**
 * The codec refused an event's bytes.
 *
 * @category errors
 * @since 0.1.0
 */
export class UndecodableEvent extends Schema.TaggedError<UndecodableEvent>()("UndecodableEvent", {
  ...SegmentFields,
  offset: Schema.BigInt,
  /** The codec's name. */
  codec: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `codec ${this.codec} can't decode the event at offset ${this.offset} of segment ${
      Segment.name(this.stream, this.segment)
    }: ${CauseText.of(this.cause)}`
  }
}

/**
 * A position, range or pointer can't be read: it belongs to another stream, or its end comes before its start.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidPosition extends Schema.TaggedError<InvalidPosition>()("InvalidPosition", {
  stream: ScopedStream,
  detail: Schema.String
}) {
  override get message(): string {
    return `invalid position in stream ${String(this.stream)}: ${this.detail}`
  }
}

/**
 * A position belongs to an earlier stream of that name, which was deleted: the stream was made again since.
 *
 * @category errors
 * @since 0.2.0
 */
export class EarlierStream extends Schema.TaggedError<EarlierStream>()("EarlierStream", SegmentFields) {
  override get message(): string {
    return `the position names segment ${
      Segment.name(this.stream, this.segment)
    } of an earlier stream of that name: stream ` +
      `${
        String(this.stream)
      } was deleted and created again since. Start from the new stream's head. A reader group starts there ` +
      `under another name, or when it is reset to it`
  }
}

/** @category errors @since 0.1.0 */
export const ReadErrorReason = Schema.Union([
  TruncatedData,
  RangeBeyondEnd,
  RangeSplitsEvent,
  CorruptSegment,
  EventTooLarge,
  UndecodableEvent,
  InvalidPosition,
  EarlierStream,
  SegmentError,
  ControllerError
])
/** @category models @since 0.1.0 */
export type ReadErrorReason = typeof ReadErrorReason.Type

/**
 * Reading failed; `reason` says how.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReadError extends Schema.TaggedError<ReadError>()("ReadError", { reason: ReadErrorReason }) {
  override readonly cause = this.reason
  override get message(): string {
    return this.reason.message
  }

  /** Whether the same read may succeed later. What is wrong with the data or the positions stays wrong. */
  get isRetryable(): boolean {
    const reason = this.reason
    return (reason._tag === "SegmentError" || reason._tag === "ControllerError") && reason.isRetryable
  }
}
