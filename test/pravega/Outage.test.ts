/** What is waited for too long is said: by writers, requests on segments, controller calls, connections. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, Metric, References } from "effect"
import { TestClock } from "effect/testing"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import { makeId } from "../../src/core/Segment.ts"
import { Controller } from "../../src/pravega/controller/Controller.ts"
import * as Outage from "../../src/pravega/Outage.ts"
import { ConnectionRefused } from "../../src/pravega/segmentstore/ConnectionError.ts"
import * as SegmentConnection from "../../src/pravega/segmentstore/SegmentConnection.ts"
import * as SegmentRequests from "../../src/pravega/segmentstore/SegmentRequests.ts"
import { Segments } from "../../src/pravega/segmentstore/Segments.ts"
import { SegmentStores } from "../../src/pravega/segmentstore/SegmentStores.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import { reply, scripted, unsent } from "./controller/ScriptedTransport.ts"
import { ScriptedStore } from "./segmentstore/ScriptedStore.ts"
import { AppendStore, finish } from "./write/AppendStore.ts"

const stream = ScopedStream.fromTextUnsafe("market/lines")
const lines = EventStream.make(stream, { codec: EventCodec.utf8 })

/** Collects what is logged, level first. */
const logging = () => {
  const logged: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => void logged.push(`${logLevel}: ${String(message)}`))
  const layer = Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, "Info"))
  return { logged, layer }
}

const settle = Effect.promise(() => new Promise((resolve) => setImmediate(resolve))).pipe(Effect.repeat({ times: 3 }))

/** Lets time pass in small steps, each with whatever is due in it. */
const pass = (seconds: number) =>
  Effect.repeat(Effect.andThen(TestClock.adjust("500 millis"), settle), { times: 2 * seconds - 1 })

const activities = Effect.map(Outage.current, (outages) => outages.map(({ activity }) => activity))

/** Forks an Effect, and waits as long as its layer is being loaded. */
const start = Effect.fnUntraced(function*<A, E, R>(effect: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.forkChild(effect)
  yield* Effect.promise(() => import("../../src/pravega/controller/ControllerClient.ts"))
  yield* settle
  return fiber
})

describe("an outage", () => {
  it.effect("of a writer whose store can't be reached is said after seconds, said again, and when it is over", () => {
    const store = new AppendStore(stream, 1)
    const { layer, logged } = logging()
    return Effect.gen(function*() {
      store.connectsRefused = 1e9
      const writer = yield* EventWriter.make(lines)
      const writing = yield* Effect.forkChild(writer.write("x"))
      const before = (yield* Metric.value(Outage.noticed)).count
      yield* pass(4)
      assert.deepStrictEqual(logged, [])
      yield* pass(8)
      assert.lengthOf(logged, 1)
      assert.match(logged[0]!, /^Warn: writing to market\/lines\/0.#epoch.0 has made no progress for \d+ s: .*refused/)
      assert.deepStrictEqual(yield* activities, ["writing to market/lines/0.#epoch.0"])
      assert.strictEqual((yield* Metric.value(Outage.outages)).value, 1)
      assert.strictEqual((yield* Metric.value(Outage.noticed)).count, before + 1)
      yield* pass(15)
      assert.lengthOf(logged, 1)
      yield* pass(20)
      assert.lengthOf(logged, 2)
      store.connectsRefused = 0
      yield* finish(store, () => writing.pollUnsafe() !== undefined)
      yield* pass(3)
      assert.match(logged[2]!, /^Info: writing to market\/lines\/0.#epoch.0 goes on after \d+ s$/)
      assert.deepStrictEqual(yield* activities, [])
      assert.strictEqual((yield* Metric.value(Outage.outages)).value, 0)
    }).pipe(Effect.provide(Layer.merge(store.layer, layer)))
  })

  it.effect("of a writer whose store takes what is sent and acknowledges nothing is said too", () => {
    const store = new AppendStore(stream, 1)
    const { layer, logged } = logging()
    return Effect.gen(function*() {
      const writer = yield* EventWriter.make(lines)
      const writing = yield* Effect.forkChild(writer.write("x"))
      yield* settle
      for (const connection of store.connections) {
        connection.deliverToStore()
        connection.deliverToClient()
      }
      yield* pass(12)
      assert.lengthOf(logged, 1)
      assert.match(logged[0]!, /the segment store has not acknowledged what was sent/)
      yield* finish(store, () => writing.pollUnsafe() !== undefined)
    }).pipe(Effect.provide(Layer.merge(store.layer, layer)))
  })

  it.effect("of one store is one line, however many segments wait for it", () => {
    const store = new AppendStore(stream, 6)
    const { layer, logged } = logging()
    return Effect.gen(function*() {
      store.connectsRefused = 1e9
      const writer = yield* EventWriter.make(
        EventStream.make(stream, { codec: EventCodec.utf8, routingKey: (text) => text })
      )
      const writing = yield* Effect.forkChild(writer.writeAll(Array.from({ length: 100 }, (_, i) => `${i}`)))
      yield* pass(12)
      assert.lengthOf(logged, 1)
      assert.lengthOf(yield* activities, 6)
      store.connectsRefused = 0
      yield* finish(store, () => writing.pollUnsafe() !== undefined)
    }).pipe(Effect.provide(Layer.merge(store.layer, layer)))
  })

  it.effect("of a writer with nothing to write is none", () => {
    const store = new AppendStore(stream, 1)
    const { layer, logged } = logging()
    return Effect.gen(function*() {
      const writer = yield* EventWriter.make(lines)
      const writing = yield* Effect.forkChild(writer.write("x"))
      yield* finish(store, () => writing.pollUnsafe() !== undefined)
      store.connectsRefused = 1e9
      yield* pass(60)
      assert.deepStrictEqual(logged, [])
    }).pipe(Effect.provide(Layer.merge(store.layer, layer)))
  })

  it.effect("of the controller is said while it is tried, and while it does not answer", () => {
    const { layer, logged } = logging()
    return Effect.gen(function*() {
      const silent = scripted({ checkStreamExists: [Effect.never] })
      const asking = yield* start(
        Effect.provide(Effect.flatMap(Controller, (it) => it.streamExists(stream)), silent.layer)
      )
      yield* pass(7)
      assert.match(
        logged[0]!,
        /checkStreamExists of market\/lines has made no progress for 5 s: no answer from the controller;/
      )
      yield* Fiber.interrupt(asking)
      assert.deepStrictEqual(yield* activities, [])

      const answers = [...Array.from({ length: 7 }, () => unsent), reply("checkStreamExists", { exists: true })]
      const late = scripted({ checkStreamExists: answers })
      const again = yield* start(
        Effect.provide(Effect.flatMap(Controller, (it) => it.streamExists(stream)), late.layer)
      )
      yield* pass(30)
      assert.isTrue(yield* Fiber.join(again))
      assert.match(logged[1]!, /^Warn: checkStreamExists of market\/lines .*UNAVAILABLE: No connection established/)
      assert.match(logged[2]!, /^Info: checkStreamExists of market\/lines goes on after/)
      assert.lengthOf(logged, 3)
    }).pipe(Effect.provide(layer))
  })

  it.effect("of a read is one that fails, not one that waits at the tail", () => {
    const { layer, logged } = logging()
    let isRefused = false
    const refused = new ConnectionRefused({ endpoint: "store:1", cause: new Error("gone") })
    const connection = Layer.mock(SegmentStores)({
      requests: () =>
        isRefused ? Effect.fail(refused) : Effect.map(
          SegmentConnection.make({ host: "store", port: 1 }).pipe(Effect.provide(new ScriptedStore().layer)),
          (connection) => ({ ...connection, call: () => Effect.never })
        )
    })
    const controller = Layer.mock(Controller)({
      endpoint: () => Effect.succeed({ host: "store", port: 1 }),
      delegationToken: () => Effect.succeed("")
    })
    const segment = { stream, id: makeId(0, 0) }
    return Effect.gen(function*() {
      const segments = yield* Segments
      const reading = Effect.forkChild(segments.read(segment, { offset: 0n, length: 1 }))
      const waiting = yield* reading
      yield* pass(60)
      assert.deepStrictEqual(logged, [])
      yield* Fiber.interrupt(waiting)
      isRefused = true
      yield* reading
      yield* pass(7)
      assert.deepStrictEqual(logged, [
        "Warn: read of market/lines/0.#epoch.0 has made no progress for 5 s: cannot connect to segment store store:1: gone; " +
        "it is tried again"
      ])
    }).pipe(Effect.provide(SegmentRequests.layer.pipe(Layer.provide([connection, controller]), Layer.merge(layer))))
  })

  it.effect("of a connection is one that answers no KeepAlive while somebody waits", () => {
    const { layer, logged } = logging()
    const store = new ScriptedStore()
    return Effect.gen(function*() {
      const connection = yield* SegmentConnection.make({ host: "store", port: 1 }).pipe(Effect.provide(store.layer))
      yield* pass(25)
      assert.deepStrictEqual(logged, [])
      connection.subscribe(connection.nextRequestId(), { onReply: () => {}, onLost: () => {} })
      yield* pass(10)
      assert.deepStrictEqual(logged, [
        "Warn: the connection to segment store store:1 has made no progress for 30 s: " +
        "segment store store:1 answers nothing, no KeepAlive either; it is tried again"
      ])
      store.peer.say({ _tag: "KeepAlive" })
      yield* pass(10)
      assert.match(logged[1]!, /^Info: the connection to segment store store:1 goes on after/)
    }).pipe(Effect.scoped, Effect.provide(layer))
  })
})
