/**
 * What a server (0.13.0) does with transactions where Pravega's documentation is silent. The exactly-once protocol rests
 * on these facts. Comments headed "Seen" say what the real server did when it was asked first.
 */
import { assert } from "@effect/vitest"
import { Effect, Layer, Schedule, Stream } from "effect"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import * as ScalingPolicy from "../../src/core/ScalingPolicy.ts"
import * as Segment from "../../src/core/Segment.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as BatchReader from "../../src/pravega/read/BatchReader.ts"
import * as Transaction from "../../src/pravega/transaction/Transaction.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import { randomScope } from "../names.ts"
import { type Cases, Server } from "./Server.ts"

const makeStream = Effect.fnUntraced(function*(segments: number) {
  const scope = randomScope()
  const stream = EventStream.make(`${scope}/facts`, {
    codec: EventCodec.utf8,
    routingKey: (text) => text.split(":")[0] ?? ""
  })
  yield* Admin.createScope(scope)
  yield* Admin.createStream(stream.name, { scaling: ScalingPolicy.fixed(segments) })
  return stream
})

const read = (stream: EventStream.EventStream<string>, bounds: BatchReader.Bounds = {}) =>
  BatchReader.stream(stream, { ordering: "perKey", ...bounds }).pipe(
    Stream.map(({ event }) => event),
    Stream.runCollect
  )

/** Events of one writer: "key:writer:number". */
const eventsOf = (writer: string, count: number): Array<string> =>
  Array.from({ length: count }, (_, number) => `key${number % 7}:${writer}:${number}`)

/** A client with connections and caches of its own, as another process has. */
const anotherClient = Layer.unwrap(Server.useSync(({ client }) => Layer.fresh(client)))

export const transactionFactCases = (it: Cases): void => {
  // Seen: both writers' events, each complete and in its order, in one contiguous piece per segment.
  it.effect("two clients write to one, a third commits", () =>
    Effect.gen(function*() {
      const stream = yield* makeStream(4)
      const { id } = yield* Effect.scoped(
        Effect.tap(Transaction.begin(stream), (transaction) => transaction.keep)
      )
      const write = (name: string) =>
        Effect.gen(function*() {
          const transaction = yield* Transaction.join(stream, id)
          yield* transaction.write(eventsOf(name, 500))
          yield* transaction.flush
        }).pipe(Effect.scoped, Effect.provide(anotherClient))
      yield* Effect.all([write("first"), write("second")], { concurrency: 2 })
      yield* Effect.gen(function*() {
        const transaction = yield* Transaction.join(stream, id)
        yield* transaction.commit
        yield* transaction.awaitCommitted
      }).pipe(Effect.scoped, Effect.provide(anotherClient))
      const seen = yield* read(stream)
      assert.strictEqual(seen.length, 1000)
      for (const name of ["first", "second"]) {
        for (let key = 0; key < 7; key++) {
          const belongs = (event: string) => event.startsWith(`key${key}:${name}:`)
          assert.deepStrictEqual(seen.filter(belongs), eventsOf(name, 500).filter(belongs))
        }
      }
    }))

  // Seen: success each time, while committing and when committed; an abort of a committed one and a commit of an aborted
  // one are refused. (After its memory of 24 to 48 hours the controller would say FAILURE: that is not tried here.)
  it.effect("commit and abort may be repeated, but not exchanged", () =>
    Effect.gen(function*() {
      const { controller } = yield* Pravega
      const stream = yield* makeStream(2)
      const committed = yield* Effect.scoped(Effect.gen(function*() {
        const transaction = yield* Transaction.begin(stream)
        yield* transaction.write(eventsOf("w", 100))
        yield* transaction.commit
        yield* controller.commitTransaction(stream.name, transaction.id)
        yield* transaction.awaitCommitted
        yield* controller.commitTransaction(stream.name, transaction.id)
        return transaction.id
      }))
      assert.strictEqual(yield* controller.transactionState(stream.name, committed), "committed")
      const late = yield* Effect.flip(controller.abortTransaction(stream.name, committed))
      assert.strictEqual(late.reason._tag, "TransactionNotOpen")
      const aborted = yield* Effect.scoped(Effect.gen(function*() {
        const transaction = yield* Transaction.begin(stream)
        yield* transaction.abort
        yield* transaction.abort
        return transaction.id
      }))
      const refused = yield* Effect.flip(controller.commitTransaction(stream.name, aborted))
      assert.strictEqual(refused.reason._tag, "TransactionNotOpen")
      assert.strictEqual((yield* read(stream)).length, 100)
    }))

  // Seen: of 61 tail cuts taken while 20 transactions were being committed, one had part of a transaction. That is why a sink's tail cut counts only when it was taken after the transaction was committed.
  // Seen: the abort is answered before the segments are gone, which they are within seconds.
  it.effect("what was aborted is soon gone, and nothing of it is in the stream", () =>
    Effect.gen(function*() {
      const { controller, segments } = yield* Pravega
      const stream = yield* makeStream(1)
      const transaction = yield* Effect.scoped(
        Effect.gen(function*() {
          const transaction = yield* Transaction.begin(stream)
          yield* transaction.write(eventsOf("writer", 10))
          yield* transaction.flush
          yield* transaction.keep
          return transaction.id
        })
      )
      yield* controller.abortTransaction(stream.name, transaction)
      const info = segments.info({ stream: stream.name, id: Segment.makeId(0, 0), transaction })
      const gone = yield* Effect.flip(info).pipe(Effect.retry({ schedule: Schedule.spaced("50 millis"), times: 200 }))
      assert.strictEqual(gone.reason._tag, "NoSuchSegment")
      assert.include(["aborting", "aborted"], yield* controller.transactionState(stream.name, transaction))
      assert.deepStrictEqual(yield* read(stream), [])
    }))

  it.effect("a segment shows all of a transaction or nothing, whatever a tail cut in between says", () =>
    Effect.gen(function*() {
      const { segments } = yield* Pravega
      const stream = yield* makeStream(16)
      const active = yield* Admin.segments(stream.name)
      const lengths = Effect.forEach(
        active,
        ({ id }) => Effect.map(segments.info({ stream: stream.name, id }), ({ length }) => length),
        { concurrency: "unbounded" }
      )
      for (let round = 0; round < 20; round++) {
        const before = yield* lengths
        const samples: Array<ReadonlyArray<bigint>> = []
        yield* Effect.scoped(Effect.gen(function*() {
          const transaction = yield* Transaction.begin(stream)
          yield* transaction.write(eventsOf(`w${round}`, 400))
          yield* transaction.commit
          const sample = Effect.andThen(Effect.map(lengths, (now) => samples.push(now)), transaction.state)
          yield* Effect.repeat(sample, { until: (state) => state === "committed" })
        }))
        const after = yield* lengths
        for (const sample of samples) {
          sample.forEach((length, index) => assert.include([before[index], after[index]], length))
        }
      }
    }))

  // Seen: with a lease of 10 s, commits up to 9.75 s after the last ping were accepted, those from 10 s on refused.
  // Whichever comes first wins, and what the commit rpc answered is what happens.
  it.effect("a commit at the end of the lease succeeds or fails, and says truly which", () =>
    Effect.gen(function*() {
      const { controller } = yield* Pravega
      const stream = yield* makeStream(1)
      const attempt = Effect.fnUntraced(function*(index: number) {
        const delay = 9_000 + index * 250
        const { id } = yield* Effect.scoped(Effect.tap(
          // pings stop with the Scope
          Transaction.begin(stream, { lease: "10 seconds" }),
          (transaction) =>
            transaction.keep.pipe(
              Effect.andThen(transaction.write([`key:${index}`])),
              Effect.andThen(transaction.flush)
            )
        ))
        yield* Effect.sleep(delay)
        const accepted = yield* Effect.match(controller.commitTransaction(stream.name, id), {
          onSuccess: () => true,
          onFailure: (error) => {
            assert.strictEqual(error.reason._tag, "TransactionNotOpen")
            return false
          }
        })
        const state = yield* Effect.repeat(controller.transactionState(stream.name, id), {
          until: (state) => state === "committed" || state === "aborted",
          schedule: Schedule.spaced("100 millis")
        })
        assert.strictEqual(state, accepted ? "committed" : "aborted")
        return accepted ? [`key:${index}`] : []
      })
      const accepted = yield* Effect.forEach(Array.from({ length: 16 }, (_, i) => i), attempt, { concurrency: 16 })
      assert.deepStrictEqual((yield* read(stream)).toSorted(), accepted.flat().toSorted())
    }))

  // Seen: two epochs more. The first is a copy of the transaction's epoch, sealed as soon as it is merged; the second a
  // copy of the active one. A reader at an older cut meets them as it meets a scale.
  it.effect("a transaction older than a scale is committed into an epoch of its own", () =>
    Effect.gen(function*() {
      const { controller } = yield* Pravega
      const stream = yield* makeStream(2)
      const ids = (epoch: number, ...numbers: ReadonlyArray<number>) => numbers.map((n) => Segment.makeId(n, epoch))
      const writer = yield* EventWriter.make(stream)
      yield* writer.writeAll(eventsOf("before", 50))
      const cut = yield* Admin.latestCut(stream.name)
      yield* Effect.scoped(Effect.gen(function*() {
        const transaction = yield* Transaction.begin(stream)
        yield* transaction.write(eventsOf("transaction", 50))
        yield* transaction.flush
        yield* Admin.scaleTo(stream.name, 3)
        yield* writer.writeAll(eventsOf("after", 50))
        yield* transaction.commit
        yield* transaction.awaitCommitted
      }))
      yield* writer.writeAll(eventsOf("last", 50))
      const tail = yield* Admin.latestCut(stream.name)
      const epochs = yield* Stream.runCollect(Admin.epochs(stream.name))
      const expectedEpochs = [ids(0, 0, 1), ids(1, 2, 3, 4), ids(2, 0, 1), ids(3, 2, 3, 4)]
      assert.deepStrictEqual(epochs.map(({ segments }) => segments.map(({ id }) => id)), expectedEpochs)
      assert.deepStrictEqual(new Set(tail.positions.keys()), new Set(expectedEpochs[3]))
      const between = yield* controller.segmentsBetween(stream.name, cut, tail)
      assert.deepStrictEqual(new Set(between), new Set(expectedEpochs.flat()))
      const seen = yield* read(stream, { start: cut })
      const expected = ["after", "transaction", "last"].flatMap((who) => eventsOf(who, 50))
      for (let key = 0; key < 7; key++) {
        const belongs = (event: string) => event.startsWith(`key${key}:`)
        assert.deepStrictEqual(seen.filter(belongs), expected.filter(belongs))
      }
      assert.strictEqual(seen.length, expected.length)
    }))

  // Seen: as if nothing had been truncated. Neither the segments between two cuts nor the validity of a cut tell that the
  // data are gone; only the stores do, when a segment is read.
  it.effect("the controller goes on answering for cuts that were truncated away", () =>
    Effect.gen(function*() {
      const { controller } = yield* Pravega
      const stream = yield* makeStream(2)
      const writer = yield* EventWriter.make(stream)
      const first = yield* Admin.latestCut(stream.name)
      yield* writer.writeAll(eventsOf("one", 100))
      const second = yield* Admin.latestCut(stream.name)
      yield* Admin.scaleTo(stream.name, 3)
      yield* writer.writeAll(eventsOf("two", 100))
      const third = yield* Admin.latestCut(stream.name)
      yield* writer.writeAll(eventsOf("three", 100))
      const tail = yield* Admin.latestCut(stream.name)
      const between = yield* controller.segmentsBetween(stream.name, first, tail)
      assert.strictEqual(between.length, 5)
      // inside of the first segments, then beyond them
      for (const truncation of [second, third]) {
        yield* Admin.truncateStream(truncation)
        assert.deepStrictEqual(new Set(yield* controller.segmentsBetween(stream.name, first, tail)), new Set(between))
        assert.isTrue(yield* controller.isStreamCutValid(first))
        const gone = yield* Effect.flip(read(stream, { start: first }))
        assert.strictEqual(gone.reason._tag, "TruncatedData")
      }
      assert.strictEqual((yield* read(stream, { start: third })).length, 100)
    }))
}
