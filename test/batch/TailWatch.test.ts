/** A query learns of new events by waiting for them: the test's clock stands still, so nothing here is found by asking again. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Schema, Stream } from "effect"
import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
import { Query } from "effect-pravega/stream"
import * as TailWatch from "../../src/batch/internal/TailWatch.ts"
import { Admin, EventStream, EventWriter, Pravega } from "../../src/index.ts"
import { randomScope } from "../names.ts"

const somewhere = () =>
  EventStream.make(`${randomScope()}/numbers`, { schema: Schema.Int, routingKey: (n) => String(n) })

/** Long enough for everything in the process that can go on to go on. */
const settle = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))

const isWaiting = <A, E>(fiber: Fiber.Fiber<A, E>) => Effect.sync(() => fiber.pollUnsafe() === undefined)

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

  it.effect("a query processes what is written while it waits, and no time has to pass", () =>
    Effect.gen(function*() {
      const stream = somewhere()
      yield* Admin.ensureStream(stream.name, { scaling: { _tag: "Fixed", segments: 3 } })
      const writer = yield* EventWriter.make(stream)
      const seen = yield* Deferred.make<number>()
      const copy = EventStream.make(`${stream.name.scope}/copy`, { schema: Schema.Int })
      yield* Admin.ensureStream(copy.name, { scaling: { _tag: "Fixed", segments: 1 } })
      const pipeline = Pipeline.make("wakes", {
        source: Source.microBatch(stream),
        process: (reads) => Stream.mapEffect(reads, ({ event }) => Effect.as(Deferred.succeed(seen, event), event)),
        sink: Sink.pravega(copy, { guarantee: "exactly-once" })
      })
      yield* Query.start(pipeline)
      yield* settle
      yield* writer.writeAll([42])
      assert.strictEqual(yield* Deferred.await(seen), 42)
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(CheckpointLog.layerMemory, Pravega.layerEmbedded()))
    ))
})
