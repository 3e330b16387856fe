/**
 * What can go wrong with a reader group and with being a reader of one: one error with a closed set of reasons. What is
 * wrong with the events that are read is a `ReadError`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ControllerError } from "../controller/ControllerError.ts"
import { ReadError } from "../read/ReadError.ts"
import { SegmentError } from "../segmentstore/SegmentError.ts"
import { SynchronizerError } from "../synchronizer/StateSynchronizer.ts"

/** There is no such group, or it was deleted. @category errors @since 0.1.0 */
export class GroupNotFound extends Schema.TaggedError<GroupNotFound>()("GroupNotFound", { group: Schema.String }) {
  override get message(): string {
    return `reader group ${this.group} does not exist: create it first (ReaderGroup.create)`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** The group exists, and is not what was asked for. @category errors @since 0.1.0 */
export class GroupDiffers extends Schema.TaggedError<GroupDiffers>()("GroupDiffers", {
  group: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `reader group ${this.group} exists with another configuration: ${this.detail}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * A reader of this id is in the group already, or its process died without leaving: then declare it offline.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReaderIdInUse extends Schema.TaggedError<ReaderIdInUse>()("ReaderIdInUse", {
  group: Schema.String,
  reader: Schema.String
}) {
  override get message(): string {
    return `reader ${this.reader} is in group ${this.group} already: use another id, or declare it offline if its ` +
      "process died (readerOffline)"
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The reader is not in the group any more: somebody declared it offline, or the group was reset. Its segments are read by
 * others, from the positions that were reported. A new reader may join.
 *
 * @category errors
 * @since 0.1.0
 */
export class MembershipLost extends Schema.TaggedError<MembershipLost>()("MembershipLost", {
  group: Schema.String,
  reader: Schema.String
}) {
  override get message(): string {
    return `reader ${this.reader} is not in group ${this.group} any more: it was declared offline, or the group was ` +
      "reset; start another reader"
  }
  get isRetryable(): boolean {
    return true
  }
}

/** As many checkpoints as the group's configuration allows are unfinished. @category errors @since 0.1.0 */
export class TooManyCheckpoints extends Schema.TaggedError<TooManyCheckpoints>()("TooManyCheckpoints", {
  group: Schema.String,
  limit: Schema.Int
}) {
  override get message(): string {
    return `reader group ${this.group} has ${this.limit} unfinished checkpoints, and may not have more: wait for them, ` +
      "or cancel them (cancelCheckpoints)"
  }
  get isRetryable(): boolean {
    return true
  }
}

/** The checkpoint was forgotten before its positions could be read: a later one was finished, or it was cancelled. @category errors @since 0.1.0 */
export class CheckpointLost extends Schema.TaggedError<CheckpointLost>()("CheckpointLost", {
  group: Schema.String,
  checkpoint: Schema.String
}) {
  override get message(): string {
    return `checkpoint ${this.checkpoint} of reader group ${this.group} was cleared before its positions could be read: make another one`
  }
  get isRetryable(): boolean {
    return true
  }
}

/** Only groups of manual retention take a cut from their users. @category errors @since 0.1.0 */
export class RetentionNotManual extends Schema.TaggedError<RetentionNotManual>()("RetentionNotManual", {
  group: Schema.String,
  retention: Schema.String
}) {
  override get message(): string {
    return `the retention of reader group ${this.group} is "${this.retention}": only a "manual" one takes stream cuts`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The controller names no segments after one that is sealed and read to its end, though the stream is not sealed.
 *
 * @category errors
 * @since 0.1.0
 */
export class SuccessorsUnknown extends Schema.TaggedError<SuccessorsUnknown>()("SuccessorsUnknown", {
  segment: Schema.String
}) {
  override get message(): string {
    return `segment ${this.segment} is sealed, and the controller names no segments that follow it`
  }
  get isRetryable(): boolean {
    return true
  }
}

/** @category errors @since 0.1.0 */
export const ReaderGroupErrorReason = Schema.Union([
  GroupNotFound,
  GroupDiffers,
  ReaderIdInUse,
  MembershipLost,
  TooManyCheckpoints,
  CheckpointLost,
  RetentionNotManual,
  SuccessorsUnknown,
  SynchronizerError,
  ControllerError,
  SegmentError,
  ReadError
])
/** @category errors @since 0.1.0 */
export type ReaderGroupErrorReason = typeof ReaderGroupErrorReason.Type

/** The one error of reader groups; `reason` says what happened. @category errors @since 0.1.0 */
export class ReaderGroupError extends Schema.TaggedError<ReaderGroupError>()("ReaderGroupError", {
  reason: ReaderGroupErrorReason
}) {
  override readonly cause = this.reason
  override get message(): string {
    return this.reason.message
  }
  /** Whether the same may succeed later. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
}
