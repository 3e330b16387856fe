/**
 * A stream with the type of its events: the name, how events are encoded, and how an event's routing key is found. It is a
 * description: nothing is opened.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import * as EventCodec from "./EventCodec.ts"
import { ScopedStream } from "./ScopedStream.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface EventStream<A> {
  readonly name: ScopedStream
  readonly codec: EventCodec.EventCodec<A>
  /** If undefined, events have no routing key. They are spread over the segments, and have no order. */
  readonly routingKey: ((event: A) => string) | undefined
}

/**
 * How events are encoded: by a Schema, as JSON, or by a codec.
 *
 * @category models
 * @since 0.1.0
 */
export type Encoding<A, I> = { readonly schema: Schema.Codec<A, I> } | { readonly codec: EventCodec.EventCodec<A> }

/**
 * Describes a stream of events.
 *
 * **Gotchas**
 *
 * Throws `MalformedValue` for a text that is no stream's name. Where the name comes from outside of the program, read it with
 * `ScopedStream.fromText` first: a `ScopedStream` is taken as it is.
 *
 * **Example**
 *
 * ```ts
 * import { EventStream } from "effect-pravega"
 * import { Schema } from "effect"
 *
 * const Trade = Schema.Struct({ symbol: Schema.String, price: Schema.Finite })
 *
 * const trades = EventStream.make("market/trades", { schema: Trade, routingKey: (trade) => trade.symbol })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, I = never>(
  name: string | ScopedStream,
  options: Encoding<A, I> & {
    /** Events of one key keep the order in which they were written. */
    readonly routingKey?: ((event: A) => string) | undefined
  }
): EventStream<A> => ({
  name: typeof name === "string" ? ScopedStream.fromTextUnsafe(name) : name,
  codec: "codec" in options ? options.codec : EventCodec.json(options.schema),
  routingKey: options.routingKey
})
