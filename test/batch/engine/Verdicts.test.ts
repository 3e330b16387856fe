import { assert, describe, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import type { Source } from "../../../src/batch/source/SourceContract.ts"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import * as TransactionId from "../../../src/core/TransactionId.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { TransactionNotOpen } from "../../../src/pravega/controller/ControllerError.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import { TransactionError } from "../../../src/pravega/transaction/TransactionError.ts"
import { AppendRefused, EncodeFailed, WriterError } from "../../../src/pravega/write/WriterError.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import { numbersSource } from "../source/numbersSource.ts"

class Refusal extends Data.TaggedError("Refusal")<{ readonly isRetryable: boolean }> {}
class Plain extends Data.TaggedError("Plain")<{}> {}

const retries = 3

const numbers = <E>(events: Stream.Stream<number, E>): Source<number, E, never> =>
  numbersSource<E>({
    available: () => 2,
    end: 2,
    perBatch: 10,
    partitions: () => [{ id: 0, predecessors: [], events }]
  })

/** How often a batch is processed before the query fails. */
const triesOf = <A, ES, E, R>(
  make: (counted: <B, F>(events: Stream.Stream<B, F>) => Stream.Stream<B, F>) => Pipeline.Pipeline<A, number, ES, E, R>
) =>
  Effect.gen(function*() {
    let tries = 0
    const pipeline = make((events) =>
      Stream.suspend(() => {
        tries++
        return events
      })
    )
    const options = { trigger: Trigger.availableNow, retry: Schedule.recurs(retries) }
    const error = yield* Effect.flip(Query.run(pipeline, options))
    return { tries, error }
  }).pipe(Effect.provide(CheckpointLog.layerMemory))

/** A memory sink whose writes fail, and what it says of that. */
const failing = <E>(error: E, isRetryable?: (error: E) => boolean): Sink.Sink<number, E, never> => {
  const sink: Sink.Sink<number, E, never> = Sink.memory<number>()
  return {
    ...sink,
    ...isRetryable === undefined ? {} : { isRetryable },
    open: Effect.map(sink.open, (session) => ({
      ...session,
      begin: (batch, past) =>
        Effect.map(session.begin(batch, past), (attempt) => ({ ...attempt, write: () => Effect.fail(error) }))
    }))
  }
}

describe("what an error means for the next try", () => {
  it.effect("is said by the error of a user's process, where it says something", () =>
    Effect.gen(function*() {
      const tries = <E>(error: E) =>
        Effect.map(
          triesOf((counted) =>
            Pipeline.make("q", {
              source: numbers(Stream.make(0, 1)),
              process: (events) => counted(Stream.mapEffect(events, () => Effect.fail(error))),
              sink: Sink.memory<number>()
            })
          ),
          ({ tries }) => tries
        )
      assert.strictEqual(yield* tries(new Refusal({ isRetryable: false })), 1)
      assert.strictEqual(yield* tries(new Refusal({ isRetryable: true })), 1 + retries)
      assert.strictEqual(yield* tries(new Plain()), 1 + retries)
      assert.strictEqual(yield* tries("a text"), 1 + retries)
    }))

  it.effect("is said by the sink that failed with it, whatever the error says", () =>
    Effect.gen(function*() {
      const tries = <E>(sink: Sink.Sink<number, E, never>) =>
        Effect.map(
          triesOf((counted) =>
            Pipeline.make("q", {
              source: numbers(Stream.make(0, 1)),
              process: counted,
              // a sink is asked through what is made of it, too
              sink: Sink.filterMapInput(sink, (n: number) => n)
            })
          ),
          ({ tries }) => tries
        )
      const final = new Refusal({ isRetryable: false })
      assert.strictEqual(yield* tries(failing(final)), 1)
      assert.strictEqual(yield* tries(failing(final, () => true)), 1 + retries)
      assert.strictEqual(yield* tries(failing(new Plain())), 1 + retries)
      assert.strictEqual(yield* tries(failing(new Plain(), () => false)), 1)
      assert.strictEqual(yield* tries(failing("a text", () => false)), 1)
    }))

  it.effect("is said by the source that failed with it, also while its events are read", () =>
    Effect.gen(function*() {
      const tries = <E>(error: E, isRetryable?: (error: E) => boolean) =>
        Effect.map(
          triesOf((counted) =>
            Pipeline.make("q", {
              source: {
                ...numbers(Stream.concat(Stream.make(0), Stream.fail(error))),
                ...isRetryable === undefined ? {} : { isRetryable }
              },
              process: counted,
              sink: Sink.memory<number>()
            })
          ),
          ({ tries }) => tries
        )
      const final = new Refusal({ isRetryable: false })
      assert.strictEqual(yield* tries(final), 1)
      assert.strictEqual(yield* tries(final, () => true), 1 + retries)
      assert.strictEqual(yield* tries(new Plain()), 1 + retries)
      assert.strictEqual(yield* tries(new Plain(), () => false), 1)
    }))

  it.live("an output that a sink of Pravega can't encode is not tried again", () =>
    Effect.gen(function*() {
      yield* Admin.ensureStream("verdicts/out", { scaling: { _tag: "Fixed", segments: 1 } })
      const stream = EventStream.make("verdicts/out", {
        codec: EventCodec.make<number>({
          name: "never",
          encode: () => {
            throw new Error("no")
          },
          decode: () => 0
        })
      })
      const sinks = [
        Sink.pravega(stream, { guarantee: "exactly-once" }),
        Sink.pravega(stream, { guarantee: "at-least-once" }),
        Sink.pravega(stream, { guarantee: "idempotent" })
      ]
      for (const sink of sinks) {
        const { error, tries } = yield* triesOf((counted) =>
          Pipeline.make("q", { source: numbers(Stream.make(0, 1)), process: counted, sink, deterministic: true })
        )
        assert.include(error.message, "can't be encoded")
        assert.strictEqual(tries, 1)
      }
    }).pipe(Effect.provide(Pravega.layerEmbedded())))

  it("what ends with its transaction, or its writer, is tried again with another one", () => {
    const stream = ScopedStream.fromTextUnsafe("verdicts/out")
    const transaction = TransactionId.TransactionId.make("00000000-0000-0000-0000-000000000001")
    const event = EventStream.make("verdicts/out", { codec: EventCodec.utf8 })
    const exactlyOnce = Sink.pravega(event, { guarantee: "exactly-once" })
    const notOpen = new TransactionError({ reason: new TransactionNotOpen({ stream, transaction, state: "aborted" }) })
    assert.isFalse(notOpen.isRetryable)
    assert.isTrue(exactlyOnce.isRetryable?.(notOpen))
    const refused = new AppendRefused({ segment: "s", problem: "no such segment" })
    assert.isTrue(exactlyOnce.isRetryable?.(new TransactionError({ reason: refused })))
    const encode = new EncodeFailed({ stream, index: 0, cause: "no" })
    assert.isFalse(exactlyOnce.isRetryable?.(new TransactionError({ reason: encode })))
    for (const guarantee of ["at-least-once", "idempotent"] as const) {
      const sink = guarantee === "idempotent" ? Sink.pravega(event, { guarantee }) : Sink.pravega(event, { guarantee })
      assert.isTrue(sink.isRetryable?.(new WriterError({ reason: refused })))
      assert.isFalse(sink.isRetryable?.(new WriterError({ reason: encode })))
    }
  })
})
