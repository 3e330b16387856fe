/**
 * A batch's outputs on their way to a Pravega stream: encoded once, and counted as they are, per partition. It writes
 * nothing: that is the sinks' business.
 */
import * as Effect from "effect/Effect"
import { headerSize } from "../../../core/bytes/EventFrame.ts"
import type * as EventCodec from "../../../core/EventCodec.ts"
import * as EventStream from "../../../core/EventStream.ts"
import { EncodeFailed } from "../../../pravega/write/WriterError.ts"
import { Share } from "../SinkContract.ts"
import * as EventChecksum from "./EventChecksum.ts"

/** An output as it goes to a segment. @category models @since 0.1.0 */
export interface Encoded {
  readonly bytes: Uint8Array
  readonly key: string
}

interface Part {
  events: number
  /** Headers included. */
  bytes: number
  /** Depends on the order. */
  checksum: number
}

/**
 * The stream, for who writes outputs that are encoded already; `keyless`: its outputs have keys though it has none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const streamOf = <B>(
  stream: EventStream.EventStream<B>,
  keyless?: Keyless
): EventStream.EventStream<Encoded> =>
  EventStream.make(stream.name, {
    codec: passThrough,
    routingKey: stream.routingKey === undefined && keyless === undefined ? undefined : ({ key }) => key
  })

/**
 * The key of an output without one, by its partition and its place in the partition's outputs.
 *
 * @category models
 * @since 0.1.0
 */
export type Keyless = (partition: number, place: number) => string

/** Those of one try of a batch. @category models @since 0.1.0 */
export class EncodedOutputs<B> {
  private readonly stream: EventStream.EventStream<B>
  private readonly keyless: Keyless | undefined
  private readonly parts = new Map<number, Part>()
  private unordered = 0

  constructor(stream: EventStream.EventStream<B>, keyless?: Keyless) {
    this.stream = stream
    this.keyless = keyless
  }

  /** The next outputs of a partition. */
  encode(partition: number, outputs: ReadonlyArray<B>): Effect.Effect<ReadonlyArray<Encoded>, EncodeFailed> {
    return Effect.suspend(() => {
      const { codec, name, routingKey } = this.stream
      const part = this.partOf(partition)
      const encoded: Array<Encoded> = []
      try {
        for (const output of outputs) {
          const bytes = codec.encode(output)
          const key = routingKey?.(output) ?? this.keyless?.(partition, part.events) ?? ""
          const checksum = EventChecksum.ofEvent(bytes)
          this.unordered = addUnordered(this.unordered, checksum)
          part.events++
          part.bytes += headerSize + bytes.length
          part.checksum = EventChecksum.append(part.checksum, checksum)
          encoded.push({ bytes, key })
        }
      } catch (cause) {
        return Effect.fail(new EncodeFailed({ stream: name, index: encoded.length, cause }))
      }
      return Effect.succeed(encoded)
    })
  }

  /** All that was encoded, as `Written` has it, and a checksum that does not depend on the order. */
  written(): { readonly events: number; readonly bytes: number; readonly digest: string; readonly unordered: number } {
    const parts = [...this.parts].toSorted(([a], [b]) => a - b)
    return {
      events: parts.reduce((sum, [, part]) => sum + part.events, 0),
      bytes: parts.reduce((sum, [, part]) => sum + part.bytes, 0),
      digest: parts.map(([id, part]) => `${id}:${part.events}:${part.checksum}`).join(" "),
      unordered: this.unordered
    }
  }

  /** The same, per partition. */
  share(): Share {
    const parts = Array.from(this.parts, ([partition, part]) => ({ partition, ...part }))
    return new Share({ parts, checksum: this.unordered })
  }

  /** Adds what another process encoded; false: there is one of its partitions already. */
  absorb({ checksum, parts }: Share): boolean {
    if (parts.some(({ partition }) => this.parts.has(partition))) return false
    for (const { partition, ...part } of parts) this.parts.set(partition, part)
    this.unordered = addUnordered(this.unordered, checksum)
    return true
  }

  private partOf(partition: number): Part {
    const known = this.parts.get(partition)
    if (known !== undefined) return known
    const part: Part = { events: 0, bytes: 0, checksum: 0 }
    this.parts.set(partition, part)
    return part
  }
}

/** Adds an event's checksum to those of others. Sums stay exact integers. @category hashing @since 0.1.0 */
export const addUnordered = (sum: number, checksum: number): number => (sum + checksum) % 2 ** 52

/** Takes one out again. @category hashing @since 0.2.0 */
export const removeUnordered = (sum: number, checksum: number): number => (sum + 2 ** 52 - checksum) % 2 ** 52

const passThrough: EventCodec.EventCodec<Encoded> = {
  name: "encoded",
  encode: ({ bytes }) => bytes,
  decode: (bytes) => ({ bytes, key: "" })
}
