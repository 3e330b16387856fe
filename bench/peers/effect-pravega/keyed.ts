/** Streams of bytes with keys at random, k0..k999 as the other peers have them where nothing else is said. */
import { EventCodec, EventStream } from "effect-pravega"

const thousand = Array.from({ length: 1000 }, (_, i) => `k${i}`)

export const keyedStream = (name: string, keys: ReadonlyArray<string> = thousand) => {
  let random = 7
  return EventStream.make(name, {
    codec: EventCodec.bytes,
    routingKey: () => {
      random = Math.imul(random, 1_664_525) + 1_013_904_223 >>> 0
      return keys[(random >>> 8) % keys.length]!
    }
  })
}
