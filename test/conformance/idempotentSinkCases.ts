/** Rule 19: what the sink without transactions writes is known again by a later try, as long as its segments are there. */
import { assert } from "@effect/vitest"
import { type Array as Arr, Effect, Schema, Stream } from "effect"
import { CheckpointLogError, Fenced } from "../../src/batch/protocol/CheckpointLogError.ts"
import { CommitError } from "../../src/batch/protocol/CommitError.ts"
import * as Sink from "../../src/batch/sink/Sink.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import * as BatchReader from "../../src/pravega/read/BatchReader.ts"
import { randomScope } from "../names.ts"
import type { Cases } from "./Server.ts"

const makeStream = Effect.gen(function*() {
  const name = `${randomScope()}/out`
  yield* Admin.ensureStream(name, { scaling: { _tag: "Fixed", segments: 1 } })
  return EventStream.make(name, { schema: Schema.Int, routingKey: String })
})

const sorted = (numbers: ReadonlyArray<number>) => numbers.toSorted((a, b) => a - b)

const contents = (stream: EventStream.EventStream<number>) =>
  Effect.map(Stream.runCollect(BatchReader.stream(stream)), (read) => sorted(read.map(({ event }) => event)))

/** The stream's only segment gets successors, and is deleted as truncated. */
const loseFirstSegment = Effect.fnUntraced(function*({ name }: EventStream.EventStream<number>) {
  yield* Admin.scaleTo(name, 2)
  yield* Admin.truncateStream(yield* Admin.latestCut(name))
})

const batch = { query: "q", batch: 3 }
const first: Sink.Past<never> = { log: "a", handles: [], checkOwner: Effect.void }

export const idempotentSinkCases = (it: Cases): void => {
  /** A whole try of a process of its own; gives its handle. */
  const write = (
    stream: EventStream.EventStream<number>,
    numbers: Arr.NonEmptyReadonlyArray<number>,
    past: Sink.Past<Schema.Json> = first,
    id: Sink.BatchId = batch
  ) =>
    Effect.scoped(Effect.gen(function*() {
      const session = yield* Sink.pravega(stream, { guarantee: "idempotent" }).open
      const attempt = yield* session.begin(id, past)
      yield* attempt.write(0, numbers)
      yield* attempt.prepare
      return attempt.handle
    }))

  it.effect("a try after another one writes what that one did not, and a batch of another log, query or number all of its own", () =>
    Effect.gen(function*() {
      const stream = yield* makeStream
      const handle = yield* write(stream, [1, 2])
      yield* write(stream, [1, 2, 3], { ...first, handles: [handle] })
      assert.deepStrictEqual(yield* contents(stream), [1, 2, 3])
      yield* write(stream, [1, 2], { ...first, log: "b" })
      assert.deepStrictEqual(yield* contents(stream), [1, 1, 2, 2, 3], "the query was begun anew under its name")
      yield* write(stream, [1, 2], first, { ...batch, query: "r" })
      yield* write(stream, [3, 4], first, { ...batch, batch: 4 })
      assert.deepStrictEqual(yield* contents(stream), [1, 1, 1, 2, 2, 2, 3, 3, 4])
    }))

  it.effect("a try after the stream was scaled looks into the sealed segments of the first one, and goes on after them", () =>
    Effect.gen(function*() {
      const stream = yield* makeStream
      const handle = yield* write(stream, [1, 2, 3])
      yield* Admin.scaleTo(stream.name, 3)
      yield* write(stream, [1, 2, 3, 4, 5, 6, 7], { ...first, handles: [handle] })
      yield* Admin.scaleTo(stream.name, 1)
      yield* write(stream, [1, 2, 3, 4, 5, 6, 7, 8], { ...first, handles: [handle] })
      yield* write(stream, [1, 2, 3, 4, 5, 6, 7, 8], { ...first, handles: [handle] })
      assert.deepStrictEqual(yield* contents(stream), [1, 2, 3, 4, 5, 6, 7, 8])
    }))

  it.effect("a segment that was deleted before a later try could look into it stops the query, with what is in doubt", () =>
    Effect.gen(function*() {
      const stream = yield* makeStream
      const handle = yield* write(stream, [1, 2])
      yield* loseFirstSegment(stream)
      const error = yield* Effect.flip(write(stream, [1, 2, 3], { ...first, handles: [handle] }))
      if (!(error instanceof CommitError) || error.reason._tag !== "SinkSegmentLost") {
        return assert.fail(error.message)
      }
      assert.isFalse(error.isRetryable)
      const { batch, firstEvent, query, segment, sink } = error.reason
      assert.deepStrictEqual([query, batch, sink], ["q", 3, stream.name.toString()])
      assert.strictEqual(segment, `${stream.name.toString()}/0.#epoch.0`)
      assert.strictEqual(firstEvent, 3n * 2n ** 32n + 1n)
      assert.include(error.message, segment)
      assert.deepStrictEqual(yield* contents(stream), [], "nothing is written before it is known what is there")
    }))

  it.effect("the first try goes on after a deleted segment, if the query is still its own", () =>
    Effect.gen(function*() {
      for (const isOwner of [true, false]) {
        const stream = yield* makeStream
        const fenced = new CheckpointLogError({
          reason: new Fenced({ query: "q", epoch: 1, claimedBy: "another process", claimedEpoch: 2 })
        })
        const checkOwner = isOwner ? Effect.void : Effect.fail(fenced)
        const ended = yield* Effect.gen(function*() {
          const session = yield* Sink.pravega(stream, { guarantee: "idempotent" }).open
          const attempt = yield* session.begin(batch, { ...first, checkOwner })
          yield* loseFirstSegment(stream)
          yield* attempt.write(0, [1, 2])
          yield* attempt.prepare
        }).pipe(Effect.scoped, Effect.result)
        assert.strictEqual(ended._tag, isOwner ? "Success" : "Failure")
        if (ended._tag === "Failure") assert.strictEqual(ended.failure, fenced)
        assert.deepStrictEqual(yield* contents(stream), isOwner ? [1, 2] : [])
      }
    }))
}
