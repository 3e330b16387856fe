/**
 * What can be wrong with an update of a reader group's shared state. What goes wrong on the way to the state (connections,
 * conflicts, damaged bytes) is not here.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/** An update before the first initial state. @category errors @since 0.1.0 */
export class NotInitialized extends Schema.TaggedError<NotInitialized>()("NotInitialized", {
  update: Schema.String
}) {
  override get message(): string {
    return `${this.update} cannot be applied: the reader group has no state yet`
  }
}

/** An initial state without segments: nothing could ever be read. @category errors @since 0.1.0 */
export class NoStartingSegments extends Schema.TaggedError<NoStartingSegments>()("NoStartingSegments", {}) {
  override get message(): string {
    return "a reader group cannot start without segments"
  }
}

/**
 * The reader joined already: its id is in use, or its process died without leaving (then someone declares it offline).
 *
 * @category errors
 * @since 0.1.0
 */
export class ReaderAlreadyOnline extends Schema.TaggedError<ReaderAlreadyOnline>()("ReaderAlreadyOnline", {
  reader: Schema.String
}) {
  override get message(): string {
    return `reader ${this.reader} is online already: use another id, or declare it offline if its process died`
  }
}

/** The reader never joined, left, or was declared offline: it has to join again. @category errors @since 0.1.0 */
export class ReaderNotOnline extends Schema.TaggedError<ReaderNotOnline>()("ReaderNotOnline", {
  reader: Schema.String
}) {
  override get message(): string {
    return `reader ${this.reader} is not online in the reader group: it has to join again`
  }
}

/** A segment was to be acquired that is assigned, future or unknown. @category errors @since 0.1.0 */
export class SegmentNotUnassigned extends Schema.TaggedError<SegmentNotUnassigned>()("SegmentNotUnassigned", {
  reader: Schema.String,
  segment: Schema.String
}) {
  override get message(): string {
    return `reader ${this.reader} cannot acquire segment ${this.segment}: it is not unassigned`
  }
}

/** A segment was to be released or completed by a reader that does not own it. @category errors @since 0.1.0 */
export class SegmentNotAssigned extends Schema.TaggedError<SegmentNotAssigned>()("SegmentNotAssigned", {
  reader: Schema.String,
  segment: Schema.String
}) {
  override get message(): string {
    return `reader ${this.reader} cannot give up segment ${this.segment}: it is not assigned to it`
  }
}

/** The checkpoint is pending, but not for this reader. @category errors @since 0.1.0 */
export class AlreadyCheckpointed extends Schema.TaggedError<AlreadyCheckpointed>()("AlreadyCheckpointed", {
  checkpoint: Schema.String,
  reader: Schema.String
}) {
  override get message(): string {
    return `checkpoint ${this.checkpoint} does not wait for reader ${this.reader} (any more)`
  }
}

/** @category models @since 0.1.0 */
export const UpdateRefusedReason = Schema.Union([
  NotInitialized,
  NoStartingSegments,
  ReaderAlreadyOnline,
  ReaderNotOnline,
  SegmentNotUnassigned,
  SegmentNotAssigned,
  AlreadyCheckpointed
])
/** @category models @since 0.1.0 */
export type UpdateRefusedReason = typeof UpdateRefusedReason.Type

/**
 * An update that is not allowed in the state it was applied to. Trying the same again never helps: a reader either joins
 * again, or computes its update from a newer state.
 *
 * @category errors
 * @since 0.1.0
 */
export class UpdateRefused extends Schema.TaggedError<UpdateRefused>()("UpdateRefused", {
  reason: UpdateRefusedReason
}) {
  override readonly cause = this.reason
  override get message(): string {
    return this.reason.message
  }
  get isRetryable(): boolean {
    return false
  }
}
