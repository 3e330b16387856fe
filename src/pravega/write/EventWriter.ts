/**
 * Writes events to a stream, outside of transactions: as calls (`make`), at the end of an Effect Stream (`sink`), or in the
 * middle of one (`through`).
 *
 * Events of one routing key are written in order, and each once as long as the writer lives: what a lost connection left open
 * is settled by the store's last event number. Where that can't be had any more, the writer ends with `AppendOutcomeUnknown`.
 *
 * Not here: transactions (`Transaction`), and exactly-once across restarts of the process, which takes a checkpoint log.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Latch from "effect/Latch"
import * as Pull from "effect/Pull"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { EventStream } from "../../core/EventStream.ts"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import * as Segment from "../../core/Segment.ts"
import { SegmentRouting } from "../../core/SegmentRouting.ts"
import { StreamSealed } from "../controller/ControllerError.ts"
import { Pravega } from "../Pravega.ts"
import type { AppendFailure } from "./AppendSession.ts"
import * as ControllerFailure from "./ControllerFailure.ts"
import type { Receipt } from "./internal/Receipt.ts"
import type { EventsInDoubt } from "./internal/SegmentAppender.ts"
import * as SegmentSuccession from "./internal/SegmentSuccession.ts"
import * as RoutedWriter from "./RoutedWriter.ts"
import { AppendOutcomeUnknown, WriterError, type WriterErrorReason } from "./WriterError.ts"
import * as WriterLimits from "./WriterLimits.ts"
import type { EventTime } from "./WriterTime.ts"
import * as WriterTime from "./WriterTime.ts"

export type { EventTime } from "./WriterTime.ts"
import * as Uuid from "../../core/Uuid.ts"

/**
 * A writer of one stream. Any number of fibers may share it.
 *
 * **Details**
 *
 * Calls that are made one after the other keep their order per routing key. Calls that are made at the same time have no order
 * among them. Events without routing key are spread over the segments and have no order.
 *
 * **Gotchas**
 *
 * Interrupting a wait does not take back what was accepted: it will be written.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventWriter<A> {
  readonly stream: EventStream<A>
  /** Writes one event, and returns when it is durable. */
  readonly write: (event: A) => Effect.Effect<void, WriterError>
  /**
   * Writes events in order, and returns when all are durable. They are not one atomic unit: after a failure some of them may
   * be in the stream.
   */
  readonly writeAll: (events: ReadonlyArray<A>) => Effect.Effect<void, WriterError>
  /**
   * Hands events over. It waits only while too many bytes are unacknowledged. The Effect that it returns waits until these
   * events are durable. It may be run any number of times, or never.
   */
  readonly enqueue: (events: ReadonlyArray<A>) => Effect.Effect<Effect.Effect<void, WriterError>, WriterError>
  /** Waits until everything accepted before is durable. */
  readonly flush: Effect.Effect<void, WriterError>
  /**
   * Notes an event time for the stream's watermarks. It says that what was written before has times up to `time`, and that
   * what comes later has none below it. It first waits until what was accepted before is durable.
   *
   * The unit is the stream's, by custom milliseconds since 1970. All writers of the stream must use the same. Fails with
   * `TimeNotNoted` if an earlier note had a later time. The writer's notes count until its Scope closes, or until it has
   * been silent for the stream's time-out (`timestampAggregationTimeout`).
   */
  readonly noteTime: (time: bigint) => Effect.Effect<void, WriterError>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface EventWriterOptions {
  /**
   * Events are accepted while fewer bytes than this are unacknowledged, headers of 8 bytes per event included. One slice of
   * a call (256 KiB, or one larger event) may go beyond it. Default: 8 MiB.
   */
  readonly maxPendingBytes?: number | undefined
  /** Events for one segment are sent in blocks of at most so many bytes. A larger event is a block. Default: 512 KiB. */
  readonly blockBytes?: number | undefined
  /** How long the writer goes on trying while a segment takes nothing, before it fails. Default: 10 minutes. */
  readonly outageLimit?: Duration.Input | undefined
  /** How long closing the Scope waits for acknowledgements. Default: 30 seconds. */
  readonly closeTimeout?: Duration.Input | undefined
}

/**
 * Opens a writer. It connects when it has its first event. Fails if the stream does not exist or is sealed.
 *
 * **Details**
 *
 * When the Scope closes after a success, what was accepted is flushed first, for at most `closeTimeout`. After a failure or an
 * interruption it is not. What is then unacknowledged fails with `WriterClosed`. After a success that is logged too, because
 * nobody may be waiting for it.
 *
 * ```ts
 * import { EventCodec, EventStream, EventWriter } from "effect-pravega"
 * import { Effect } from "effect"
 *
 * const lines = EventStream.make("logs/lines", { codec: EventCodec.utf8 })
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   const writer = yield* EventWriter.make(lines)
 *   yield* writer.write("started")
 *   const durable = yield* writer.enqueue(["one", "two"])
 *   yield* durable
 * }))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(
  stream: EventStream<A>,
  options?: EventWriterOptions
): Effect.Effect<EventWriter<A>, WriterError, Pravega | Scope.Scope> =>
  Effect.gen(function*() {
    const writer = yield* open(stream, options)
    const note = yield* WriterTime.make(stream.name)
    const writeAll = (events: ReadonlyArray<A>) =>
      Effect.mapError(Effect.flatMap(writer.accept(events), writer.acknowledged), toError)
    return {
      stream,
      write: (event: A) => writeAll([event]),
      writeAll,
      enqueue: (events: ReadonlyArray<A>) =>
        writer.accept(events).pipe(
          Effect.map((receipt) => Effect.mapError(writer.acknowledged(receipt), toError)),
          Effect.mapError(toError)
        ),
      flush: Effect.mapError(writer.flush, toError),
      noteTime: (time: bigint) => Effect.mapError(Effect.andThen(writer.flush, note(time)), toError)
    }
  }).pipe(Effect.mapError(toError))

/** @category models @since 0.1.0 */
export interface FlowOptions<in A> extends EventWriterOptions {
  /** If given, times are noted for the stream's watermarks. */
  readonly eventTime?: EventTime<A> | undefined
}

/**
 * Writes what a Stream emits, chunk by chunk. It ends with the number of events, when all of them are durable.
 *
 * **Details**
 *
 * The Stream is held up while `maxPendingBytes` are unacknowledged. The writer lives as long as the Stream runs.
 *
 * **Gotchas**
 *
 * If the Stream fails or is interrupted, what was not acknowledged may or may not have been written.
 *
 * **Example**
 *
 * ```ts
 * import { EventCodec, EventStream, EventWriter } from "effect-pravega"
 * import { Stream } from "effect"
 *
 * const lines = EventStream.make("logs/lines", { codec: EventCodec.utf8 })
 *
 * const copy = (input: Stream.Stream<string>) => Stream.run(input, EventWriter.sink(lines))
 * ```
 *
 * @category flows
 * @since 0.1.0
 */
export const sink = <A>(
  stream: EventStream<A>,
  options?: FlowOptions<A>
): Sink.Sink<number, A, never, WriterError, Pravega> =>
  Sink.fromTransform((upstream) =>
    Effect.scoped(Effect.gen(function*() {
      const { timed, writer } = yield* openFlow(stream, options)
      let events = 0
      yield* timed(upstream.pipe(
        Effect.flatMap((chunk) => Effect.andThen(accept(writer, chunk), Effect.sync(() => events += chunk.length))),
        Effect.forever({ disableYield: true }),
        Pull.catchDone(() => Effect.mapError(writer.routed.flush, toError))
      ))
      return [events] as const
    }))
  )

/**
 * Writes what a Stream emits, and hands each event on when it is durable, in the same order. What follows in the Stream so acts
 * on acknowledged events only.
 *
 * **Details**
 *
 * It reads ahead while fewer than `maxPendingBytes` are unacknowledged or not yet taken. If the Stream fails, the events before
 * the failure come out first.
 *
 * **Example**
 *
 * ```ts
 * import { EventCodec, EventStream, EventWriter } from "effect-pravega"
 * import { Console, Stream } from "effect"
 *
 * const lines = EventStream.make("logs/lines", { codec: EventCodec.utf8 })
 *
 * const program = Stream.make("one", "two").pipe(
 *   EventWriter.through(lines),
 *   Stream.runForEach((line) => Console.log(`${line} is stored`))
 * )
 * ```
 *
 * @category flows
 * @since 0.1.0
 */
export const through: {
  <A>(
    stream: EventStream<A>,
    options?: FlowOptions<A>
  ): <E, R>(events: Stream.Stream<A, E, R>) => Stream.Stream<A, E | WriterError, R | Pravega>
  <A, E, R>(
    events: Stream.Stream<A, E, R>,
    stream: EventStream<A>,
    options?: FlowOptions<A>
  ): Stream.Stream<A, E | WriterError, R | Pravega>
} = dual((args) => Stream.isStream(args[0]), <A, E, R>(
  events: Stream.Stream<A, E, R>,
  stream: EventStream<A>,
  options?: FlowOptions<A>
): Stream.Stream<A, E | WriterError, R | Pravega> =>
  Stream.unwrap(Effect.gen(function*() {
    const { timed, writer } = yield* openFlow(stream, options)
    const sent = yield* Queue.unbounded<Sent<A>, E | WriterError | Cause.Done>()
    const space = Latch.makeUnsafe(true)
    const limit = WriterLimits.make(options).maxPendingBytes
    let held = 0
    const hold = (bytes: number) => {
      held += bytes
      if (held >= limit) space.closeUnsafe()
      else space.openUnsafe()
    }
    yield* timed(Stream.runForEachArray(events, (chunk) =>
      Effect.andThen(space.await, accept(writer, chunk)).pipe(
        Effect.map((receipt) => {
          hold(receipt.bytes)
          Queue.offerUnsafe(sent, { chunk, receipt })
        })
      ))).pipe(
        // times are noted as long as events may be on their way
        (reading) => Effect.andThen(reading, Effect.mapError(writer.routed.flush, toError)),
        Queue.into(sent),
        Effect.forkScoped
      )
    const pull = Effect.flatMap(Queue.take(sent), ({ chunk, receipt }) =>
      Effect.as(Effect.mapError(writer.routed.acknowledged(receipt), toError), chunk).pipe(
        Effect.tap(() =>
          Effect.sync(() => hold(-receipt.bytes))
        )
      ))
    return Stream.fromPull(Effect.succeed(pull))
  })))

interface Sent<A> {
  readonly chunk: Arr.NonEmptyReadonlyArray<A>
  readonly receipt: Receipt<WriteFailure>
}

/** A writer at the end of a Stream, and the times of the events that went through it. */
interface FlowWriter<A> {
  readonly routed: RoutedWriter.RoutedWriter<A, WriteFailure>
  readonly seen: WriterTime.SeenTime<A> | undefined
}

const accept = <A>({ routed, seen }: FlowWriter<A>, chunk: Arr.NonEmptyReadonlyArray<A>) =>
  routed.accept(chunk).pipe(
    Effect.tap(() => Effect.sync(() => seen?.see(chunk))),
    Effect.mapError(toError)
  )

const openFlow = Effect.fnUntraced(function*<A>(stream: EventStream<A>, options: FlowOptions<A> | undefined) {
  const routed = yield* Effect.mapError(open(stream, options), toError)
  const time = options?.eventTime
  if (time === undefined) {
    const writer: FlowWriter<A> = { routed, seen: undefined }
    return { writer, timed: <B, E, R>(flow: Effect.Effect<B, E, R>): Effect.Effect<B, E | WriterError, R> => flow }
  }
  const seen = new WriterTime.SeenTime(time)
  const noteAt = yield* WriterTime.make(stream.name)
  const note = (at: bigint) => Effect.mapError(Effect.andThen(routed.flush, noteAt(at)), toError)
  const writer: FlowWriter<A> = { routed, seen }
  return {
    writer,
    /** Notes times beside the flow, which fails when that fails, and the last one after it. */
    timed: <B, E, R>(flow: Effect.Effect<B, E, R>): Effect.Effect<B, E | WriterError, R> =>
      Effect.raceFirst(flow, WriterTime.noteRegularly(seen, note, time.every ?? "1 second")).pipe(
        Effect.tap(() => seen.note(note))
      )
  }
})

/** What ends a writer, or a call to it. */
type WriteFailure = AppendOutcomeUnknown | AppendFailure

const toError = (reason: WriterErrorReason) => new WriterError({ reason })

const open = Effect.fnUntraced(function*<A>(
  stream: EventStream<A>,
  options: EventWriterOptions | undefined
): Effect.fn.Return<RoutedWriter.RoutedWriter<A, WriteFailure>, WriteFailure, Pravega | Scope.Scope> {
  const { controller, segments, stores } = yield* Pravega
  const uuids = yield* Uuid.Uuids
  const limits = WriterLimits.make(options)
  const active = yield* controller.currentSegments(stream.name).pipe(Effect.mapError(ControllerFailure.toReason))
  if (active.length === 0) return yield* new StreamSealed({ stream: stream.name })
  return yield* RoutedWriter.make<A, AppendOutcomeUnknown>({
    stream,
    transaction: undefined,
    routing: SegmentRouting.make(active),
    limits,
    services: { segments, stores },
    // never the same for two segments, and never used again: see "Set-up" of the append protocol
    writerIdOf: uuids.nextUnsafe,
    onGone: (segment, how, replace) =>
      how._tag === "Missing" && how.inDoubt !== undefined
        ? Effect.fail(outcomeUnknown(stream.name, segment, how.inDoubt))
        : SegmentSuccession.follow(segment, replace, {
          controller,
          stream: stream.name,
          outageLimit: limits.outageLimit,
          generations: "newest"
        })
  })
})

const outcomeUnknown = (
  stream: ScopedStream,
  segment: Segment.SegmentId,
  { first, last, writerId }: EventsInDoubt
): AppendOutcomeUnknown =>
  new AppendOutcomeUnknown({
    stream,
    segment: Segment.name(stream, segment),
    writerId,
    firstEvent: BigInt(first),
    lastEvent: BigInt(last)
  })
