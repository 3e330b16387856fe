/**
 * What is left after a segment store or the controller was killed, and who tells where a segment went: asked of a cluster
 * of two segment stores whose data are on disk. Comments headed "Seen" say what came out.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Schedule, Stream } from "effect"
import * as EventFrame from "../../../src/core/bytes/EventFrame.ts"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import * as ScalingPolicy from "../../../src/core/ScalingPolicy.ts"
import * as Segment from "../../../src/core/Segment.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as BatchReader from "../../../src/pravega/read/BatchReader.ts"
import type { SegmentRef } from "../../../src/pravega/segmentstore/Segments.ts"
import * as Transaction from "../../../src/pravega/transaction/Transaction.ts"
import * as EventWriter from "../../../src/pravega/write/EventWriter.ts"
import { nameOf, setUpAppend } from "../../conformance/rawAppends.ts"
import { type Distributed, type PartName, startDistributed } from "../distributed.ts"
import { randomScope } from "../pravega.ts"

let cluster: Distributed

beforeAll(async () => {
  cluster = await startDistributed()
})
afterAll(() => cluster.remove())

/** Runs with a client of its own; its connections and caches end with it. */
const withClient = <A, E>(effect: Effect.Effect<A, E, Pravega>) =>
  Effect.suspend(() =>
    Effect.provide(effect, Layer.fresh(Pravega.layer({ controller: cluster.controller })), { local: true })
  )

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

const read = (stream: EventStream.EventStream<string>) =>
  BatchReader.stream(stream, { ordering: "perKey" }).pipe(Stream.map(({ event }) => event), Stream.runCollect)

/** Sets up a writer id on a segment: the last event number that the store has of it. Then appends one event, if told. */
const lastNumber = (segment: SegmentRef, writerId: string, append?: bigint) =>
  Effect.scoped(Effect.gen(function*() {
    const { append: send, reply } = yield* setUpAppend(segment, writerId)
    if (reply._tag !== "AppendSetup") return yield* Effect.fail(reply)
    if (append !== undefined) {
      const acknowledged = yield* send(EventFrame.encode(new TextEncoder().encode(`raw:${append}`)), append)
      if (acknowledged._tag !== "DataAppended") return yield* Effect.fail(acknowledged)
    }
    return reply.lastEventNumber
  }))

/** The same over a new connection. */
const setUp = (segment: SegmentRef, writerId: string, append?: bigint) =>
  withClient(lastNumber(segment, writerId, append))

/** While a segment has no owner, or its owner is still recovering, set-ups fail. */
const untilServed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, { schedule: Schedule.spaced("500 millis"), times: 240 })

/** The store that the controller names for a segment. */
const ownerOf = Effect.fnUntraced(function*(segment: SegmentRef) {
  const { controller } = yield* Pravega
  const { host, port } = yield* controller.endpoint(segment.stream, segment.id)
  const owner = cluster.parts.find((part) => cluster.storeAddress(part) === `${host}:${port}`)
  if (owner === undefined) return yield* Effect.die(new Error(`no store at ${host}:${port}`))
  return owner
})

const kill = (part: PartName) => Effect.promise(() => cluster.kill(part))
const start = (part: PartName) => Effect.promise(() => cluster.start(part))
const otherThan = (part: PartName): PartName => part === "store1" ? "store2" : "store1"

/** Only ends what hangs: a store's containers can be without an owner for half a minute, and that several times. */
const patience = 3_600_000

/** The last event number of a writer id that the segment does not know. */
const never = -(1n << 63n)

describe("the real server, restarted", () => {
  // Seen: the number comes back unchanged, for a transaction's segment as for an ordinary one, and for a thousand writers
  // as for one. Nothing removes a number as long as its segment is there: each writer id adds to a segment for ever. Until
  // the new owner has recovered (15 to 20 s after a kill), the controller names the dead store, or the new one closes the
  // connection at the set-up instead of answering.
  it.live(
    "a store remembers a writer's last event number: on reconnecting, moved to the other store, restarted",
    () =>
      Effect.gen(function*() {
        const stream = yield* withClient(makeStream(2))
        const id = Segment.makeId(0, 0)
        const transaction = yield* withClient(
          Effect.scoped(Effect.tap(Transaction.begin(stream, { lease: "10 minutes" }), (txn) => txn.keep))
        )
        const writerId = crypto.randomUUID()
        const places: ReadonlyArray<SegmentRef> = [
          { stream: stream.name, id },
          { stream: stream.name, id, transaction: transaction.id }
        ]
        for (const place of places) {
          assert.strictEqual(yield* setUp(place, writerId, 7n), never)
          assert.strictEqual(yield* setUp(place, writerId, 42n), 7n)
          assert.strictEqual(yield* setUp(place, writerId), 42n)
          assert.strictEqual(yield* setUp(place, crypto.randomUUID()), never)
        }
        const many: SegmentRef = { stream: stream.name, id: Segment.makeId(1, 0) }
        const writerIds = Array.from({ length: 1000 }, () => crypto.randomUUID())
        yield* withClient(
          Effect.forEach(writerIds, (writer, index) => lastNumber(many, writer, BigInt(index)), { concurrency: 50 })
        )
        const owner = yield* withClient(ownerOf({ stream: stream.name, id }))
        yield* kill(owner)
        for (const place of places) assert.strictEqual(yield* untilServed(setUp(place, writerId)), 42n)
        assert.strictEqual(yield* withClient(ownerOf({ stream: stream.name, id })), otherThan(owner))
        yield* kill(otherThan(owner))
        yield* start("store1")
        yield* start("store2")
        for (const place of places) assert.strictEqual(yield* untilServed(setUp(place, writerId)), 42n)
        const numbers = yield* untilServed(withClient(
          Effect.forEach(writerIds, (writer) => lastNumber(many, writer), { concurrency: 50 })
        ))
        assert.deepStrictEqual(numbers, writerIds.map((_, index) => BigInt(index)))
        yield* withClient(Effect.scoped(Effect.gen(function*() {
          const joined = yield* Transaction.join(stream, transaction.id)
          yield* joined.commit
          yield* joined.awaitCommitted
        })))
        const seen = yield* withClient(read(stream))
        assert.strictEqual(seen.length, 4 + writerIds.length)
        assert.strictEqual(seen.filter((text) => text === "raw:42").length, 3)
      }),
    patience
  )

  // Seen: and not which store does, although the reply has a field for it: the controller is to be asked.
  it.live(
    "the store that does not own a segment says WrongHost",
    () =>
      withClient(Effect.scoped(Effect.gen(function*() {
        const { stores } = yield* Pravega
        const stream = yield* makeStream(1)
        const place: SegmentRef = { stream: stream.name, id: Segment.makeId(0, 0) }
        const owner = yield* untilServed(ownerOf(place))
        const ask = Effect.fnUntraced(function*(part: PartName) {
          const [host = "", port] = cluster.storeAddress(part).split(":")
          const connection = yield* stores.requests({ host, port: Number(port) })
          return yield* connection.call((requestId) => ({
            _tag: "GetStreamSegmentInfo",
            requestId,
            segmentName: nameOf(place),
            delegationToken: ""
          }))
        })
        assert.strictEqual((yield* ask(owner))._tag, "StreamSegmentInfo")
        const other = yield* ask(otherThan(owner))
        assert.strictEqual(other._tag === "WrongHost" ? other.correctHost : other._tag, "")
      }))),
    patience
  )

  it.live(
    "an event writer and a transaction live through kills of the store and of the controller",
    () =>
      withClient(Effect.gen(function*() {
        const plain = yield* makeStream(2)
        const transactional = yield* makeStream(2)
        const texts = Array.from({ length: 20_000 }, (_, number) => `key${number % 11}:${number}`)
        const parts = Array.from({ length: 200 }, (_, part) => texts.slice(part * 100, part * 100 + 100))
        const killed = yield* Deferred.make<void>()
        yield* Effect.scoped(Effect.gen(function*() {
          const writer = yield* EventWriter.make(plain)
          const transaction = yield* Transaction.begin(transactional, { lease: "10 minutes" })
          const writing = yield* Effect.forEach(parts, (part, index) =>
            Effect.gen(function*() {
              // half of the events are under way when the servers die, the other half finds them gone
              if (index === 100) yield* Deferred.succeed(killed, undefined)
              yield* Effect.asVoid(writer.enqueue(part))
              yield* transaction.write(part)
            })).pipe(Effect.forkChild)
          yield* Deferred.await(killed)
          for (const victim of ["store1", "controller", "store2"] as const) {
            yield* kill(victim)
            yield* start(victim)
          }
          yield* Fiber.join(writing)
          yield* writer.flush
          yield* transaction.commit
          yield* transaction.awaitCommitted
        }))
        for (const stream of [plain, transactional]) {
          const seen = yield* read(stream)
          assert.strictEqual(seen.length, texts.length)
          for (let key = 0; key < 11; key++) {
            const belongs = (text: string) => text.startsWith(`key${key}:`)
            assert.deepStrictEqual(seen.filter(belongs), texts.filter(belongs))
          }
        }
      })),
    patience
  )
})
