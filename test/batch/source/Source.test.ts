import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { Recorded } from "../../../src/batch/source/internal/MicroBatchPlan.ts"
import * as Source from "../../../src/batch/source/Source.ts"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import type { KeyRange } from "../../../src/core/KeyRange.ts"
import * as Segment from "../../../src/core/Segment.ts"
import { StreamCut } from "../../../src/core/StreamCut.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import type { EventRead } from "../../../src/pravega/read/EventRead.ts"
import { FakeStream } from "../../pravega/FakeStream.ts"

const events = EventStream.make("scope/history", {
  codec: EventCodec.utf8,
  routingKey: (event) => event.split(":")[0] ?? ""
})
const planOf = Schema.decodeUnknownSync(Schema.toCodecJson(Recorded))
const jsonOf = Schema.encodeSync(Schema.toCodecJson(StreamCut))
const cutOf = Schema.decodeUnknownSync(Schema.toCodecJson(StreamCut))

/** Writes, scalings, and batches planned and read in between. */
const happening = fc.oneof(
  { weight: 12, arbitrary: fc.record({ write: fc.integer({ min: 0, max: 12 }).map((n) => `key${n}`) }) },
  {
    weight: 3,
    arbitrary: fc.record({ at: fc.nat(), width: fc.integer({ min: 1, max: 3 }), count: fc.integer({ min: 1, max: 3 }) })
  },
  { weight: 2, arbitrary: fc.constant("batch" as const) }
)
const limit = fc.record({
  bytes: fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined }),
  events: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined })
})

const assertCoversOnce = (ranges: ReadonlyArray<KeyRange>) => {
  const sorted = ranges.toSorted((a, b) => a.low - b.low)
  for (const [i, range] of sorted.entries()) assert.strictEqual(range.low, i === 0 ? 0 : sorted[i - 1]!.high)
  assert.strictEqual(sorted.at(-1)!.high, 1)
}

const scale = (stream: FakeStream, { at, count, width }: { at: number; width: number; count: number }) => {
  const first = at % stream.active.length
  stream.scale(first, Math.min(stream.active.length - 1, first + width - 1), count)
}

/** In lanes, if it has any: a key is in one lane, and in order there. */
const readPartition = <A, E>({ events, lanes }: Source.Partition<EventRead<A>, E>) =>
  Effect.gen(function*() {
    if (lanes === undefined) return yield* Stream.runCollect(events)
    const shares = yield* Stream.runCollect(lanes.events)
    const laneOf = new Map<string, number>()
    for (const { events, lane } of shares) {
      assert.isBelow(lane, lanes.count)
      for (const { event } of events) {
        const [key = ""] = String(event).split(":")
        assert.strictEqual(laneOf.get(key) ?? lane, lane)
        laneOf.set(key, lane)
      }
    }
    const places = shares.flatMap((share) => share.places)
    assert.deepStrictEqual(places.toSorted((a, b) => a - b), places.map((_, i) => i))
    return shares.flatMap((share) => share.events)
  })

describe("Source.microBatch", () => {
  it(
    "batches follow each other without overlap or gap, in limits, each key in order, whatever is scaled meanwhile",
    () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(happening, { minLength: 20, maxLength: 80, size: "max" }),
          limit,
          fc.integer(),
          fc.nat(),
          fc.boolean(),
          fc.constantFrom("none", "perSegment", "perKey"),
          fc.integer({ min: 1, max: 3 }),
          (history, limits, seed, endAt, readsAgain, ordering, lanes) => {
            const stream = new FakeStream(seed, 2)
            return Effect.gen(function*() {
              // The end is a cut in the middle of the history, or none.
              let end: { readonly cut: StreamCut; readonly count: number } | undefined
              const options = { limit: limits, ordering, ...ordering === "none" ? {} : { lanes } }
              const session = yield* Source.microBatch(events, options).open
              const begun = yield* session.start
              let position = begun.start
              const read: Array<string> = []

              const batch = Effect.fnUntraced(function*() {
                const ends = end === undefined ? [] : [jsonOf(end.cut)]
                const range = yield* session.plan(position, ends)
                if (range._tag !== "range") return range._tag
                const plan = planOf(range.plan)
                assert.strictEqual(String(plan.start), String(cutOf(position)))
                assertCoversOnce([...plan.end.positions.keys()].map((id) => stream.rangeOf(id)))
                // As after a crash, a plan that comes from the log is read from the stream.
                const partitions = yield* session.partitions(
                  readsAgain ? JSON.parse(JSON.stringify(range.plan)) : range.plan
                )
                const done = new Set<number>()
                const batchEvents: Array<string> = []
                for (const partition of partitions) {
                  for (const predecessor of partition.predecessors) assert.isTrue(done.has(predecessor))
                  if (ordering !== "perKey") assert.deepStrictEqual(partition.predecessors, [])
                  batchEvents.push(...(yield* readPartition(partition)).map(({ event }) => event))
                  done.add(partition.id)
                }
                assert.isAbove(batchEvents.length, 0)
                if (batchEvents.length > 1) {
                  assert.isAtMost(batchEvents.length, limits.events ?? Infinity)
                  const size = batchEvents.reduce((sum, event) => sum + 8 + event.length, 0)
                  if (limits.bytes !== undefined && limits.bytes > 30) assert.isAtMost(size, limits.bytes + 30)
                }
                read.push(...batchEvents)
                position = range.next
                return range._tag
              })

              for (const [i, step] of history.entries()) {
                if (i === endAt % (2 * history.length)) end = { cut: stream.cut(), count: stream.written.length }
                if (step === "batch") yield* batch()
                else if ("write" in step) stream.write(step.write)
                else scale(stream, step)
              }
              stream.seal()
              while ((yield* batch()) === "range") assert.isAtMost(read.length, stream.written.length)
              assert.strictEqual(yield* batch(), "ended")
              assert.strictEqual(read.length, end?.count ?? stream.written.length)
              assert.strictEqual(new Set(read).size, read.length)
              const last = new Map<string, number>()
              for (const event of ordering === "perKey" ? read : []) {
                const [key, number] = event.split(":") as [string, string]
                assert.strictEqual(Number(number), (last.get(key) ?? -1) + 1, event)
                last.set(key, Number(number))
              }
            }).pipe(Effect.provide(stream.layer), Effect.scoped, Effect.runPromise)
          }
        ),
        { numRuns: 200 }
      )
  )

  it(
    "onTruncated skip: all that was written is read once or in a gap of a plan, which a replay skips too",
    () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.oneof(
              { weight: 6, arbitrary: happening },
              { weight: 1, arbitrary: fc.record({ truncate: fc.nat() }) },
              { weight: 1, arbitrary: fc.constant("snapshot" as const) }
            ),
            { minLength: 20, maxLength: 80, size: "max" }
          ),
          limit,
          fc.integer(),
          fc.constantFrom("none", "perKey"),
          (history, limits, seed, ordering) => {
            const stream = new FakeStream(seed, 2)
            return Effect.gen(function*() {
              const session = yield* Source.microBatch(events, { limit: limits, ordering, onTruncated: "skip" }).open
              let position = (yield* session.start).start
              const cuts = [stream.cut()]
              const covered = new Map<string, bigint>()
              const cover = (part: string, from: bigint, to: bigint) => {
                assert.strictEqual(covered.get(part) ?? 0n, from, part)
                covered.set(part, to)
              }
              const idOf = (part: string) =>
                stream.epochs.flat().find(({ id }) => Segment.name(stream.name, id) === part)?.id ?? assert.fail(part)
              const lengthOf = (part: string) => BigInt(stream.store.segment(stream.name, idOf(part)).bytes.length)

              const batch = Effect.fnUntraced(function*() {
                const range = yield* session.plan(position, [])
                if (range._tag !== "range") return range._tag
                const plan = planOf(range.plan)
                const skipped = yield* session.skipped(range.plan)
                for (const { end, part, start } of skipped) cover(part, start, end ?? lengthOf(part))
                for (const { start: from, segment, end: to } of plan.ranges) {
                  cover(Segment.name(stream.name, segment), from, to)
                }
                const read = (json: Schema.Json) =>
                  Effect.flatMap(
                    session.partitions(json),
                    (partitions) => Effect.forEach(partitions, (partition) => Stream.runCollect(partition.events))
                  )
                const first = yield* read(range.plan)
                const again: Schema.Json = JSON.parse(JSON.stringify(range.plan))
                const second = yield* read(again)
                const textOf = (all: typeof first) =>
                  all.map((some) => some.map(({ event, offset }) => [event, offset]))
                assert.deepStrictEqual(textOf(second), textOf(first))
                assert.deepStrictEqual(yield* session.skipped(again), skipped)
                position = range.next
                return range._tag
              })

              for (const step of history) {
                if (step === "batch") yield* batch()
                else if (step === "snapshot") cuts.push(stream.cut())
                else if ("truncate" in step) {
                  const [cut] = cuts.splice(0, 1 + step.truncate % cuts.length).slice(-1)
                  if (cut !== undefined) stream.truncate(cut)
                  if (cuts.length === 0) cuts.push(stream.cut())
                } else if ("write" in step) stream.write(step.write)
                else scale(stream, step)
              }
              stream.seal()
              while ((yield* batch()) === "range");
              // What is behind the last range is not known to be gone before there is something to read after it.
              for (const { id } of stream.active) {
                const part = Segment.name(stream.name, id)
                const { bytes, startOffset } = stream.store.segment(stream.name, id)
                if (startOffset < bytes.length) assert.strictEqual(covered.get(part) ?? 0n, BigInt(bytes.length), part)
              }
            }).pipe(Effect.provide(stream.layer), Effect.scoped, Effect.runPromise)
          }
        ),
        { numRuns: 150 }
      )
  )

  it("T9: a part with nothing unread has no successor with something unread, whatever was scaled", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(happening, { minLength: 20, maxLength: 80, size: "max" }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer(),
        (history, limit, seed) => {
          const stream = new FakeStream(seed, 3)
          return Effect.gen(function*() {
            const session = yield* Source.microBatch(events, { limit: { events: limit } }).open
            let position = (yield* session.start).start
            for (const step of history) {
              if (step !== "batch") {
                if ("write" in step) stream.write(step.write)
                else scale(stream, step)
                continue
              }
              const range = yield* session.plan(position, [])
              if (range._tag === "range") position = range.next
              const read = cutOf(position).positions
              const parts = yield* session.parts(position)
              for (const [name, { readTo, tail }] of Object.entries(parts ?? assert.fail("it has parts"))) {
                const id = Segment.SegmentId.make(BigInt(name))
                const { high, low } = stream.rangeOf(id)
                const unread = stream.epochs.flat().filter((other) =>
                  Segment.epoch(other.id) > Segment.epoch(id) && !read.has(other.id) &&
                  other.range.low < high && low < other.range.high &&
                  stream.store.segment(stream.name, other.id).bytes.length > 0
                )
                if (unread.length > 0) {
                  assert.isTrue(readTo < tail, `${name} would be idle before its successors are read`)
                }
              }
            }
          }).pipe(Effect.provide(stream.layer), Effect.scoped, Effect.runPromise)
        }
      ),
      { numRuns: 200 }
    ))

  it("what is read to find a batch's end is no more than the batch, and is read once, in large reads, unless it is wanted again", () =>
    Effect.gen(function*() {
      const stream = new FakeStream(1, 1)
      yield* Effect.gen(function*() {
        const bytes = 128 * 1024
        const session = yield* Source.microBatch(events, { limit: { bytes } }).open
        const { start } = yield* session.start
        const key = "k".repeat(1000)
        for (let i = 0; i < 300; i++) stream.write(key)
        const { store } = stream
        const planned = yield* session.plan(start, [])
        if (planned._tag !== "range") return assert.fail(planned._tag)
        assert.isAtMost(store.furthest, bytes)
        assert.isAtLeast(store.longest, bytes / 2)
        const { reads } = store
        const [partition] = yield* session.partitions(planned.plan)
        const first = yield* Stream.runCollect(partition?.events ?? Stream.empty)
        assert.strictEqual(store.reads, reads)
        assert.deepStrictEqual(first.map(({ event }) => event), first.map((_, i) => `${key}:${i}`))
        assert.isAbove(first.length, 100)
        const [again] = yield* session.partitions(planned.plan)
        assert.deepStrictEqual(yield* Stream.runCollect(again?.events ?? Stream.empty), first)
        assert.isAbove(store.reads, reads)
      }).pipe(Effect.provide(stream.layer), Effect.scoped)
    }).pipe(Effect.runPromise))

  it("onTruncated fail: what is gone fails the plan, and nothing is skipped", () =>
    Effect.gen(function*() {
      const stream = new FakeStream(1, 1)
      yield* Effect.gen(function*() {
        const session = yield* Source.microBatch(events).open
        const { start } = yield* session.start
        for (let i = 0; i < 5; i++) stream.write("key")
        const cut = stream.cut()
        stream.write("key")
        stream.truncate(cut)
        const error = yield* Effect.flip(session.plan(start, []))
        assert.strictEqual(error._tag === "ReadError" && error.reason._tag, "TruncatedData")
      }).pipe(Effect.provide(stream.layer), Effect.scoped)
    }).pipe(Effect.runPromise))

  it("what goes after it was planned fails the read, or is skipped and told, and the rest is read", () =>
    Effect.gen(function*() {
      for (const onTruncated of ["fail", "skip"] as const) {
        const stream = new FakeStream(1, 1)
        yield* Effect.gen(function*() {
          const session = yield* Source.microBatch(events, { onTruncated }).open
          const { start } = yield* session.start
          for (let i = 0; i < 4; i++) stream.write("key")
          const cut = stream.cut()
          for (let i = 0; i < 3; i++) stream.write("key")
          const planned = yield* session.plan(start, [])
          assert.isTrue(planned._tag === "range")
          if (planned._tag !== "range") return
          assert.deepStrictEqual(yield* session.skipped(planned.plan), [])
          stream.truncate(cut)
          const [partition] = yield* session.partitions(planned.plan)
          const read = yield* Effect.result(Stream.runCollect(partition?.events ?? Stream.empty))
          if (onTruncated === "fail") {
            assert.strictEqual(read._tag === "Failure" && read.failure._tag, "ReadError")
            return
          }
          assert.deepStrictEqual(
            read._tag === "Success" && read.success.map(({ event }) => event),
            ["key:4", "key:5", "key:6"]
          )
          const [gap] = yield* session.skipped(planned.plan)
          assert.deepStrictEqual([gap?.start, gap?.end], [0n, [...cut.positions.values()][0]])
        }).pipe(Effect.provide(stream.layer), Effect.scoped)
      }
    }).pipe(Effect.runPromise))

  it("what goes after it was read is in its place among the stored events, without bytes, and is not told as skipped", () =>
    Effect.gen(function*() {
      for (const lanes of [1, 2]) {
        for (const isAllGone of [false, true]) {
          const stream = new FakeStream(1, 1)
          yield* Effect.gen(function*() {
            const session = yield* Source.microBatch(events, { onTruncated: "skip", lanes }).open
            const { start } = yield* session.start
            for (let i = 0; i < 4; i++) stream.write("key")
            const cut = stream.cut()
            for (let i = 0; i < 3; i++) stream.write("key")
            const planned = yield* session.plan(start, [])
            if (planned._tag !== "range") return assert.fail(planned._tag)
            const [partition] = yield* session.partitions(planned.plan)
            if (partition?.raw === undefined || partition.tolerant === undefined) return assert.fail()
            yield* Stream.runDrain<unknown, unknown, never>(partition.lanes?.tolerant ?? partition.tolerant)
            stream.truncate(isAllGone ? stream.cut() : cut)
            const raw = yield* Stream.runCollect(partition.raw)
            const texts = raw.map(({ bytes }) => new TextDecoder().decode(bytes))
            const left = isAllGone ? ["", "", ""] : ["key:4", "key:5", "key:6"]
            assert.deepStrictEqual(texts, ["", "", "", "", ...left])
            const segment = Segment.name(stream.name, stream.active[0]!.id)
            assert.deepStrictEqual(raw.map(({ pointer }) => pointer), raw.map((_, i) => `${segment}:${i * 13}-13`))
            assert.deepStrictEqual(yield* session.skipped(planned.plan), [])
          }).pipe(Effect.provide(stream.layer), Effect.scoped)
        }
      }
    }).pipe(Effect.runPromise))

  it("an end in a segment that is deleted by now is an end all the same; what is gone before it is lost", () =>
    Effect.gen(function*() {
      for (const onTruncated of ["fail", "skip"] as const) {
        for (const isRead of [true, false]) {
          const stream = new FakeStream(1, 1)
          yield* Effect.gen(function*() {
            for (let i = 0; i < 3; i++) stream.write("key")
            const end = stream.cut()
            const session = yield* Source.microBatch(events, { onTruncated, end, limit: isRead ? {} : { events: 1 } })
              .open
            const started = yield* session.start
            const ends = [jsonOf(end)]
            const first = yield* session.plan(started.start, ends)
            if (first._tag !== "range") return assert.fail(first._tag)
            stream.write("key")
            stream.scale(0, 0, 2)
            stream.write("key")
            stream.truncate(stream.cut())
            const next = yield* Effect.result(session.plan(first.next, ends))
            if (isRead || onTruncated === "skip") {
              assert.deepStrictEqual(next._tag === "Success" && next.success._tag, "ended")
            } else {
              const reason = next._tag === "Failure" && next.failure._tag === "ReadError" && next.failure.reason
              assert.deepInclude(reason, { _tag: "TruncatedData", start: 13n, end: 39n })
            }
          }).pipe(Effect.provide(stream.layer), Effect.scoped)
        }
      }
    }).pipe(Effect.runPromise))

  it("what goes while a batch is planned is a gap, or lost: never a defect", () =>
    Effect.gen(function*() {
      for (const onTruncated of ["fail", "skip"] as const) {
        for (const when of ["measured", "walked", "always"] as const) {
          const stream = new FakeStream(1, 1)
          const head = stream.cut()
          for (let i = 0; i < 4; i++) stream.write("key")
          const inFirst = stream.cut()
          stream.write("key")
          if (when === "walked") stream.scale(0, 0, 1)
          for (let i = 0; i < 3; i++) stream.write("key")
          const later = stream.cut()
          stream.write("key")
          let infos = 0
          // "measured": between the look at a segment's length and the reading ahead; "walked": before the ranges are found
          const layer = Layer.effect(
            Pravega,
            Effect.map(Pravega, ({ controller, segments, stores }) => ({
              stores,
              controller: {
                ...controller,
                segmentsBetween: (name, from, to) =>
                  Effect.tap(controller.segmentsBetween(name, from, to), () =>
                    Effect.sync(() => when === "walked" && stream.truncate(later)))
              },
              segments: {
                ...segments,
                info: (segment) =>
                  Effect.tap(segments.info(segment), () =>
                    Effect.sync(() => {
                      if (when === "measured" && ++infos === 1) {
                        stream.truncate(inFirst)
                      }
                      if (when === "always") {
                        stream.store.segment(stream.name, segment.id).startOffset += 13
                        stream.write("key")
                      }
                    }))
              }
            } satisfies Pravega["Service"]))
          ).pipe(Layer.provide(stream.layer))
          yield* Effect.gen(function*() {
            const limit = when === "walked" ? {} : { events: 3 }
            const session = yield* Source.microBatch(events, { onTruncated, limit }).open
            const planned = yield* Effect.result(session.plan(jsonOf(head), []))
            if (onTruncated === "fail" || when === "always") {
              const reason = planned._tag === "Failure" && planned.failure._tag === "ReadError" &&
                planned.failure.reason
              assert.strictEqual(reason && reason._tag, "TruncatedData")
              return
            }
            if (planned._tag !== "Success" || planned.success._tag !== "range") {
              return assert.fail(planned._tag)
            }
            const { plan } = planned.success
            const skipped = yield* session.skipped(plan)
            const partitions = yield* session.partitions(plan)
            const read = yield* Effect.forEach(partitions, (partition) =>
              Stream.runCollect(partition.events))
            assert.deepStrictEqual(
              read.flat().map(({ event }) => event),
              when === "walked" ? ["key:8"] : ["key:4", "key:5", "key:6"]
            )
            assert.deepStrictEqual(
              skipped.map(({ end, start }) => [start, end]),
              when === "walked" ? [[0n, undefined], [0n, 39n]] : [[0n, 52n]]
            )
          }).pipe(Effect.provide(layer), Effect.scoped)
        }
      }
    }).pipe(Effect.runPromise))

  it("atLeast: waits for so many bytes or events, or so long, but not before an end", () =>
    Effect.gen(function*() {
      const tags = Effect.fnUntraced(function*(
        atLeast: Source.MicroBatchOptions["atLeast"],
        limit: Source.MicroBatchOptions["limit"]
      ) {
        const stream = new FakeStream(1, 1)
        return yield* Effect.gen(function*() {
          const session = yield* Source.microBatch(events, { atLeast, limit }).open
          const { start } = yield* session.start
          const plan = (ends: ReadonlyArray<Schema.Json> = []) =>
            Effect.map(session.plan(start, ends), ({ _tag }) => _tag)
          const seen = [yield* plan()]
          stream.write("key")
          seen.push(yield* plan())
          seen.push(yield* plan([yield* session.latest]))
          yield* TestClock.adjust("9 seconds")
          seen.push(yield* plan())
          yield* TestClock.adjust("1 second")
          seen.push(yield* plan())
          seen.push(yield* plan())
          for (let i = 0; i < 3; i++) stream.write("key")
          seen.push(yield* plan())
          return seen
        }).pipe(Effect.provide(stream.layer), Effect.scoped)
      })
      const expected = ["idle", "idle", "range", "idle", "range", "range", "range"]
      // 13 bytes each: 8 of the header, "key:0".
      assert.deepStrictEqual(yield* tags({ bytes: 50, delay: "10 seconds" }, undefined), expected)
      assert.deepStrictEqual(yield* tags({ events: 4, delay: "10 seconds" }, undefined), expected)
      // A limit that is reached makes a batch due.
      assert.deepStrictEqual(yield* tags({ events: 10, delay: "10 seconds" }, { events: 3 }), expected)
      assert.deepStrictEqual((yield* tags({ events: 9, delay: "20 seconds" }, undefined)).at(-1), "idle")
    }).pipe(Effect.provide(TestClock.layer()), Effect.runPromise))
})
