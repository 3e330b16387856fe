/**
 * An event as it was read: the event itself and where it stands.
 *
 * @since 0.1.0
 */
import { EventPointer } from "../../core/EventPointer.ts"
import type { ScopeName } from "../../core/ScopeName.ts"
import type { Segment, SegmentId } from "../../core/Segment.ts"
import type { StreamName } from "../../core/StreamName.ts"

/**
 * The run of events that an event was read with: what many events share, held once.
 *
 * @category models
 * @since 0.2.0
 */
export interface EventRun {
  readonly segment: Segment
  readonly startOffset: bigint
}

/**
 * An event with its place in the stream. Places are computed when asked for: millions of these are made per second.
 * It keeps no part of the bytes it was read from, unless the codec does. `Run` is what its reader knows of it: a
 * `GroupRead` is one whose reader belongs to a group.
 *
 * @category models
 * @since 0.1.0
 */
export class EventRead<out A, out Run extends EventRun = EventRun> {
  readonly event: A
  protected readonly run: Run
  /** Offset in the run, where the event's header starts. */
  private readonly at: number
  /** In bytes, with the header. */
  private readonly size: number

  /** @internal */
  constructor(event: A, run: Run, at: number, size: number) {
    this.event = event
    this.run = run
    this.at = at
    this.size = size
  }

  /** What it was read with. @internal */
  static readonly runOf = <Run extends EventRun>(read: EventRead<unknown, Run>): Run => read.run

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
