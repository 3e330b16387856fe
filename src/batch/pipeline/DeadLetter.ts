/**
 * Dead letters: events that a pipeline could not use, put aside in a stream of their own, in the same batch: a further
 * sink of it, so that an event is either processed or put aside, and once.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as EventStream from "../../core/EventStream.ts"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import type { Pravega } from "../../pravega/Pravega.ts"
import type { ReadError } from "../../pravega/read/ReadError.ts"
import type { TransactionError } from "../../pravega/transaction/TransactionError.ts"
import * as Sink from "../sink/Sink.ts"

/**
 * An event that was put aside.
 *
 * @category models
 * @since 0.1.0
 */
export class Letter extends Schema.Class<Letter>("effect-pravega/Letter")({
  query: Schema.String,
  batch: Schema.Natural,
  /** The source's name. */
  source: Schema.String,
  /** Where the event is; of a Pravega stream the text of its `EventPointer`, with which it can be fetched again. */
  pointer: Schema.String,
  /** The event as it was stored; empty if the source keeps no bytes, or it was truncated after it was read. */
  event: Schema.Uint8Array,
  /** Why it could not be decoded, or what `processEach` failed with. */
  error: Schema.String
}) {}

/** Where dead letters go. @category models @since 0.1.0 */
export interface DeadLetter<out E, out R> {
  readonly sink: Sink.Sink<Letter, E, R>
  readonly limit: number
}

/** @category models @since 0.1.0 */
export interface Options {
  /**
   * A batch with more of them fails with `TooManyDeadLetters`: then it is hardly the events that are wrong. Each is a line
   * in the checkpoint log. Default 1000.
   */
  readonly limit?: number | undefined
}

/**
 * The stream of letters, as JSON, with the segment that an event came from as their routing key: for reading them too.
 *
 * @category constructors
 * @since 0.1.0
 */
export const letters = (stream: string | ScopedStream): EventStream.EventStream<Letter> =>
  EventStream.make(stream, { schema: Letter, routingKey: ({ pointer }) => pointer.slice(0, pointer.lastIndexOf(":")) })

/**
 * Puts events aside in a Pravega stream, exactly once.
 *
 * ```ts
 * import { EventStream } from "effect-pravega"
 * import { DeadLetter, Pipeline, Sink, Source } from "effect-pravega/batch"
 * import { Effect, Schema } from "effect"
 *
 * const orders = EventStream.make("shop/orders", { schema: Schema.Struct({ amount: Schema.Finite }) })
 * const totals = EventStream.make("shop/totals", { schema: Schema.Finite })
 *
 * const pipeline = Pipeline.make("totals", {
 *   source: Source.microBatch(orders),
 *   processEach: ({ event }) => event.amount < 0 ? Effect.fail("a negative amount") : Effect.succeed([event.amount]),
 *   sink: Sink.pravega(totals, { guarantee: "exactly-once" }),
 *   onPoison: DeadLetter.to("shop/rejected"),
 *   deterministic: true
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const to = (
  stream: string | ScopedStream,
  options: Options & { readonly lease?: Duration.Input | undefined } = {}
): DeadLetter<TransactionError | ReadError, Pravega> =>
  toSink(Sink.pravega(letters(stream), { guarantee: "exactly-once", lease: options.lease }), options)

/**
 * Puts events aside in any sink.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toSink = <E, R>(sink: Sink.Sink<Letter, E, R>, options: Options = {}): DeadLetter<E, R> => ({
  sink,
  limit: options.limit ?? 1000
})
