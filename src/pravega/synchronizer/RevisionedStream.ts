/**
 * A stream of one segment as a shared log. An entry is appended on condition that no other one came in between, so all readers
 * of the log agree on one order. The state of a reader group lives in such a log, and so may any state of your own
 * (`StateSynchronizer`).
 *
 * The bytes are those of Java's `RevisionedStreamClient`, which can read and write the same stream.
 *
 * @see `RevisionedStreamClientImpl` of Pravega 0.13.0
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { maxEventSize } from "../../core/bytes/EventFrame.ts"
import { EventCodecError } from "../../core/EventCodec.ts"
import type { EventStream } from "../../core/EventStream.ts"
import type { SegmentId } from "../../core/Segment.ts"
import type { ControllerError } from "../controller/ControllerError.ts"
import { Pravega } from "../Pravega.ts"
import * as DecodedEvents from "../read/DecodedEvents.ts"
import * as EventChunk from "../read/EventChunk.ts"
import type { EventRead } from "../read/EventRead.ts"
import { InvalidPosition, ReadError, type ReadErrorReason } from "../read/ReadError.ts"
import * as SegmentRangeReader from "../read/SegmentRangeReader.ts"
import type { SegmentError } from "../segmentstore/SegmentError.ts"
import * as SegmentAttribute from "../wire/SegmentAttribute.ts"
import * as ConditionalAppender from "./internal/ConditionalAppender.ts"

/** A place in the log: the offset in bytes behind all entries before it. @category models @since 0.1.0 */
export type Revision = bigint

/**
 * @category models
 * @since 0.1.0
 */
export interface RevisionedStream<A> {
  readonly stream: EventStream<A>
  readonly segment: SegmentId
  /** Where the first entry is that was not truncated. */
  readonly oldest: Effect.Effect<Revision, SegmentError | ControllerError>
  /** Where the next entry will be. */
  readonly latest: Effect.Effect<Revision, SegmentError | ControllerError>
  /** Where the first and the next entry are, asked for at once. */
  readonly bounds: Effect.Effect<
    { readonly oldest: Revision; readonly latest: Revision },
    SegmentError | ControllerError
  >
  /**
   * The entries from a revision to `end`, which must be a revision that is there. Default: the end as it is now. The revision
   * after an entry is its `endOffset`. Fails with `TruncatedData` if some of the entries are gone.
   */
  readonly read: (start: Revision, end?: Revision) => Stream.Stream<EventRead<A>, ReadError>
  /**
   * Reads as `read` does, and then waits for what is appended. It ends only when the stream is sealed. If you give a revision
   * that is there as `end` (`from`, if that is one), it need not be asked for.
   */
  readonly follow: (start: Revision, end?: Revision) => Stream.Stream<EventRead<A>, ReadError>
  /**
   * Appends an entry if `expected` is the latest revision, or in any case if it is undefined. Returns the revision after the
   * entry, or undefined if another one was the latest. Without a condition, and after a lost reply, the revision may lie
   * after later entries, too.
   *
   * Interrupting the wait does not take the entry back.
   */
  readonly append: (
    entry: A,
    expected: Revision | undefined
  ) => Effect.Effect<Revision | undefined, SegmentError | ControllerError | EventCodecError>
  /** A revision that somebody has marked for all, to start reading at. */
  readonly mark: Effect.Effect<Revision | undefined, SegmentError | ControllerError>
  /** Moves the mark if it is where it is expected. Returns whether it is where it was to be moved. */
  readonly moveMark: (
    options: { readonly expected: Revision | undefined; readonly value: Revision | undefined }
  ) => Effect.Effect<boolean, SegmentError | ControllerError>
  /** Deletes the entries before a revision. */
  readonly truncate: (before: Revision) => Effect.Effect<void, SegmentError | ControllerError>
}

/** Bytes that are read ahead, and in one request. */
const readAhead = 512 * 1024
const readSize = 128 * 1024

/**
 * Opens a stream of one segment. Fails with `InvalidPosition` when it has several. Appends use a connection that is given
 * back when the Scope closes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*<A>(
  stream: EventStream<A>
): Effect.fn.Return<RevisionedStream<A>, ReadError, Pravega | Scope.Scope> {
  const { controller, segments, stores } = yield* Pravega
  const active = yield* Effect.mapError(controller.currentSegments(stream.name), toReadError)
  const [first] = active
  if (first === undefined || active.length > 1) {
    const detail = first === undefined ? "it is sealed" : "a stream of one segment is needed"
    return yield* toReadError(new InvalidPosition({ stream: stream.name, detail }))
  }
  const segment = { stream: stream.name, id: first.id }
  const appender = yield* ConditionalAppender.make({ segments, stores }, segment)
  const bounds = Effect.map(
    segments.info(segment),
    ({ length, startOffset }) => ({ oldest: startOffset, latest: length })
  )
  const range = (from: Revision, to: SegmentRangeReader.RangeEnd, known?: Revision) =>
    entries(stream, segments, { segment, from, to, known, sizes: { readAhead, readSize }, maxEventSize })
  return {
    stream,
    segment: segment.id,
    oldest: Effect.map(bounds, ({ oldest }) => oldest),
    latest: Effect.map(bounds, ({ latest }) => latest),
    bounds,
    read: (from, end) => range(from, end ?? "tail", end),
    follow: (from, end) => range(from, "end", end),
    append: (entry, expected) => Effect.flatMap(encode(stream, entry), (bytes) => appender.append(bytes, expected)),
    mark: segments.attribute(segment, SegmentAttribute.replayMark),
    moveMark: ({ expected, value }) => segments.setAttribute(segment, SegmentAttribute.replayMark, { expected, value }),
    truncate: (before) => segments.truncate(segment, before)
  }
})

const toReadError = (reason: ReadErrorReason): ReadError => new ReadError({ reason })

const encode = <A>({ codec }: EventStream<A>, entry: A): Effect.Effect<Uint8Array, EventCodecError> =>
  Effect.try({
    try: () => codec.encode(entry),
    catch: (cause) =>
      cause instanceof EventCodecError
        ? cause
        : new EventCodecError({ codec: codec.name, operation: "encode", cause })
  })

const entries = <A>(
  stream: EventStream<A>,
  segments: Pravega["Service"]["segments"],
  options: Omit<SegmentRangeReader.Options, "onTruncated">
): Stream.Stream<EventRead<A>, ReadError> =>
  Stream.scoped(Stream.fromPull(Effect.gen(function*() {
    const reader = yield* SegmentRangeReader.make(segments, { ...options, onTruncated: "fail" })
    return DecodedEvents.pull(reader.pull, (chunk) => EventChunk.decode(chunk, stream.codec))
  })))
