/** Streams of bytes with keys k0..k999 at random, as the other peers have them. */
import { EventCodec, EventStream } from "effect-pravega"

const keys = Array.from({ length: 1000 }, (_, i) => `k${i}`)

export const keyedStream = (name: string) => {
  let random = 7
  return EventStream.make(name, {
    codec: EventCodec.bytes,
    routingKey: () => {
      random = Math.imul(random, 1_664_525) + 1_013_904_223 >>> 0
      return keys[(random >>> 8) % 1000]!
    }
  })
}
