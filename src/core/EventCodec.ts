/**
 * How events become bytes and bytes become events. The framing of events in a segment is not here: a codec sees the
 * payload alone.
 *
 * Codecs are plain and synchronous, because they are called once per event.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Ballast from "./bytes/Ballast.ts"
import * as CauseText from "./CauseText.ts"
import * as KeyHash from "./KeyHash.ts"

/**
 * An event could not be encoded or decoded.
 *
 * @category errors
 * @since 0.1.0
 */
export class EventCodecError extends Schema.TaggedError<EventCodecError>()("EventCodecError", {
  /** The codec's name. */
  codec: Schema.String,
  operation: Schema.Literals(["encode", "decode"]),
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `an event could not be ${this.operation}d by the codec "${this.codec}": ${CauseText.of(this.cause)}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * A codec of events. Both functions throw nothing but `EventCodecError`.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventCodec<A> {
  /** Errors and a query's fingerprint have it. Choose a new name when the layout changes. */
  readonly name: string
  /**
   * Describes the layout where the name does not say everything. It becomes a part of a query's fingerprint (see
   * `fingerprint`), and is called only when a pipeline is made.
   */
  readonly structure?: (() => string) | undefined
  /**
   * May return the event's own bytes: a writer copies them before it accepts the event, and keeps none. They must not
   * change until then, so a codec can't use one buffer for several events.
   */
  readonly encode: (event: A) => Uint8Array
  /** Is lent a view of the bytes. Copy what the event is to keep of them. */
  readonly decode: (bytes: Uint8Array) => A
  /**
   * Whether events hold no part of the bytes that they were decoded from. Readers then use the same memory for the next
   * events, which saves a third of the CPU of reading. If a codec says so and it is not true, its events change under
   * their users. Default: false.
   */
  readonly copies?: boolean | undefined
}

/**
 * Makes a codec from two functions. Whatever they throw becomes an `EventCodecError`.
 *
 * **Example**
 *
 * ```ts
 * import { EventCodec, EventStream } from "effect-pravega"
 *
 * // a number as Java's `ByteBuffer.putDouble` writes it
 * const double = EventCodec.make<number>({
 *   name: "double",
 *   encode: (value) => {
 *     const bytes = new Uint8Array(8)
 *     new DataView(bytes.buffer).setFloat64(0, value)
 *     return bytes
 *   },
 *   decode: (bytes) => new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0),
 *   copies: true
 * })
 *
 * const temperatures = EventStream.make("home/temperatures", { codec: double })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(codec: EventCodec<A>): EventCodec<A> => {
  const { copies, decode, encode, name, structure } = codec
  return {
    name,
    copies,
    structure,
    encode: (event) => {
      try {
        return encode(event)
      } catch (cause) {
        throw failure(name, "encode", cause)
      }
    },
    decode: (bytes) => {
      try {
        return decode(bytes)
      } catch (cause) {
        throw failure(name, "decode", cause)
      }
    }
  }
}

/**
 * Encodes events as JSON text in UTF-8, by a Schema. `Schema.toCodecJson` is applied to it, so that bigints, dates and bytes
 * have a JSON form. The Schema must need no services, and must encode and decode synchronously.
 *
 * @category constructors
 * @since 0.1.0
 */
export const json = <A, I>(schema: Schema.Codec<A, I>): EventCodec<A> => {
  const codec = Schema.toCodecJson(schema)
  const toJson = Schema.encodeSync(codec)
  const fromJson = Schema.decodeUnknownSync(codec)
  return make({
    name: "json",
    structure: () => structureOf(schema),
    encode: (event) => encoder.encode(JSON.stringify(toJson(event))),
    decode: (bytes) => fromJson(JSON.parse(decoder.decode(bytes))),
    copies: true
  })
}

/**
 * A text that tells codecs apart: the name and, for a codec made of a Schema, a hash of what JSON Schema shows of it: fields,
 * types, checks, and what is optional.
 *
 * **Details**
 *
 * A query stores the fingerprints of its sources and sinks when it first starts, and refuses to go on with others.
 *
 * **Gotchas**
 *
 * JSON Schema does not show how a transformation computes, or checks that are functions. A change of those is not noticed.
 *
 * @category getters
 * @since 0.1.0
 */
export const fingerprint = (codec: Pick<EventCodec<never>, "name" | "structure">): string =>
  codec.structure === undefined ? codec.name : `${codec.name} ${KeyHash.toUuid(KeyHash.ofText(codec.structure(), 0))}`

/** Names and descriptions don't change what is written. */
const unimportant = new Set(["title", "description", "examples", "default", "$comment"])

const structureOf = (schema: Schema.Codec<unknown, unknown>): string =>
  JSON.stringify(Schema.toJsonSchemaDocument(Schema.toCodecJson(schema)), (_, value: unknown) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value
    // A property may have such a name: then its value is a schema.
    const entries = Object.entries(value).filter(([key, of]) => !unimportant.has(key) || typeof of === "object")
    return Object.fromEntries(entries.toSorted(([a], [b]) => a < b ? -1 : 1))
  })

/**
 * Text in UTF-8, as Java's `UTF8StringSerializer` writes it. Decoding fails for bytes that are not UTF-8. Unpaired surrogates
 * are encoded as U+FFFD.
 *
 * @category constructors
 * @since 0.1.0
 */
export const utf8: EventCodec<string> = make({
  name: "utf8",
  encode: (text) => encoder.encode(text),
  decode: (bytes) => decoder.decode(bytes),
  copies: true
})

/**
 * Events that are bytes already.
 *
 * **Details**
 *
 * Writing takes the bytes as they are: don't change them before the event is accepted. Reading copies them.
 *
 * **Gotchas**
 *
 * Small events (up to 4 KiB) are copied side by side into buffers of 16 KiB. So an event that you keep also keeps its
 * neighbours in memory, and its `buffer` holds more than the event. Mind `byteOffset`, which is a multiple of 8.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bytes: EventCodec<Uint8Array> = make({
  name: "bytes",
  encode: (event) => event,
  decode: (lent) => (lent.length > smallEvent ? copyLarge(lent) : copySmall(lent)),
  copies: true
})

const slabSize = 16 * 1024
const smallEvent = slabSize / 4
let slab = new Uint8Array(0)
let slabUsed = 0

/**
 * An ArrayBuffer of its own costs far more than its bytes, and the collector sees each: 0.54 us for 100 B and 0.42 us for
 * 1 KiB, here 0.10 and 0.21 us. Larger slabs gain little more, and would keep more alive for one event that is kept.
 */
const copySmall = (lent: Uint8Array): Uint8Array => {
  if (slabUsed + lent.length > slab.length) {
    slab = new Uint8Array(slabSize)
    slabUsed = 0
    // without: reading 1 GiB in events of 1 KiB peaks at 230 MiB in place of 180, and takes as much CPU
    Ballast.add(slabSize)
  }
  const copy = slab.subarray(slabUsed, slabUsed + lent.length)
  copy.set(lent)
  slabUsed += (lent.length + 7) & ~7
  return copy
}

const copyLarge = (lent: Uint8Array): Uint8Array => {
  // without: a full collection for each 25 MiB, which are half of the CPU of reading
  Ballast.add(lent.length)
  return new Uint8Array(lent)
}

const encoder = new TextEncoder()
/** A byte order mark is text like any other: without `ignoreBOM` it would be lost. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** A codec built on another keeps the error that names what went wrong. */
const failure = (codec: string, operation: "encode" | "decode", cause: unknown): EventCodecError =>
  cause instanceof EventCodecError ? cause : new EventCodecError({ codec, operation, cause })
