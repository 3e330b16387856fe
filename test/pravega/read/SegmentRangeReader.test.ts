import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Option } from "effect"
import fc from "fast-check"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import * as Segment from "../../../src/core/Segment.ts"
import * as EventChunk from "../../../src/pravega/read/EventChunk.ts"
import type { TruncatedData } from "../../../src/pravega/read/ReadError.ts"
import { ReadError } from "../../../src/pravega/read/ReadError.ts"
import * as SegmentRangeReader from "../../../src/pravega/read/SegmentRangeReader.ts"
import * as Seeded from "../../../src/testing/seeded/Seeded.ts"
import { eventsOf, type FakeSegment, FakeStore, framed } from "../FakeStore.ts"

const stream = ScopedStream.fromTextUnsafe("scope/stream")
const id = Segment.makeId(0, 0)

const defaults: Omit<SegmentRangeReader.Options, "from" | "to"> = {
  segment: { stream, id },
  sizes: { readAhead: 256, readSize: 64 },
  maxEventSize: 8 * 1024 * 1024,
  onTruncated: "fail"
}

const open = (
  store: FakeStore,
  options: Partial<SegmentRangeReader.Options> & Pick<SegmentRangeReader.Options, "to">
) => SegmentRangeReader.make(store.service, { ...defaults, from: 0n, ...options })

const pullAll = (reader: SegmentRangeReader.SegmentRangeReader) =>
  Effect.gen(function*() {
    const chunks: Array<EventChunk.EventChunk> = []
    const exit = yield* Effect.exit(Effect.forever(Effect.map(reader.pull, (chunk) => chunks.push(chunk))))
    const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.findErrorOption(exit.cause)) : undefined
    // anything but the end and a typed error is a defect
    if (error === undefined) return yield* Effect.die(exit)
    return { chunks, error: Cause.isDone(error) ? undefined : error }
  })

const decoded = (chunks: ReadonlyArray<EventChunk.EventChunk>) =>
  chunks.flatMap((chunk) => EventChunk.decode(chunk, EventCodec.bytes).events)

const run = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(effect)

const sizes = fc.oneof(
  { arbitrary: fc.integer({ min: 0, max: 40 }), weight: 8 },
  { arbitrary: fc.integer({ min: 40, max: 3000 }), weight: 1 }
)
const boundariesOf = (events: ReadonlyArray<Uint8Array>): Array<bigint> => {
  let at = 0n
  return [0n, ...events.map((event) => at += BigInt(8 + event.length))]
}
const settings = fc.record({
  lengths: fc.array(sizes, { maxLength: 60 }),
  seed: fc.integer(),
  readSize: fc.integer({ min: 1, max: 700 }),
  readAhead: fc.integer({ min: 1, max: 3000 })
})

describe("SegmentRangeReader", () => {
  it("gives the range's events, whole and in order, whatever sizes the reads have", () =>
    fc.assert(fc.asyncProperty(settings, fc.nat(), fc.nat(), async ({ lengths, readAhead, readSize, seed }, a, b) => {
      const events = eventsOf(lengths, seed)
      const boundaries = boundariesOf(events)
      const [first, last] = [a % boundaries.length, b % boundaries.length].toSorted((x, y) => x - y) as [number, number]
      const store = new FakeStore(seed)
      store.segment(stream, id).append(framed(events))
      const from = boundaries[first]!
      const to = boundaries[last]!
      const { chunks, error } = await run(
        Effect.scoped(Effect.flatMap(open(store, { from, to, sizes: { readAhead, readSize } }), pullAll))
      )
      assert.isUndefined(error)
      const reads = decoded(chunks)
      assert.deepStrictEqual(reads.map((read) => read.event), events.slice(first, last))
      assert.deepStrictEqual(reads.map((read) => read.offset), boundaries.slice(first, last))
      assert.deepStrictEqual(reads.map((read) => read.endOffset), boundaries.slice(first + 1, last + 1))
      let position = from
      for (const chunk of chunks) {
        assert.strictEqual(chunk.startOffset, position)
        assert.isAbove(chunk.count, 0)
        position = chunk.endOffset
      }
      assert.strictEqual(position, to)
      assert.isAtMost(store.requestedMax, Math.max(readAhead, 1))
    })))

  it("can be cut anywhere and read on from there: no gap, no overlap", () =>
    fc.assert(fc.asyncProperty(settings, fc.array(fc.nat()), async ({ lengths, readAhead, readSize, seed }, cuts) => {
      const events = eventsOf(lengths, seed)
      const boundaries = boundariesOf(events)
      const store = new FakeStore(seed)
      store.segment(stream, id).append(framed(events))
      const places = [0, ...cuts.map((cut) => cut % boundaries.length), events.length].toSorted((x, y) => x - y)
      const reads: Array<Uint8Array> = []
      for (let i = 1; i < places.length; i++) {
        const range = { from: boundaries[places[i - 1]!]!, to: boundaries[places[i]!]!, sizes: { readAhead, readSize } }
        const { chunks } = await run(Effect.scoped(Effect.flatMap(open(store, range), pullAll)))
        reads.push(...decoded(chunks).map((read) => read.event))
      }
      assert.deepStrictEqual(reads, events)
    })))

  it("reads nothing ahead behind a place that is named, and says when it has handed out what lies before", () =>
    fc.assert(fc.asyncProperty(settings, fc.nat(), async ({ lengths, readAhead, readSize, seed }, at) => {
      const events = eventsOf(lengths, seed)
      const store = new FakeStore(seed)
      store.segment(stream, id).append(framed(events))
      const size = Number(boundariesOf(events).at(-1))
      const aheadUntil = at % (size + 1)
      await run(Effect.scoped(Effect.gen(function*() {
        const reader = yield* open(store, {
          to: BigInt(size),
          sizes: { readAhead, readSize },
          aheadUntil: BigInt(aheadUntil)
        })
        while (!reader.isAheadUsedUp() && reader.position() < size) {
          yield* reader.pull
          assert.isAtMost(store.furthest, Math.max(aheadUntil, Number(reader.position())) + readSize)
        }
        const handedOut = reader.position()
        assert.isTrue(boundariesOf(events).every((end) => end > aheadUntil || end <= handedOut))
        const { chunks, error } = yield* pullAll(reader)
        assert.isUndefined(error)
        const left = chunks.reduce((count, chunk) => count + chunk.count, 0)
        assert.strictEqual(left, boundariesOf(events).filter((end) => end > handedOut).length)
      })))
    })))

  it("answers any bytes with events or a typed error", () =>
    fc.assert(fc.asyncProperty(
      settings,
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom<SegmentRangeReader.RangeEnd>("tail", "end"),
      async ({ lengths, readAhead, readSize, seed }, garbage, to) => {
        const events = eventsOf(lengths, seed)
        const store = new FakeStore(seed)
        const segment = store.segment(stream, id)
        segment.append(framed(events))
        segment.append(garbage)
        segment.seal()
        const { chunks, error } = await run(
          Effect.scoped(Effect.flatMap(open(store, { to, sizes: { readAhead, readSize } }), pullAll))
        )
        assert.deepStrictEqual(decoded(chunks).map((read) => read.event).slice(0, events.length), events)
        if (error !== undefined) {
          assert.instanceOf(error, ReadError)
          assert.include(["CorruptSegment", "EventTooLarge", "RangeSplitsEvent"], error.reason._tag)
        }
      }
    )))

  it("reads events of many megabytes, larger than a read and larger than the read-ahead", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const events = [0, 8 * 1024 * 1024, 0, 5_000_000, 17].map((length) => new Uint8Array(length).fill(length % 251))
      const store = new FakeStore(1)
      store.segment(stream, id).append(framed(events))
      const reader = yield* open(store, { to: "tail", sizes: { readSize: 1024 * 1024, readAhead: 2 * 1024 * 1024 } })
      const { chunks, error } = yield* pullAll(reader)
      assert.isUndefined(error)
      const reads = decoded(chunks).map((read) => read.event)
      assert.deepStrictEqual(reads.map((event) => event.length), events.map((event) => event.length))
      assert.isTrue(reads.every((event, i) => event.every((byte) => byte === events[i]!.length % 251)))
    }))))

  it.effect("names an event above the limit, and what is no event", () =>
    Effect.gen(function*() {
      const store = new FakeStore(1)
      const segment = store.segment(stream, id)
      segment.append(framed([new Uint8Array(3), new Uint8Array(101)]))
      const large = yield* Effect.flatMap(open(store, { to: "tail", maxEventSize: 100 }), pullAll)
      assert.strictEqual(large.chunks.reduce((n, chunk) => n + chunk.count, 0), 1)
      assert.deepInclude(large.error?.reason, { _tag: "EventTooLarge", offset: 11n, size: 101, limit: 100 })
      assert.isUndefined((yield* Effect.flatMap(open(store, { to: "tail", maxEventSize: 101 }), pullAll)).error)
      const shifted = yield* Effect.flatMap(open(store, { from: 4n, to: "tail" }), pullAll)
      assert.deepInclude(shifted.error?.reason, { _tag: "CorruptSegment", offset: 4n })
      assert.include(shifted.error?.message, "the start may lie in the middle of an event")
    }))

  it.effect("fails at once when the range ends beyond the segment, or inside an event", () =>
    Effect.gen(function*() {
      const store = new FakeStore(1)
      store.segment(stream, id).append(framed([new Uint8Array(10), new Uint8Array(10)]))
      const beyond = yield* Effect.flatMap(open(store, { to: 37n }), pullAll)
      assert.deepInclude(beyond.error?.reason, { _tag: "RangeBeyondEnd", end: 37n, length: 36n })
      const start = yield* Effect.flatMap(open(store, { from: 54n, to: "tail" }), pullAll)
      assert.deepInclude(start.error?.reason, { _tag: "RangeBeyondEnd", end: 54n, length: 36n })
      const inside = yield* Effect.flatMap(open(store, { to: 35n }), pullAll)
      assert.deepInclude(inside.error?.reason, { _tag: "RangeSplitsEvent", offset: 18n, end: 35n })
      assert.deepStrictEqual(inside.chunks.map((chunk) => chunk.endOffset).at(-1), 18n)
    }))

  it.effect("an empty range asks nobody: also when its segment is gone", () =>
    Effect.gen(function*() {
      const store = new FakeStore(1)
      const { chunks, error } = yield* Effect.flatMap(open(store, { from: 5n, to: 5n }), pullAll)
      assert.deepStrictEqual({ chunks, error }, { chunks: [], error: undefined })
    }))

  describe("truncated data", () => {
    const truncated = (cut: number): { store: FakeStore; segment: FakeSegment } => {
      const store = new FakeStore(1)
      const segment = store.segment(stream, id)
      segment.append(framed(Array.from({ length: 10 }, (_, i) => new Uint8Array(92).fill(i))))
      segment.startOffset = cut
      return { store, segment }
    }

    it.effect("is an error that says what is lost", () =>
      Effect.gen(function*() {
        const some = yield* Effect.flatMap(open(truncated(300).store, { from: 100n, to: 900n }), pullAll)
        assert.deepInclude(some.error?.reason, { _tag: "TruncatedData", segment: id, start: 100n, end: 300n })
        const all = yield* Effect.flatMap(open(truncated(1000).store, { from: 100n, to: 900n }), pullAll)
        assert.deepInclude(all.error?.reason, { _tag: "TruncatedData", start: 100n, end: 900n })
        const { segment, store } = truncated(0)
        segment.deleted = true
        const gone = yield* Effect.flatMap(open(store, { from: 100n, to: "tail" }), pullAll)
        assert.deepInclude(gone.error?.reason, { _tag: "TruncatedData", start: 100n, end: undefined })
      }))

    it.effect("is skipped and reported when that was chosen", () =>
      Effect.gen(function*() {
        const lost: Array<TruncatedData> = []
        const onTruncated = (gap: TruncatedData) => Effect.sync(() => void lost.push(gap))
        const some = yield* Effect.flatMap(open(truncated(300).store, { to: 900n, onTruncated }), pullAll)
        assert.isUndefined(some.error)
        assert.deepStrictEqual(decoded(some.chunks).map((read) => read.event[0]), [3, 4, 5, 6, 7, 8])
        const all = yield* Effect.flatMap(open(truncated(1000).store, { to: 900n, onTruncated }), pullAll)
        assert.deepStrictEqual({ ...all }, { chunks: [], error: undefined })
        assert.deepStrictEqual(lost.map(({ start: from, end: to }) => [from, to]), [[0n, 300n], [0n, 900n]])
      }))

    it.effect("also when it happens while the range is read", () =>
      Effect.gen(function*() {
        for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
          const lost: Array<TruncatedData> = []
          const onTruncated = (gap: TruncatedData) => Effect.sync(() => void lost.push(gap))
          const store = new FakeStore(seed)
          const segment = store.segment(stream, id)
          segment.append(framed(Array.from({ length: 10 }, (_, i) => new Uint8Array(92).fill(i))))
          store.onRead = (offset) => {
            if (offset > 250) segment.startOffset = 700
          }
          const { chunks, error } = yield* Effect.flatMap(open(store, { to: 1000n, onTruncated }), pullAll)
          assert.isUndefined(error)
          const reads = decoded(chunks)
          const gap = lost[0]
          assert.deepStrictEqual(lost.length, 1)
          // what was read and what was lost make up the range
          assert.deepStrictEqual(
            reads.map((read) => read.offset),
            Array.from({ length: 10 }, (_, i) => BigInt(100 * i)).filter((at) => at < gap!.start || at >= gap!.end!)
          )
        }
      }))

    it.effect("a store that says so of nothing is not asked again", () =>
      Effect.gen(function*() {
        const { store } = truncated(0)
        const service = store.service
        const stuck = {
          ...service,
          read: () => truncated(400).store.service.read({ stream, id }, { offset: 0n, length: 8 })
        }
        const reader = yield* SegmentRangeReader.make(stuck, {
          ...defaults,
          from: 500n,
          to: 1000n,
          onTruncated: "skip"
        })
        const { error } = yield* pullAll(reader)
        assert.strictEqual(error?.reason._tag, "SegmentError")
      }))
  })

  describe("to the end", () => {
    it.effect("waits at the tail for more, and stops when the segment is sealed", () =>
      Effect.gen(function*() {
        for (const seed of [1, 2, 3, 4, 5]) {
          const store = new FakeStore(seed)
          const segment = store.segment(stream, id)
          const events = eventsOf([10, 0, 300, 5, 70, 1, 1, 900, 3], seed)
          const bytes = framed(events)
          segment.append(bytes.slice(0, 33))
          const reader = yield* open(store, { to: "end" })
          const reading = yield* Effect.forkChild(pullAll(reader))
          for (let at = 33; at < bytes.length; at += 150) {
            yield* Effect.replicateEffect(Effect.yieldNow, 20, { discard: true })
            segment.append(bytes.slice(at, at + 150))
          }
          segment.seal()
          const { chunks, error } = yield* Fiber.join(reading)
          assert.isUndefined(error)
          assert.deepStrictEqual(decoded(chunks).map((read) => read.event), events)
        }
      }))

    it.effect("until an offset: waits for what is written up to it, reads nothing after it, and ends early with the segment", () =>
      Effect.gen(function*() {
        for (const seed of [1, 2, 3, 4, 5]) {
          const events = eventsOf([10, 0, 300, 5, 70, 1, 1, 900, 3], seed)
          const bytes = framed(events)
          for (const count of [1, 4, events.length]) {
            const until = boundariesOf(events)[count] ?? 0n
            const store = new FakeStore(seed)
            const segment = store.segment(stream, id)
            const reading = yield* Effect.forkChild(
              Effect.flatMap(open(store, { to: { until } }), pullAll)
            )
            for (let at = 0; at < bytes.length; at += 150) {
              yield* Effect.replicateEffect(Effect.yieldNow, 20, { discard: true })
              segment.append(bytes.slice(at, at + 150))
            }
            const { chunks, error } = yield* Fiber.join(reading)
            assert.isUndefined(error)
            assert.deepStrictEqual(decoded(chunks).map((read) => read.event), events.slice(0, count))
          }
          const store = new FakeStore(seed)
          const segment = store.segment(stream, id)
          segment.append(bytes)
          segment.seal()
          const reader = yield* open(store, { to: { until: BigInt(bytes.length + 500) } })
          const { chunks, error } = yield* pullAll(reader)
          assert.isUndefined(error)
          assert.deepStrictEqual(decoded(chunks).map((read) => read.event), events)
        }
      }).pipe(Effect.scoped))

    it.effect("an interrupted pull loses nothing", () =>
      Effect.gen(function*() {
        for (const seed of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) {
          const { next } = Seeded.make(seed)
          const store = new FakeStore(seed)
          const segment = store.segment(stream, id)
          const events = eventsOf(Array.from({ length: 40 }, () => Math.floor(next() * 100)), seed)
          const bytes = framed(events)
          const reader = yield* open(store, { to: "end" })
          const chunks: Array<EventChunk.EventChunk> = []
          let at = 0
          while (true) {
            const pulling = yield* Effect.forkChild(Effect.map(reader.pull, (chunk) => void chunks.push(chunk)), {
              startImmediately: true
            })
            yield* Effect.replicateEffect(Effect.yieldNow, Math.floor(next() * 12), { discard: true })
            yield* Fiber.interrupt(pulling)
            const exit = yield* Fiber.await(pulling)
            if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) {
              assert.isTrue(exit.cause.reasons.some((reason) => reason._tag === "Fail" && Cause.isDone(reason.error)))
              break
            }
            if (at < bytes.length) segment.append(bytes.slice(at, at += 64))
            else if (!segment.sealed) segment.seal()
          }
          assert.deepStrictEqual(decoded(chunks).map((read) => read.event), events)
          assert.strictEqual(reader.position(), BigInt(bytes.length))
        }
      }))
  })

  it.effect("closing the Scope stops the reads in flight", () =>
    Effect.gen(function*() {
      const store = new FakeStore(1)
      store.segment(stream, id).append(framed([new Uint8Array(1000)]))
      yield* Effect.scoped(Effect.gen(function*() {
        const reader = yield* open(store, { to: "end" })
        yield* reader.pull
        const waiting = yield* Effect.forkChild(reader.pull, { startImmediately: true })
        yield* Effect.replicateEffect(Effect.yieldNow, 20, { discard: true })
        yield* Fiber.interrupt(waiting)
        assert.isAbove(store.requested, 0)
      }))
      assert.strictEqual(store.requested, 0)
    }))
})
