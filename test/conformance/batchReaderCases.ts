import { assert } from "@effect/vitest"
import { Effect, Fiber, References, Stream } from "effect"
import * as EventCodec from "../../src/core/EventCodec.ts"
import { EventPointer } from "../../src/core/EventPointer.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import * as Segment from "../../src/core/Segment.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import * as BatchReader from "../../src/pravega/read/BatchReader.ts"
import type { TruncatedData } from "../../src/pravega/read/ReadError.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import { randomScope } from "../names.ts"
import { assertOrdered, type Numbered } from "../numbered.ts"
import type { Cases } from "./Server.ts"

/** `key:number` and padding, so that segments hold more than one read's worth. */
const codec = EventCodec.make<Numbered>({
  name: "numbered",
  encode: ({ key, number }) => EventCodec.utf8.encode(`${key}:${number}:${"x".repeat(number % 97)}`),
  decode: (bytes) => {
    const [key, number] = EventCodec.utf8.decode(bytes).split(":")
    return { key: key!, number: Number(number) }
  }
})

const numbered = (count: number, keys: number, from = 0): ReadonlyArray<Numbered> =>
  Array.from({ length: count }, (_, i) => ({ key: `key${i % keys}`, number: from + i }))

const created = (scope: string, stream: string, segments: number) =>
  Effect.gen(function*() {
    yield* Admin.createScope(scope)
    yield* Admin.createStream(`${scope}/${stream}`, { scaling: { _tag: "Fixed", segments } })
    return EventStream.make(`${scope}/${stream}`, { codec, routingKey: (event) => event.key })
  })

const numbers = (events: ReadonlyArray<Numbered>) => events.map((event) => event.number).toSorted((a, b) => a - b)

const readAll = (stream: EventStream.EventStream<Numbered>, options?: Parameters<typeof BatchReader.stream>[1]) =>
  Effect.map(Stream.runCollect(BatchReader.stream(stream, options)), (all) => all.map((one) => one.event))

export const batchReaderCases = (it: Cases): void => {
  it.effect("reads what was written while the stream was scaled twice, each key in order", () =>
    Effect.gen(function*() {
      const stream = yield* created(randomScope(), "scaled", 2)
      const events = numbered(30_000, 50)
      const writer = yield* EventWriter.make(stream)
      const writing = yield* Effect.forkChild(
        Effect.forEach([0, 1, 2, 3, 4, 5], (i) =>
          Effect.andThen(
            writer.writeAll(events.slice(i * 5000, (i + 1) * 5000)),
            i === 1
              ? Admin.scaleTo(stream.name, 4)
              : i === 3
              ? Admin.scaleTo(stream.name, 3)
              : Effect.void
          ), { discard: true })
      )
      yield* Fiber.join(writing)
      const read = yield* readAll(stream, { ordering: "perKey", readAheadBytes: 100_000 })
      assert.deepStrictEqual(numbers(read), numbers(events))
      assertOrdered(read)
      assert.deepStrictEqual(numbers(yield* readAll(stream, { concurrency: 8 })), numbers(events))
      const plan = yield* BatchReader.plan(stream.name)
      assert.isAbove(plan.ranges.length, 6)
      assert.isTrue(plan.ranges.some((range) => range.predecessors.length > 0))
    }))

  it.effect("reads from cut to cut, without gap or overlap, also across scales", () =>
    Effect.gen(function*() {
      const stream = yield* created(randomScope(), "cuts", 2)
      const writer = yield* EventWriter.make(stream)
      const cuts = [yield* Admin.latestCut(stream.name)]
      for (let round = 0; round < 4; round++) {
        yield* writer.writeAll(numbered(500, 20, round * 500))
        cuts.push(yield* Admin.latestCut(stream.name))
        if (round === 1) yield* Admin.scaleTo(stream.name, 5)
        if (round === 2) yield* Admin.scaleTo(stream.name, 2)
      }
      for (let from = 0; from < cuts.length; from++) {
        for (let to = from; to < cuts.length; to++) {
          const read = yield* readAll(stream, { start: cuts[from], end: cuts[to], ordering: "perKey" })
          assert.deepStrictEqual(numbers(read), Array.from({ length: (to - from) * 500 }, (_, i) => from * 500 + i))
          assertOrdered(read)
        }
      }
      assert.deepStrictEqual(yield* readAll(stream, { start: "latest" }), [])
    }))

  it.effect("reads a sealed stream to its end, scaled before or not", () =>
    Effect.gen(function*() {
      for (const scale of [false, true]) {
        const stream = yield* created(randomScope(), "sealed", 2)
        const writer = yield* EventWriter.make(stream)
        yield* writer.writeAll(numbered(300, 10))
        const middle = yield* Admin.latestCut(stream.name)
        if (scale) yield* Admin.scaleTo(stream.name, 3)
        yield* writer.writeAll(numbered(300, 10, 300))
        yield* Admin.sealStream(stream.name)
        assert.deepStrictEqual(numbers(yield* readAll(stream)), Array.from({ length: 600 }, (_, i) => i))
        const { end: to } = yield* BatchReader.plan(stream.name)
        assert.isAbove(to.positions.size, 1)
        assert.strictEqual((yield* readAll(stream, { start: middle, end: to })).length, 300)
        assert.deepStrictEqual(yield* readAll(stream, { start: to }), [])
        assert.deepStrictEqual(yield* readAll(stream, { start: "latest" }), [])
      }
    }))

  it.effect("of a truncated stream: what is left, or an error that says what is lost, or a reported skip", () =>
    Effect.gen(function*() {
      const stream = yield* created(randomScope(), "truncated", 2)
      const writer = yield* EventWriter.make(stream)
      const start = yield* Admin.latestCut(stream.name)
      yield* writer.writeAll(numbered(400, 10))
      yield* Admin.scaleTo(stream.name, 3)
      yield* writer.writeAll(numbered(300, 10, 400))
      const cut = yield* Admin.latestCut(stream.name)
      yield* writer.writeAll(numbered(300, 10, 700))
      const before = yield* BatchReader.plan(stream.name, { start: start })
      yield* Admin.truncateStream(cut)
      const left = Array.from({ length: 300 }, (_, i) => 700 + i)
      assert.deepStrictEqual(numbers(yield* readAll(stream)), left)
      const error = yield* Effect.flip(readAll(stream, { start: start }))
      assert.strictEqual(error.reason._tag, "TruncatedData")
      const gaps: Array<TruncatedData> = []
      const onTruncated = (gap: TruncatedData) => Effect.sync(() => void gaps.push(gap))
      assert.deepStrictEqual(numbers(yield* readAll(stream, { start: start, onTruncated })), left)
      assert.strictEqual(gaps.length, 5)
      // a plan made before the truncation
      const planned = yield* Stream.runCollect(
        BatchReader.readRanges(stream, before.ranges, { onTruncated: "skip" })
      ).pipe(Effect.provideService(References.MinimumLogLevel, "Error"))
      assert.deepStrictEqual(numbers(planned.map((one) => one.event)), left)
      const failing = yield* Effect.flip(Stream.runDrain(BatchReader.readRanges(stream, before.ranges)))
      assert.strictEqual(failing.reason._tag, "TruncatedData")
    }))

  it.effect("fetches events by their pointers; no pointer leads to a wait", () =>
    Effect.gen(function*() {
      const stream = yield* created(randomScope(), "pointers", 2)
      const writer = yield* EventWriter.make(stream)
      yield* writer.writeAll(numbered(100, 10))
      const reads = yield* Stream.runCollect(BatchReader.stream(stream))
      yield* Effect.forEach(reads, (one) =>
        Effect.map(BatchReader.fetch(stream, one.pointer), (again) => {
          assert.deepStrictEqual(again.event, one.event)
          assert.strictEqual(again.offset, one.offset)
          assert.strictEqual(again.segmentId, one.segmentId)
        }), { concurrency: 10, discard: true })
      const last = reads.at(-1)!
      const { end: to } = yield* BatchReader.plan(stream.name)
      const { length, offset, segment, stream: name } = last.pointer
      const beyond = EventPointer.make({ stream: name, segment, offset: to.positions.get(last.segmentId)!, length })
      assert.strictEqual((yield* Effect.flip(BatchReader.fetch(stream, beyond))).reason._tag, "RangeBeyondEnd")
      const nowhere = EventPointer.make({ stream: name, segment: Segment.makeId(77, 3), offset, length })
      assert.strictEqual((yield* Effect.flip(BatchReader.fetch(stream, nowhere))).reason._tag, "TruncatedData")
    }))

  it.effect("reads the largest events", () =>
    Effect.gen(function*() {
      const name = (yield* created(randomScope(), "large", 1)).name
      const stream = EventStream.make(name, { codec: EventCodec.bytes })
      const sizes = [0, 1, 8 * 1024 * 1024, 0, 3_000_000, 2]
      const writer = yield* EventWriter.make(stream)
      yield* writer.writeAll(sizes.map((size) => new Uint8Array(size).fill(size % 251)))
      const reads = yield* Stream.runCollect(BatchReader.stream(stream, { readAheadBytes: 1024 * 1024 }))
      assert.deepStrictEqual(reads.map((one) => one.event.length), sizes)
      assert.isTrue(reads.every(({ event }) => event.every((byte) => byte === event.length % 251)))
      const largest = yield* BatchReader.fetch(stream, reads[2]!.pointer)
      assert.strictEqual(largest.event.length, 8 * 1024 * 1024)
    }))
}
