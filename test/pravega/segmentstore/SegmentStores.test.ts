import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { SegmentStores, type SegmentStoresOptions } from "../../../src/pravega/segmentstore/SegmentStores.ts"
import { ScriptedStore } from "./ScriptedStore.ts"

const a = { host: "a", port: 1 }
const b = { host: "b", port: 1 }

const settle = Effect.promise(() => new Promise((resolve) => setImmediate(resolve))).pipe(Effect.repeat({ times: 3 }))

/** Runs a test with stores over `store`; its Scope is the layer's. */
const withStores = <A, E>(
  store: ScriptedStore,
  options: SegmentStoresOptions,
  use: (stores: SegmentStores["Service"]) => Effect.Effect<A, E, Scope.Scope>
) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(SegmentStores.layer(options).pipe(Layer.provide(store.layer)))
    return yield* Effect.flatMap(SegmentStores, use).pipe(Effect.provide(context))
  })

describe("SegmentStores", () => {
  it.effect("requests share their connections, store by store", () => {
    const store = new ScriptedStore()
    return withStores(store, { requestConnections: 2 }, (stores) =>
      Effect.gen(function*() {
        const got = yield* Effect.all(Array.from({ length: 6 }, () => stores.requests(a)), { concurrency: 6 })
        assert.strictEqual(new Set(got).size, 2)
        assert.notInclude(got, yield* stores.requests(b))
        assert.deepStrictEqual(store.peers.map((peer) => peer.endpoint), ["a:1", "a:1", "b:1"])
      }))
  })

  it.effect("appends share a connection only within a lane, and never with requests", () => {
    const store = new ScriptedStore()
    return withStores(store, { appendConnections: 3, requestConnections: 1 }, (stores) =>
      Effect.gen(function*() {
        const [one, again, other, wrapped] = yield* Effect.forEach([0, 0, 1, 3], (lane) => stores.appends(a, lane))
        assert.strictEqual(one, again)
        assert.strictEqual(one, wrapped)
        assert.notStrictEqual(one, other)
        assert.notInclude([one, other], yield* stores.requests(a))
        yield* Effect.forEach(Array.from({ length: 20 }), (_, lane) => stores.appends(a, lane))
        assert.lengthOf(store.peers, 3 + 1)
      }))
  })

  it.effect("a lane is the one that the fewest hold", () =>
    withStores(new ScriptedStore(), { appendConnections: 3 }, (stores) =>
      Effect.gen(function*() {
        const held = yield* Scope.make()
        assert.strictEqual(yield* stores.lane, 0)
        assert.strictEqual(yield* Scope.provide(stores.lane, held), 1)
        assert.strictEqual(yield* stores.lane, 2)
        assert.strictEqual(yield* stores.lane, 0)
        yield* Scope.close(held, Exit.void)
        assert.strictEqual(yield* stores.lane, 1)
      })))

  it.effect("a lost connection is opened again, once for all who ask", () => {
    const store = new ScriptedStore()
    return withStores(store, { requestConnections: 1 }, (stores) =>
      Effect.gen(function*() {
        const first = yield* stores.requests(a)
        first.fail("test")
        const got = yield* Effect.all(Array.from({ length: 5 }, () => stores.requests(a)), { concurrency: 5 })
        assert.strictEqual(new Set(got).size, 1)
        assert.isFalse(got[0]!.isLost())
        assert.lengthOf(store.peers, 2)
      }))
  })

  it.effect("a refused connection is tried again by the next who asks", () => {
    const store = new ScriptedStore()
    return withStores(store, { requestConnections: 1 }, (stores) =>
      Effect.gen(function*() {
        store.refuses = true
        const errors = yield* Effect.forEach([1, 2], () => Effect.flip(stores.requests(a)), { concurrency: 2 })
        for (const error of errors) assert.strictEqual(error._tag, "ConnectionRefused")
        store.refuses = false
        assert.isFalse((yield* stores.requests(a)).isLost())
        assert.lengthOf(store.peers, 1)
      }))
  })

  it.effect("a store that ends every connection is not hammered", () => {
    const store = new ScriptedStore()
    store.answer = (_, peer) => peer.pipe.close()
    return withStores(store, { requestConnections: 1 }, (stores) =>
      Effect.gen(function*() {
        yield* stores.requests(a)
        yield* settle
        yield* stores.requests(a)
        yield* settle
        assert.isAtMost(store.peers.length, 4)
      }))
  })

  it.effect("a connection that nobody uses is closed after a while, and not before", () => {
    const store = new ScriptedStore()
    return withStores(store, { idleTimeToLive: "10 seconds" }, (stores) =>
      Effect.gen(function*() {
        const connection = yield* Effect.scoped(stores.appends(a, 0))
        yield* TestClock.adjust("9 seconds")
        assert.strictEqual(yield* Effect.scoped(stores.appends(a, 0)), connection)
        yield* TestClock.adjust("9 seconds")
        assert.isFalse(connection.isLost())
        yield* TestClock.adjust("2 seconds")
        yield* settle
        assert.isTrue(connection.isLost())
        assert.isTrue(store.peer.closed)
      }))
  })

  it.effect("an idle time of zero does not close what somebody is about to get", () => {
    const store = new ScriptedStore()
    return withStores(store, { idleTimeToLive: 0 }, (stores) =>
      Effect.gen(function*() {
        const connection = yield* stores.appends(a, 0)
        assert.isFalse(connection.isLost())
        assert.lengthOf(store.peers, 1)
      }))
  })

  it.effect("when the layer's Scope closes, every connection is closed", () =>
    Effect.gen(function*() {
      const store = new ScriptedStore()
      yield* Effect.scoped(
        withStores(store, {}, (stores) => Effect.all([stores.requests(a), stores.appends(a, 1), stores.appends(b, 0)]))
      )
      yield* settle
      assert.deepStrictEqual(store.peers.map((peer) => peer.closed), [true, true, true])
    }))
})
