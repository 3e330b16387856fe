/** Numbered events with keys, and what must be true of them when they were all moved exactly once. */
import { assert } from "@effect/vitest"
import * as EventCodec from "../src/core/EventCodec.ts"
import * as EventStream from "../src/core/EventStream.ts"

export interface Numbered {
  readonly key: string
  readonly number: number
}

const codec = EventCodec.make<Numbered>({
  name: "numbered",
  encode: ({ key, number }) => EventCodec.utf8.encode(`${key}:${number}`),
  decode: (bytes) => {
    const [key = "", number] = EventCodec.utf8.decode(bytes).split(":")
    return { key, number: Number(number) }
  }
})

export const numberedStream = (name: string): EventStream.EventStream<Numbered> =>
  EventStream.make(name, { codec, routingKey: ({ key }) => key })

/** The same without routing keys: events go to any segment. */
export const keylessStream = (name: string): EventStream.EventStream<Numbered> => EventStream.make(name, { codec })

/** What the bytes of such an event say. */
export const decodeNumbered = codec.decode

/** `count` events from number `from` on, over so many keys in turn. */
export const numberedEvents = (count: number, keys: number, from = 0): ReadonlyArray<Numbered> =>
  Array.from({ length: count }, (_, n) => ({ key: `key${(from + n) % keys}`, number: from + n }))

/** Each key's numbers only grow. */
export const assertOrdered = (events: ReadonlyArray<Numbered>): void => {
  const last = new Map<string, number>()
  for (const { key, number } of events) {
    if ((last.get(key) ?? -1) >= number) assert.fail(`${key}: ${number} after ${last.get(key)}`)
    last.set(key, number)
  }
}

/** Every number below `count` once, each key's in order (I1, I2). */
export const assertCopied = (events: ReadonlyArray<Numbered>, count: number): void => {
  const numbers = new Set(events.map(({ number }) => number))
  const lost = Array.from({ length: count }, (_, n) => n).filter((n) => !numbers.has(n)).length
  assert.deepStrictEqual(
    { lost, repeated: events.length - numbers.size, invented: numbers.size + lost - count },
    { lost: 0, repeated: 0, invented: 0 }
  )
  assertOrdered(events)
}
