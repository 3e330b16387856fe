/** What the interop tests write and check: numbered events with routing keys, in a stream of their own. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import * as ScalingPolicy from "../../src/core/ScalingPolicy.ts"
import { ScopeName } from "../../src/core/ScopeName.ts"
import { StreamConfiguration } from "../../src/core/StreamConfiguration.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as BatchReader from "../../src/pravega/read/BatchReader.ts"
import { randomScope } from "../real/pravega.ts"
import type { KeyedText } from "./JavaClient.ts"

/** Keys that every client hashes alike. */
export const asciiKeys: ReadonlyArray<string> = ["", "a", "key-1", "key-2", "LAX", "x".repeat(300), "0.5"]

/** Keys of other scripts too, which Java and this package hash alike. */
export const keys: ReadonlyArray<string> = [...asciiKeys, "Zürich", "東京", "🚲 and 🚆"]

/** `count` events, numbered from `first`, each key in turn. The text is `number:key`. */
export const numbered = (keys: ReadonlyArray<string>, first: number, count: number): Array<KeyedText> =>
  Array.from({ length: count }, (_, index) => {
    const number = first + index
    const key = keys[number % keys.length] ?? ""
    return { key, text: `${number}:${key}` }
  })

const numberOf = (text: string): number => Number.parseInt(text, 10)
const keyOf = (text: string): string => text.slice(text.indexOf(":") + 1)

/** A new stream of `segments` segments in a new scope. */
export const makeStream = Effect.fnUntraced(function*(segments: number) {
  const { controller } = yield* Pravega
  const scope = ScopeName.make(randomScope())
  const stream = EventStream.make(`${scope}/events`, { codec: EventCodec.utf8, routingKey: keyOf })
  yield* controller.createScope(scope)
  yield* controller.createStream(stream.name, StreamConfiguration.make({ scaling: ScalingPolicy.fixed(segments) }))
  return stream
})

/** An event as a client saw it; without a segment where the client does not tell. */
export interface Seen {
  readonly text: string
  readonly segment?: string
}

/** All there is between two positions, read by this package's batch reader. */
export const readHere = (
  stream: EventStream.EventStream<string>,
  options?: BatchReader.Bounds & BatchReader.ParallelReadOptions
) =>
  BatchReader.stream(stream, { ordering: "perKey", ...options }).pipe(
    Stream.map((read) => ({ text: read.event, segment: read.pointer.toString().split(":")[0] ?? "" })),
    Stream.runCollect
  )

/** Exactly these events were seen, each key's in the order in which they were written. */
export const assertSame = (seen: ReadonlyArray<Seen>, written: ReadonlyArray<KeyedText>): void => {
  const texts = seen.map(({ text }) => text)
  assert.deepStrictEqual(texts.toSorted(), written.map(({ text }) => text).toSorted())
  for (const key of keys) {
    const numbers = texts.filter((text) => keyOf(text) === key).map(numberOf)
    assert.deepStrictEqual(numbers, numbers.toSorted((a, b) => a - b), `the order of key ${JSON.stringify(key)}`)
  }
}

/** In a stream that was not scaled: each key has one segment, and different keys have more than one. */
export const assertRoutedAlike = (...views: ReadonlyArray<ReadonlyArray<Seen>>): void => {
  const segmentOf = new Map<string, string | undefined>()
  for (const { segment, text } of views.flat()) {
    const key = keyOf(text)
    if (!segmentOf.has(key)) segmentOf.set(key, segment)
    assert.strictEqual(segment, segmentOf.get(key), `the segment of key ${JSON.stringify(key)}`)
  }
  assert.isAbove(new Set(segmentOf.values()).size, 1)
}
