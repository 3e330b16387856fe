/**
 * The segments that a reader of a group owns: reads each ahead in a fiber of its own, and hands the events out, merged or
 * apart. Which segments these are, and when, is decided elsewhere (`GroupReader`).
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import { Position } from "../../../core/Position.ts"
import * as Reading from "../../../core/Reading.ts"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import type { Segment, SegmentId } from "../../../core/Segment.ts"
import type { Positions, RangedOffset, RangedPositions } from "../../../core/SegmentPositions.ts"
import type { TimeWindow } from "../../../core/TimeWindow.ts"
import type { EventChunk } from "../../read/EventChunk.ts"
import type { OnTruncated } from "../../read/OnTruncated.ts"
import { ReadBudget } from "../../read/ReadBudget.ts"
import type { ReadError } from "../../read/ReadError.ts"
import * as SegmentRangeReader from "../../read/SegmentRangeReader.ts"
import type { Segments } from "../../segmentstore/Segments.ts"
import type { GroupMark, GroupRun } from "../GroupRead.ts"
import type { ReaderGroupError } from "../ReaderGroupError.ts"
import { OwnedSegment } from "./OwnedSegment.ts"

/** @category models @since 0.1.0 */
export type Failure = ReadError | ReaderGroupError

/** @category models @since 0.1.0 */
export interface Options {
  /** In bytes, over all segments. */
  readonly readAhead: number
  /** In bytes, without the header. */
  readonly maxEventSize: number
  readonly onTruncated: OnTruncated
  /** `merged`: all segments come in one queue. `apart`: each in one of its own. */
  readonly delivery: "merged" | "apart"
}

/** @category models @since 0.1.0 */
export interface Surroundings {
  readonly segments: Segments["Service"]
  /** Closing it stops all reads. */
  readonly scope: Scope.Scope
  readonly windowOf: (stream: ScopedStream) => TimeWindow
  /** Called when a segment that ended or was withdrawn is processed. */
  readonly onIdle: () => void
  /** Fails if the segment belongs to an earlier stream of that name. */
  readonly verify: (segment: Segment) => Effect.Effect<void, ReaderGroupError>
}

/** Some events of a segment, or its end; and which reading of the segment brought them. */
type Item =
  & { readonly owned: OwnedSegment; readonly reading: number }
  & ({ readonly _tag: "Events"; readonly chunk: EventChunk } | { readonly _tag: "End"; readonly offset: bigint })

type Items = Queue.Queue<Item, Failure | Cause.Done>
type Partitions = Queue.Queue<Partition, Failure | Cause.Done>

/** A segment of a reader that hands its segments out apart. @category models @since 0.1.0 */
export interface Partition {
  readonly owned: OwnedSegment
  readonly pull: Pull.Pull<Delivery, Failure>
}

/** Events handed out. @category models @since 0.1.0 */
export interface Delivery {
  readonly chunk: EventChunk
  readonly run: GroupRun
}

/** @category constructors @since 0.1.0 */
export const make = (options: Options, surroundings: Surroundings): Effect.Effect<SegmentReads> =>
  Effect.gen(function*() {
    // holds one: the next is ready when the last is taken, and no more than that is kept
    const items = yield* Queue.bounded<Item, Failure | Cause.Done>(1)
    const partitions = yield* Queue.unbounded<Partition, Failure | Cause.Done>()
    return new SegmentReads(options, surroundings, items, partitions)
  })

/** @category models @since 0.1.0 */
export class SegmentReads {
  readonly owned = new Map<string, OwnedSegment>()
  /** That of the last event that was handed out. */
  lastSegment: SegmentId | undefined = undefined
  private readonly options: Options
  private readonly surroundings: Surroundings
  /** Of all segments. */
  private readonly budget: ReadBudget
  private readonly items: Items
  private readonly partitions: Partitions
  /** Those that are open, to be told of the end. */
  private readonly partitionItems = new Set<Items>()
  /** Of the segments that are being read. */
  private readonly reads = new Map<string, Scope.Closeable>()

  constructor(options: Options, surroundings: Surroundings, items: Items, partitions: Partitions) {
    this.options = options
    this.surroundings = surroundings
    this.budget = new ReadBudget(options.readAhead)
    this.items = items
    this.partitions = partitions
  }

  readonly pull: Pull.Pull<Delivery, Failure> = Effect.suspend(() => this.take(this.items))

  readonly nextPartition: Pull.Pull<Partition, Failure> = Effect.suspend(() => Queue.take(this.partitions))

  /** What is processed of each segment. */
  positions(): Positions {
    return new Map(Array.from(this.owned.values(), ({ name, position }) => [name, position] as const))
  }

  rangedPositions(): RangedPositions {
    return new Map(
      Array.from(this.owned.values(), ({ name, position, range }) => [name, { offset: position, range }] as const)
    )
  }

  /** Ends what is handed out, after what was read already. */
  readonly finish: Effect.Effect<void> = Effect.suspend(() =>
    Effect.andThen(Queue.end(this.items), Queue.end(this.partitions))
  )

  /** Ends what is handed out, at once: what was read already is kept back for the reader that goes on. */
  readonly fail = (cause: Cause.Cause<Failure>): Effect.Effect<void> =>
    Effect.suspend(() => {
      // a queue hands out what is in it before it fails
      for (const owned of this.owned.values()) owned.withdraw()
      const items = Effect.forEach([this.items, ...this.partitionItems], (queue) => Queue.failCause(queue, cause))
      return Effect.asVoid(Effect.andThen(items, Queue.failCause(this.partitions, cause)))
    })

  /** Takes a segment over. `limit`: where the group stops reading it, if it does before the segment's end. */
  readonly own = (
    name: string,
    { offset, range }: RangedOffset,
    limit: bigint | undefined
  ): Effect.Effect<void> =>
    Effect.suspend(() => {
      const owned = new OwnedSegment({
        name,
        segment: Reading.segment(name),
        range,
        from: offset,
        limit,
        onIdle: this.surroundings.onIdle
      })
      this.owned.set(name, owned)
      if (!owned.isFinished) return this.startReading(owned)
      this.surroundings.onIdle()
      return Effect.void
    })

  /** The segment is somebody else's now, or done with. */
  readonly drop = (owned: OwnedSegment): Effect.Effect<void> =>
    Effect.suspend(() => {
      owned.leave()
      this.owned.delete(owned.name)
      return this.stopReading(owned)
    })

  private readonly startReading = (owned: OwnedSegment): Effect.Effect<void> =>
    Effect.gen({ self: this }, function*() {
      const { maxEventSize, onTruncated } = this.options
      const { reading } = owned
      const scope = yield* Scope.fork(this.surroundings.scope)
      this.reads.set(owned.name, scope)
      const reader = yield* SegmentRangeReader.make(this.surroundings.segments, {
        sizes: this.budget,
        segment: owned.segment,
        from: owned.delivered,
        to: owned.limit === undefined ? "end" : { until: owned.limit },
        maxEventSize,
        onTruncated
      }).pipe(Scope.provide(scope))
      const items = yield* this.itemsOf(owned, scope)
      // what is refused comes too late, as all after it would: everything has failed
      const offer = (item: Item) =>
        Effect.flatMap(Queue.offer(items, item), (isTaken) => isTaken ? Effect.void : Effect.interrupt)
      const end = Effect.suspend(() => offer({ _tag: "End", owned, reading, offset: reader.position() }))
      yield* Effect.forever(
        Effect.flatMap(reader.pull, (chunk) => offer({ _tag: "Events", owned, reading, chunk }))
      ).pipe(
        Pull.catchDone(() => end),
        // a segment of an earlier stream is gone, too
        Effect.tapErrorTag("ReadError", ({ reason }) =>
          reason._tag === "TruncatedData" ? this.surroundings.verify(owned.segment) : Effect.void),
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause) ? Effect.void : this.fail(cause)
        ),
        Effect.forkIn(scope)
      )
    })

  /** Goes on with a segment that was not given up after all. */
  readonly resume = (owned: OwnedSegment): Effect.Effect<void> =>
    Effect.suspend(() => {
      owned.resume()
      return this.startReading(owned)
    })

  /** Where a segment's events go: with the others', or in a queue of their own. */
  private readonly itemsOf = (owned: OwnedSegment, scope: Scope.Scope): Effect.Effect<Items> => {
    if (this.options.delivery === "merged") return Effect.succeed(this.items)
    return Effect.gen({ self: this }, function*() {
      // holds none: what is not taken stays in the budget, however many segments nobody takes from
      const items: Items = yield* Queue.bounded<Item, Failure | Cause.Done>(0)
      this.partitionItems.add(items)
      yield* Scope.addFinalizer(
        scope,
        Effect.suspend(() => {
          this.partitionItems.delete(items)
          return Queue.end(items)
        })
      )
      yield* Queue.offer(this.partitions, { owned, pull: Effect.suspend(() => this.take(items)) })
      return items
    })
  }

  /** Hands out no more of it; what was handed out goes on. */
  readonly stopReading = (owned: OwnedSegment): Effect.Effect<void> =>
    Effect.suspend(() => {
      owned.withdraw()
      const scope = this.reads.get(owned.name)
      this.reads.delete(owned.name)
      return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
    })

  private take(items: Items): Pull.Pull<Delivery, Failure> {
    return Effect.flatMap(Queue.take(items), (item): Pull.Pull<Delivery, Failure> => {
      const { owned } = item
      // read before the segment was given up: another reader reads it, or this one once more
      if (!owned.isOpen(item.reading)) return this.take(items)
      if (item._tag === "Events") return Effect.succeed(this.handOut(owned, item.chunk))
      owned.finish(item.offset)
      return this.options.delivery === "merged" ? this.take(items) : Cause.done()
    })
  }

  private handOut(owned: OwnedSegment, chunk: EventChunk): Delivery {
    owned.deliver(chunk.endOffset)
    this.lastSegment = owned.segment.id
    const window = this.surroundings.windowOf(owned.segment.stream)
    const handedOut = Array.from(this.owned.values(), (other) => [other, other.delivered] as const)
    return {
      chunk,
      run: { segment: chunk.segment, startOffset: chunk.startOffset, group: new HandedOut(owned, handedOut, window) }
    }
  }
}

/** What the events of one run have to do with the group. */
class HandedOut implements GroupMark {
  private readonly owned: OwnedSegment
  /** Where every segment of the reader was, this one's events included. */
  private readonly handedOut: ReadonlyArray<readonly [OwnedSegment, bigint]>
  readonly window: TimeWindow

  constructor(
    owned: OwnedSegment,
    handedOut: ReadonlyArray<readonly [OwnedSegment, bigint]>,
    window: TimeWindow
  ) {
    this.owned = owned
    this.handedOut = handedOut
    this.window = window
  }

  acknowledge(endOffset: bigint): void {
    this.owned.acknowledge(endOffset)
  }

  position(endOffset: bigint): Position {
    return Position.make({
      segments: this.handedOut.map(([owned, offset]) => ({
        stream: owned.segment.stream,
        segment: owned.segment.id,
        offset: owned === this.owned ? endOffset : offset,
        ...(owned.range === undefined ? {} : { range: owned.range })
      }))
    })
  }
}
