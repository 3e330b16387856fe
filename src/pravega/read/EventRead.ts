/**
 * An event as it was read: the event itself and where it stands.
 *
 * @since 0.1.0
 */
import { EventPointer } from "../../core/EventPointer.ts"
import type { Position } from "../../core/Position.ts"
import type { ScopeName } from "../../core/ScopeName.ts"
import type { Segment, SegmentId } from "../../core/Segment.ts"
import type { StreamName } from "../../core/StreamName.ts"
import type { TimeWindow } from "../../core/TimeWindow.ts"

/**
 * The run of events that an event was read with: what many events share, held once.
 *
 * @internal
 * @category models
 * @since 0.1.0
 */
export interface EventRun {
  readonly segment: Segment
  readonly startOffset: bigint
  /** Present: read by a reader of a group. */
  readonly group?: GroupMark | undefined
}

/**
 * What a run of events has to do with the reader group that it was read in.
 *
 * @internal
 * @category models
 * @since 0.1.0
 */
export interface GroupMark {
  /** All events of the segment before the offset are processed. */
  readonly acknowledge: (endOffset: bigint) => void
  /** The reader's, after the event that ends there. */
  readonly position: (endOffset: bigint) => Position
  readonly window: TimeWindow
}

/**
 * An event with its place in the stream. Places are computed when asked for: millions of these are made per second.
 * It keeps no part of the bytes it was read from, unless the codec does.
 *
 * @category models
 * @since 0.1.0
 */
export class EventRead<out A> {
  readonly event: A
  private readonly run: EventRun
  /** Offset in the run, where the event's header starts. */
  private readonly at: number
  /** In bytes, with the header. */
  private readonly size: number

  /** @internal */
  constructor(event: A, run: EventRun, at: number, size: number) {
    this.event = event
    this.run = run
    this.at = at
    this.size = size
  }

  /** What it was read with. @internal */
  static readonly runOf = (read: EventRead<unknown>): EventRun => read.run

  get scope(): ScopeName {
    return this.run.segment.stream.scope
  }
  get stream(): StreamName {
    return this.run.segment.stream.stream
  }
  get segmentId(): SegmentId {
    return this.run.segment.id
  }
  /** Where the event starts in its segment, in bytes. */
  get offset(): bigint {
    return this.run.startOffset + BigInt(this.at)
  }
  /** Where the next event starts. */
  get endOffset(): bigint {
    return this.offset + BigInt(this.size)
  }
  /** What `BatchReader.fetch` takes; also in other processes and other languages. */
  get pointer(): EventPointer {
    return EventPointer.make({
      stream: this.run.segment.stream,
      segment: this.run.segment.id,
      offset: this.offset,
      length: this.size
    })
  }
}
