/** A query learns of new events by waiting for them: the test's clock stands still, so nothing here is found by asking again. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Queue, Schedule, Schema, Stream } from "effect"
import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
import { Query } from "effect-pravega/stream"
import { TestClock } from "effect/testing"
import * as TailWatch from "../../../src/batch/source/internal/TailWatch.ts"
import { SegmentId } from "../../../src/core/Segment.ts"
import { Admin, EventStream, EventWriter, Pravega } from "../../../src/index.ts"
import { randomScope } from "../../names.ts"

const somewhere = () =>
  EventStream.make(`${randomScope()}/numbers`, { schema: Schema.Int, routingKey: (n) => String(n) })

/** Long enough for everything in the process that can go on to go on: counted in turns too, as some of a process's time is taken from it. */
const settle = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20))).pipe(
  Effect.andThen(Effect.promise(async () => {
    for (let turns = 0; turns < 100; turns++) await new Promise((resolve) => setImmediate(resolve))
  }))
)

const isWaiting = <A, E>(fiber: Fiber.Fiber<A, E>) => Effect.sync(() => fiber.pollUnsafe() === undefined)

/** Once at least, at most a second of the test's clock: whoever is slow on this machine finds it pass later. */
const pass100ms = (goesOn: Effect.Effect<boolean>) =>
  Effect.repeat(Effect.andThen(TestClock.adjust("100 millis"), settle), {
    while: () => goesOn,
    schedule: Schedule.recurs(9)
  })

describe("TailWatch", () => {
  it.effect("tells of an append and of a seal, once for each position", () =>
    Effect.gen(function*() {
      const stream = somewhere()
      yield* Admin.ensureStream(stream.name, { scaling: { _tag: "Fixed", segments: 2 } })
      const writer = yield* EventWriter.make(stream)
      const changed = yield* TailWatch.make(stream.name)
      const { positions: empty } = yield* Admin.latestCut(stream.name)

      const first = yield* Effect.forkChild(changed(empty))
      yield* settle
      assert.isTrue(yield* isWaiting(first))
      yield* writer.writeAll([1])
      yield* Fiber.join(first)

      // the event is still there: known, so it waits for the other segment
      const second = yield* Effect.forkChild(changed(empty))
      yield* settle
      assert.isTrue(yield* isWaiting(second))
      yield* writer.writeAll([2, 3, 4, 5, 6, 7, 8])
      yield* Fiber.join(second)

      const { positions: tail } = yield* Admin.latestCut(stream.name)
      const third = yield* Effect.forkChild(changed(tail))
      yield* settle
      assert.isTrue(yield* isWaiting(third))
      yield* Admin.sealStream(stream.name)
      yield* Fiber.join(third)
    }).pipe(Effect.scoped, Effect.provide(Pravega.layerEmbedded())))

  it.effect("reads again where a read failed: it says so after a pause, and of what is written then", () =>
    Effect.gen(function*() {
      const stream = somewhere()
      yield* Admin.ensureStream(stream.name, { scaling: { _tag: "Fixed", segments: 1 } })
      const writer = yield* EventWriter.make(stream)
      const pravega = yield* Pravega
      let failures = 1
      const changed = yield* Effect.provideService(TailWatch.make(stream.name), Pravega, {
        ...pravega,
        segments: {
          ...pravega.segments,
          read: (segment, options) =>
            failures-- > 0
              ? pravega.segments.read({ ...segment, id: SegmentId.make(7n) }, options)
              : pravega.segments.read(segment, options)
        }
      })
      const { positions } = yield* Admin.latestCut(stream.name)
      const first = yield* Effect.forkChild(changed(positions))
      yield* settle
      assert.isTrue(yield* isWaiting(first))
      yield* pass100ms(isWaiting(first))
      yield* Fiber.join(first)
      const second = yield* Effect.forkChild(changed(positions))
      yield* settle
      assert.isTrue(yield* isWaiting(second))
      yield* writer.writeAll([1])
      yield* Fiber.join(second)
    }).pipe(Effect.scoped, Effect.provide(Pravega.layerEmbedded())))

  const waking = Effect.fnUntraced(function*(options: Source.MicroBatchOptions = {}) {
    const stream = somewhere()
    yield* Admin.ensureStream(stream.name, { scaling: { _tag: "Fixed", segments: 3 } })
    const writer = yield* EventWriter.make(stream)
    const seen = yield* Queue.unbounded<number>()
    const copy = EventStream.make(`${stream.name.scope}/copy`, { schema: Schema.Int })
    yield* Admin.ensureStream(copy.name, { scaling: { _tag: "Fixed", segments: 1 } })
    const pipeline = Pipeline.make("wakes", {
      source: Source.microBatch(stream, options),
      process: (reads) => Stream.mapEffect(reads, ({ event }) => Effect.as(Queue.offer(seen, event), event)),
      sink: Sink.pravega(copy, { guarantee: "exactly-once" })
    })
    yield* Query.start(pipeline)
    yield* settle
    return { stream, writer, seen }
  })
  const provided = Effect.provide(Layer.merge(CheckpointLog.layerMemory, Pravega.layerEmbedded()))

  it.effect("a query processes what is written while it waits, and no time has to pass", () =>
    Effect.gen(function*() {
      const { seen, writer } = yield* waking()
      yield* writer.writeAll([42])
      assert.strictEqual(yield* Queue.take(seen), 42)
    }).pipe(Effect.scoped, provided))

  it.effect("so it does when the first event after a scaling is in a new segment", () =>
    Effect.gen(function*() {
      const { seen, stream, writer } = yield* waking()
      yield* Admin.scaleTo(stream.name, 5)
      yield* settle
      yield* writer.writeAll([42])
      assert.strictEqual(yield* Queue.take(seen), 42)
    }).pipe(Effect.scoped, provided))

  it.effect("while there is less than it waits for, it looks how much there is by now", () =>
    Effect.gen(function*() {
      const { seen, writer } = yield* waking({ atLeast: { events: 2, delay: "1 minute" } })
      yield* writer.writeAll([1])
      yield* settle
      assert.strictEqual(yield* Queue.size(seen), 0)
      yield* writer.writeAll([2])
      yield* pass100ms(Effect.map(Queue.size(seen), (size) => size < 2))
      assert.sameMembers([yield* Queue.take(seen), yield* Queue.take(seen)], [1, 2])
    }).pipe(Effect.scoped, provided))
})
