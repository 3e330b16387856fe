/** Writers as Sinks and pipes of Effect Streams, over embedded servers, whose connections are counted. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Fiber, Layer, Result, Stream } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import type { TransactionId } from "../../src/core/TransactionId.ts"
import { Watermark } from "../../src/core/Watermark.ts"
import * as Embedded from "../../src/embedded/Embedded.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import { SegmentStoreTransport } from "../../src/pravega/segmentstore/SegmentStoreTransport.ts"
import * as Transaction from "../../src/pravega/transaction/Transaction.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import { randomName } from "../names.ts"
import { rawEvents, rawTexts } from "./rawEvents.ts"

/** Connections open now, to any server of this file. */
let connections = 0

/** A client that closes connections as soon as nobody uses them. */
const client = Layer.unwrap(Effect.map(Effect.orDie(Embedded.make()), ({ layerTransport }) => {
  const counted = Layer.effect(
    SegmentStoreTransport,
    Effect.map(SegmentStoreTransport, (transport) => ({
      open: (endpoint) =>
        transport.open(endpoint).pipe(
          Effect.tap(() =>
            Effect.acquireRelease(Effect.sync(() => connections++), () => Effect.sync(() => connections--))
          )
        )
    }))
  )
  return Pravega.layerTransport({ stores: { idleTimeToLive: 0 } }).pipe(
    Layer.provide(counted.pipe(Layer.provideMerge(layerTransport)))
  )
}))

const keyOf = (text: string) => text.slice(0, text.indexOf(" "))

const newStream = (segments: number) => {
  const stream = EventStream.make(`flows/${randomName()}`, { codec: EventCodec.utf8, routingKey: keyOf })
  return Effect.as(Admin.ensureStream(stream.name, { scaling: { _tag: "Fixed", segments } }), stream)
}

/** Chunks of events `key n`, numbered through. */
const chunks = fc.array(fc.array(fc.nat(6), { minLength: 1, maxLength: 40 }), { maxLength: 12 }).map((keys) => {
  let n = 0
  return keys.map((chunk) => chunk.map((key) => `k${key} ${n++}`))
})

const assertSame = (stored: ReadonlyArray<string>, written: ReadonlyArray<string>) => {
  assert.deepStrictEqual(stored.toSorted(), written.toSorted())
  const byKey = (texts: ReadonlyArray<string>) => Object.fromEntries(Map.groupBy(texts, keyOf))
  assert.deepStrictEqual(byKey(stored), byKey(written))
}

/** Runs a property, each time with a server of its own. */
const check = <A>(
  arbitrary: fc.Arbitrary<A>,
  property: (value: A) => Effect.Effect<void, unknown, Pravega>,
  numRuns: number
) =>
  fc.assert(
    fc.asyncProperty(arbitrary, (value) => Effect.runPromise(Effect.provide(property(value), client))),
    { numRuns }
  )

/** Runs what must leave no connection behind, and nobody who sleeps; a store is told of the end in a turn of its own. */
const leavesNothing = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    let sleeping = 0
    const counting: Clock.Clock = {
      currentTimeMillis: clock.currentTimeMillis,
      currentTimeNanos: clock.currentTimeNanos,
      monotonicTimeNanos: clock.monotonicTimeNanos,
      currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
      currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
      monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
      sleep: (duration) =>
        Effect.acquireUseRelease(
          Effect.sync(() => sleeping++),
          () => clock.sleep(duration),
          () => Effect.sync(() => sleeping--)
        )
    }
    const result = yield* Effect.provideService(effect, Clock.Clock, counting)
    for (let turn = 0; turn < 50 && connections > 0; turn++) {
      yield* Effect.promise(() => new Promise(setImmediate))
    }
    assert.strictEqual(connections, 0)
    assert.strictEqual(sleeping, 0)
    return result
  })

/** How a flow ends too soon. */
const endings = fc.constantFrom("fails", "is interrupted")

/** The chunks, and then a failure, or nothing for ever. */
const cutShort = (of: ReadonlyArray<ReadonlyArray<string>>, ending: string) =>
  Stream.concat(Stream.fromArrays(...of), ending === "fails" ? Stream.fail("upstream") : Stream.never)

/** Runs a flow until it fails, or interrupts it when `isFar` says so. */
const runCutShort = <A, E>(flow: Effect.Effect<A, E, Pravega>, ending: string, isFar: () => boolean) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(flow)
    if (ending === "is interrupted") {
      while (!isFar()) yield* Effect.sleep("1 millis")
      yield* Fiber.interrupt(fiber)
    }
    const exit = yield* Fiber.await(fiber)
    const why = Exit.isFailure(exit) ? exit.cause : Cause.empty
    if (ending === "fails") assert.include(Cause.pretty(why), "upstream")
    else assert.isTrue(Cause.hasInterruptsOnly(why))
  })

describe("EventWriter", () => {
  it("sink: every event once and each key in order, however they are chunked, while the stream is scaled", () =>
    check(
      fc.record({
        chunks,
        segments: fc.integer({ min: 1, max: 3 }),
        more: fc.nat(2),
        pending: fc.constantFrom(1, 200, undefined)
      }),
      ({ chunks, more, pending, segments }) =>
        Effect.gen(function*() {
          const stream = yield* newStream(segments)
          const scaling = yield* Effect.forkChild(Admin.scaleTo(stream.name, segments + more))
          const sink = EventWriter.sink(stream, { maxPendingBytes: pending })
          const count = yield* Stream.run(Stream.fromArrays(...chunks), sink)
          yield* Fiber.join(scaling)
          assert.strictEqual(count, chunks.flat().length)
          assertSame(yield* rawTexts(stream.name), chunks.flat())
        }),
      40
    ))

  it("pipe: what comes out is stored, in the order in which it came in, and not far behind", () =>
    check(
      fc.record({ chunks, segments: fc.integer({ min: 1, max: 3 }), pending: fc.constantFrom(1, 100, 1000) }),
      ({ chunks, pending, segments }) =>
        Effect.gen(function*() {
          const stream = yield* newStream(segments)
          let pulled = 0
          let emitted = 0
          const largest = Math.max(0, ...chunks.map(size))
          const out = yield* Stream.fromArrays(...chunks).pipe(
            Stream.mapArray((chunk) => {
              pulled += size(chunk)
              return chunk
            }),
            EventWriter.through(stream, { maxPendingBytes: pending }),
            Stream.mapArrayEffect((chunk) =>
              Effect.gen(function*() {
                emitted += size(chunk)
                // the limit, the chunk that exceeded it, and the one that waits for space
                assert.isAtMost(pulled - emitted, pending + 2 * largest)
                const stored = new Set(yield* rawTexts(stream.name))
                assert.isTrue(chunk.every((text) => stored.has(text)))
                return chunk
              })
            ),
            Stream.runCollect
          )
          assert.deepStrictEqual(out, chunks.flat())
        }),
      25
    ))

  it("sink and pipe that are cut short leave no connection behind, and have written no event twice", () =>
    check(
      fc.record({ chunks, ending: endings, how: fc.constantFrom("sink", "pipe"), after: fc.nat(6) }),
      ({ after, chunks, ending, how }) =>
        Effect.gen(function*() {
          const stream = yield* newStream(2)
          let out = 0
          const input = cutShort(chunks, ending)
          const flow = how === "sink"
            ? Stream.run(input, EventWriter.sink(stream))
            : Stream.runForEach(EventWriter.through(stream)(input), () => Effect.sync(() => out++))
          let looks = 0
          const isFar = () => how === "sink" ? looks++ === after : out === chunks.flat().length
          yield* leavesNothing(runCutShort(flow, ending, isFar))
          if (how === "pipe") assert.strictEqual(out, chunks.flat().length)
          const stored = yield* rawTexts(stream.name)
          assert.strictEqual(new Set(stored).size, stored.length)
        }),
      30
    ))

  it.effect("notes times: by hand, and by the sink with what it has seen", () =>
    inTime(Effect.gen(function*() {
      const stream = yield* newStream(2)
      yield* Effect.scoped(Effect.gen(function*() {
        const writer = yield* EventWriter.make(stream)
        yield* writer.write("k 1000")
        yield* writer.noteTime(1000n)
        const error = yield* Effect.flip(writer.noteTime(999n))
        assert.strictEqual(error.reason._tag, "TimeNotNoted")
        assert.include(error.message, "goes back")
        // it goes on
        yield* writer.write("k 1001")
      }))
      const timeOf = (text: string) => Number(text.split(" ")[1])
      yield* Stream.make("a 2000", "b 2500", "a 2400").pipe(
        Stream.run(EventWriter.sink(stream, { eventTime: { of: timeOf, disorder: 100 } }))
      )
      const marks = yield* awaitWatermarks(stream.name, (mark) => mark.lowerTime >= 2400n)
      assert.deepStrictEqual(marks.map(({ lowerTime }) => lowerTime), [1000n, 2400n])
    })))
})

/** The test's clock runs on, quickly, until it is done. */
const inTime = <A, E>(effect: Effect.Effect<A, E, Pravega>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    while (fiber.pollUnsafe() === undefined) {
      yield* TestClock.adjust("50 millis")
      yield* Effect.promise(() => new Promise(setImmediate))
    }
    return yield* Fiber.join(fiber)
  }).pipe(Effect.provide(client))

const awaitWatermarks = (stream: ScopedStream, until: (mark: Watermark) => boolean) =>
  Effect.repeat(Effect.andThen(Effect.sleep("1 second"), watermarks(stream)), { until: (marks) => marks.some(until) })

const size = (chunk: ReadonlyArray<string>) => chunk.reduce((sum, text) => sum + 8 + text.length, 0)

const watermarks = (stream: ScopedStream) =>
  Effect.map(
    rawEvents(ScopedStream.fromTextUnsafe(`${stream.scope}/_MARK${stream.stream}`)),
    (segments) => segments.flatMap(({ events }) => events.map((event) => Result.getOrThrow(Watermark.fromBytes(event))))
  )

/** The client's Pravega, which remembers the transactions that were begun. */
const withTransactions = <A, E>(
  use: (begun: ReadonlyArray<TransactionId>) => Effect.Effect<A, E, Pravega>
): Effect.Effect<A, E, Pravega> =>
  Effect.gen(function*() {
    const pravega = yield* Pravega
    const begun: Array<TransactionId> = []
    const controller = {
      ...pravega.controller,
      createTransaction: (...of: Parameters<typeof pravega.controller.createTransaction>) =>
        Effect.tap(pravega.controller.createTransaction(...of), ({ id }) => Effect.sync(() => begun.push(id)))
    }
    return yield* Effect.provideService(use(begun), Pravega, { ...pravega, controller })
  })

describe("Transaction", () => {
  const cuts: fc.Arbitrary<Transaction.Cut> = fc.oneof(
    fc.constant("chunk" as const),
    fc.integer({ min: 1, max: 30 }).map((events) => ({ events })),
    fc.constantFrom(1, 20, 5000).map((interval) => ({ interval }))
  )

  it("pipe and sink: all events in order, in transactions of the size that was asked for", () =>
    check(
      fc.record({ chunks, per: cuts, segments: fc.integer({ min: 1, max: 3 }) }),
      ({ chunks, per, segments }) =>
        Effect.gen(function*() {
          const stream = yield* newStream(segments)
          const total = chunks.flat().length
          const done = yield* Stream.runCollect(Transaction.through(stream, { per })(Stream.fromArrays(...chunks)))
          const sizes = done.map(({ events }) => events)
          assert.strictEqual(sizes.reduce((a, b) => a + b, 0), total)
          if (per === "chunk") assert.deepStrictEqual(sizes, chunks.map(({ length }) => length))
          else if ("events" in per) assert.isTrue(sizes.slice(0, -1).every((events) => events === per.events))
          assertSame(yield* rawTexts(stream.name), chunks.flat())
          assert.strictEqual(yield* Stream.run(Stream.fromArrays(...chunks), Transaction.sink(stream, { per })), total)
          assert.strictEqual((yield* rawTexts(stream.name)).length, 2 * total)
        }),
      25
    ))

  it("a flow that is cut short: whole transactions only, the open one aborted, no connection left", () =>
    check(
      fc.record({ chunks, ending: endings, per: cuts, how: fc.constantFrom("sink", "pipe") }),
      ({ chunks, ending, how, per }) =>
        withTransactions((begun) =>
          Effect.gen(function*() {
            const stream = yield* newStream(2)
            const texts = chunks.flat()
            const sizes: Array<number> = []
            let taken = 0
            const input = Stream.mapArray(cutShort(chunks, ending), (chunk) => {
              taken += chunk.length
              return chunk
            })
            const flow = how === "sink"
              ? Effect.asVoid(Stream.run(input, Transaction.sink(stream, { per })))
              : Stream.runForEach(Transaction.through(stream, { per })(input), ({ events }) =>
                Effect.sync(() => sizes.push(events)))
            yield* leavesNothing(runCutShort(flow, ending, () =>
              taken === texts.length))
            const { controller } = yield* Pravega
            const states = yield* Effect.forEach(begun, (id) =>
              controller.transactionState(stream.name, id).pipe(
                Effect.repeat({ until: (state) => state === "committed" || state === "aborted" })
              ))
            // one after the other: only the last may have been open
            assert.isTrue(states.slice(0, -1).every((state) => state === "committed"))
            const stored = yield* rawTexts(stream.name)
            assertSame(stored, texts.slice(0, stored.length))
            const told = sizes.reduce((a, b) => a + b, 0)
            if (how === "pipe") assert.isAtMost(told, stored.length)
            if (typeof per === "object" && "events" in per) assert.strictEqual(stored.length % per.events, 0)
          })
        ),
      40
    ))

  it.effect("an interval's transaction is committed while the Stream waits, and notes its time", () =>
    inTime(Effect.gen(function*() {
      const stream = yield* newStream(1)
      const timeOf = (text: string) => Number(text.split(" ")[1])
      const first = yield* Stream.make("k 1", "k 7").pipe(
        Stream.concat(Stream.never),
        Transaction.through(stream, { per: { interval: "30 millis" }, eventTime: timeOf }),
        Stream.runHead
      )
      assert.strictEqual(first._tag === "Some" ? first.value.events : 0, 2)
      assert.deepStrictEqual(yield* rawTexts(stream.name), ["k 1", "k 7"])
      const marks = yield* awaitWatermarks(stream.name, () => true)
      assert.strictEqual(marks[0]?.upperTime, 7n)
    })))

  it.effect("refuses a cut that never comes to anything", () =>
    Effect.gen(function*() {
      const stream = EventStream.make("flows/refused", { codec: EventCodec.utf8 })
      for (const per of [{ events: 0 }, { events: 1.5 }, { interval: 0 }]) {
        const flows = [
          Stream.run(Stream.make("one"), Transaction.sink(stream, { per })),
          Stream.runDrain(Transaction.through(Stream.make("one"), stream, { per }))
        ]
        for (const flow of flows) {
          const error = yield* Effect.flip(flow)
          assert.include(error.message, "`per`")
          assert.isFalse(error.isRetryable)
        }
      }
    }).pipe(Effect.provide(client)))
})
