/**
 * Reading streams without end, as a reader of a reader group: the group's readers, in this and in other processes, ours and
 * Java's, share the segments, and each event goes to one of them. Joining, sharing, following scalings and leaving are the
 * reader's business; what it is told is which events are processed.
 *
 * **What counts as processed**
 *
 * An event that was pulled is not processed yet: a Stream may read ahead, buffer, or be interrupted. So a reader reports to
 * its group only what was acknowledged: by `run`, after its handler; by `acknowledge`, for whoever knows best; or, if
 * chosen, by the next pull. When a reader leaves, or dies and is declared offline, the others go on from what it had
 * reported: every event is processed at least once. A segment's successors are read only when all of it is acknowledged, so
 * the events of one routing key are processed in order.
 *
 * **Exactly once, with a store of one's own**
 *
 * Who writes results to a transactional store keeps there, in the same transaction, how far each segment is processed
 * (`read.segmentId`, `read.endOffset`), on condition that it was at `read.offset` before. An event that comes again then
 * fails that condition, and is skipped. When a reader has died, its stored positions go to `ReaderGroup`'s `readerOffline`,
 * so that nothing has to come again.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { EventCodec } from "../../core/EventCodec.ts"
import type { KeyRange } from "../../core/KeyRange.ts"
import type { Position } from "../../core/Position.ts"
import type { ReaderGroupRetention } from "../../core/ReaderGroupConfig.ts"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import type { SegmentId } from "../../core/Segment.ts"
import type { StreamCut } from "../../core/StreamCut.ts"
import type * as TimeWindow from "../../core/TimeWindow.ts"
import * as Uuid from "../../core/Uuid.ts"
import type { Pravega } from "../Pravega.ts"
import * as DecodedEvents from "../read/DecodedEvents.ts"
import * as EventChunk from "../read/EventChunk.ts"
import { EventRead } from "../read/EventRead.ts"
import type { OnTruncated } from "../read/OnTruncated.ts"
import { ReadError } from "../read/ReadError.ts"
import * as ReadSizes from "../read/ReadSizes.ts"
import * as StreamCuts from "../read/StreamCuts.ts"
import type { GroupRead } from "./GroupRead.ts"
import * as GroupBounds from "./internal/GroupBounds.ts"
import * as GroupReader from "./member/GroupReader.ts"
import type * as SegmentReads from "./member/SegmentReads.ts"
import * as ReaderGroup from "./ReaderGroup.ts"
import { GroupDiffers, ReaderGroupError } from "./ReaderGroupError.ts"

/** A stream whose events can be read: an `EventStream` is one. @category models @since 0.1.0 */
export interface Source<out A> {
  readonly name: ScopedStream
  readonly codec: Pick<EventCodec<A>, "name" | "decode" | "copies">
}

/**
 * One stream, or several whose events come together. Streams of different events need their union said:
 * `EventReader.stream<Trade | Quote>([trades, quotes], options)`.
 *
 * @category models
 * @since 0.1.0
 */
export type Sources<A> = Source<A> | ReadonlyArray<Source<A>>

/** What reading fails with. @category errors @since 0.2.0 */
export type EventReaderError = ReadError | ReaderGroupError

/**
 * The group, if it has to be created: an existing one stays as it is. It must read the same streams; else `GroupDiffers`.
 *
 * @category models
 * @since 0.1.0
 */
export interface NewGroup {
  /** Where the group starts; default `earliest`. */
  readonly start?: "earliest" | "latest" | ReadonlyArray<StreamCut> | undefined
  /** Where it ends; default: not at all, or with the streams when they are sealed. */
  readonly end?: ReadonlyArray<StreamCut> | undefined
  /** Default 30 seconds. */
  readonly automaticCheckpoints?: Duration.Input | "off" | undefined
  /** Default `none`. */
  readonly retention?: ReaderGroupRetention | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ReaderOptions extends NewGroup {
  /** `scope/group`, or the group's name alone in the scope of the (first) stream. Created if it does not exist. */
  readonly readerGroup: string
  /** Unique in the group; default: one that nobody else uses. Needed by who declares readers offline with their positions. */
  readonly readerId?: string | undefined
  /** How many bytes are requested or kept before they are wanted, over all segments; default 8 MiB, at least 64 KiB each. */
  readonly readAheadBytes?: number | undefined
  /** In bytes, without the header; default 8 MiB. */
  readonly maxEventBytes?: number | undefined
  /** Default `fail`. */
  readonly onTruncated?: OnTruncated | undefined
  /**
   * Called before the reader answers a checkpoint of the group, with the positions that it answers: those acknowledged.
   * The group waits for it.
   */
  readonly onCheckpoint?: ((checkpoint: string, position: Position) => Effect.Effect<void>) | undefined
  /**
   * How long another reader of the group may be silent before this one takes it out, as if it had been declared offline:
   * its segments go on from where it last reported to be, and it fails with `MembershipLost` if it lives after all. Default
   * 60 seconds, and never less than three of the pauses between reports, which grow with the number of readers; `never`:
   * whoever has died must be declared offline.
   *
   * A reader of this library reports as long as its process lives, whatever is done with its events, except while
   * `onCheckpoint` runs. Java's readers report only when they are asked for events: those are named in a warning, and never
   * taken out.
   */
  readonly sessionTimeout?: Duration.Input | "never" | undefined
  /** Whether the streams' watermarks are read, for `timeWindow`; default true. */
  readonly timeWindows?: boolean | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface StreamOptions extends ReaderOptions {
  /**
   * `explicit` (default): events count as processed when they are given to `acknowledge`. Without that, a segment that was
   * scaled is never left. `pulled`: those of an array count when the next one is pulled: only for a stream whose every
   * stage is done with an array before it pulls the next (no buffers, no concurrency in between).
   */
  readonly acknowledge?: "explicit" | "pulled" | undefined
}

/**
 * The events of a group, as far as they come to this reader. The stream ends when the group has read everything: its
 * streams are sealed, or its end is reached. It fails with `MembershipLost` when the reader was declared offline or the
 * group was reset: then it may be started again.
 *
 * Events come in arrays, as they were read. When the stream's Scope closes, however it ends, the reader leaves the group:
 * its segments are free for others at once, from what was acknowledged. Joining can't be interrupted, so that no reader is
 * left in the group without anybody behind it: who is stopped in that moment joins, and leaves again.
 *
 * ```ts
 * import { EventCodec, EventStream } from "effect-pravega"
 * import { EventReader } from "effect-pravega/stream"
 * import { Effect, Stream } from "effect"
 *
 * const lines = EventStream.make("logs/lines", { codec: EventCodec.utf8 })
 *
 * const program = EventReader.stream(lines, { readerGroup: "watchers" }).pipe(
 *   Stream.runForEachArray((reads) =>
 *     Effect.andThen(Effect.log(`${reads.length} lines`), EventReader.acknowledgeAll(reads))
 *   )
 * )
 * ```
 *
 * @category reading
 * @since 0.1.0
 */
export const stream = <A>(
  sources: Sources<A>,
  options: StreamOptions
): Stream.Stream<GroupRead<A>, EventReaderError, Pravega> =>
  Stream.scoped(Stream.fromPull(Effect.gen(function*() {
    const reader = yield* open(sources, options, "merged")
    return decoded(sources, reader.pull, options.acknowledge ?? "explicit")
  })))

/** A segment of a reader. @category models @since 0.1.0 */
export interface Partition<out A> {
  readonly stream: ScopedStream
  readonly segment: SegmentId
  /** The part of the key space that it holds, where that is known. */
  readonly range: KeyRange | undefined
  /**
   * The segment's events, in order. Ends at the segment's end, and when it goes to another reader. To be consumed once, while
   * the outer stream runs.
   */
  readonly events: Stream.Stream<GroupRead<A>, EventReaderError>
}

/**
 * As `stream`, but each segment's events come in a stream of their own, to be processed at the same time. A segment that is
 * not consumed holds up none of the others.
 *
 * @category reading
 * @since 0.1.0
 */
export const partitionedStream = <A>(
  sources: Sources<A>,
  options: StreamOptions
): Stream.Stream<Partition<A>, EventReaderError, Pravega> =>
  Stream.scoped(Stream.fromPull(Effect.gen(function*() {
    const reader = yield* open(sources, options, "apart")
    const partition = ({ owned: { range, segment }, pull }: SegmentReads.Partition) =>
      Arr.of<Partition<A>>({
        stream: segment.stream,
        segment: segment.id,
        range,
        events: Stream.fromPull(Effect.succeed(decoded(sources, pull, options.acknowledge ?? "explicit")))
      })
    const next: Pull.Pull<Arr.NonEmptyReadonlyArray<Partition<A>>, EventReaderError> = Effect.map(
      reader.nextPartition,
      partition
    )
    return next
  })))

/**
 * @category models
 * @since 0.1.0
 */
export interface RunOptions extends ReaderOptions {
  /** How many segments are processed at the same time; default: all that the reader has. */
  readonly concurrency?: number | undefined
}

/**
 * Processes the events of a group, as far as they come to this reader: a segment's in order, one after the other; several
 * segments at the same time. An event is acknowledged when its handler has succeeded; the handler's failure ends the run,
 * and what was not processed goes to others, or comes again.
 *
 * ```ts
 * import { EventCodec, EventStream } from "effect-pravega"
 * import { EventReader } from "effect-pravega/stream"
 * import { Effect } from "effect"
 *
 * const lines = EventStream.make("logs/lines", { codec: EventCodec.utf8 })
 *
 * const program = EventReader.run(lines, (read) => Effect.log(read.event), { readerGroup: "watchers" })
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const run = <A, E, R>(
  sources: Sources<A>,
  handler: (read: GroupRead<A>) => Effect.Effect<void, E, R>,
  options: RunOptions
): Effect.Effect<void, EventReaderError | E, Pravega | R> =>
  runArrays(
    sources,
    (reads) =>
      Effect.forEach(reads, (read) => Effect.map(handler(read), () => acknowledgeNow(read)), { discard: true }),
    options
  )

/**
 * As `run`, for handlers that take events as they were read, many at a time: nothing is paid per event. An array is of one
 * segment, and is acknowledged as a whole.
 *
 * @category running
 * @since 0.1.0
 */
export const runArrays = <A, E, R>(
  sources: Sources<A>,
  handler: (reads: Arr.NonEmptyReadonlyArray<GroupRead<A>>) => Effect.Effect<void, E, R>,
  options: RunOptions
): Effect.Effect<void, EventReaderError | E, Pravega | R> =>
  Effect.scoped(Effect.gen(function*() {
    const concurrency = ReadSizes.concurrency(options.concurrency, Infinity)
    const permits = concurrency === Infinity ? undefined : Semaphore.makeUnsafe(concurrency)
    const process = (reads: Arr.NonEmptyReadonlyArray<GroupRead<A>>) => {
      const processed = Effect.map(handler(reads), () => acknowledgeNow(Arr.lastNonEmpty(reads)))
      return permits === undefined ? processed : permits.withPermits(1)(processed)
    }
    const reader = yield* open(sources, options, "apart")
    // ends before the reader does, which then tells what was acknowledged
    const segments = yield* FiberSet.make<void, EventReaderError | E>()
    const next = Effect.flatMap(reader.nextPartition, ({ pull }) => {
      const events = Stream.fromPull(Effect.succeed(decoded(sources, pull, "explicit")))
      return FiberSet.run(segments, Stream.runForEachArray(events, process))
    })
    const all = Effect.forever(next).pipe(Pull.catchDone(() => FiberSet.awaitEmpty(segments)))
    // who has lost its membership must stop at once, whatever its handlers wait for
    yield* Effect.raceFirst(all, FiberSet.join(segments))
  }))

/**
 * This event is processed, and all before it in its segment. Takes only what a reader of a group read: an event of a
 * `BatchReader` is of no group.
 *
 * @category acknowledging
 * @since 0.1.0
 */
export const acknowledge = (read: GroupRead<unknown>): Effect.Effect<void> => Effect.sync(() => acknowledgeNow(read))

/**
 * All these events are processed, and all before them in their segments. Costs little more than one of them.
 *
 * @category acknowledging
 * @since 0.1.0
 */
export const acknowledgeAll = (reads: Iterable<GroupRead<unknown>>): Effect.Effect<void> =>
  Effect.sync(() => {
    let last: GroupRead<unknown> | undefined
    for (const read of reads) {
      // a run's events are in order: its last one stands for all
      if (last !== undefined && EventRead.runOf(last) !== EventRead.runOf(read)) acknowledgeNow(last)
      last = read
    }
    if (last !== undefined) acknowledgeNow(last)
  })

const acknowledgeNow = (read: GroupRead<unknown>): void => markOf(read).acknowledge(read.endOffset)

/**
 * How far the reader had come when it handed this event out: this event and all before it, in all its segments. For who
 * processes in order and keeps positions in a store; who processes segments at the same time keeps an offset for each.
 *
 * @category positions
 * @since 0.1.0
 */
export const position = (read: GroupRead<unknown>): Position => markOf(read).position(read.endOffset)

/**
 * Between which times the group was in the event's stream when it was handed out, as the stream's writers noted them.
 *
 * @category positions
 * @since 0.1.0
 */
export const timeWindow = (read: GroupRead<unknown>): TimeWindow.TimeWindow => markOf(read).window

const markOf = (read: GroupRead<unknown>) => EventRead.runOf(read).group

// -----------------------------------------------------------------------------
// opening
// -----------------------------------------------------------------------------

const readAheadDefault = 8 * 1024 * 1024

const listOf = <A>(sources: Sources<A>): ReadonlyArray<Source<A>> => isList(sources) ? sources : [sources]

const isList = <A>(sources: Sources<A>): sources is ReadonlyArray<Source<A>> => Array.isArray(sources)

const open = Effect.fnUntraced(function*<A>(
  sources: Sources<A>,
  options: ReaderOptions,
  delivery: GroupReader.Options["delivery"]
): Effect.fn.Return<GroupReader.GroupReader, EventReaderError, Pravega | Scope.Scope> {
  // before anybody is asked for anything
  const readAhead = ReadSizes.readAhead(options.readAheadBytes, readAheadDefault)
  const maxEventSize = ReadSizes.eventLimit(options.maxEventBytes)
  const streams = listOf(sources).map(({ name }) => name)
  const fullName = options.readerGroup.includes("/")
    ? options.readerGroup
    : `${streams[0]?.scope}/${options.readerGroup}`
  const group = yield* ReaderGroup.parse(fullName)
  const read = new Set(streams.map(String))
  if (typeof options.start === "object") yield* GroupBounds.ofStreams(options.start, read, "start")
  if (options.end !== undefined) yield* GroupBounds.ofStreams(options.end, read, "end")
  const { automaticCheckpoints, retention } = options
  const { config, state } = yield* ReaderGroup.openOrCreate(
    group,
    Effect.flatMap(
      bounds(streams, options),
      (bounded) => ReaderGroup.configured({ streams: bounded, automaticCheckpoints, retention })
    )
  )
  const others = Array.from(config.startingStreamCuts.keys()).filter((name) => !read.has(name))
  if (others.length > 0) {
    return yield* differs(fullName, `it reads ${others.join(", ")} too, whose events this reader can't decode`)
  }
  const unread = Array.from(read).filter((name) => !config.startingStreamCuts.has(name))
  if (unread.length > 0) return yield* differs(fullName, `it does not read ${unread.join(", ")}`)
  return yield* GroupReader.make({
    group,
    state,
    reader: options.readerId ?? (yield* Uuid.next),
    readAhead,
    maxEventSize,
    onTruncated: options.onTruncated ?? "fail",
    onCheckpoint: options.onCheckpoint ?? (() => Effect.void),
    delivery,
    timeWindows: options.timeWindows ?? true,
    sessionTimeout: options.sessionTimeout === "never"
      ? undefined
      : Duration.toMillis(Duration.fromInputUnsafe(options.sessionTimeout ?? "60 seconds"))
  })
})

const differs = (group: string, detail: string): Effect.Effect<never, ReaderGroupError> =>
  Effect.fail(new ReaderGroupError({ reason: new GroupDiffers({ group, detail }) }))

const bounds = Effect.fnUntraced(function*(
  streams: ReadonlyArray<ScopedStream>,
  { end, start }: NewGroup
): Effect.fn.Return<Record<string, ReaderGroup.StreamBounds>, ReadError, Pravega> {
  const cutOf = (cuts: ReadonlyArray<StreamCut> | undefined, name: ScopedStream) =>
    cuts?.find((cut) => cut.stream.toString() === name.toString())
  const starts = start === "latest"
    ? yield* Effect.forEach(streams, (name) => Effect.map(StreamCuts.tail(name), ({ cut }) => cut)).pipe(
      Effect.mapError((reason) => new ReadError({ reason }))
    )
    : start === "earliest"
    ? undefined
    : start
  return Object.fromEntries(
    streams.map((name) => [name.toString(), { start: cutOf(starts, name), end: cutOf(end, name) }])
  )
})

/** The arrays of decoded events of some deliveries. */
const decoded = <A>(
  sources: Sources<A>,
  deliveries: Pull.Pull<SegmentReads.Delivery, EventReaderError>,
  policy: "explicit" | "pulled"
): DecodedEvents.Events<GroupRead<A>, EventReaderError> => {
  const codecs = new Map(listOf(sources).map(({ codec, name }) => [name.toString(), codec]))
  const events = DecodedEvents.pull(deliveries, ({ chunk, run }) => {
    const codec = codecs.get(chunk.segment.stream.toString())
    if (codec === undefined) throw new Error(`an event of ${String(chunk.segment.stream)}`)
    return EventChunk.decodeLastRun(chunk, codec, run)
  })
  return policy === "pulled" ? acknowledgedByPulls(events) : events
}

/** Who pulls again is through with the last array. */
const acknowledgedByPulls = <A>(
  events: DecodedEvents.Events<GroupRead<A>, EventReaderError>
): DecodedEvents.Events<GroupRead<A>, EventReaderError> => {
  let pulled: GroupRead<unknown> | undefined
  return Effect.suspend(() => {
    if (pulled !== undefined) acknowledgeNow(pulled)
    pulled = undefined
    return Effect.map(events, (reads) => {
      pulled = Arr.lastNonEmpty(reads)
      return reads
    })
  })
}
