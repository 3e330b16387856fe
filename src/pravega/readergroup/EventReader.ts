/**
 * Reads streams without end, as a reader of a reader group. The group's readers share the segments, and each event goes to
 * one of them. They may be in several processes, and some of them may be Java's.
 *
 * **When to use**
 *
 * Use it where each event is to be processed at least once, soon after it was written, by as many processes as there are.
 * A `Query` processes events exactly once. `BatchReader` reads what lies between two positions.
 *
 * **Details**
 *
 * The reader joins the group, takes its share of the segments, follows scalings, and leaves. The program tells it which
 * events are processed.
 *
 * An event that was pulled is not processed yet, because a Stream may read ahead, buffer, or be interrupted. So a reader
 * reports to its group only what was acknowledged. `run` acknowledges an event after its handler. `acknowledge` is for programs
 * that know better. With `acknowledge: "pulled"` the next pull does it.
 *
 * When a reader leaves, or dies and is declared offline, the others go on from what it had reported. So every event is
 * processed at least once. A segment's successors are read only when all of it is acknowledged. So the events of one routing
 * key are processed in order.
 *
 * **Gotchas**
 *
 * At least once is not exactly once: what was not reported comes again. With results in a transactional store you can do
 * better. Keep there, in the same transaction, how far each segment is processed (`read.segmentId`, `read.endOffset`), on
 * condition that it was at `read.offset` before. An event that comes again fails that condition, and is skipped. When a
 * reader has died, give its stored positions to `readerOffline` of `ReaderGroup`. Then nothing has to come again.
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

/** A stream whose events can be read. An `EventStream` is one. @category models @since 0.1.0 */
export interface Source<out A> {
  readonly name: ScopedStream
  readonly codec: Pick<EventCodec<A>, "name" | "decode" | "copies">
}

/**
 * One stream, or several whose events come together. For streams of different events, say the union of their types:
 * `EventReader.stream<Trade | Quote>([trades, quotes], options)`.
 *
 * @category models
 * @since 0.1.0
 */
export type Sources<A> = Source<A> | ReadonlyArray<Source<A>>

/** What reading fails with. @category errors @since 0.2.0 */
export type EventReaderError = ReadError | ReaderGroupError

/**
 * What the group is like if it has to be created. A group that exists stays as it is. If it reads other streams, reading
 * fails with `GroupDiffers`.
 *
 * @category models
 * @since 0.1.0
 */
export interface NewGroup {
  /** Where the group starts. Default: `earliest`. */
  readonly start?: "earliest" | "latest" | ReadonlyArray<StreamCut> | undefined
  /** Where the group ends. By default it does not end before its streams are sealed and read. */
  readonly end?: ReadonlyArray<StreamCut> | undefined
  /** How often the group takes a checkpoint by itself. Default: 30 seconds. */
  readonly automaticCheckpoints?: Duration.Input | "off" | undefined
  /** What Pravega keeps because the group may need it. Default: `none`. */
  readonly retention?: ReaderGroupRetention | undefined
}

/**
 * How a reader joins, and what it holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReaderOptions extends NewGroup {
  /** `scope/group`, or the group's name alone: then it is in the scope of the first stream. It is created if need be. */
  readonly readerGroup: string
  /**
   * The reader's id, unique in the group. Give one if you declare readers offline with their positions. Default: an id that
   * nobody else uses.
   */
  readonly readerId?: string | undefined
  /**
   * How many bytes are requested or kept before they are wanted, over all segments of the reader, which share them: one with
   * much to read has what those leave over that wait for more. Each may have 8 KiB in any case, and the part of one event that
   * has not come yet. Default: 8 MiB.
   */
  readonly readAheadBytes?: number | undefined
  /** The largest event that is read, in bytes, without its header. Default: 8 MiB. */
  readonly maxEventBytes?: number | undefined
  /** What happens when events that were to be read are gone. Default: `fail`. */
  readonly onTruncated?: OnTruncated | undefined
  /**
   * Called before the reader answers a checkpoint of the group. It is given the positions of the answer, which are those that
   * were acknowledged. The group waits for it.
   */
  readonly onCheckpoint?: ((checkpoint: string, position: Position) => Effect.Effect<void>) | undefined
  /**
   * How long another reader of the group may be silent before this one takes it out, as if it had been declared offline. Its
   * segments go on from where it last reported to be. If it lives after all, it fails with `MembershipLost`. Default: 60
   * seconds. It is never less than three of the pauses between reports, which grow with the number of readers. With `never`,
   * readers that have died must be declared offline.
   *
   * A reader of this library reports as long as its process lives, whatever is done with its events, except while
   * `onCheckpoint` runs. Java's readers report only when they are asked for events. So they are named in a warning, and never
   * taken out.
   */
  readonly sessionTimeout?: Duration.Input | "never" | undefined
  /** Whether the streams' watermarks are read, which `timeWindow` needs. Default: true. */
  readonly timeWindows?: boolean | undefined
}

/**
 * How a reader's events are emitted, and when they count as processed.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamOptions extends ReaderOptions {
  /**
   * When events count as processed. With `explicit`, the default, they do when they are given to `acknowledge`; without that,
   * a segment that was scaled is never left. With `pulled`, those of an array do when the next array is pulled. That is right
   * only for a stream whose every stage is done with an array before it pulls the next, without buffers and concurrency.
   */
  readonly acknowledge?: "explicit" | "pulled" | undefined
}

/**
 * The events of a group, as far as they come to this reader.
 *
 * **Details**
 *
 * Events come in arrays, as they were read. The stream ends when the group has read everything, because its streams are
 * sealed or its end is reached. It fails with `MembershipLost` when the reader was declared offline or the group was reset.
 * Then it may be started again.
 *
 * When the stream's Scope closes, the reader leaves the group. Others get its segments at once, from what was acknowledged.
 *
 * **Gotchas**
 *
 * Joining can't be interrupted, so that no reader is left in the group with nobody behind it. A program that is stopped in that
 * moment joins, and leaves again.
 *
 * **Example**
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

/** A segment that a reader has, with its events. @category models @since 0.1.0 */
export interface Partition<out A> {
  readonly stream: ScopedStream
  readonly segment: SegmentId
  /** The part of the key space that it holds. Undefined: that is not known. */
  readonly range: KeyRange | undefined
  /**
   * The segment's events, in order. It ends at the segment's end, and when the segment goes to another reader. It can be
   * consumed once, while the outer stream runs.
   */
  readonly events: Stream.Stream<GroupRead<A>, EventReaderError>
}

/**
 * As `stream`, but the events of each segment come in a stream of their own. So segments can be processed at the same time.
 * One that is not consumed does not hold up the others.
 *
 * **Example**
 *
 * ```ts
 * import { EventCodec, EventStream } from "effect-pravega"
 * import { EventReader } from "effect-pravega/stream"
 * import { Effect, Stream } from "effect"
 *
 * const lines = EventStream.make("logs/lines", { codec: EventCodec.utf8 })
 *
 * const program = EventReader.partitionedStream(lines, { readerGroup: "watchers" }).pipe(
 *   Stream.mapEffect(
 *     ({ events, segment }) =>
 *       Stream.runForEachArray(events, (reads) =>
 *         Effect.andThen(Effect.log(`${reads.length} lines of segment ${segment}`), EventReader.acknowledgeAll(reads))),
 *     { concurrency: "unbounded" }
 *   ),
 *   Stream.runDrain
 * )
 * ```
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
 * How a reader's events are processed.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunOptions extends ReaderOptions {
  /** How many segments are processed at the same time. Default: all that the reader has. */
  readonly concurrency?: number | undefined
}

/**
 * Processes the events of a group, as far as they come to this reader.
 *
 * **Details**
 *
 * The events of a segment are processed in order, one after the other. Several segments are processed at the same time. An
 * event is acknowledged when its handler has succeeded. A handler's failure ends the run. What was not processed by then goes
 * to other readers, or comes again.
 *
 * **Example**
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
 * As `run`, for a handler that takes many events at a time, as they were read. Nothing is paid per event. The events of an
 * array are of one segment, and are acknowledged together.
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
    // a reader that has lost its membership must stop at once, whatever its handlers wait for
    yield* Effect.raceFirst(all, FiberSet.join(segments))
  }))

/**
 * Tells that this event is processed, and all before it in its segment. It takes only what a reader of a group has read. An
 * event of a `BatchReader` is of no group.
 *
 * @category acknowledging
 * @since 0.1.0
 */
export const acknowledge = (read: GroupRead<unknown>): Effect.Effect<void> => Effect.sync(() => acknowledgeNow(read))

/**
 * Tells that all these events are processed, and all before them in their segments. It costs little more than `acknowledge`
 * of one of them.
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
 * How far the reader had come when it handed this event out: this event and all before it, in all its segments.
 *
 * **When to use**
 *
 * Use it if you process events in order and keep positions in a store. If you process segments at the same time, keep an
 * offset for each.
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

/** The next pull says that the last array is processed. */
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
