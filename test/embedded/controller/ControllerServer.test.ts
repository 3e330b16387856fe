/** What the embedded controller does in time, and through a restart: on a test's clock, by its client. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Layer, Option, Result, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as EventFrame from "../../../src/core/bytes/EventFrame.ts"
import * as RetentionPolicy from "../../../src/core/RetentionPolicy.ts"
import * as ScalingPolicy from "../../../src/core/ScalingPolicy.ts"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import { epoch, makeId, name as segmentName, number, transactionName } from "../../../src/core/Segment.ts"
import { StreamConfiguration } from "../../../src/core/StreamConfiguration.ts"
import { StreamCut } from "../../../src/core/StreamCut.ts"
import type * as TransactionId from "../../../src/core/TransactionId.ts"
import { Watermark } from "../../../src/core/Watermark.ts"
import { Controller } from "../../../src/pravega/controller/Controller.ts"
import { Embedded, layer, layerOn, makeDisk } from "./EmbeddedController.ts"

const stream = ScopedStream.fromTextUnsafe("scope/stream")
const lease = Duration.seconds(30)

const create = Effect.fnUntraced(function*(
  segments: number,
  options: { readonly retention?: RetentionPolicy.RetentionPolicy; readonly scaling?: ScalingPolicy.ScalingPolicy } = {}
) {
  const controller = yield* Controller
  yield* controller.createScope(stream.scope)
  const { retention, scaling = ScalingPolicy.fixed(segments) } = options
  const configuration = new StreamConfiguration({ scaling, ...(retention === undefined ? {} : { retention }) })
  assert.isTrue(yield* controller.createStream(stream, configuration))
  return controller
})

/** Appends to a segment as a writer would. */
const append = (segment: string, bytes: number, eventCount = 1) =>
  Effect.map(Embedded, ({ container }) => {
    assert.strictEqual(container.appendOwn(segment, new Uint8Array(bytes), eventCount)._tag, "Appended")
  })

const length = (segment: string) => Effect.map(Embedded, ({ container }) => container.info(segment)?.length)

const writeTo = Effect.fnUntraced(function*(transaction: TransactionId.TransactionId, bytes: number) {
  yield* append(transactionName(stream, makeId(0, Number.parseInt(transaction.slice(0, 8), 16)), transaction), bytes)
})

const ids = (segments: ReadonlyArray<{ readonly id: Parameters<typeof number>[0] }>) =>
  segments.map(({ id }) => [number(id), epoch(id)]).toSorted((a, b) => a[0]! - b[0]!)

const split = (controller: Controller["Service"]) =>
  controller.startScale(stream, {
    seal: [makeId(0, 0)],
    create: [{ low: 0, high: 0.25 }, { low: 0.25, high: 0.5 }]
  })

describe("transactions", () => {
  it.effect("end with their leases, unless they are pinged", () =>
    Effect.gen(function*() {
      const controller = yield* create(1)
      const [pinged, silent] = yield* Effect.replicateEffect(controller.createTransaction(stream, { lease }), 2)
      assert.isDefined(pinged)
      assert.isDefined(silent)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* controller.pingTransaction(stream, pinged!.id, { lease }), "ok")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* controller.transactionState(stream, silent!.id), "aborted")
      assert.strictEqual(yield* controller.pingTransaction(stream, silent!.id, { lease }), "aborted")
      assert.strictEqual(yield* controller.transactionState(stream, pinged!.id), "open")
      yield* TestClock.adjust("1 second")
      assert.isUndefined(yield* length(transactionName(stream, makeId(0, 0), silent!.id)))
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* controller.transactionState(stream, pinged!.id), "aborted")
    }).pipe(Effect.provide(layer())))

  it.effect("live no longer than they may, however often they are pinged", () =>
    Effect.gen(function*() {
      const controller = yield* create(1)
      const { id } = yield* controller.createTransaction(stream, { lease })
      const ping = controller.pingTransaction(stream, id, { lease })
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* ping, "ok")
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* ping, "max-execution-time-exceeded")
      assert.strictEqual(yield* controller.transactionState(stream, id), "open")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* controller.transactionState(stream, id), "aborted")
    }).pipe(Effect.provide(layer({ limits: { maximumExecution: 60_000 } }))))

  it.effect("are merged in the order of their commits, and remembered for a day", () =>
    Effect.gen(function*() {
      const controller = yield* create(1)
      const first = yield* controller.createTransaction(stream, { lease })
      const second = yield* controller.createTransaction(stream, { lease })
      yield* writeTo(first.id, 10)
      yield* writeTo(second.id, 100)
      yield* controller.commitTransaction(stream, second.id)
      assert.strictEqual(yield* length("scope/stream/0.#epoch.0"), 100)
      yield* controller.commitTransaction(stream, first.id)
      assert.strictEqual(yield* length("scope/stream/0.#epoch.0"), 110)
      assert.strictEqual(yield* controller.transactionState(stream, first.id), "committed")
      assert.lengthOf(yield* controller.listCompletedTransactions(stream), 2)
      yield* TestClock.adjust("23 hours")
      yield* controller.commitTransaction(stream, first.id)
      yield* TestClock.adjust("1 hour")
      // but for the last one
      assert.strictEqual(yield* controller.transactionState(stream, first.id), "committed")
      assert.strictEqual(yield* controller.transactionState(stream, second.id), "unknown")
      assert.deepInclude((yield* Effect.flip(controller.commitTransaction(stream, second.id))).reason, {
        _tag: "TransactionNotOpen"
      })
    }).pipe(Effect.provide(layer({ limits: { completedTransactionsKept: 1 } }))))

  it.effect("roll when the stream has scaled: a copy of their epoch, then one of the active epoch", () =>
    Effect.gen(function*() {
      const controller = yield* create(2)
      const old = yield* controller.createTransaction(stream, { lease })
      const other = yield* controller.createTransaction(stream, { lease })
      yield* writeTo(old.id, 10)
      yield* writeTo(other.id, 100)
      yield* split(controller)
      const late = yield* controller.createTransaction(stream, { lease })
      assert.deepStrictEqual(ids(late.segments), [[1, 1], [2, 1], [3, 1]])
      // decided in one turn: they share the epochs
      yield* Effect.forEach([old, other], ({ id }) => controller.commitTransaction(stream, id), {
        concurrency: "unbounded"
      })
      yield* Effect.yieldNow
      while ((yield* controller.transactionState(stream, other.id)) !== "committed") yield* Effect.yieldNow
      assert.deepStrictEqual(ids(yield* controller.epochSegments(stream, 2)), [[0, 2], [1, 2]])
      assert.deepStrictEqual(ids(yield* controller.currentSegments(stream)), [[1, 3], [2, 3], [3, 3]])
      assert.strictEqual(yield* length("scope/stream/0.#epoch.2"), 110)
      assert.deepStrictEqual(ids(yield* controller.successors(stream, makeId(2, 1))), [[0, 2]])
      assert.deepStrictEqual(ids(yield* controller.successors(stream, makeId(0, 2))), [[2, 3], [3, 3]])
      // of the epoch that the active one is a copy of: no rolling
      yield* controller.commitTransaction(stream, late.id)
      assert.deepStrictEqual(ids(yield* controller.currentSegments(stream)), [[1, 3], [2, 3], [3, 3]])
    }).pipe(Effect.provide(layer())))

  it.effect("are aborted when the stream is sealed", () =>
    Effect.gen(function*() {
      const controller = yield* create(1)
      const { id } = yield* controller.createTransaction(stream, { lease })
      yield* controller.sealStream(stream)
      assert.strictEqual(yield* controller.transactionState(stream, id), "aborted")
    }).pipe(Effect.provide(layer())))

  it.effect("end when a lease is made to end", () =>
    Effect.gen(function*() {
      const controller = yield* create(1)
      const { server } = yield* Embedded
      const { id } = yield* controller.createTransaction(stream, { lease })
      assert.isTrue(server.expireLease("scope", "stream", id))
      assert.isFalse(server.expireLease("scope", "stream", id))
      assert.strictEqual(yield* controller.transactionState(stream, id), "aborted")
    }).pipe(Effect.provide(layer())))
})

describe("a restart", () => {
  it.effect("finds everything again, and lets leases run from then on", () =>
    Effect.gen(function*() {
      const disk = yield* makeDisk
      const started = () => Layer.fresh(layerOn(disk))
      const before = yield* Effect.gen(function*() {
        const controller = yield* create(2)
        const open = yield* controller.createTransaction(stream, { lease })
        const rolling = yield* controller.createTransaction(stream, { lease })
        const done = yield* controller.createTransaction(stream, { lease })
        yield* controller.commitTransaction(stream, done.id)
        yield* controller.call("createReaderGroup", {
          scope: "scope",
          readerGroupName: "group",
          readerGroupId: "00000000-0000-0000-0000-000000000000",
          maxOutstandingCheckpointRequest: 1,
          retentionType: 1,
          startingStreamCuts: [{ streamInfo: { scope: "scope", stream: "stream" } }],
          endingStreamCuts: [{ streamInfo: { scope: "scope", stream: "stream" } }]
        })
        yield* controller.call("createKeyValueTable", {
          scope: "scope",
          kvtName: "table",
          partitionCount: 3,
          primaryKeyLength: 8
        })
        yield* split(controller)
        yield* controller.truncateStream(
          new StreamCut({ stream, positions: new Map([[makeId(2, 1), 0n], [makeId(3, 1), 0n], [makeId(1, 0), 0n]]) })
        )
        yield* TestClock.adjust("20 seconds")
        const group = yield* controller.call("getReaderGroupConfig", { scope: "scope", readerGroup: "group" })
        return { open, rolling, done, group, segments: yield* controller.currentSegments(stream) }
      }).pipe(Effect.provide(started()))

      yield* TestClock.adjust("1 hour")
      yield* Effect.gen(function*() {
        const controller = yield* Controller
        assert.deepStrictEqual(yield* controller.currentSegments(stream), before.segments)
        assert.sameMembers(
          [...(yield* controller.head(stream)).positions.keys()],
          [makeId(2, 1), makeId(3, 1), makeId(1, 0)]
        )
        const group = yield* controller.call("getReaderGroupConfig", { scope: "scope", readerGroup: "group" })
        assert.deepStrictEqual(group, before.group)
        const subscribers = yield* controller.call("listSubscribers", { scope: "scope", stream: "stream" })
        assert.deepStrictEqual(subscribers.subscribers, ["scope/group"])
        const table = yield* controller.call("getCurrentSegmentsKeyValueTable", { scope: "scope", kvtName: "table" })
        assert.lengthOf(table.segmentRanges, 3)
        assert.strictEqual(yield* controller.transactionState(stream, before.done.id), "committed")
        assert.strictEqual(yield* controller.transactionState(stream, before.open.id), "open")
        const next = yield* controller.createTransaction(stream, { lease })
        assert.notInclude([before.open.id, before.rolling.id, before.done.id], next.id)
        yield* TestClock.adjust("29 seconds")
        assert.strictEqual(yield* controller.transactionState(stream, before.open.id), "open")
        yield* controller.commitTransaction(stream, before.rolling.id)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* controller.transactionState(stream, before.open.id), "aborted")
        yield* controller.sealStream(stream)
        yield* controller.deleteStream(stream)
      }).pipe(Effect.provide(started()))

      yield* Effect.gen(function*() {
        const controller = yield* Controller
        assert.isFalse(yield* controller.streamExists(stream))
        yield* controller.createStream(stream, new StreamConfiguration({ scaling: ScalingPolicy.fixed(1) }))
        assert.deepStrictEqual(ids(yield* controller.currentSegments(stream)), [[4, 0]])
        yield* controller.deleteScope(stream.scope, { recursive: true })
        assert.deepStrictEqual((yield* Stream.runCollect(controller.listScopes)).map(String), ["_system"])
      }).pipe(Effect.provide(started()))
      // only what belongs to no scope of a user is left
      const left = [...disk.records.keys()].filter((key) => !key.includes("/_system"))
      assert.deepStrictEqual(left, ["controller/counters/"])
      assert.deepStrictEqual([...disk.container.names()].filter((name) => !name.startsWith("_system/")), [])
    }))

  it.effect("finishes what was to be committed", () =>
    Effect.gen(function*() {
      const disk = yield* makeDisk
      const { id } = yield* Effect.gen(function*() {
        const controller = yield* create(2)
        const transaction = yield* controller.createTransaction(stream, { lease })
        yield* writeTo(transaction.id, 10)
        yield* split(controller)
        return transaction
      }).pipe(Effect.provide(Layer.fresh(layerOn(disk))))
      // as the controller leaves it when it ends between the decision and the merge
      const key = [...disk.records.keys()].find((name) => name.startsWith("controller/open/"))
      assert.isDefined(key)
      const record = disk.records.get(key!)!.replace(/}}$/, ",\"commit\":{\"order\":1,\"writer\":\"\"}}}")
      disk.records.set(key!, record)
      yield* Effect.gen(function*() {
        const controller = yield* Controller
        assert.strictEqual(yield* controller.transactionState(stream, id), "committed")
        assert.strictEqual(yield* length("scope/stream/0.#epoch.2"), 10)
      }).pipe(Effect.provide(Layer.fresh(layerOn(disk))))
    }))
})

/**
 * A test's clock. `set`: the time of day is another one by so much, and what sleeps and what is measured go on. `stand`:
 * so much time passed, and no timer came.
 */
const settable = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  let shift = 0
  let stood = 0
  const millis = () => clock.currentTimeMillisUnsafe() + shift + stood
  const monotonic = () => clock.monotonicTimeNanosUnsafe() + BigInt(stood) * 1_000_000n
  const shifted: Clock.Clock = {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: () => BigInt(millis()) * 1_000_000n,
    currentTimeNanos: Effect.sync(() => BigInt(millis()) * 1_000_000n),
    monotonicTimeNanosUnsafe: monotonic,
    monotonicTimeNanos: Effect.sync(monotonic),
    sleep: (duration) => clock.sleep(duration)
  }
  const set = (by: Duration.Duration) =>
    Effect.sync(() => {
      shift += Duration.toMillis(by)
    })
  const stand = (by: Duration.Duration) =>
    Effect.sync(() => {
      stood += Duration.toMillis(by)
    })
  return { layer: Layer.succeed(Clock.Clock, shifted), set, stand }
})

describe("a clock that is set", () => {
  for (const [how, by] of [["a day ahead", Duration.days(1)], ["a day back", Duration.days(-1)]] as const) {
    it.effect(`${how} ends no lease, and forgets nothing`, () =>
      Effect.gen(function*() {
        const clock = yield* settable
        const disk = yield* Effect.provide(makeDisk, clock.layer)
        const server = Layer.provide(layerOn(disk, { limits: { completedTransactionsKept: 0 } }), clock.layer)
        const [open, done] = yield* Effect.provide(
          Effect.gen(function*() {
            const controller = yield* create(1, { retention: RetentionPolicy.byTime("2 hours") })
            const [open, done] = yield* Effect.replicateEffect(controller.createTransaction(stream, { lease }), 2)
            yield* append(segmentName(stream, makeId(0, 0)), 100)
            yield* TestClock.adjust("15 seconds")
            yield* controller.commitTransaction(stream, done!.id)
            yield* clock.set(by)
            assert.strictEqual(yield* controller.transactionState(stream, done!.id), "committed")
            yield* TestClock.adjust("10 seconds")
            assert.strictEqual(yield* controller.pingTransaction(stream, open!.id, { lease }), "ok")
            yield* TestClock.adjust("29 seconds")
            assert.strictEqual(yield* controller.transactionState(stream, open!.id), "open")
            yield* TestClock.adjust("1 second")
            assert.strictEqual(yield* controller.transactionState(stream, open!.id), "aborted")
            // through several looks at what may be forgotten and truncated
            yield* TestClock.adjust("90 minutes")
            assert.strictEqual(yield* controller.transactionState(stream, done!.id), "committed")
            assert.deepStrictEqual([...(yield* controller.head(stream)).positions.values()], [0n])
            return [open!, done!] as const
          }),
          server
        )
        // a server that is started by the clock that was set
        yield* Effect.provide(
          Effect.gen(function*() {
            const controller = yield* Controller
            assert.strictEqual(yield* controller.transactionState(stream, done.id), "committed")
            assert.strictEqual(yield* controller.transactionState(stream, open.id), "aborted")
            yield* TestClock.adjust("25 hours")
            assert.strictEqual(yield* controller.transactionState(stream, done.id), "unknown")
          }),
          server
        )
      }))
  }

  it.effect("nor does a process that stood still: pings that came meanwhile still count", () =>
    Effect.gen(function*() {
      const clock = yield* settable
      const server = Layer.provide(layer(), clock.layer)
      yield* Effect.provide(
        Effect.gen(function*() {
          const controller = yield* create(1)
          const { id } = yield* controller.createTransaction(stream, { lease })
          yield* TestClock.adjust("20 seconds")
          // the timer comes ten minutes late
          yield* clock.stand(Duration.minutes(10))
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(yield* controller.pingTransaction(stream, id, { lease }), "ok")
          yield* TestClock.adjust("29 seconds")
          assert.strictEqual(yield* controller.transactionState(stream, id), "open")
          yield* TestClock.adjust("5 seconds")
          assert.strictEqual(yield* controller.transactionState(stream, id), "aborted")
        }),
        server
      )
    }))
})

describe("what was aborted", () => {
  const part = (id: TransactionId.TransactionId) => length(transactionName(stream, makeId(0, 0), id))

  it.effect("is gone a moment after the answer", () =>
    Effect.gen(function*() {
      const controller = yield* create(1)
      const { id } = yield* controller.createTransaction(stream, { lease })
      yield* controller.abortTransaction(stream, id)
      assert.strictEqual(yield* part(id), 0)
      // a writer that is just writing to it
      yield* writeTo(id, 10)
      yield* TestClock.adjust("1 second")
      assert.isUndefined(yield* part(id))
      assert.strictEqual(yield* controller.transactionState(stream, id), "aborted")
    }).pipe(Effect.provide(layer())))

  it.effect("is gone when a server that died in between starts again, and nothing else", () =>
    Effect.gen(function*() {
      const disk = yield* makeDisk
      const [aborted, open] = yield* Effect.provide(
        Effect.gen(function*() {
          const controller = yield* create(1)
          const [aborted, open] = yield* Effect.replicateEffect(controller.createTransaction(stream, { lease }), 2)
          yield* controller.abortTransaction(stream, aborted!.id)
          return [aborted!, open!] as const
        }),
        layerOn(disk)
      )
      yield* Effect.provide(
        Effect.gen(function*() {
          assert.isUndefined(yield* part(aborted.id))
          assert.strictEqual(yield* part(open.id), 0)
        }),
        layerOn(disk)
      )
    }))
})

describe("retention", () => {
  const head = Effect.gen(function*() {
    const controller = yield* Controller
    return Object.fromEntries(Array.from((yield* controller.head(stream)).positions, ([id, at]) => [number(id), at]))
  })
  const segment = segmentName(stream, makeId(0, 0))

  it.effect("by time truncates to the last tail that is old enough", () =>
    Effect.gen(function*() {
      yield* create(1, { retention: RetentionPolicy.byTime("1 hour") })
      for (let i = 0; i < 4; i++) {
        yield* append(segment, 100)
        yield* TestClock.adjust("30 minutes")
      }
      // tails at 30, 60, 90 and 120 minutes: the one at 60 is an hour old
      assert.deepStrictEqual(yield* head, { 0: 200n })
    }).pipe(Effect.provide(layer())))

  it.effect("by size keeps at least that much", () =>
    Effect.gen(function*() {
      yield* create(1, { retention: RetentionPolicy.bySize(250n) })
      for (let i = 0; i < 4; i++) {
        yield* append(segment, 100)
        yield* TestClock.adjust("1 minute")
      }
      assert.deepStrictEqual(yield* head, { 0: 100n })
    }).pipe(Effect.provide(layer({ intervals: { retention: "1 minute" } }))))

  /** A stream with a reader group that retention waits for, if it has told where it is. */
  const subscribed = Effect.fnUntraced(function*(retention: RetentionPolicy.RetentionPolicy) {
    const controller = yield* create(1, { retention })
    const cut = [{ streamInfo: { scope: "scope", stream: "stream" } }]
    const { config } = yield* controller.call("createReaderGroup", {
      scope: "scope",
      readerGroupName: "group",
      readerGroupId: "11111111-2222-3333-4444-555555555555",
      maxOutstandingCheckpointRequest: 1,
      retentionType: 1,
      startingStreamCuts: cut,
      endingStreamCuts: cut
    })
    return (offset: bigint) =>
      controller.call("updateSubscriberStreamCut", {
        subscriber: "scope/group",
        readerGroupId: config!.readerGroupId,
        streamCut: { streamInfo: cut[0]!.streamInfo, cut: { 0: offset } }
      })
  })
  const write = (times: number) =>
    Effect.repeat(Effect.andThen(append(segment, 100), TestClock.adjust("1 minute")), { times: times - 1 })

  it.effect("by size goes to where the subscriber is, though no tail was recorded that leaves enough", () =>
    Effect.gen(function*() {
      const told = yield* subscribed(RetentionPolicy.bySize(100n))
      yield* append(segment, 300)
      yield* told(100n)
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(yield* head, { 0: 100n })
      // what is left of it would be less than the minimum
      yield* told(250n)
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(yield* head, { 0: 100n })
    }).pipe(Effect.provide(layer({ intervals: { retention: "1 minute" } }))))

  it.effect("by time goes to where the subscriber is, between the minimum and the maximum", () =>
    Effect.gen(function*() {
      const told = yield* subscribed(RetentionPolicy.byTime("2 minutes", { maximum: "270 seconds" }))
      yield* told(0n)
      // of tails at 100, 200, ..., each a minute old when the next is recorded
      yield* write(4)
      assert.deepStrictEqual(yield* head, { 0: 0n })
      yield* told(150n)
      yield* write(1)
      assert.deepStrictEqual(yield* head, { 0: 150n })
      // it lags by more than the maximum: the oldest tail that is not older is that of four minutes ago
      yield* write(4)
      assert.deepStrictEqual(yield* head, { 0: 500n })
      // it is beyond the minimum: the tail of two minutes ago
      yield* told(900n)
      yield* write(1)
      assert.deepStrictEqual(yield* head, { 0: 800n })
    }).pipe(Effect.provide(layer({ intervals: { retention: "1 minute" } }))))

  it.effect("does not wait for a subscriber that has told nothing yet", () =>
    Effect.gen(function*() {
      yield* subscribed(RetentionPolicy.bySize(100n, { maximumBytes: 500n }))
      yield* write(4)
      assert.deepStrictEqual(yield* head, { 0: 300n })
    }).pipe(Effect.provide(layer({ intervals: { retention: "1 minute" } }))))

  it.effect("by consumption waits for the subscriber, as long as the maximum allows", () =>
    Effect.gen(function*() {
      const told = yield* subscribed(RetentionPolicy.bySize(100n, { maximumBytes: 500n }))
      yield* told(0n)
      yield* write(4)
      assert.deepStrictEqual(yield* head, { 0: 0n })
      yield* told(150n)
      yield* write(1)
      assert.deepStrictEqual(yield* head, { 0: 150n })
      yield* write(3)
      assert.deepStrictEqual(yield* head, { 0: 300n })
      yield* told(800n)
      yield* write(1)
      assert.deepStrictEqual(yield* head, { 0: 800n })
    }).pipe(Effect.provide(layer({ intervals: { retention: "1 minute" } }))))
})

describe("watermarks", () => {
  const marks = Effect.map(Embedded, ({ container }) => {
    const data = container.read("scope/_MARKstream/0.#epoch.0", 0, 1 << 20, () => {})
    if (data._tag !== "ReadData") return []
    const found: Array<Watermark> = []
    EventFrame.forEach(data.data, (mark) => {
      found.push(Option.getOrThrow(Result.getSuccess(Watermark.fromBytes(mark.slice()))))
    })
    return found
  })

  it.effect("are written when every writer has passed a time", () =>
    Effect.gen(function*() {
      const controller = yield* create(2)
      const note = (writer: string, timestamp: bigint, cut: Record<string, bigint>) =>
        controller.call("noteTimestampFromWriter", {
          writer,
          timestamp,
          position: { streamInfo: { scope: "scope", stream: "stream" }, cut }
        })
      yield* note("a", 10n, { 0: 100n, 1: 0n })
      yield* note("b", 20n, { 0: 50n, 1: 70n })
      yield* TestClock.adjust("10 seconds")
      const times = (yield* marks).map(({ lowerTime, positions, upperTime }) => [
        lowerTime,
        upperTime,
        positions.map(({ offset, segment }) => [segment, offset])
      ])
      assert.deepStrictEqual(times, [[10n, 20n, [[0n, 100n], [1n, 70n]]]])
      // b is waited for
      yield* note("a", 30n, { 0: 200n, 1: 0n })
      yield* note("b", 20n, { 0: 50n, 1: 70n })
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf(yield* marks, 2)
      yield* note("a", 40n, { 0: 300n, 1: 0n })
      yield* controller.call("removeWriter", { writer: "b", stream: { scope: "scope", stream: "stream" } })
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual((yield* marks).map(({ lowerTime }) => lowerTime), [10n, 20n, 40n])
    }).pipe(Effect.provide(layer())))
})

describe("scaling on load", () => {
  it.effect("splits what is hot, joins what is cold, within the policy's bounds", () =>
    Effect.gen(function*() {
      const policy = ScalingPolicy.byEventRate({ eventsPerSecond: 10, scaleFactor: 3, minimumSegments: 1 })
      const controller = yield* create(1, { scaling: policy })
      for (let i = 0; i < 13; i++) {
        yield* append(segmentName(stream, makeId(0, 0)), 10, 1_000)
        yield* TestClock.adjust("10 seconds")
      }
      const hot = yield* controller.currentSegments(stream)
      assert.deepStrictEqual(ids(hot), [[1, 1], [2, 1], [3, 1]])
      yield* TestClock.adjust("2 hours")
      assert.lengthOf(yield* controller.currentSegments(stream), 1)
    }).pipe(Effect.provide(layer())))
})
