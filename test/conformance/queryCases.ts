import { assert } from "@effect/vitest"
import { Effect, Fiber, Layer, References, Result, Schedule, Schema, Stream } from "effect"
import { CheckpointLog } from "../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../src/batch/pipeline/Pipeline.ts"
import * as CheckpointRecord from "../../src/batch/protocol/CheckpointRecord.ts"
import { QueryName } from "../../src/batch/protocol/QueryName.ts"
import * as Sink from "../../src/batch/sink/Sink.ts"
import * as Source from "../../src/batch/source/Source.ts"
import type * as EventStream from "../../src/core/EventStream.ts"
import { StreamCut } from "../../src/core/StreamCut.ts"
import { TransactionId } from "../../src/core/TransactionId.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as BatchReader from "../../src/pravega/read/BatchReader.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import * as Query from "../../src/stream/query/Query.ts"
import * as Trigger from "../../src/stream/query/Trigger.ts"
import { randomScope } from "../names.ts"
import { assertCopied, type Numbered, numberedEvents, numberedStream } from "../numbered.ts"
import { temporaryFolder } from "../temporary.ts"
import type { Cases } from "./Server.ts"

const streams = Effect.fnUntraced(function*(segments: number) {
  const scope = randomScope()
  const named = Effect.fnUntraced(function*(name: string) {
    yield* Admin.ensureStream(`${scope}/${name}`, { scaling: { _tag: "Fixed", segments } })
    return numberedStream(`${scope}/${name}`)
  })
  return { source: yield* named("source"), sink: yield* named("sink") }
})

const write = (stream: EventStream.EventStream<Numbered>, from: number, to: number) =>
  Effect.scoped(Effect.gen(function*() {
    const writer = yield* EventWriter.make(stream)
    yield* writer.writeAll(numberedEvents(to - from, 37, from))
  }))

const copy = (
  { sink, source }: {
    readonly source: EventStream.EventStream<Numbered>
    readonly sink: EventStream.EventStream<Numbered>
  },
  options: Source.MicroBatchOptions = {}
) =>
  Pipeline.make("copy", {
    source: Source.microBatch(source, options),
    process: (events) => Stream.map(events, ({ event }) => event),
    sink: Sink.pravega(sink, { guarantee: "exactly-once" })
  })

const assertSinkIs = Effect.fnUntraced(function*(sink: EventStream.EventStream<Numbered>, count: number) {
  const read = yield* Stream.runCollect(BatchReader.stream(sink, { ordering: "perKey" }))
  assertCopied(read.map(({ event }) => event), count)
})

/** A log whose owner never hears of its append number `last`, nor does anything after it: a process that was killed. */
const killedAfter = (directory: string, last: number) =>
  Layer.effect(
    CheckpointLog,
    Effect.map(CheckpointLog, (logs) => ({
      ...logs,
      open: (query) =>
        Effect.map(logs.open(query), (log) => ({
          ...log,
          append: (sequence, bytes) =>
            sequence > last
              ? Effect.never
              : Effect.andThen(log.append(sequence, bytes), sequence === last ? Effect.never : Effect.void)
        }))
    } satisfies CheckpointLog["Service"]))
  ).pipe(Layer.provide(CheckpointLog.layerFileSystem(directory)))

/** The last entry of a record, once it is there. */
const lastEntry = (directory: string, sequence: number) =>
  Effect.gen(function*() {
    const log = yield* Effect.flatMap(CheckpointLog, (logs) => logs.open(QueryName.make("copy")))
    const [record] = yield* log.read(sequence)
    return record === undefined ? undefined : Result.getOrThrow(CheckpointRecord.decode(record.bytes)).entries.at(-1)
  }).pipe(Effect.provide(CheckpointLog.layerFileSystem(directory)))

export const queryCases = (it: Cases): void => {
  it.effect("copies exactly once, in limits, while both streams are scaled", () =>
    Effect.gen(function*() {
      const pair = yield* streams(2)
      yield* write(pair.source, 0, 4000)
      const { controller: rpcs } = yield* Pravega
      const query = yield* Query.start(copy(pair, { limit: { bytes: 16 * 1024 } }))
      const progress = yield* Effect.forkChild(Stream.runCollect(query.progress))
      yield* Admin.scaleTo(pair.source.name, 4)
      yield* write(pair.source, 4000, 8000)
      yield* Admin.scaleTo(pair.sink.name, 3)
      yield* write(pair.source, 8000, 10_000)
      yield* Admin.scaleTo(pair.source.name, 3)
      yield* write(pair.source, 10_000, 12_000)
      yield* Admin.scaleTo(pair.sink.name, 5)
      yield* Admin.sealStream(pair.source.name)
      yield* query.await
      const batches = yield* Fiber.join(progress)
      assert.strictEqual(batches.reduce((sum, { eventsIn }) => sum + eventsIn, 0), 12_000)
      yield* assertSinkIs(pair.sink, 12_000)
      assert.isAbove(batches.length, 5)
      for (const { positions } of batches) {
        // Rule 8: Java accepts every cut.
        const cut = yield* Schema.decodeUnknownEffect(Schema.toCodecJson(StreamCut))(Object.values(positions)[0])
        assert.isTrue(yield* rpcs.isStreamCutValid(cut), cut.toString())
      }
      for (const { bytes } of batches.flatMap(({ sinks }) => [...sinks.values()])) assert.isAtMost(bytes, 16 * 1024)
    }).pipe(Effect.provide(CheckpointLog.layerMemory), Effect.scoped))

  it.effect("goes on where it was interrupted, any number of times", () =>
    Effect.gen(function*() {
      const pair = yield* streams(3)
      const directory = yield* temporaryFolder
      yield* write(pair.source, 0, 6000)
      const logs = CheckpointLog.layerFileSystem(directory)
      const pipeline = copy(pair, { limit: { events: 300 } })
      for (let turn = 0; turn < 8; turn++) {
        // Not for long enough to finish: each turn is cut off somewhere else.
        yield* Query.run(pipeline, { trigger: Trigger.availableNow }).pipe(
          Effect.provide(logs),
          Effect.timeoutOption(`${40 + 35 * turn} millis`)
        )
      }
      yield* Query.run(pipeline, { trigger: Trigger.availableNow }).pipe(Effect.provide(logs))
      yield* assertSinkIs(pair.sink, 6000)
    }).pipe(Effect.scoped))

  it.effect("a process that stops dead after any record is taken over, and fenced", () =>
    Effect.gen(function*() {
      // The numbers of the records that say that a batch is prepared.
      const preparedAt = [3, 6]
      for (let last = 0; last < 8; last++) {
        for (const isAborted of preparedAt.includes(last) ? [false, true] : [false]) {
          const pair = yield* streams(2)
          const directory = yield* temporaryFolder
          yield* write(pair.source, 0, 300)
          const pipeline = copy(pair, { limit: { events: 100 } })
          // Its append never returns, and can't be interrupted: the process is left as it is.
          yield* Query.run(pipeline, { trigger: Trigger.availableNow }).pipe(
            Effect.provide(killedAfter(directory, last)),
            Effect.forkDetach
          )
          const entry = yield* Effect.repeat(lastEntry(directory, last), {
            until: (found) => found !== undefined,
            schedule: Schedule.spaced("5 millis")
          })
          assert.strictEqual(entry?._tag === "prepared", preparedAt.includes(last))
          if (isAborted && entry?._tag === "prepared") {
            // As when the lease runs out while the query is down (fault 2): nothing of it was visible, it is run again.
            for (const sink of Object.values(entry.sinks)) {
              const id = yield* Schema.decodeUnknownEffect(TransactionId)(sink?.handle)
              yield* (yield* Pravega).controller.abortTransaction(pair.sink.name, id)
            }
          }
          yield* Query.run(pipeline, { trigger: Trigger.availableNow }).pipe(
            Effect.provide(CheckpointLog.layerFileSystem(directory))
          )
          yield* assertSinkIs(pair.sink, 300)
        }
      }
    }).pipe(Effect.scoped))

  it.effect("rule 12: an outcome that the controller does not know is decided by an owned sink's tail", () =>
    Effect.gen(function*() {
      const { sink: stream } = yield* streams(2)
      const batch = { query: "q", batch: 0 }
      const session = yield* Sink.pravega(stream, { guarantee: "exactly-once", isOwned: true }).open
      const attempt = yield* session.begin(batch)
      yield* attempt.write(0, [{ key: "a", number: 0 }, { key: "b", number: 1 }])
      yield* attempt.write(1, [{ key: "c", number: 2 }])
      const written = yield* attempt.prepare
      yield* attempt.keep
      const prepared = new CheckpointRecord.PreparedSink({ ...written, handle: attempt.handle })
      const forgotten = new CheckpointRecord.PreparedSink({
        ...written,
        handle: "00000000-0000-0000-0000-00000000abcd"
      })
      assert.strictEqual((yield* session.recover(batch, prepared))._tag, "committable")
      assert.strictEqual((yield* session.recover(batch, forgotten))._tag, "lost")
      yield* Admin.scaleTo(stream.name, 3)
      yield* session.commit(batch, prepared)
      yield* session.commit(batch, prepared)
      assert.strictEqual((yield* session.recover(batch, prepared))._tag, "committed")
      assert.strictEqual(yield* session.abort(attempt.handle), "committed")
      assert.strictEqual((yield* session.recover(batch, forgotten))._tag, "committed")
      yield* write(stream, 3, 4)
      assert.strictEqual((yield* session.recover(batch, forgotten))._tag, "unknown")
    }).pipe(Effect.scoped))

  it.effect("starts and ends where it is told to, and refuses a stream created anew", () =>
    Effect.gen(function*() {
      const pair = yield* streams(2)
      yield* write(pair.source, 0, 100)
      const start = yield* Admin.latestCut(pair.source.name)
      yield* write(pair.source, 100, 200)
      const end = yield* Admin.latestCut(pair.source.name)
      yield* write(pair.source, 200, 300)
      const pipeline = copy(pair, { start, end, limit: { events: 7 } })
      yield* Query.run(pipeline)
      const numbers = (yield* Stream.runCollect(BatchReader.stream(pair.sink))).map(({ event }) => event.number)
      assert.deepStrictEqual(numbers.toSorted((a, b) => a - b), Array.from({ length: 100 }, (_, i) => 100 + i))
      yield* Admin.deleteStream(pair.source.name, { seal: true })
      yield* Admin.createStream(pair.source.name, { scaling: { _tag: "Fixed", segments: 2 } })
      const error = yield* Effect.flip(Query.run(pipeline))
      assert.strictEqual(error._tag === "SourceError" && error.reason._tag, "StreamIdentityChanged")
    }).pipe(
      Effect.provide(CheckpointLog.layerMemory),
      Effect.provideService(References.MinimumLogLevel, "Fatal"),
      Effect.scoped
    ))
}
