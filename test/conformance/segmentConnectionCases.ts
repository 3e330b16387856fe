/** The segment store's own commands, one connection at a time. */
import { assert } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { randomUUID } from "node:crypto"
import * as EventFrame from "../../src/core/bytes/EventFrame.ts"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import { ScopeName } from "../../src/core/ScopeName.ts"
import { makeId } from "../../src/core/Segment.ts"
import { StreamName } from "../../src/core/StreamName.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import type { ConnectionLost } from "../../src/pravega/segmentstore/ConnectionError.ts"
import type { SegmentConnection } from "../../src/pravega/segmentstore/SegmentConnection.ts"
import * as WireCodec from "../../src/pravega/wire/WireCodec.ts"
import type { Command, CommandName, WireCommand } from "../../src/pravega/wire/WireCommand.ts"
import { randomScope } from "../names.ts"
import type { Cases } from "./Server.ts"

/** The store of the tests, and the name of a segment that nobody else uses. */
const place = Effect.gen(function*() {
  const scope = ScopeName.make(randomScope())
  const stream = new ScopedStream({ scope, stream: StreamName.make("s") })
  const endpoint = yield* Effect.flatMap(Pravega, ({ controller }) => controller.endpoint(stream, makeId(0, 0)))
  return { endpoint, segment: `${scope}/s/0.#epoch.0` }
})

const token = { delegationToken: "" }

const is = <N extends CommandName>(command: WireCommand, name: N): command is Command<N> & WireCommand =>
  command._tag === name

/** A call that must be answered by the named command. */
const expect = <N extends CommandName>(
  connection: SegmentConnection,
  name: N,
  request: (requestId: bigint) => WireCommand
) =>
  Effect.map(
    connection.call(request),
    (reply): Command<N> => is(reply, name) ? reply : assert.fail(`got ${reply._tag}`)
  )

const create = (connection: SegmentConnection, segment: string) =>
  expect(connection, "SegmentCreated", (requestId) => ({
    _tag: "CreateSegment",
    requestId,
    segment,
    targetRate: 0,
    scaleType: 0,
    rolloverSizeBytes: 0n,
    ...token
  }))
const seal = (connection: SegmentConnection, segment: string) =>
  expect(connection, "SegmentSealed", (requestId) => ({ _tag: "SealSegment", requestId, segment, ...token }))
const remove = (connection: SegmentConnection, segment: string) =>
  expect(connection, "SegmentDeleted", (requestId) => ({ _tag: "DeleteSegment", requestId, segment, ...token }))
const info = (connection: SegmentConnection, segment: string) =>
  expect(connection, "StreamSegmentInfo", (requestId) => ({
    _tag: "GetStreamSegmentInfo",
    requestId,
    segmentName: segment,
    ...token
  }))
const setup = (connection: SegmentConnection, segment: string, writerId: string) =>
  expect(connection, "AppendSetup", (requestId) => ({ _tag: "SetupAppend", requestId, writerId, segment, ...token }))
const read = (segment: string, offset: bigint, suggestedLength: number) => (requestId: bigint): WireCommand => ({
  _tag: "ReadSegment",
  segment,
  offset,
  suggestedLength,
  requestId,
  ...token
})

/** Reads until `length` bytes are there. */
const readAll = Effect.fnUntraced(function*(connection: SegmentConnection, segment: string, length: number) {
  const bytes = Buffer.alloc(length)
  let at = 0
  while (at < length) {
    const { data, offset } = yield* expect(connection, "SegmentRead", read(segment, BigInt(at), 2 ** 21))
    assert.strictEqual(offset, BigInt(at))
    bytes.set(data, at)
    at += data.length
  }
  return bytes
})

/** Sends appends of the given payloads at once and waits until the last is acknowledged. */
const append = (
  connection: SegmentConnection,
  writerId: string,
  payloads: ReadonlyArray<ReadonlyArray<Uint8Array>>
): Effect.Effect<Array<WireCommand>, ConnectionLost> =>
  Effect.callback((resume) => {
    const encoder = WireCodec.makeAppendEncoder(writerId)
    const requestId = connection.nextRequestId()
    const replies: Array<WireCommand> = []
    const last = BigInt(payloads.length)
    const forget = connection.subscribe(requestId, {
      onReply: (reply) => {
        replies.push(reply)
        if (reply._tag !== "DataAppended" || reply.eventNumber === last) resume(Effect.succeed(replies))
      },
      onLost: (error) => resume(Effect.fail(error))
    })
    payloads.forEach((payload, i) => {
      const length = payload.reduce((size, part) => size + part.length, 0)
      const eventNumber = BigInt(i + 1)
      connection.sendFrame(encoder.encode({ payload, length, eventCount: 1, lastEventNumber: eventNumber, requestId }))
    })
    return Effect.sync(forget)
  })

const event = (size: number, fill: number): Uint8Array => EventFrame.encode(new Uint8Array(size).fill(fill))

export const segmentConnectionCases = (it: Cases): void => {
  it.effect("create, set up, append, read, seal, delete", () =>
    Effect.gen(function*() {
      const { stores } = yield* Pravega
      const { endpoint, segment } = yield* place
      const requests = yield* stores.requests(endpoint)
      const appends = yield* stores.appends(endpoint, yield* stores.lane)
      assert.strictEqual((yield* create(requests, segment)).segment, segment)
      const writerId = randomUUID()
      assert.strictEqual((yield* setup(appends, segment, writerId)).lastEventNumber, -(2n ** 63n))
      const payloads = Array.from({ length: 200 }, (_, i) => [event(i, i), event(3, 1)])
      const whole = Buffer.concat(payloads.flat())
      const acknowledged = (yield* append(appends, writerId, payloads)).at(-1)
      assert.deepInclude(acknowledged, {
        writerId,
        eventNumber: 200n,
        currentSegmentWriteOffset: BigInt(whole.length)
      })
      assert.deepStrictEqual(yield* readAll(requests, segment, whole.length), whole)
      let events = 0
      EventFrame.forEach(whole, () => events++)
      assert.strictEqual(events, 400)
      assert.strictEqual((yield* setup(appends, segment, writerId)).lastEventNumber, 200n)
      yield* seal(requests, segment)
      const end = yield* expect(requests, "SegmentRead", read(segment, BigInt(whole.length), 100))
      assert.isTrue(end.endOfSegment)
      const sealed = yield* info(requests, segment)
      assert.deepInclude(sealed, { isSealed: true, writeOffset: BigInt(whole.length), startOffset: 0n })
      yield* remove(requests, segment)
      const gone = yield* requests.call(read(segment, 0n, 1))
      assert.strictEqual(gone._tag, "NoSuchSegment")
    }))

  it.effect("an append of the largest frame goes through, and reads of many chunks come back whole", () =>
    Effect.gen(function*() {
      const { stores } = yield* Pravega
      const { endpoint, segment } = yield* place
      const requests = yield* stores.requests(endpoint)
      const appends = yield* stores.appends(endpoint, yield* stores.lane)
      yield* create(requests, segment)
      const writerId = randomUUID()
      yield* setup(appends, segment, writerId)
      const first = event(EventFrame.maxEventSize, 7)
      const second = event(WireCodec.maxAppendSize - first.length - EventFrame.headerSize, 9)
      yield* append(appends, writerId, [[first, second]])
      const bytes = yield* readAll(requests, segment, WireCodec.maxAppendSize)
      assert.isTrue(bytes.equals(Buffer.concat([first, second])))
      yield* remove(requests, segment)
    }))

  it.effect("appends in flight when the segment is sealed cost their own connection only", () =>
    Effect.gen(function*() {
      const { stores } = yield* Pravega
      const { endpoint, segment } = yield* place
      const requests = yield* stores.requests(endpoint)
      const lane = yield* stores.lane
      const appends = yield* stores.appends(endpoint, lane)
      const other = yield* stores.appends(endpoint, yield* stores.lane)
      yield* create(requests, segment)
      const writerId = randomUUID()
      yield* setup(appends, segment, writerId)
      yield* seal(requests, segment)
      const [reply] = yield* append(appends, writerId, [[event(1, 1)]])
      assert.strictEqual(reply?._tag, "SegmentIsSealed")
      // Seen: usually the next one, seldom the one after it: the store answers before it forgets the writer.
      const lost = yield* Effect.flip(Effect.forever(append(appends, writerId, [[event(1, 1)]])))
      assert.strictEqual(lost._tag, "ConnectionLost")
      assert.isFalse(requests.isLost())
      assert.isFalse(other.isLost())
      assert.isFalse((yield* stores.appends(endpoint, lane)).isLost())
      yield* remove(requests, segment)
    }))

  it.effect("a read at the tail waits until something is appended", () =>
    Effect.gen(function*() {
      const { stores } = yield* Pravega
      const { endpoint, segment } = yield* place
      const requests = yield* stores.requests(endpoint)
      const appends = yield* stores.appends(endpoint, yield* stores.lane)
      yield* create(requests, segment)
      const poll = yield* Effect.forkChild(expect(requests, "SegmentRead", read(segment, 0n, 1000)), {
        startImmediately: true
      })
      yield* info(requests, segment) // answered while the read waits
      assert.isUndefined(poll.pollUnsafe())
      const writerId = randomUUID()
      yield* setup(appends, segment, writerId)
      yield* append(appends, writerId, [[event(5, 5)]])
      const { atTail, data } = yield* Fiber.join(poll)
      assert.isTrue(atTail)
      assert.deepStrictEqual(new Uint8Array(data), event(5, 5))
      yield* remove(requests, segment)
    }))

  it.effect("what the store takes for a mistake ends the connection, and the pool opens another", () =>
    Effect.gen(function*() {
      const { stores } = yield* Pravega
      const { endpoint, segment } = yield* place
      const lane = yield* stores.lane
      const appends = yield* stores.appends(endpoint, lane)
      const lost = yield* Effect.flip(append(appends, randomUUID(), [[event(1, 1)]])) // without a set-up
      assert.strictEqual(lost._tag, "ConnectionLost")
      assert.isUndefined(lost.cause)
      const reopened = yield* stores.appends(endpoint, lane)
      assert.strictEqual((yield* reopened.call(read(segment, 0n, 1)))._tag, "NoSuchSegment")
    }))

  it.effect("a read at a negative offset is answered, and the connection lives on", () =>
    Effect.gen(function*() {
      const { endpoint, segment } = yield* place
      const connection = yield* Effect.flatMap(Pravega, ({ stores }) => stores.requests(endpoint))
      yield* create(connection, segment)
      const refused = yield* expect(connection, "ErrorMessage", read(segment, -5n, 1))
      assert.deepInclude(refused, { segment, errorCode: 0 })
      yield* remove(connection, segment)
    }))

  it.effect("conditional appends", () =>
    Effect.gen(function*() {
      const { stores } = yield* Pravega
      const { endpoint, segment } = yield* place
      const connection = yield* stores.requests(endpoint)
      yield* create(connection, segment)
      const writerId = randomUUID()
      yield* setup(connection, segment, writerId)
      const at = (eventNumber: bigint, expectedOffset: bigint) => (requestId: bigint): WireCommand => ({
        _tag: "ConditionalAppend",
        writerId,
        eventNumber,
        expectedOffset,
        event: Uint8Array.of(1, 2, 3),
        requestId
      })
      assert.strictEqual((yield* expect(connection, "DataAppended", at(1n, 0n))).currentSegmentWriteOffset, 11n)
      assert.strictEqual((yield* expect(connection, "ConditionalCheckFailed", at(2n, 0n))).eventNumber, 2n)
      assert.strictEqual((yield* expect(connection, "DataAppended", at(2n, 11n))).currentSegmentWriteOffset, 22n)
      yield* remove(connection, segment)
    }))

  it.effect("tables and attributes", () =>
    Effect.gen(function*() {
      const { stores } = yield* Pravega
      const { endpoint, segment } = yield* place
      const connection = yield* stores.requests(endpoint)
      yield* expect(connection, "SegmentCreated", (requestId) => ({
        _tag: "CreateTableSegment",
        requestId,
        segment,
        sortedDeprecated: false,
        keyLength: 0,
        rolloverSizeBytes: 0n,
        ...token
      }))
      const key = Uint8Array.of(1, 2, 3)
      const updated = yield* expect(connection, "TableEntriesUpdated", (requestId) => ({
        _tag: "UpdateTableEntries",
        requestId,
        segment,
        tableEntries: [{ key: { data: key, keyVersion: -1n }, value: Uint8Array.of(9) }],
        tableSegmentOffset: -1n,
        ...token
      }))
      const entries = yield* expect(connection, "TableRead", (requestId) => ({
        _tag: "ReadTable",
        requestId,
        segment,
        keys: [{ data: key, keyVersion: -(2n ** 63n) }, { data: Uint8Array.of(4), keyVersion: -(2n ** 63n) }],
        ...token
      }))
      assert.deepStrictEqual(entries.entries.map(({ key, value }) => [key.keyVersion, Array.from(value)]), [
        [updated.updatedVersions[0]!, [9]],
        [-1n, []]
      ])
      const empty = new Uint8Array(0)
      const keys = yield* expect(connection, "TableKeysRead", (requestId) => ({
        _tag: "ReadTableKeys",
        requestId,
        segment,
        suggestedKeyCount: 10,
        args: { continuationToken: empty, prefixFilter: empty, fromKey: empty, toKey: empty },
        ...token
      }))
      assert.deepStrictEqual(keys.keys.map(({ data }) => new Uint8Array(data)), [key])
      const attributeId = randomUUID()
      const success = yield* expect(connection, "SegmentAttributeUpdated", (requestId) => ({
        _tag: "UpdateSegmentAttribute",
        requestId,
        segmentName: segment,
        attributeId,
        newValue: 42n,
        expectedValue: -(2n ** 63n),
        ...token
      }))
      assert.isTrue(success.success)
      const attribute = yield* expect(connection, "SegmentAttribute", (requestId) => ({
        _tag: "GetSegmentAttribute",
        requestId,
        segmentName: segment,
        attributeId,
        ...token
      }))
      assert.strictEqual(attribute.value, 42n)
    }))
}
