/**
 * Reads what lies between two positions of a stream, several segments at the same time.
 *
 * **When to use**
 *
 * Use it for what is there: to count, to copy, to look for something, to process the past. `EventReader` waits for events
 * that are not written yet. A `Query` keeps its position, and writes its results exactly once.
 *
 * **Details**
 *
 * What a batch consists of is planned first, as ranges of segments. A plan can be kept, and its ranges can be read anywhere,
 * by another process too. The reader has no position of its own and stores none.
 *
 * **Example**
 *
 * ```ts
 * import { BatchReader, EventCodec, EventStream } from "effect-pravega"
 * import { Stream } from "effect"
 *
 * const lines = EventStream.make("logs/lines", { codec: EventCodec.utf8 })
 *
 * const count = BatchReader.stream(lines, { start: "earliest", end: "latest", concurrency: 4 }).pipe(
 *   Stream.filter((read) => read.event.includes("error")),
 *   Stream.runCount
 * )
 * ```
 *
 * @see protocol facts: client `batch` package of Pravega 0.13.0 (`BatchClientFactoryImpl`)
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { EventPointer } from "../../core/EventPointer.ts"
import type { EventStream } from "../../core/EventStream.ts"
import { ScopedStream } from "../../core/ScopedStream.ts"
import * as Segment from "../../core/Segment.ts"
import { StreamCut } from "../../core/StreamCut.ts"
import { Pravega } from "../Pravega.ts"
import * as BatchPlanning from "./BatchPlanning.ts"
import * as DecodedEvents from "./DecodedEvents.ts"
import * as EventChunk from "./EventChunk.ts"
import type { EventRead } from "./EventRead.ts"
import * as MergedRanges from "./internal/MergedRanges.ts"
import type { OnTruncated } from "./OnTruncated.ts"
import { ReadBudget } from "./ReadBudget.ts"
import { InvalidPosition, ReadError } from "./ReadError.ts"
import * as ReadSizes from "./ReadSizes.ts"
import { SegmentRange } from "./SegmentRange.ts"
import * as SegmentRangeReader from "./SegmentRangeReader.ts"

/**
 * From where to where a batch reads.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bounds {
  /** Where it starts. Default: `earliest`, the first events that are still there. */
  readonly start?: "earliest" | "latest" | StreamCut | undefined
  /** Where it ends. Default: `latest`, the end of what is there when the batch is planned. */
  readonly end?: "latest" | StreamCut | undefined
}

/**
 * How ranges are read.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReadOptions {
  /**
   * How many bytes are requested or kept before they are wanted, over all ranges that are read at the same time, which share
   * them. Each range may have 8 KiB in any case, and the part of one event that has not come yet. Default: 4 MiB.
   */
  readonly readAheadBytes?: number | undefined
  /**
   * The largest event that is read, in bytes, without its header. Default: 8 MiB, the most that Pravega's writers allow unless
   * they are told otherwise.
   */
  readonly maxEventBytes?: number | undefined
  /** What happens when events that were to be read are gone. Default: `fail`. */
  readonly onTruncated?: OnTruncated | undefined
}

/**
 * How several ranges are read.
 *
 * @category models
 * @since 0.1.0
 */
export interface ParallelReadOptions extends ReadOptions {
  /** How many ranges are read at the same time. Default: 4. */
  readonly concurrency?: number | undefined
  /**
   * In which order ranges are read. With `none`, the default, they are read as they come. With `perKey` a range is read only
   * after those of its segment's predecessors. So the events of one routing key come in the order in which they were written.
   */
  readonly ordering?: "none" | "perKey" | undefined
}

/**
 * What a batch consists of. It is fixed, whatever happens to the stream afterwards.
 *
 * @category models
 * @since 0.1.0
 */
export class BatchPlan extends Schema.Class<BatchPlan>("effect-pravega/BatchPlan")({
  stream: ScopedStream,
  /** Where it starts, resolved. */
  start: StreamCut,
  /** Where it ends, resolved. The next batch starts there. */
  end: StreamCut,
  /** One range per segment with something to read. Predecessors come before the segments that follow them. */
  ranges: Schema.Array(SegmentRange)
}) {
  /** In bytes, the events' headers included. */
  get bytes(): bigint {
    return this.ranges.reduce((sum, range) => sum + range.bytes, BigInt(0))
  }
}

/**
 * Plans a batch. It resolves both positions and finds the ranges of segments between them.
 *
 * **Details**
 *
 * It fails with `TruncatedData` when a segment in between is gone, or leaves that segment out, as chosen. Whether the first
 * part of a segment is gone is found when it is read. It fails with `EarlierStream` or `InvalidPosition` for positions that
 * are not of this stream.
 *
 * **Example**
 *
 * ```ts
 * import { BatchReader, EventCodec, EventStream } from "effect-pravega"
 * import { Effect, Stream } from "effect"
 *
 * const lines = EventStream.make("logs/lines", { codec: EventCodec.utf8 })
 *
 * const program = Effect.gen(function*() {
 *   const { bytes, ranges } = yield* BatchReader.plan(lines.name)
 *   yield* Effect.log(`${bytes} bytes in ${ranges.length} segments`)
 *   return yield* Stream.runCount(BatchReader.readRanges(lines, ranges))
 * })
 * ```
 *
 * @category planning
 * @since 0.1.0
 */
export const plan: (
  stream: ScopedStream,
  options?: Bounds & Pick<ReadOptions, "onTruncated">
) => Effect.Effect<BatchPlan, ReadError, Pravega> = Effect.fn("BatchReader.plan")(
  function*(stream, options = {}) {
    const start = yield* BatchPlanning.resolve(stream, options.start ?? "earliest", "start")
    const end = yield* BatchPlanning.resolve(stream, options.end ?? "latest", "end")
    const ranges = yield* BatchPlanning.ranges({ from: start, to: end }, options.onTruncated ?? "fail")
    return BatchPlan.make({ stream, start, end, ranges })
  },
  Effect.mapError((reason) => new ReadError({ reason }))
)

/**
 * Plans a batch and reads it, several segments at the same time. Events come in arrays, as they were read. No request outlives
 * the Stream, however it ends.
 *
 * @category reading
 * @since 0.1.0
 */
export const stream = <A>(
  events: EventStream<A>,
  options: Bounds & ParallelReadOptions = {}
): Stream.Stream<EventRead<A>, ReadError, Pravega> =>
  Stream.unwrap(Effect.map(plan(events.name, options), (batch) => readRanges(events, batch.ranges, options)))

/**
 * Reads ranges of a stream, several at the same time. With `perKey` a range waits for those of its predecessors that are
 * among `ranges`. It fails with `InvalidPosition` for a range of another stream.
 *
 * @category reading
 * @since 0.1.0
 */
export const readRanges = <A>(
  events: EventStream<A>,
  ranges: ReadonlyArray<SegmentRange>,
  options: ParallelReadOptions = {}
): Stream.Stream<EventRead<A>, ReadError, Pravega> =>
  decoding(events, ranges, ({ segments }) => {
    const concurrency = Math.max(1, Math.min(ReadSizes.concurrency(options.concurrency, 4), ranges.length))
    return MergedRanges.make(segments, ranges, {
      ...readerOptions(options),
      concurrency,
      ordering: options.ordering ?? "none"
    })
  })

/**
 * Reads one range, its events in the order of the segment.
 *
 * @category reading
 * @since 0.1.0
 */
export const readRange = <A>(
  events: EventStream<A>,
  range: SegmentRange,
  options: ReadOptions = {}
): Stream.Stream<EventRead<A>, ReadError, Pravega> => readRangeWithin(events, range, readerOptions(options))

/**
 * As `readRange`, within what several readers may read ahead together.
 *
 * @internal
 * @category reading
 * @since 0.2.0
 */
export const readRangeWithin = <A>(
  events: EventStream<A>,
  range: SegmentRange,
  options: Pick<SegmentRangeReader.Options, "sizes" | "maxEventSize" | "onTruncated">
): Stream.Stream<EventRead<A>, ReadError, Pravega> =>
  decoding(events, [range], ({ segments }) =>
    Effect.map(
      SegmentRangeReader.make(segments, {
        ...options,
        segment: { stream: range.stream, id: range.segment },
        from: range.start,
        to: range.end
      }),
      (reader) => reader.pull
    ))

/**
 * Reads one event again. It fails with `TruncatedData` when the event is gone, and with `InvalidPosition` when the pointer
 * belongs to another stream.
 *
 * @category reading
 * @since 0.1.0
 */
export const fetch: <A>(
  events: EventStream<A>,
  pointer: EventPointer
) => Effect.Effect<EventRead<A>, ReadError, Pravega> = Effect.fn("BatchReader.fetch")(
  function*<A>(events: EventStream<A>, pointer: EventPointer) {
    const { segments } = yield* Pravega
    const foreign = foreignTo(events.name, pointer)
    if (foreign !== undefined) return yield* new ReadError({ reason: foreign })
    const reader = yield* SegmentRangeReader.make(segments, {
      ...readerOptions({}),
      // the pointer bounds what is read
      maxEventSize: pointer.length,
      segment: { stream: pointer.stream, id: pointer.segment },
      from: pointer.offset,
      to: pointer.offset + BigInt(pointer.length)
    })
    const chunk = yield* reader.pull
    const { events: read, failure } = EventChunk.decode(chunk, events.codec)
    const [event] = read
    if (event !== undefined && BigInt(pointer.length) === event.endOffset - event.offset) return event
    if (failure !== undefined) return yield* new ReadError({ reason: failure })
    const detail = `the pointer ${Segment.name(pointer.stream, pointer.segment)}:${pointer.offset}-${pointer.length} ` +
      `does not point at one event but at ${chunk.count}`
    return yield* new ReadError({ reason: new InvalidPosition({ stream: pointer.stream, detail }) })
  },
  Effect.scoped,
  // an event has at least its header, so something is always pulled
  Pull.catchDone(() => Effect.die(new Error("an event pointer of length 0")))
)

const readAheadDefault = 4 * 1024 * 1024

const readerOptions = (options: ReadOptions) => ({
  sizes: new ReadBudget(ReadSizes.readAhead(options.readAheadBytes, readAheadDefault)),
  maxEventSize: ReadSizes.eventLimit(options.maxEventBytes),
  onTruncated: options.onTruncated ?? "fail"
})

/** A stream of the decoded events of some chunks: one array per chunk. */
const decoding = <A>(
  events: EventStream<A>,
  ranges: ReadonlyArray<SegmentRange>,
  open: (
    pravega: Pravega["Service"]
  ) => Effect.Effect<Pull.Pull<EventChunk.EventChunk, ReadError>, never, Scope.Scope>
): Stream.Stream<EventRead<A>, ReadError, Pravega> =>
  Stream.scoped(Stream.fromPull(Effect.gen(function*() {
    for (const range of ranges) {
      const foreign = foreignTo(events.name, range)
      if (foreign !== undefined) return yield* new ReadError({ reason: foreign })
    }
    const chunks = yield* open(yield* Pravega)
    return DecodedEvents.pull(chunks, (chunk) => EventChunk.decodeLast(chunk, events.codec))
  })))

const foreignTo = (
  stream: ScopedStream,
  place: { readonly stream: ScopedStream }
): InvalidPosition | undefined =>
  String(place.stream) === String(stream)
    ? undefined
    : new InvalidPosition({ stream, detail: `the range or pointer belongs to stream ${String(place.stream)}` })
