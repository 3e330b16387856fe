import { assert } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import * as ScalingPolicy from "../../src/core/ScalingPolicy.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import type { SegmentConnection } from "../../src/pravega/segmentstore/SegmentConnection.ts"
import * as Transaction from "../../src/pravega/transaction/Transaction.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import { randomName, randomScope } from "../names.ts"
import { rawEvents, rawTexts } from "../pravega/rawEvents.ts"
import type { Cases } from "./Server.ts"

const scope = randomScope()
const newStream = (segments: number) => {
  const stream = EventStream.make(`${scope}/${randomName()}`, {
    codec: EventCodec.utf8,
    routingKey: (text) => text.slice(0, text.indexOf(" "))
  })
  return Effect.as(Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(segments) }), stream)
}

/** `key n` for 1000 keys, in order per key. */
const numbered = (from: number, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => `key-${(from + i) % 1000} ${Math.floor((from + i) / 1000)}`)

const assertInOrder = (stored: ReadonlyArray<string>, written: ReadonlyArray<string>): void => {
  assert.strictEqual(stored.length, written.length)
  const byKey = Map.groupBy(stored, (text) => text.slice(0, text.indexOf(" ")))
  for (const [key, texts] of byKey) {
    assert.deepStrictEqual(texts, texts.map((_, i) => `${key} ${i}`))
  }
  assert.deepStrictEqual(new Set(stored), new Set(written))
}

export const eventWriterCases = (it: Cases): void => {
  it.effect("100 000 events while 4 segments are scaled to 7 and to 3: all there, once, in order per key", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(2)
      yield* Admin.scaleTo(stream.name, 4)
      const writer = yield* EventWriter.make(stream, { maxPendingBytes: 256 * 1024, blockBytes: 16 * 1024 })
      let written = 0
      const write = (count: number) =>
        Effect.suspend(() => {
          const events = numbered(written, count)
          written += count
          return Effect.asVoid(writer.enqueue(events))
        })
      /** Writes all the time that the scale takes, at least `count` events. */
      const writeDuring = (segments: number, count: number) =>
        Effect.gen(function*() {
          const scaling = yield* Effect.forkChild(Admin.scaleTo(stream.name, segments))
          const end = written + count
          while (written < end || scaling.pollUnsafe() === undefined) {
            yield* write(500)
            yield* Effect.sleep("1 millis")
          }
          yield* Fiber.join(scaling)
        })
      yield* write(20_000)
      yield* writeDuring(7, 30_000)
      // there before they are scaled away, also where the server is fast and this process is slow
      yield* writer.flush
      yield* write(5000)
      yield* writer.flush
      yield* writeDuring(3, 30_000)
      yield* write(20_000)
      yield* writer.flush
      const bySegment = yield* rawEvents(stream.name)
      assert.isAbove(bySegment.filter(({ events }) => events.length > 0).length, 7)
      assertInOrder(yield* rawTexts(stream.name), numbered(0, written))
    }))

  it.effect("two writers at once while one stream is scaled: neither loses anything, and the other one never reconnects", () =>
    Effect.gen(function*() {
      const pravega = yield* Pravega
      const [scaled, calm] = yield* Effect.all([newStream(1), newStream(1)])
      const connects = new Map<string, number>()
      const counting: Pravega["Service"] = {
        ...pravega,
        segments: {
          ...pravega.segments,
          appends: (segment, lane) => {
            const name = segment.stream.toString()
            connects.set(name, (connects.get(name) ?? 0) + 1)
            return pravega.segments.appends(segment, lane)
          }
        }
      }
      const writeAll = (stream: typeof calm, until: () => boolean) =>
        Effect.gen(function*() {
          const writer = yield* EventWriter.make(stream, { blockBytes: 4096 })
          let written = 0
          // the last events after the end, so that there are some for the segments that are new then
          for (let isLast = false; !isLast;) {
            isLast = written >= 20_000 && until()
            yield* Effect.asVoid(writer.enqueue(numbered(written, 1000)))
            written += 1000
            yield* Effect.sleep("1 millis")
          }
          yield* writer.flush
          return written
        }).pipe(Effect.provideService(Pravega, counting))
      const scaling = yield* Effect.forkChild(
        Effect.andThen(Effect.sleep("20 millis"), Admin.scaleTo(scaled.name, 3))
      )
      const isScaled = () => scaling.pollUnsafe() !== undefined
      const [inScaled, inCalm] = yield* Effect.all([writeAll(scaled, isScaled), writeAll(calm, isScaled)], {
        concurrency: "unbounded"
      })
      assertInOrder(yield* rawTexts(scaled.name), numbered(0, inScaled))
      assertInOrder(yield* rawTexts(calm.name), numbered(0, inCalm))
      assert.strictEqual(connects.get(calm.name.toString()), 1)
      assert.isAtLeast(connects.get(scaled.name.toString()) ?? 0, 4)
    }))

  it.effect("connections that are lost again and again: all there, once, in order per key", () =>
    Effect.gen(function*() {
      const pravega = yield* Pravega
      const stream = yield* newStream(2)
      let connection: SegmentConnection | undefined
      let losses = 0
      const recording: Pravega["Service"] = {
        ...pravega,
        segments: {
          ...pravega.segments,
          appends: (segment, lane) =>
            Effect.tap(pravega.segments.appends(segment, lane), (opened) =>
              Effect.sync(() => {
                connection = opened
              }))
        }
      }
      const written = yield* Effect.gen(function*() {
        const writer = yield* EventWriter.make(stream, { blockBytes: 2048 })
        let i = 0
        // a server may be slow to take the next connection
        for (; i < 40_000 || losses < 5; i += 400) {
          yield* Effect.asVoid(writer.enqueue(numbered(i, 400)))
          yield* Effect.sleep("1 millis")
          if (i % 2000 === 0 && connection?.isLost() === false) {
            losses++
            connection.fail("ended by a test")
          }
        }
        yield* writer.flush
        return i
      }).pipe(Effect.provideService(Pravega, recording))
      assertInOrder(yield* rawTexts(stream.name), numbered(0, written))
    }))

  it.effect("the largest event, and none at all", () =>
    Effect.gen(function*() {
      const name = (yield* newStream(1)).name
      const stream = EventStream.make(name, { codec: EventCodec.bytes })
      const writer = yield* EventWriter.make(stream)
      const largest = new Uint8Array(8 * 1024 * 1024).fill(7)
      yield* writer.writeAll([])
      yield* writer.writeAll([new Uint8Array(0), largest, new Uint8Array(1)])
      const [only] = yield* rawEvents(name)
      assert.deepStrictEqual(only?.events.map((event) => event.length), [0, largest.length, 1])
      const error = yield* Effect.flip(writer.write(new Uint8Array(largest.length + 1)))
      assert.strictEqual(error.reason._tag, "EventTooLarge")
    }))

  it.effect("a stream that is sealed under the writer, and one that is missing", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(2)
      const writer = yield* EventWriter.make(stream)
      yield* writer.writeAll(numbered(0, 100))
      yield* Admin.sealStream(stream.name)
      assert.strictEqual((yield* Effect.flip(writer.write("key-1 late"))).reason._tag, "StreamSealed")
      assert.strictEqual((yield* Effect.flip(EventWriter.make(stream))).reason._tag, "StreamSealed")
      assert.strictEqual((yield* rawTexts(stream.name)).length, 100)
      const missing = EventStream.make(`${scope}/missing`, { codec: EventCodec.utf8 })
      assert.strictEqual((yield* Effect.flip(EventWriter.make(missing))).reason._tag, "StreamNotFound")
    }))

  it.effect("a sink and a pipe of Streams, in transactions and without, while the stream is scaled; times are noted", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(2)
      const input = (from: number) =>
        Stream.range(from, from + 4999).pipe(
          Stream.map((n) => `key-${n % 1000} ${Math.floor(n / 1000)}`),
          Stream.rechunk(300)
        )
      const eventTime = { of: (text: string) => Number(text.split(" ")[1]) }
      const scaling = yield* Effect.forkChild(Admin.scaleTo(stream.name, 3))
      assert.strictEqual(yield* Stream.run(input(0), EventWriter.sink(stream, { eventTime })), 5000)
      yield* Fiber.join(scaling)
      assert.strictEqual(
        (yield* Stream.runCollect(EventWriter.through(stream, { eventTime })(input(5000)))).length,
        5000
      )
      const transactions = Transaction.through(stream, { per: { events: 2000 }, eventTime: eventTime.of })
      const sizes = Stream.map(transactions(input(10_000)), ({ events }) => events)
      assert.deepStrictEqual(yield* Stream.runCollect(sizes), [2000, 2000, 1000])
      assertInOrder(yield* rawTexts(stream.name), numbered(0, 15_000))
      // a new writer may begin anywhere; its own time never goes back
      const writer = yield* EventWriter.make(stream)
      yield* writer.noteTime(5n)
      assert.strictEqual((yield* Effect.flip(writer.noteTime(4n))).reason._tag, "TimeNotNoted")
      yield* writer.noteTime(5n)
    }))
}
