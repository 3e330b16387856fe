/**
 * Writing events to a stream, outside of transactions: in order per routing key, at least once, and exactly once as long
 * as the writer lives: what a lost connection left open is settled by the store's last event number, and where that can't
 * be had any more, the writer ends with `AppendOutcomeUnknown`.
 *
 * Not here: transactions (`Transaction`), and exactly-once across restarts of the process, which needs a checkpoint log.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EventStream } from "../core/EventStream.ts"
import type { ScopedStream } from "../core/ScopedStream.ts"
import * as Segment from "../core/Segment.ts"
import { StreamSealed } from "./controller/ControllerError.ts"
import * as ControllerFailure from "./internal/ControllerFailure.ts"
import * as RoutedWriter from "./internal/RoutedWriter.ts"
import type { EventsInDoubt } from "./internal/SegmentAppender.ts"
import * as SegmentSuccession from "./internal/SegmentSuccession.ts"
import * as WriterLimits from "./internal/WriterLimits.ts"
import { Pravega } from "./Pravega.ts"
import { AppendOutcomeUnknown, WriterError, type WriterErrorReason } from "./WriterError.ts"

/**
 * A writer of one stream; any number of fibers may share it. Calls made one after the other keep their order per routing
 * key; calls made at the same time have none between them. Events without routing key are spread over the segments and
 * have no order.
 *
 * An interrupted wait does not take back what was accepted: it will be written.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventWriter<A> {
  readonly stream: EventStream<A>
  /** Writes one event; returns when it is durable. */
  readonly write: (event: A) => Effect.Effect<void, WriterError>
  /**
   * Writes events in order; returns when all are durable. They are not one atomic unit: after a failure some may be in the
   * stream.
   */
  readonly writeAll: (events: ReadonlyArray<A>) => Effect.Effect<void, WriterError>
  /**
   * Hands events over, waiting only while too much is unacknowledged. The Effect that it returns waits until they are
   * durable; it may be run any number of times, or never.
   */
  readonly enqueue: (events: ReadonlyArray<A>) => Effect.Effect<Effect.Effect<void, WriterError>, WriterError>
  /** Waits until everything accepted before is durable. */
  readonly flush: Effect.Effect<void, WriterError>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface EventWriterOptions {
  /**
   * Events are accepted while fewer bytes than this are unacknowledged (headers of 8 bytes each included); default 8 MiB.
   * One slice of a call (1 MiB, or one larger event) may exceed it.
   */
  readonly maxPendingBytes?: number | undefined
  /** Events for one segment are sent in blocks of at most this size; default 512 KiB. A larger event is its own block. */
  readonly blockBytes?: number | undefined
  /** How long to go on trying while a segment takes nothing, before the writer fails; default 10 minutes. */
  readonly outageLimit?: Duration.Input | undefined
  /** How long the close of the Scope waits for acknowledgements; default 30 seconds. */
  readonly closeTimeout?: Duration.Input | undefined
}

/**
 * Opens a writer. Its first connection is made for its first event.
 *
 * When the Scope closes after a success, what was accepted is flushed first, for at most `closeTimeout`; after a failure or
 * an interruption it is not. What is unacknowledged then fails with `WriterClosed`; after a success that is logged too, as
 * nobody may wait for it.
 *
 * Fails when the stream does not exist or is sealed.
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
  open(stream, options).pipe(Effect.mapError((reason) => new WriterError({ reason })))

const open = Effect.fnUntraced(function*<A>(
  stream: EventStream<A>,
  options: EventWriterOptions | undefined
): Effect.fn.Return<EventWriter<A>, WriterErrorReason, Pravega | Scope.Scope> {
  const { controller, segments, stores } = yield* Pravega
  const limits = WriterLimits.make(options)
  const active = yield* controller.currentSegments(stream.name).pipe(Effect.mapError(ControllerFailure.toReason))
  if (active.length === 0) return yield* new StreamSealed({ stream: stream.name })
  const writer = yield* RoutedWriter.make<A, AppendOutcomeUnknown>({
    stream,
    transaction: undefined,
    segments: active,
    limits,
    services: { segments, stores },
    // never the same for two segments, and never used again: see "Set-up" of the append protocol
    writerIdOf: () => globalThis.crypto.randomUUID(),
    onGone: (segment, how, replace) =>
      how._tag === "Missing" && how.inDoubt !== undefined
        ? Effect.fail(outcomeUnknown(stream.name, segment, how.inDoubt))
        : SegmentSuccession.follow(segment, replace, {
          controller,
          stream: stream.name,
          outageLimit: limits.outageLimit
        })
  })
  const toError = (reason: WriterErrorReason) => new WriterError({ reason })
  const writeAll = (events: ReadonlyArray<A>) =>
    Effect.mapError(Effect.flatMap(writer.accept(events), writer.acknowledged), toError)
  return {
    stream,
    write: (event) => writeAll([event]),
    writeAll,
    enqueue: (events) =>
      writer.accept(events).pipe(
        Effect.map((receipt) => Effect.mapError(writer.acknowledged(receipt), toError)),
        Effect.mapError(toError)
      ),
    flush: Effect.mapError(writer.flush, toError)
  }
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
