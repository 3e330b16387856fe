import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schema, Stream } from "effect"
import fc from "fast-check"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import { EventPointer } from "../../../src/core/EventPointer.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import type { KeyRange } from "../../../src/core/KeyRange.ts"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import * as Segment from "../../../src/core/Segment.ts"
import { StreamCut } from "../../../src/core/StreamCut.ts"
import * as BatchReader from "../../../src/pravega/read/BatchReader.ts"
import type { EventRead } from "../../../src/pravega/read/EventRead.ts"
import type { TruncatedData } from "../../../src/pravega/read/ReadError.ts"
import { FakeStream } from "../FakeStream.ts"

const events = EventStream.make("scope/history", { codec: EventCodec.utf8 })

/** What happens to a stream: a write of a key, or a scale of a part of its segments. */
const step = fc.oneof(
  { arbitrary: fc.record({ write: fc.integer({ min: 0, max: 12 }).map((n) => `key${n}`) }), weight: 12 },
  {
    arbitrary: fc.record({
      at: fc.nat(),
      width: fc.integer({ min: 1, max: 3 }),
      count: fc.integer({ min: 1, max: 3 })
    }),
    weight: 2
  }
)
const history = fc.record({
  seed: fc.integer(),
  segments: fc.integer({ min: 1, max: 4 }),
  // many of them long: what is to be seen needs several epochs, with events in each
  steps: fc.array(step, { maxLength: 80, size: "max" }),
  sealed: fc.boolean()
})

interface Moment {
  readonly cut: StreamCut
  /** How many events had been written. */
  readonly count: number
}

/** Plays a history and keeps the cut after each step. */
const play = ({ sealed, seed, segments, steps }: typeof history extends fc.Arbitrary<infer T> ? T : never) => {
  const stream = new FakeStream(seed, segments)
  const moments: Array<Moment> = [{ cut: stream.cut(), count: 0 }]
  for (const happening of steps) {
    if ("write" in happening) {
      stream.write(happening.write)
    } else {
      const first = happening.at % stream.active.length
      stream.scale(first, Math.min(stream.active.length - 1, first + happening.width - 1), happening.count)
    }
    moments.push({ cut: stream.cut(), count: stream.written.length })
  }
  if (sealed) stream.seal()
  return { stream, moments }
}

const keyOf = (event: string) => event.slice(0, event.indexOf(":"))
const numberOf = (event: string) => Number(event.slice(event.indexOf(":") + 1))
const assertPerKeyOrder = (read: ReadonlyArray<string>) => {
  const last = new Map<string, number>()
  for (const event of read) {
    const before = last.get(keyOf(event)) ?? -1
    if (before >= numberOf(event)) assert.fail(`${event} came after number ${before} of its key`)
    last.set(keyOf(event), numberOf(event))
  }
}

const overlap = (a: KeyRange, b: KeyRange) => a.low < b.high && b.low < a.high

const read = (stream: FakeStream, options: Parameters<typeof BatchReader.stream>[1]) =>
  BatchReader.stream(events, options).pipe(
    Stream.map((one) => one.event),
    Stream.runCollect,
    Effect.provide(stream.layer)
  )

describe("BatchReader.plan", () => {
  it("covers each segment between two cuts once, with its predecessors before it", () =>
    fc.assert(fc.asyncProperty(history, fc.nat(), fc.nat(), async (past, a, b) => {
      const { moments, stream } = play(past)
      const [first, last] = [a % moments.length, b % moments.length].toSorted((x, y) => x - y) as [number, number]
      const from = moments[first]!
      const to = moments[last]!
      const plan = await Effect.runPromise(
        BatchReader.plan(stream.name, { start: from.cut, end: to.cut }).pipe(Effect.provide(stream.layer))
      )
      const planned = plan.ranges.map((range) => range.segment)
      assert.strictEqual(new Set(planned).size, planned.length)
      const sum = stream.written.slice(from.count, to.count).reduce((n, event) => n + 8 + event.length, 0)
      assert.strictEqual(plan.bytes, BigInt(sum))
      for (const [i, range] of plan.ranges.entries()) {
        assert.isTrue(range.start < range.end)
        for (const predecessor of range.predecessors) {
          assert.isBelow(planned.indexOf(predecessor), i)
          assert.isAtLeast(planned.indexOf(predecessor), 0)
        }
      }
      // whatever a key's earlier events may lie in is read before, directly or by way of others
      const before = new Map<Segment.SegmentId, Set<Segment.SegmentId>>()
      for (const { predecessors, segment } of plan.ranges) {
        before.set(segment, new Set(predecessors.flatMap((id) => [id, ...before.get(id)!])))
        const earlier = planned.filter((id) =>
          Segment.epoch(id) < Segment.epoch(segment) && overlap(stream.rangeOf(id), stream.rangeOf(segment))
        )
        for (const id of earlier) assert.isTrue(before.get(segment)!.has(id))
        for (const id of predecessors) assert.include(earlier, id)
      }
      const codec = Schema.toCodecJson(BatchReader.BatchPlan)
      assert.deepStrictEqual(Schema.decodeSync(codec)(JSON.parse(JSON.stringify(Schema.encodeSync(codec)(plan)))), plan)
    })))

  it.effect("refuses a cut of another stream, and an end before the start", () =>
    Effect.gen(function*() {
      const stream = new FakeStream(1, 2)
      const early = stream.cut()
      for (let i = 0; i < 20; i++) stream.write(`key${i}`)
      const foreign = StreamCut.make({ stream: ScopedStream.fromTextUnsafe("scope/other"), positions: early.positions })
      const of = (options: BatchReader.Bounds) =>
        BatchReader.plan(stream.name, options).pipe(Effect.provide(stream.layer), Effect.flip)
      assert.strictEqual((yield* of({ start: foreign })).reason._tag, "InvalidPosition")
      assert.strictEqual((yield* of({ start: stream.cut(), end: early })).reason._tag, "InvalidPosition")
    }))
})

describe("BatchReader.stream", () => {
  it("reads what lies between two cuts once; per key in order when that is asked for", () =>
    fc.assert(
      fc.asyncProperty(
        history,
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 300 }),
        fc.constantFrom("none" as const, "perKey" as const),
        async (past, a, b, concurrency, readAhead, ordering) => {
          const { moments, stream } = play(past)
          const [first, last] = [a % moments.length, b % moments.length].toSorted((x, y) => x - y) as [number, number]
          const from = moments[first]!
          const to = moments[last]!
          const got = await Effect.runPromise(
            read(stream, { start: from.cut, end: to.cut, concurrency, readAheadBytes: readAhead, ordering })
          )
          assert.deepStrictEqual(got.toSorted(), stream.written.slice(from.count, to.count).toSorted())
          if (ordering === "perKey") assertPerKeyOrder(got)
        }
      ),
      { numRuns: 200 }
    ))

  it("reads consecutive batches without gap or overlap, and a stream to its end, sealed or not", () =>
    fc.assert(fc.asyncProperty(history, fc.array(fc.nat(), { maxLength: 4 }), async (past, cuts) => {
      const { moments, stream } = play(past)
      const places = [...new Set(cuts.map((cut) => cut % moments.length))].toSorted((x, y) => x - y)
      const bounds = ["earliest" as const, ...places.map((place) => moments[place]!.cut), "latest" as const]
      const got: Array<string> = []
      for (let i = 1; i < bounds.length; i++) {
        const from = bounds[i - 1] as "earliest" | StreamCut
        const to = bounds[i] as "latest" | StreamCut
        got.push(...await Effect.runPromise(read(stream, { start: from, end: to, ordering: "perKey" })))
      }
      assert.deepStrictEqual(got.toSorted(), stream.written.toSorted())
      assertPerKeyOrder(got)
      assert.deepStrictEqual(await Effect.runPromise(read(stream, { start: "latest" })), [])
    })))

  it("takes -1 as a segment's end, and Java's empty cut as the end of a sealed stream", () =>
    fc.assert(fc.asyncProperty(history, fc.nat(), async (past, a) => {
      const { moments, stream } = play({ ...past, sealed: true })
      const { count, cut } = moments[a % moments.length]!
      const done = StreamCut.make({
        stream: stream.name,
        positions: new Map([...cut.positions].map(([id, offset]) => {
          const segment = stream.store.segment(stream.name, id)
          return [id, segment.sealed && offset === BigInt(segment.bytes.length) ? -1n : offset]
        }))
      })
      const empty = StreamCut.make({ stream: stream.name, positions: new Map() })
      const before = await Effect.runPromise(read(stream, { end: done }))
      const after = await Effect.runPromise(read(stream, { start: done, end: empty }))
      assert.deepStrictEqual(before.toSorted(), stream.written.slice(0, count).toSorted())
      assert.deepStrictEqual(after.toSorted(), stream.written.slice(count).toSorted())
    })))

  it("of a truncated stream: a typed error, or exactly what is left with every gap reported", () =>
    fc.assert(fc.asyncProperty(history, fc.nat(), fc.nat(), async (past, a, b) => {
      const { moments, stream } = play(past)
      const [first, last] = [a % moments.length, b % moments.length].toSorted((x, y) => x - y) as [number, number]
      const from = moments[first]!
      const head = moments[last]!
      stream.truncate(head.cut)
      assert.deepStrictEqual(
        (await Effect.runPromise(read(stream, {}))).toSorted(),
        stream.written.slice(head.count).toSorted()
      )
      const lost: Array<TruncatedData> = []
      const onTruncated = (gap: TruncatedData) => Effect.sync(() => void lost.push(gap))
      const rest = await Effect.runPromise(read(stream, { start: from.cut, onTruncated }))
      assert.deepStrictEqual(rest.toSorted(), stream.written.slice(head.count).toSorted())
      const exit = await Effect.runPromiseExit(read(stream, { start: from.cut }))
      assert.strictEqual(Exit.isFailure(exit), lost.length > 0)
      if (head.count > from.count) assert.isAbove(lost.length, 0)
    })))

  it.effect("stops its reads when it is interrupted, or not read to its end", () =>
    Effect.gen(function*() {
      const stream = new FakeStream(1, 3)
      for (let i = 0; i < 200; i++) stream.write(`key${i}`)
      const reading = yield* BatchReader.stream(events, { readAheadBytes: 300 }).pipe(
        Stream.runForEach(() => Effect.yieldNow),
        Effect.provide(stream.layer),
        Effect.forkChild
      )
      yield* Effect.replicateEffect(Effect.yieldNow, 30, { discard: true })
      yield* Fiber.interrupt(reading)
      assert.strictEqual(stream.store.requested, 0)
      const some = yield* BatchReader.stream(events, { readAheadBytes: 300 }).pipe(
        Stream.take(5),
        Stream.runCollect,
        Effect.provide(stream.layer)
      )
      assert.strictEqual(some.length, 5)
      assert.strictEqual(stream.store.requested, 0)
    }))

  it.effect("emits the events before one that can't be decoded, then fails with its place", () =>
    Effect.gen(function*() {
      const stream = new FakeStream(1, 1)
      for (const key of ["a", "b", "bad", "c"]) stream.write(key)
      const picky = EventStream.make("scope/history", {
        codec: EventCodec.make({
          name: "picky",
          encode: EventCodec.utf8.encode,
          decode: (bytes) => {
            const text = EventCodec.utf8.decode(bytes)
            if (text.startsWith("bad")) throw new Error("no")
            return text
          }
        })
      })
      const seen: Array<string> = []
      const error = yield* BatchReader.stream(picky).pipe(
        Stream.runForEach((one) => Effect.sync(() => void seen.push(one.event))),
        Effect.provide(stream.layer),
        Effect.flip
      )
      assert.deepStrictEqual(seen, ["a:0", "b:0"])
      assert.deepInclude(error.reason, { _tag: "UndecodableEvent", offset: 22n, codec: "picky" })
    }))
})

describe("BatchReader.fetch", () => {
  it.effect("gives the event of each pointer", () =>
    Effect.gen(function*() {
      const stream = new FakeStream(1, 3)
      for (let i = 0; i < 30; i++) stream.write(`key${i}`)
      yield* Effect.gen(function*() {
        const all: ReadonlyArray<EventRead<string>> = yield* Stream.runCollect(BatchReader.stream(events))
        assert.strictEqual(all.length, 30)
        for (const one of all) {
          const again = yield* BatchReader.fetch(events, one.pointer)
          assert.strictEqual(again.event, one.event)
          assert.deepStrictEqual(again.pointer, one.pointer)
        }
      }).pipe(Effect.provide(stream.layer))
    }))

  it.effect("fails when there is no such event, or it is another stream's", () =>
    Effect.gen(function*() {
      const stream = new FakeStream(1, 1)
      for (const key of ["a", "b", "c"]) stream.write(key)
      const at = (offset: bigint, length: number, name = stream.name) =>
        BatchReader.fetch(
          events,
          EventPointer.make({ stream: name, segment: Segment.makeId(0, 0), offset, length })
        ).pipe(Effect.provide(stream.layer), Effect.flip, Effect.map((error) => error.reason._tag))
      assert.strictEqual(yield* at(0n, 22), "InvalidPosition")
      assert.strictEqual(yield* at(0n, 10), "RangeSplitsEvent")
      assert.strictEqual(yield* at(33n, 11), "RangeBeyondEnd")
      assert.strictEqual(yield* at(4n, 11), "CorruptSegment")
      assert.strictEqual(yield* at(0n, 11, ScopedStream.fromTextUnsafe("scope/other")), "InvalidPosition")
      stream.truncate(stream.cut())
      assert.strictEqual(yield* at(0n, 11), "TruncatedData")
    }))
})
