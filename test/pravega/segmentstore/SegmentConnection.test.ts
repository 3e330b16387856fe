import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { ConnectionLost, IncompatibleStore } from "../../../src/pravega/segmentstore/ConnectionError.ts"
import * as SegmentConnection from "../../../src/pravega/segmentstore/SegmentConnection.ts"
import * as WireCodec from "../../../src/pravega/wire/WireCodec.ts"
import type { WireCommand } from "../../../src/pravega/wire/WireCommand.ts"
import { WireError } from "../../../src/pravega/wire/WireError.ts"
import { ScriptedStore } from "./ScriptedStore.ts"

const endpoint = { host: "store", port: 12345 }
const hello: WireCommand = { _tag: "Hello", highVersion: 16, lowVersion: 5 }
const keepAlive: WireCommand = { _tag: "KeepAlive" }
const segment = "scope/stream/0.#epoch.0"

const info = (requestId: bigint): WireCommand => ({
  _tag: "GetStreamSegmentInfo",
  requestId,
  segmentName: segment,
  delegationToken: ""
})
const noSuchSegment = (requestId: bigint): WireCommand => ({
  _tag: "NoSuchSegment",
  requestId,
  segment,
  serverStackTrace: "",
  offset: -1n
})
const read = (requestId: bigint, offset: bigint): WireCommand => ({
  _tag: "ReadSegment",
  segment,
  offset,
  suggestedLength: 100,
  delegationToken: "old",
  requestId
})

/** Lets everything that is due happen: fibers, then the pipes' microtasks, a few times over. */
const settle = Effect.promise(() => new Promise((resolve) => setImmediate(resolve))).pipe(Effect.repeat({ times: 3 }))

const connect = (store: ScriptedStore, options?: SegmentConnection.ConnectionOptions) =>
  SegmentConnection.make(endpoint, options).pipe(Effect.provide(store.layer))

/** Subscribes under a fresh id and notes what is told. */
const listen = (connection: SegmentConnection.SegmentConnection) => {
  const requestId = connection.nextRequestId()
  const replies: Array<WireCommand> = []
  const lost: Array<ConnectionLost> = []
  const forget = connection.subscribe(requestId, {
    onReply: (reply) => replies.push(reply),
    onLost: (error) => lost.push(error)
  })
  return { requestId, replies, lost, forget }
}

describe("SegmentConnection", () => {
  it.effect("says Hello first and does not wait for the answer", () =>
    Effect.gen(function*() {
      const store = new ScriptedStore()
      const connection = yield* connect(store)
      connection.send(info(connection.nextRequestId()))
      yield* settle
      assert.deepStrictEqual(store.peer.tags(), ["Hello", "GetStreamSegmentInfo"])
      assert.deepStrictEqual(store.peer.received[0], hello)
      assert.strictEqual(connection.endpoint, "store:12345")
    }))

  it.effect("replies find their requests in any order", () =>
    Effect.gen(function*() {
      const store = new ScriptedStore()
      const connection = yield* connect(store)
      const calls = yield* Effect.forkChild(Effect.all([connection.call(info), connection.call(info)], {
        concurrency: 2
      }))
      yield* settle
      const ids = store.peer.received.flatMap((command) =>
        command._tag === "GetStreamSegmentInfo" ? [command.requestId] : []
      )
      store.peer.say(hello, ...ids.toReversed().map(noSuchSegment))
      const replies = yield* Fiber.join(calls)
      assert.deepStrictEqual(replies, ids.map(noSuchSegment))
      assert.strictEqual(new Set(ids).size, 2)
    }))

  it.effect("a subscriber hears every reply to its id until it forgets it", () =>
    Effect.gen(function*() {
      const store = new ScriptedStore()
      const connection = yield* connect(store)
      const subscriber = listen(connection)
      store.peer.say(noSuchSegment(subscriber.requestId), noSuchSegment(subscriber.requestId))
      yield* settle
      assert.lengthOf(subscriber.replies, 2)
      subscriber.forget()
      store.peer.say(noSuchSegment(subscriber.requestId))
      yield* settle
      assert.lengthOf(subscriber.replies, 2)
      assert.isFalse(connection.isLost())
    }))

  it.effect("interruption forgets the reply", () =>
    Effect.gen(function*() {
      const store = new ScriptedStore()
      const connection = yield* connect(store)
      let requestId = 0n
      const call = yield* Effect.forkChild(connection.call((id) => info(requestId = id)), { startImmediately: true })
      yield* Fiber.interrupt(call)
      const other = yield* Effect.forkChild(connection.call(info), { startImmediately: true })
      store.peer.say(noSuchSegment(requestId))
      yield* settle
      assert.isFalse(connection.isLost())
      assert.isUndefined(other.pollUnsafe())
      store.peer.say(noSuchSegment(requestId + 1n))
      assert.deepStrictEqual(yield* Fiber.join(other), noSuchSegment(requestId + 1n))
    }))

  it.effect("a command without an encoding throws from send and is a defect of call; nothing is sent", () =>
    Effect.gen(function*() {
      const store = new ScriptedStore()
      const connection = yield* connect(store)
      const bad = (requestId: bigint): WireCommand => ({
        _tag: "SegmentSealed",
        requestId,
        segment: "x".repeat(70_000)
      })
      assert.throws(() => connection.send(bad(1n)), WireError)
      assert.isTrue(Exit.hasDies(yield* Effect.exit(connection.call(bad))))
      yield* settle
      assert.deepStrictEqual(store.peer.tags(), ["Hello"])
    }))

  describe("time", () => {
    it.effect("a KeepAlive goes out every 10 s in which nothing came", () =>
      Effect.gen(function*() {
        const store = new ScriptedStore()
        yield* connect(store)
        yield* settle
        store.peer.say(hello)
        yield* settle
        yield* TestClock.adjust("10 seconds") // the Hello came in this one
        yield* settle
        assert.deepStrictEqual(store.peer.tags(), ["Hello"])
        yield* TestClock.adjust("10 seconds")
        yield* settle
        assert.deepStrictEqual(store.peer.tags(), ["Hello", "KeepAlive"])
        store.peer.say(keepAlive)
        yield* settle
        yield* TestClock.adjust("10 seconds")
        yield* settle
        assert.deepStrictEqual(store.peer.tags(), ["Hello", "KeepAlive"])
      }))

    it.effect("silence of a minute loses the connection, an answer to a KeepAlive saves it", () =>
      Effect.gen(function*() {
        const store = new ScriptedStore()
        const connection = yield* connect(store)
        const { lost } = listen(connection)
        yield* TestClock.adjust("50 seconds")
        store.peer.say(keepAlive)
        yield* settle
        yield* TestClock.adjust("60 seconds")
        assert.isEmpty(lost)
        yield* TestClock.adjust("10 seconds")
        assert.lengthOf(lost, 1)
        assert.match(lost[0]!.message, /store:12345 lost: nothing came for 1m/)
        yield* settle
        assert.isTrue(store.peer.closed)
        assert.isTrue(lost[0]!.isRetryable)
      }))
  })

  describe("loss", () => {
    it.effect("tells every subscriber once, and whoever comes later at once", () =>
      Effect.gen(function*() {
        const store = new ScriptedStore()
        const connection = yield* connect(store)
        const subscribers = [listen(connection), listen(connection)]
        const call = yield* Effect.forkChild(Effect.flip(connection.call(info)), { startImmediately: true })
        const forgotten = listen(connection)
        forgotten.forget()
        store.peer.pipe.close()
        yield* settle
        connection.fail("again")
        assert.isTrue(connection.isLost())
        const error = yield* Fiber.join(call)
        assert.match(error.message, /the store closed it/)
        for (const { lost } of subscribers) assert.deepStrictEqual(lost, [error])
        assert.isEmpty(forgotten.lost)
        assert.deepStrictEqual(listen(connection).lost, [error])
        assert.strictEqual(yield* Effect.flip(connection.call(info)), error)
        assert.isTrue(connection.send(info(1n)))
        connection.onDrain(() => assert.fail("drained after the loss"))
      }))

    it.effect("a user may end it for everybody", () =>
      Effect.gen(function*() {
        const store = new ScriptedStore()
        const connection = yield* connect(store)
        const { lost } = listen(connection)
        connection.fail("an acknowledgement is missing")
        assert.match(lost[0]!.message, /an acknowledgement is missing/)
        yield* settle
        assert.isTrue(store.peer.closed)
      }))

    it.effect("bytes that are no command are a typed loss", () =>
      Effect.gen(function*() {
        const store = new ScriptedStore()
        const connection = yield* connect(store)
        const { lost } = listen(connection)
        store.peer.pipe.write([new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n")])
        yield* settle
        assert.instanceOf(lost[0]!.cause, WireError)
        assert.isTrue(store.peer.closed)
      }))

    it.effect("the commands before the garbage are heard", () =>
      Effect.gen(function*() {
        const store = new ScriptedStore()
        const connection = yield* connect(store)
        const subscriber = listen(connection)
        const good = WireCodec.encode(noSuchSegment(subscriber.requestId))
        store.peer.pipe.write([new Uint8Array([...good, ...new Uint8Array(8).fill(0x7f)])])
        yield* settle
        assert.lengthOf(subscriber.replies, 1)
        assert.lengthOf(subscriber.lost, 1)
      }))

    it.effect("a close within a frame says so", () =>
      Effect.gen(function*() {
        const store = new ScriptedStore()
        const connection = yield* connect(store)
        const { lost } = listen(connection)
        store.peer.pipe.write([WireCodec.encode(hello).subarray(0, 10)])
        store.peer.pipe.close()
        yield* settle
        assert.match(lost[0]!.message, /within a frame/)
      }))

    it.effect("a handler that throws ends the connection instead of the process", () =>
      Effect.gen(function*() {
        const store = new ScriptedStore()
        const connection = yield* connect(store)
        const other = listen(connection)
        const requestId = connection.nextRequestId()
        const bug = new Error("bug")
        connection.subscribe(requestId, {
          onReply: () => {
            throw bug
          },
          onLost: () => {}
        })
        store.peer.say(noSuchSegment(requestId))
        yield* settle
        assert.strictEqual(other.lost[0]!.cause, bug)
      }))

    for (
      const [high, low, compatible] of [[17, 5, true], [5, 1, true], [16, 16, true], [4, 1, false], [
        18,
        17,
        false
      ]] as const
    ) {
      it.effect(`a store of versions ${low} to ${high} is ${compatible ? "accepted" : "refused"}`, () =>
        Effect.gen(function*() {
          const store = new ScriptedStore()
          const connection = yield* connect(store)
          const { lost } = listen(connection)
          store.peer.say({ _tag: "Hello", highVersion: high, lowVersion: low })
          yield* settle
          assert.strictEqual(connection.isLost(), !compatible)
          if (compatible) return
          assert.instanceOf(lost[0]!.cause, IncompatibleStore)
          assert.isFalse(lost[0]!.isRetryable)
        }))
    }

    it.effect("a store that leaves request ids out is refused, not waited for", () =>
      Effect.gen(function*() {
        const store = new ScriptedStore()
        const connection = yield* connect(store)
        const { lost } = listen(connection)
        store.peer.say({
          _tag: "SegmentRead",
          segment,
          offset: 0n,
          atTail: true,
          endOfSegment: false,
          data: new Uint8Array(0),
          requestId: -1n
        })
        yield* settle
        assert.match(lost[0]!.message, /SegmentRead without a request id/)
      }))
  })

  it.effect("a refused read is told, though the store puts its offset where the request id belongs", () =>
    Effect.gen(function*() {
      const store = new ScriptedStore()
      const connection = yield* connect(store)
      const [first, second, elsewhere, answered] = [1, 2, 3, 4].map(() => listen(connection))
      connection.send(read(first!.requestId, 0n))
      connection.send(read(second!.requestId, 0n))
      connection.send(read(elsewhere!.requestId, 7n))
      connection.send(read(answered!.requestId, 0n))
      answered!.forget()
      const refused = { _tag: "AuthTokenCheckFailed", serverStackTrace: "", errorCode: 1 } as const
      store.peer.say({ ...refused, requestId: 0n })
      yield* settle
      for (const reader of [first!, second!]) {
        assert.deepStrictEqual(reader.replies, [{ ...refused, requestId: reader.requestId }])
      }
      assert.isEmpty(elsewhere!.replies)
      assert.isEmpty(answered!.replies)
      const call = yield* Effect.forkChild(connection.call((id) => read(id, 99n)), { startImmediately: true })
      store.peer.say({ ...refused, requestId: 99n })
      assert.strictEqual((yield* Fiber.join(call))._tag, "AuthTokenCheckFailed")
    }))

  it.effect("back-pressure: send says when to stop, and each waiter is called when there is room", () =>
    Effect.gen(function*() {
      const store = new ScriptedStore(1000)
      const connection = yield* connect(store)
      yield* settle
      store.peer.pipe.pause()
      const frame = WireCodec.encode({ _tag: "AppendBlock", writerId: "0".repeat(32), data: new Uint8Array(600) })
      const drained: Array<number> = []
      connection.onDrain(() => drained.push(0))
      assert.deepStrictEqual(drained, [0])
      assert.isTrue(connection.sendFrame([frame]))
      assert.isFalse(connection.sendFrame([frame]))
      connection.onDrain(() => {
        drained.push(1)
        connection.sendFrame([frame])
        connection.sendFrame([frame]) // full again: the next one waits on
      })
      connection.onDrain(() => drained.push(2))
      yield* settle
      assert.deepStrictEqual(drained, [0])
      store.peer.pipe.resume()
      yield* settle
      assert.deepStrictEqual(drained, [0, 1, 2])
      assert.lengthOf(store.peer.received, 5)
    }))

  it.effect("when its Scope closes nothing is left: no pipe, no fiber, nobody waiting", () =>
    Effect.gen(function*() {
      const store = new ScriptedStore()
      const scope = yield* Scope.make()
      const connection = yield* connect(store).pipe(Scope.provide(scope))
      const { lost } = listen(connection)
      yield* settle
      yield* Scope.close(scope, Exit.void)
      assert.match(lost[0]!.message, /it was released/)
      yield* settle
      assert.isTrue(store.peer.closed)
      yield* TestClock.adjust("10 minutes")
      yield* settle
      assert.deepStrictEqual(store.peer.tags(), ["Hello"])
    }))

  it("whatever bytes come in whatever pieces: living, or lost with a typed error; the store sees it closed", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }),
        (chunks) =>
          Effect.runPromise(Effect.scoped(Effect.gen(function*() {
            const store = new ScriptedStore()
            const connection = yield* connect(store)
            const { lost } = listen(connection)
            store.peer.say(hello)
            store.peer.pipe.write(chunks)
            yield* settle
            assert.strictEqual(connection.isLost(), lost.length === 1)
            assert.strictEqual(store.peer.closed, lost.length === 1)
            for (const error of lost) assert.instanceOf(error, ConnectionLost)
          })))
      ),
      { numRuns: 100 }
    ))
})
