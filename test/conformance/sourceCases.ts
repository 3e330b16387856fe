/** What a query's source does on a Pravega: where it starts and ends, what it skips, whom it tells how far it has read. */
import { assert } from "@effect/vitest"
import { Bytes, Deferred, Effect, Fiber, References, Result, Schema, Stream } from "effect"
import { CheckpointLog } from "../../src/batch/log/CheckpointLog.ts"
import * as DeadLetter from "../../src/batch/pipeline/DeadLetter.ts"
import * as Pipeline from "../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../src/batch/sink/Sink.ts"
import * as Source from "../../src/batch/source/Source.ts"
import * as EventCodec from "../../src/core/EventCodec.ts"
import { EventPointer } from "../../src/core/EventPointer.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import { ReaderGroupName } from "../../src/core/ReaderGroupName.ts"
import * as Segment from "../../src/core/Segment.ts"
import { StreamCut } from "../../src/core/StreamCut.ts"
import { Watermark } from "../../src/core/Watermark.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as BatchReader from "../../src/pravega/read/BatchReader.ts"
import { ReadError } from "../../src/pravega/read/ReadError.ts"
import * as EventReader from "../../src/pravega/readergroup/EventReader.ts"
import { ReaderGroupError } from "../../src/pravega/readergroup/ReaderGroupError.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import * as Query from "../../src/stream/query/Query.ts"
import * as Trigger from "../../src/stream/query/Trigger.ts"
import { randomScope } from "../names.ts"
import type { Cases } from "./Server.ts"

const Numbered = Schema.Struct({ key: Schema.String, number: Schema.Int })
type Numbered = typeof Numbered.Type

const numbered = Effect.fnUntraced(function*(name: string, segments = 1) {
  yield* Admin.ensureStream(name, { scaling: { _tag: "Fixed", segments } })
  return EventStream.make(name, { schema: Numbered, routingKey: ({ key }) => key })
})

const write = <A>(stream: EventStream.EventStream<A>, events: ReadonlyArray<A>) =>
  Effect.scoped(Effect.flatMap(EventWriter.make(stream), (writer) => writer.writeAll(events)))

const upTo = (from: number, to: number): ReadonlyArray<Numbered> =>
  Array.from({ length: to - from }, (_, i) => ({ key: `key${(from + i) % 7}`, number: from + i }))

/** The numbers that a query reads, and what it reports. */
const read = Effect.fnUntraced(function*(
  stream: EventStream.EventStream<Numbered>,
  options: Source.MicroBatchOptions,
  name = "q"
) {
  const sink = Sink.memory<number>()
  const batches: Array<Query.BatchProgress> = []
  const pipeline = Pipeline.make(name, {
    source: Source.microBatch(stream, options),
    process: (events) => Stream.map(events, ({ event }) => event.number),
    sink
  })
  yield* Query.run(pipeline, {
    trigger: Trigger.availableNow,
    onBatch: (progress) => Effect.sync(() => void batches.push(progress))
  }).pipe(Effect.provide(CheckpointLog.layerMemory))
  return { batches, numbers: (yield* sink.committed).toSorted((a, b) => a - b) }
})

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

export const sourceCases = (it: Cases): void => {
  it.effect("starts and ends at cuts in the text of Java, and reports its position and what is left", () =>
    Effect.gen(function*() {
      const stream = yield* numbered(`${randomScope()}/text`, 2)
      yield* write(stream, upTo(0, 20))
      const start = { text: StreamCut.toText(yield* Admin.latestCut(stream.name)) }
      yield* write(stream, upTo(20, 50))
      const last = yield* Admin.latestCut(stream.name)
      yield* write(stream, upTo(50, 60))
      const { batches, numbers } = yield* read(stream, {
        start,
        end: { text: StreamCut.toText(last) },
        limit: { events: 9 }
      })
      assert.deepStrictEqual(numbers, range(20, 50))
      const progress = [...batches.at(-1)?.sources.values() ?? []][0]
      const cut = yield* Source.streamCut(progress?.position ?? null)
      assert.deepStrictEqual(cut.positions, last.positions)
      // Behind the end there is more.
      assert.isAbove(progress?.lag?.bytes ?? 0, 0)
      const bytes = batches.reduce((sum, { bytesIn }) => sum + bytesIn, 0)
      const begun = yield* Effect.fromResult(StreamCut.fromText(start.text))
      assert.isTrue(begun !== "unbounded")
      if (begun !== "unbounded") assert.strictEqual(BigInt(bytes), yield* Admin.distance(begun, last))
    }))

  it.effect("starts at a time that the stream's writers have noted, as watermarks tell", () =>
    Effect.gen(function*() {
      const scope = randomScope()
      const stream = yield* numbered(`${scope}/timed`, 2)
      const error = yield* Effect.flip(read(stream, { start: { time: 5n } }))
      assert.strictEqual(error._tag === "SourceError" && error.reason._tag, "TimeNotNoted")
      // What the controller appends when all writers have passed a time.
      const mark = Effect.fnUntraced(function*(lowerTime: bigint, upperTime: bigint) {
        const { positions } = yield* Admin.latestCut(stream.name)
        const segments = yield* Admin.segments(stream.name)
        const marks = EventStream.make(`${scope}/_MARKtimed`, {
          codec: EventCodec.make({
            name: "watermark",
            encode: Watermark.toBytes,
            decode: () => assert.fail("not read")
          })
        })
        yield* write(marks, [
          new Watermark({
            lowerTime,
            upperTime,
            positions: segments.map(({ id, range }) => ({ segment: id, range, offset: positions.get(id) ?? 0n }))
          })
        ])
      })
      yield* write(stream, upTo(0, 10))
      yield* mark(90n, 100n)
      yield* write(stream, upTo(10, 20))
      yield* mark(190n, 200n)
      yield* write(stream, upTo(20, 30))
      for (const [time, first] of [[50n, 0], [100n, 0], [101n, 10], [200n, 10], [201n, 20], [999n, 20]] as const) {
        const { numbers } = yield* read(stream, { start: { time } })
        assert.deepStrictEqual(numbers, range(first, 30), String(time))
      }
    }))

  it.effect("skips what was truncated, segments that are gone too, and reports it; or fails", () =>
    Effect.gen(function*() {
      const stream = yield* numbered(`${randomScope()}/short`, 2)
      yield* write(stream, upTo(0, 40))
      const start = yield* Admin.earliestCut(stream.name)
      yield* Admin.scaleTo(stream.name, 3)
      yield* write(stream, upTo(40, 80))
      yield* Admin.truncateStream(yield* Admin.latestCut(stream.name))
      yield* write(stream, upTo(80, 100))
      const error = yield* Effect.flip(read(stream, { start }))
      assert.strictEqual(error._tag === "ReadError" && error.reason._tag, "TruncatedData")
      const { batches, numbers } = yield* read(stream, { start, onTruncated: "skip" })
      assert.deepStrictEqual(numbers, range(80, 100))
      const skipped = batches.flatMap(({ sources }) => [...sources.values()].flatMap(({ skipped }) => skipped))
      const gone = skipped.filter(({ end }) => end === undefined)
      assert.strictEqual(gone.length, 2)
      assert.isAbove(skipped.length, 2)
    }).pipe(Effect.provideService(References.MinimumLogLevel, "Error")))

  it.effect("a stream that is deleted, or deleted and created again under a reader, is no truncated one", () =>
    Effect.gen(function*() {
      for (const onTruncated of ["fail", "skip"] as const) {
        const stream = yield* numbered(`${randomScope()}/anew`, 2)
        yield* write(stream, upTo(0, 10))
        const session = yield* Source.microBatch(stream, { onTruncated }).open
        const { start } = yield* session.start
        const planned = yield* session.plan(start, [])
        assert.strictEqual(planned._tag, "range")
        const partitions = planned._tag === "range" ? yield* session.partitions(planned.plan) : []
        // what was read ahead is used once
        yield* Effect.forEach(partitions, ({ events }) => Stream.runDrain(events))
        yield* Admin.deleteStream(stream.name, { seal: true })
        const gone = yield* Effect.flip(session.plan(start, []))
        assert.strictEqual(gone._tag === "ReadError" && gone.reason._tag, "ControllerError")
        yield* numbered(String(stream.name), 2)
        const anew = yield* Effect.flip(session.plan(start, []))
        assert.strictEqual(anew._tag === "SourceError" && anew.reason._tag, "StreamIdentityChanged")
        for (const { events } of partitions) {
          const again = yield* Effect.flip(Stream.runDrain(events))
          assert.strictEqual(again._tag === "SourceError" && again.reason._tag, "StreamIdentityChanged", onTruncated)
        }
      }
    }).pipe(Effect.scoped))

  it.effect("what starts or ends at a cut of an earlier stream of that name, or at one that leaves keys out, says so at once", () =>
    Effect.gen(function*() {
      const scope = randomScope()
      const stream = yield* numbered(`${scope}/anew`, 2)
      const name = String(stream.name)
      const reason = (error: unknown): string =>
        error instanceof ReaderGroupError || error instanceof ReadError ? reason(error.reason) : Object(error)._tag
      let groups = 0
      /** What queries, batch readers and reader groups say of a start, and of an end. */
      const refusals = Effect.fnUntraced(function*(cut: StreamCut) {
        const group = (bounds: object) =>
          EventReader.run(stream, () => Effect.void, { readerGroup: `g${groups++}`, ...bounds })
        return yield* Effect.forEach(
          [
            read(stream, { start: cut }),
            read(stream, { end: cut }),
            Stream.runDrain(BatchReader.stream(stream, { start: cut })),
            Stream.runDrain(BatchReader.stream(stream, { end: cut })),
            group({ start: [cut] }),
            group({ end: [cut] })
          ],
          (effect) =>
            Effect.map(
              Effect.flip<unknown, unknown, Pravega>(effect),
              (error) => [reason(error), String(Object(error).message)] as const
            )
        )
      })
      yield* write(stream, upTo(0, 20))
      const whole = yield* Admin.latestCut(name)
      const [low] = whole.positions
      const [, upper] = yield* Admin.scale(name, {
        seal: [...whole.positions.keys()],
        create: [{ low: 0, high: 0.6 }, { low: 0.6, high: 1 }]
      })
      yield* write(stream, upTo(20, 40))
      // all of the lower segment is read, and the upper one of those after it is next: what lies between is in neither
      const holed = new StreamCut({ stream: stream.name, positions: new Map([low!, [upper!.id, 0n]]) })
      for (const [at, [tag, message]] of (yield* refusals(holed)).entries()) {
        assert.strictEqual(tag, "InvalidPosition")
        assert.include(message, `the ${at % 2 === 0 ? "start" : "end"} has no position for the keys from 0.5 to 0.6`)
      }
      const never = new StreamCut({
        stream: stream.name,
        positions: new Map([...whole.positions, [Segment.makeId(9, 9), 0n]])
      })
      for (const [tag, message] of yield* refusals(never)) {
        assert.strictEqual(tag, "InvalidPosition")
        assert.include(message, "which the stream never had")
      }

      // a group that has begun, and one that stands at its beginning
      yield* EventReader.stream(stream, { readerGroup: "begun" }).pipe(
        Stream.tap(EventReader.acknowledge),
        Stream.take(10),
        Stream.runDrain
      )
      yield* Admin.deleteStream(name, { seal: true })
      yield* numbered(name, 2)
      yield* write(stream, upTo(40, 60))
      for (const [tag, message] of yield* refusals(whole)) {
        assert.strictEqual(tag, "EarlierStream")
        assert.include(message, "was deleted and created again since")
      }
      for (const onTruncated of ["fail", "skip"] as const) {
        const begun = EventReader.run(stream, () => Effect.void, { readerGroup: "begun", onTruncated })
        assert.strictEqual(reason(yield* Effect.flip(begun)), "EarlierStream")
      }
    }))

  it.effect("a reader whose stream is deleted and made again under it says so, and not that it was truncated", () =>
    Effect.gen(function*() {
      for (const onTruncated of ["fail", "skip"] as const) {
        const stream = yield* numbered(`${randomScope()}/anew`, 2)
        yield* write(stream, upTo(0, 20))
        const seen = yield* Deferred.make<void>()
        const reading = yield* EventReader.run(
          stream,
          ({ event }) => event.number === 19 ? Deferred.succeed(seen, undefined) : Effect.void,
          { readerGroup: "g", onTruncated }
        ).pipe(Effect.forkChild)
        yield* Deferred.await(seen)
        yield* Admin.deleteStream(stream.name, { seal: true })
        yield* numbered(String(stream.name), 2)
        // when it comes to look, the stream is sealed, gone, or there again
        const end = yield* Effect.result(Fiber.join(reading))
        if (Result.isFailure(end)) assert.match(end.failure.message, /earlier stream of that name|does not exist/)
      }
    }))

  it.effect("rule 14: reports what is committed to the stream's retention, as a reader group that nobody reads with", () =>
    Effect.gen(function*() {
      const scope = randomScope()
      const stream = yield* numbered(`${scope}/kept`, 2)
      yield* write(stream, upTo(0, 20))
      const start = yield* Admin.earliestCut(stream.name)
      const { controller } = yield* Pravega
      const { numbers } = yield* read(stream, { limit: { events: 5 }, retentionSubscriber: "copies" })
      assert.deepStrictEqual(numbers, range(0, 20))
      const subscribers = yield* controller.call("listSubscribers", { scope, stream: "kept" })
      assert.deepStrictEqual(subscribers.subscribers, [`${scope}/copies`])
      const { config } = yield* controller.call("getReaderGroupConfig", { scope, readerGroup: "copies" })
      const report = (cut: StreamCut) =>
        controller.call("updateSubscriberStreamCut", {
          subscriber: `${scope}/copies`,
          generation: config?.generation ?? -1n,
          readerGroupId: config?.readerGroupId ?? "",
          streamCut: {
            streamInfo: { scope, stream: "kept" },
            cut: Object.fromEntries([...cut.positions].map(([id, offset]) => [id.toString(), offset]))
          }
        })
      // STREAM_CUT_NOT_VALID: the one that is known lies behind it. SUCCESS: it is the last one.
      assert.strictEqual((yield* report(start)).status, 4)
      assert.strictEqual((yield* report(yield* Admin.latestCut(stream.name))).status, 0)
      // A group of another kind does not do.
      const other = yield* numbered(`${scope}/other`)
      const error = yield* Effect.flip(read(other, { retentionSubscriber: "copies" }))
      assert.strictEqual(error._tag === "SourceError" && error.reason._tag, "NoSubscriber")
    }))

  it.effect("rule 14: goes on holding back what is not read when somebody has deleted the reader group meanwhile", () =>
    Effect.gen(function*() {
      const stream = yield* numbered(`${randomScope()}/kept`)
      yield* write(stream, upTo(0, 20))
      const { controller } = yield* Pravega
      const group = { scope: stream.name.scope, name: ReaderGroupName.make("copies") }
      yield* Effect.scoped(Effect.gen(function*() {
        const session = yield* Source.microBatch(stream, { retentionSubscriber: "copies" }).open
        yield* session.start
        const { id } = yield* controller.readerGroupConfig(group)
        assert.isTrue(yield* controller.deleteReaderGroup(group, id))
        assert.deepStrictEqual(yield* controller.subscribers(stream.name), [])
        yield* session.consumed(yield* session.latest)
      }))
      assert.deepStrictEqual(yield* controller.subscribers(stream.name), [`${stream.name.scope}/copies`])
      const { generation, id } = yield* controller.readerGroupConfig(group)
      const report = { generation, id, cut: yield* Admin.earliestCut(stream.name) }
      const error = yield* Effect.flip(controller.updateSubscriber(group, report))
      assert.strictEqual(error.reason._tag, "InvalidStreamCut", "what is reported lies before what the query reported")
    }))

  it.effect("events that can't be decoded, or used, become letters with their bytes and places, exactly once", () =>
    Effect.gen(function*() {
      const scope = randomScope()
      const stream = yield* numbered(`${scope}/orders`, 2)
      const out = yield* numbered(`${scope}/out`)
      yield* Admin.ensureStream(`${scope}/rejected`, { scaling: { _tag: "Fixed", segments: 1 } })
      const raw = EventStream.make(stream.name, { codec: EventCodec.bytes })
      yield* write(stream, upTo(0, 20))
      yield* write(raw, [EventCodec.utf8.encode("no JSON"), EventCodec.utf8.encode(`{"key":"a"}`)])
      yield* write(stream, upTo(20, 40))
      const pipeline = Pipeline.make("q", {
        source: Source.microBatch(stream, { lanes: 2, limit: { events: 15 } }),
        processEach: ({ event }) => event.number % 10 === 3 ? Effect.fail("a three") : Effect.succeed([event]),
        sink: Sink.pravega(out, { guarantee: "exactly-once" }),
        onPoison: DeadLetter.to(`${scope}/rejected`),
        deterministic: true
      })
      yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      const numbers = (yield* Stream.runCollect(BatchReader.stream(out))).map(({ event }) => event.number)
      assert.deepStrictEqual(numbers.toSorted((a, b) => a - b), range(0, 40).filter((n) => n % 10 !== 3))
      const letters = yield* Stream.runCollect(BatchReader.stream(DeadLetter.letters(`${scope}/rejected`)))
      assert.strictEqual(letters.length, 6)
      for (const { event: letter } of letters) {
        const pointer = yield* Effect.fromResult(EventPointer.fromText(letter.pointer))
        const { event } = yield* BatchReader.fetch(raw, pointer)
        assert.deepStrictEqual([...letter.event], [...event])
      }
      assert.strictEqual(letters.filter(({ event: { error } }) => error === "a three").length, 4)
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("whatever can be read can be put aside: the largest event too, and an error that quotes it", () =>
    Effect.gen(function*() {
      const scope = randomScope()
      for (const name of ["in", "out", "rejected"]) {
        yield* Admin.ensureStream(`${scope}/${name}`, { scaling: { _tag: "Fixed", segments: 1 } })
      }
      const source = EventStream.make(`${scope}/in`, { codec: EventCodec.bytes })
      const events = [8 * 2 ** 20, 3, 6 * 2 ** 20].map((size) => {
        const event = new Uint8Array(size)
        for (let at = 0; at < size; at += 1000) event[at] = at / 1000
        return event
      })
      yield* Effect.scoped(Effect.gen(function*() {
        const writer = yield* EventWriter.make(source)
        yield* writer.writeAll(events)
      }))
      const out = EventStream.make(`${scope}/out`, { codec: EventCodec.bytes })
      const pipeline = Pipeline.make("q", {
        source: Source.microBatch(source, { limit: { bytes: 20 * 2 ** 20 } }),
        processEach: ({ event }) =>
          event.length === 3
            ? Effect.succeed([event])
            : Effect.fail(`unusable: ${"\u{1f600}".repeat(event.length / 4)}`),
        sink: Sink.pravega(out, { guarantee: "exactly-once" }),
        onPoison: DeadLetter.to(`${scope}/rejected`),
        deterministic: true
      })
      yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      const letters = BatchReader.stream(DeadLetter.letters(`${scope}/rejected`)).pipe(Stream.map(({ event }) => event))
      const whole = yield* Stream.runCollect(DeadLetter.whole(letters))
      const isLarge = ({ length }: Uint8Array) => length > 3
      assert.deepStrictEqual(whole.map(({ event }) => event.length), events.filter(isLarge).map(({ length }) => length))
      assert.isTrue(
        whole.every(({ event }, i) => Bytes.Equivalence(event, events.filter(isLarge)[i] ?? new Uint8Array()))
      )
      assert.isTrue(whole.every(({ error, part }) => error.length < 3000 && error.isWellFormed() && part === undefined))
      const ends = yield* Effect.flip(Stream.runDrain(DeadLetter.whole(Stream.drop(letters, 1))))
      assert.deepInclude(ends, {
        _tag: "LetterIncomplete",
        query: "q",
        batch: 0,
        source: `${scope}/in`,
        parts: 0,
        count: 2
      })
      const [kept] = yield* Stream.runCollect(BatchReader.stream(out))
      assert.strictEqual(kept?.event.length, 3)
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("several streams, read in lanes, while they are scaled: everything once, each key in order", () =>
    Effect.gen(function*() {
      const scope = randomScope()
      const left = yield* numbered(`${scope}/left`, 2)
      const right = yield* numbered(`${scope}/right`, 1)
      const out = yield* numbered(`${scope}/out`, 2)
      const options = { limit: { bytes: 2000 }, lanes: 3 }
      const pipeline = Pipeline.make("q", {
        source: Source.union({ left: Source.microBatch(left, options), right: Source.microBatch(right, options) }),
        process: (events) =>
          Stream.map(events, ({ _tag, value: { event } }) => ({ ...event, key: `${_tag} ${event.key}` })),
        sink: Sink.pravega(out, { guarantee: "exactly-once" })
      })
      yield* write(left, upTo(0, 200))
      yield* write(right, upTo(0, 300))
      const query = yield* Query.start(pipeline)
      yield* Admin.scaleTo(left.name, 3)
      yield* write(left, upTo(200, 400))
      yield* Admin.scaleTo(right.name, 2)
      yield* write(right, upTo(300, 500))
      yield* Admin.sealStream(left.name)
      yield* Admin.sealStream(right.name)
      yield* query.await
      const read = (yield* Stream.runCollect(BatchReader.stream(out, { ordering: "perKey" }))).map(({ event }) => event)
      assert.strictEqual(read.length, 900)
      for (const [key, events] of Map.groupBy(read, (event) => event.key)) {
        const numbers = events.map(({ number }) => number)
        assert.strictEqual(new Set(numbers).size, numbers.length)
        assert.deepStrictEqual(numbers, numbers.toSorted((a, b) => a - b), key)
      }
    }).pipe(Effect.provide(CheckpointLog.layerMemory), Effect.scoped))
}
