/**
 * Turns a caller's events into payloads and routing positions, in slices. A slice is encoded as a whole before any of it
 * is sent, so that an event that can't be written stops its slice; it is bounded in bytes, so that a call with millions of
 * events does not hold them all in memory twice.
 */
import * as EventFrame from "../../../core/bytes/EventFrame.ts"
import type { EventStream } from "../../../core/EventStream.ts"
import * as RoutingKey from "../../../core/RoutingKey.ts"
import { EncodeFailed, EventTooLarge } from "../WriterError.ts"
import { noKey } from "./EventRouter.ts"

/** @category models @since 0.1.0 */
export type EncodedSlice =
  | {
    readonly _tag: "Encoded"
    readonly payloads: ReadonlyArray<Uint8Array>
    /** Same length. */
    readonly positions: ReadonlyArray<number>
  }
  | { readonly _tag: "Failed"; readonly reason: EventTooLarge | EncodeFailed }

/** A slice ends with the event that reaches this. */
const sliceBytes = 256 * 1024

/** @category models @since 0.1.0 */
export class EventEncoder<A> {
  private readonly stream: EventStream<A>

  constructor(stream: EventStream<A>) {
    this.stream = stream
  }

  /** Encodes `events` from index `from` on. */
  encode(events: ReadonlyArray<A>, from: number): EncodedSlice {
    const { codec, name, routingKey } = this.stream
    const payloads: Array<Uint8Array> = []
    const positions: Array<number> = []
    let bytes = 0
    let index = from
    try {
      for (; index < events.length && bytes < sliceBytes; index++) {
        const event = events[index]!
        const payload = codec.encode(event)
        const size = payload.length
        if (size > EventFrame.maxEventSize) {
          const limit = EventFrame.maxEventSize
          return { _tag: "Failed", reason: new EventTooLarge({ stream: name, index, size, limit }) }
        }
        positions.push(routingKey === undefined ? noKey : RoutingKey.position(routingKey(event)))
        payloads.push(payload)
        bytes += size + EventFrame.headerSize
      }
    } catch (cause) {
      return { _tag: "Failed", reason: new EncodeFailed({ stream: name, index, cause }) }
    }
    return { _tag: "Encoded", payloads, positions }
  }
}
