/**
 * Dead letters: events that a pipeline could not use, put aside in a stream of their own. That stream is a further sink of the
 * pipeline. So an event is either processed or put aside, and once.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as EventStream from "../../core/EventStream.ts"
import * as NumberOption from "../../core/NumberOption.ts"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import type { Pravega } from "../../pravega/Pravega.ts"
import type { ReadError } from "../../pravega/read/ReadError.ts"
import type { TransactionError } from "../../pravega/transaction/TransactionError.ts"
import * as Sink from "../sink/Sink.ts"
import { throughWrites } from "../sink/ThroughWrites.ts"
import { inParts, Letter } from "./Letter.ts"

export { Letter, LetterIncomplete, whole } from "./Letter.ts"

/** Where dead letters go. @category models @since 0.1.0 */
export interface DeadLetter<out E, out R> {
  readonly sink: Sink.Sink<Letter, E, R>
  readonly limit: number
}

/** How many letters there may be. @category models @since 0.1.0 */
export interface Options {
  /**
   * How many a batch may have. One with more fails with `TooManyDeadLetters`, because then it is hardly the events that are
   * wrong. Each letter is a line in the checkpoint log. `Infinity`: no limit. Default: 1000.
   */
  readonly limit?: number | undefined
}

/**
 * The stream of letters, to read them. They are JSON. Their routing key is the segment that the event came from. An event of
 * more than 4 MiB lies in several letters, which `whole` puts together.
 *
 * **Gotchas**
 *
 * Throws `MalformedValue` for a text that is no stream's name, as `to` does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const letters = (stream: string | ScopedStream): EventStream.EventStream<Letter> =>
  EventStream.make(stream, { schema: Letter, routingKey: ({ pointer }) => pointer.slice(0, pointer.lastIndexOf(":")) })

/**
 * Puts events aside in a Pravega stream, exactly once, however large they are (see `whole`).
 *
 * **Example**
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
  toSink(sinkInParts(Sink.pravega(letters(stream), { guarantee: "exactly-once", lease: options.lease })), options)

const sinkInParts = <E, R>(sink: Sink.Sink<Letter, E, R>): Sink.Sink<Letter, E, R> => ({
  ...sink,
  open: Effect.map(
    sink.open,
    (session) =>
      throughWrites(
        session,
        (write) => (partition, [first, ...rest]) => write(partition, Arr.flatMap([first, ...rest], inParts))
      )
  )
})

/**
 * Puts events aside in any sink. A letter has all bytes of its event, 8 MiB and more. The sink must take them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toSink = <E, R>(sink: Sink.Sink<Letter, E, R>, options: Options = {}): DeadLetter<E, R> => ({
  sink,
  limit: NumberOption.check("limit", options.limit, { least: 0, most: Infinity, otherwise: 1000 })
})
