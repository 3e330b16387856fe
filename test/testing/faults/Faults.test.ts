import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import fc from "fast-check"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import * as Embedded from "../../../src/embedded/Embedded.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { ControllerTransport, TransportError } from "../../../src/pravega/controller/ControllerTransport.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as BatchReader from "../../../src/pravega/read/BatchReader.ts"
import * as BytePipe from "../../../src/pravega/segmentstore/BytePipe.ts"
import { SegmentStoreTransport } from "../../../src/pravega/segmentstore/SegmentStoreTransport.ts"
import * as EventWriter from "../../../src/pravega/write/EventWriter.ts"
import * as Faults from "../../../src/testing/faults/Faults.ts"
import * as FaultyServer from "../../../src/testing/faults/FaultyServer.ts"
import * as Simulation from "../../../src/testing/simulation/Simulation.ts"
import { temporaryFolder } from "../../temporary.ts"

const lines = EventStream.make("tests/lines", { codec: EventCodec.utf8, routingKey: (line) => line })
const createLines = Admin.ensureStream(lines.name, { scaling: { _tag: "Fixed", segments: 2 } })
const numbered = (count: number) => Array.from({ length: count }, (_, n) => `line ${n}`)

const write = (events: ReadonlyArray<string>) =>
  Effect.scoped(Effect.flatMap(EventWriter.make(lines), (writer) => writer.writeAll(events)))

const readAll = Effect.map(
  Stream.runCollect(BatchReader.stream(lines)),
  (read) => read.map(({ event }) => event).toSorted()
)

/** A controller that only counts. */
const counting = () => {
  const done: Array<string> = []
  const layer = Layer.succeed(ControllerTransport, {
    unary: (method) =>
      Effect.sync(() => {
        done.push(method)
        return new Uint8Array([done.length])
      })
  })
  return { done, layer }
}

/** A store that answers each piece with the same. */
const echo = Layer.unwrap(Effect.sync(() =>
  SegmentStoreTransport.layerMemory(() =>
    Effect.sync(() => {
      const [client, server] = BytePipe.makePair()
      server.listen({ onData: (bytes) => void server.write([bytes]), onDrain: () => {}, onClose: () => {} })
      return client
    })
  )
))

const unary = (faults: Faults.Faults, transport: Layer.Layer<ControllerTransport>) =>
  Effect.gen(function*() {
    const { unary } = yield* ControllerTransport
    return (method: string) => unary(method, new Uint8Array(0), { timeout: Duration.seconds(10), metadata: {} })
  }).pipe(Effect.provide(Layer.provide(faults.layer, Layer.merge(transport, echo))))

const endpoint = { host: "store", port: 1 }

/** A frame of the wire protocol, of no meaning. */
const frame = (size: number) => {
  const bytes = new Uint8Array(8 + size).fill(7)
  new DataView(bytes.buffer).setUint32(0, 1)
  new DataView(bytes.buffer).setUint32(4, size)
  return bytes
}

/** An open connection to the echo, with what its client has heard. */
const connected = (faults: Faults.Faults) =>
  Effect.gen(function*() {
    const { open } = yield* SegmentStoreTransport
    const pipe = yield* open(endpoint)
    const heard = { bytes: 0, closed: false }
    pipe.listen({
      onData: (chunk) => void (heard.bytes += chunk.length),
      onDrain: () => {},
      onClose: () => void (heard.closed = true)
    })
    return { pipe, heard }
  }).pipe(Effect.provide(Layer.provide(faults.layer, Layer.merge(counting().layer, echo))))

/** Lets everything happen that needs no time. */
const settle = Effect.repeat(TestClock.adjust(0), { times: 9 })

describe("Faults of calls", () => {
  const faulty = (fault: Faults.CallFault) =>
    Effect.gen(function*() {
      const faults = yield* Faults.make()
      const { done, layer } = counting()
      const call = yield* unary(faults, layer)
      faults.once(fault, { method: "wanted", skip: 1 })
      // neither others nor the first of its kind meet it
      yield* call("other")
      yield* call("wanted")
      const before = done.length
      const fiber = yield* Effect.forkChild(Effect.result(call("wanted")))
      yield* settle
      return { faults, fiber, times: () => done.length - before }
    })

  it.effect("refuse: not done, and the caller knows it", () =>
    Effect.gen(function*() {
      const { faults, fiber, times } = yield* faulty({ _tag: "RefuseCall" })
      const error = Result.getOrThrow(Result.flip(yield* Fiber.join(fiber)))
      assert.instanceOf(error, TransportError)
      assert.deepStrictEqual([error.sent, times(), faults.injected()], [false, 0, ["RefuseCall wanted"]])
    }))

  it.effect("lose the request: not done, and the caller can't know", () =>
    Effect.gen(function*() {
      const { fiber, times } = yield* faulty({ _tag: "LoseRequest" })
      const error = Result.getOrThrow(Result.flip(yield* Fiber.join(fiber)))
      assert.deepStrictEqual([error.sent, error.code, times()], [true, "UNAVAILABLE", 0])
    }))

  it.effect("lose the reply: done, and the caller can't know", () =>
    Effect.gen(function*() {
      const { fiber, times } = yield* faulty({ _tag: "LoseReply" })
      const error = Result.getOrThrow(Result.flip(yield* Fiber.join(fiber)))
      assert.deepStrictEqual([error.sent, error.code, times()], [true, "UNAVAILABLE", 1])
    }))

  for (const [_tag, done] of [["LoseRequest", 0], ["LoseReply", 1]] as const) {
    it.effect(`${_tag} silently: the caller hears nothing`, () =>
      Effect.gen(function*() {
        const { fiber, times } = yield* faulty({ _tag, silently: true })
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual([fiber.pollUnsafe(), times()], [undefined, done])
        yield* Fiber.interrupt(fiber)
      }))
  }

  it.effect("duplicate: done twice, with the first answer", () =>
    Effect.gen(function*() {
      const { fiber, times } = yield* faulty({ _tag: "DuplicateCall" })
      assert.deepStrictEqual(Result.getOrThrow(yield* Fiber.join(fiber)), new Uint8Array([3]))
      assert.strictEqual(times(), 2)
    }))

  it.effect("delay: late to the server, and late back", () =>
    Effect.gen(function*() {
      const { fiber, times } = yield* faulty({ _tag: "DelayCall", by: "3 seconds" })
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(times(), 0)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([times(), fiber.pollUnsafe()], [1, undefined])
      yield* TestClock.adjust("3 seconds")
      assert.isTrue(Result.isSuccess(yield* Fiber.join(fiber)))
    }))

  it.effect("pause: neither done nor refused, until it is resumed", () =>
    Effect.gen(function*() {
      const faults = yield* Faults.make()
      const { done, layer } = counting()
      const call = yield* unary(faults, layer)
      faults.pause()
      const fiber = yield* Effect.forkChild(call("wanted"))
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual([done.length, fiber.pollUnsafe()], [0, undefined])
      faults.resume()
      yield* Fiber.join(fiber)
      assert.strictEqual(done.length, 1)
    }))

  it.effect("cut off: nothing it sends arrives any more", () =>
    Effect.gen(function*() {
      const faults = yield* Faults.make()
      const { done, layer } = counting()
      const call = yield* unary(faults, layer)
      faults.cutOff()
      const fiber = yield* Effect.forkChild(call("wanted"))
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual([done.length, fiber.pollUnsafe()], [0, undefined])
      yield* Fiber.interrupt(fiber)
    }))
})

describe("Faults of connections", () => {
  it.effect("without any, bytes pass in both directions, and the end too", () =>
    Effect.gen(function*() {
      const { heard, pipe } = yield* connected(yield* Faults.make())
      for (let i = 1; i <= 3; i++) {
        pipe.write([frame(10), frame(20)])
        yield* settle
        assert.deepStrictEqual(heard, { bytes: 46 * i, closed: false })
      }
    }))

  it.effect("refuse", () =>
    Effect.gen(function*() {
      const faults = yield* Faults.make()
      faults.once({ _tag: "RefuseConnection" })
      const refused = yield* Effect.flip(Effect.asVoid(connected(faults)))
      assert.strictEqual(refused._tag, "ConnectionRefused")
      yield* connected(faults)
    }))

  it.effect("drop: both ends are told, what is under way is lost", () =>
    Effect.gen(function*() {
      const faults = yield* Faults.make()
      const { heard, pipe } = yield* connected(faults)
      faults.once({ _tag: "DropConnection" }, { to: "server", skip: 1 })
      pipe.write([frame(10)])
      yield* settle
      pipe.write([frame(10)])
      yield* settle
      assert.deepStrictEqual(heard, { bytes: 18, closed: true })
    }))

  it.effect("cut: a part of a frame arrives, and then the end", () =>
    Effect.gen(function*() {
      for (let seed = 0; seed < 20; seed++) {
        const faults = yield* Faults.make({ seed })
        const { heard, pipe } = yield* connected(faults)
        faults.once({ _tag: "CutFrame" }, { to: "client" })
        pipe.write([frame(100)])
        yield* settle
        assert.isTrue(heard.closed)
        assert.isTrue(heard.bytes > 0 && heard.bytes < 108, `${heard.bytes} of 108`)
      }
    }))

  it.effect("half close: who listens is told of the end, who sends is not", () =>
    Effect.gen(function*() {
      const faults = yield* Faults.make()
      const toServer = yield* connected(faults)
      faults.once({ _tag: "HalfClose" }, { to: "server" })
      toServer.pipe.write([frame(10)])
      yield* settle
      // the echo's end is gone; the client waits for an answer that does not come
      assert.deepStrictEqual(toServer.heard, { bytes: 0, closed: false })
      const toClient = yield* connected(faults)
      faults.once({ _tag: "HalfClose" }, { to: "client" })
      toClient.pipe.write([frame(10)])
      yield* settle
      assert.deepStrictEqual(toClient.heard, { bytes: 0, closed: true })
    }))

  it.effect("duplicate: a whole frame twice, never a part of one", () =>
    Effect.gen(function*() {
      const faults = yield* Faults.make()
      const { heard, pipe } = yield* connected(faults)
      faults.once({ _tag: "DuplicateFrame" }, { to: "server" })
      const bytes = frame(10)
      pipe.write([bytes.subarray(0, 5)])
      pipe.write([bytes.subarray(5)])
      yield* settle
      assert.strictEqual(heard.bytes, 18)
      pipe.write([bytes])
      yield* settle
      assert.strictEqual(heard.bytes, 54)
    }))

  it.effect("delay: what comes later waits behind it", () =>
    Effect.gen(function*() {
      const faults = yield* Faults.make()
      const { heard, pipe } = yield* connected(faults)
      faults.once({ _tag: "DelayFrame", by: "3 seconds" }, { to: "server" })
      pipe.write([frame(10)])
      pipe.write([frame(20)])
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(heard.bytes, 0)
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.strictEqual(heard.bytes, 46)
    }))

  it.effect("pause, resume, drop by hand, cut off", () =>
    Effect.gen(function*() {
      const faults = yield* Faults.make()
      const { heard, pipe } = yield* connected(faults)
      faults.pause()
      pipe.write([frame(10)])
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(heard.bytes, 0)
      faults.resume()
      yield* settle
      assert.strictEqual(heard.bytes, 18)
      faults.dropConnections()
      yield* settle
      assert.isTrue(heard.closed)
      const second = yield* connected(faults)
      faults.cutOff()
      second.pipe.write([frame(10)])
      yield* settle
      assert.deepStrictEqual(second.heard, { bytes: 0, closed: false })
    }))

  it.effect("a writer that is quicker than its reader is told to wait, and to go on", () =>
    Effect.gen(function*() {
      const [client, server] = BytePipe.makePair()
      const faults = yield* Faults.make()
      const transport = SegmentStoreTransport.layerMemory(() => Effect.succeed(client))
      const { open } = yield* Effect.provide(
        SegmentStoreTransport,
        Layer.provide(faults.layer, Layer.merge(transport, counting().layer))
      )
      const pipe = yield* open(endpoint)
      let drained = 0
      pipe.listen({ onData: () => {}, onDrain: () => void drained++, onClose: () => {} })
      let written = 0
      // nobody listens at the other end: sooner or later all buffers are full
      for (let i = 0; i < 100; i++) {
        written += 8 + 10_000
        if (!pipe.write([frame(10_000)])) yield* settle
      }
      assert.isFalse(pipe.write([frame(10_000)]))
      written += 10_008
      let received = 0
      const before = drained
      server.listen({ onData: (chunk) => void (received += chunk.length), onDrain: () => {}, onClose: () => {} })
      for (let i = 0; i < 20; i++) yield* settle
      assert.deepStrictEqual([received, drained > before], [written, true])
    }))
})

describe("Faults by rate", () => {
  it("refuses rates that are none", () =>
    assert.throws(() => Effect.runSync(Faults.make({ rates: { loseReply: 2 } })), /loseReply is 2/))

  /** A client writes and reads through faults until it has seen all; what was injected, and when it was done. */
  const life = (seed: number) =>
    Simulation.run((simulation) =>
      Effect.scoped(Effect.gen(function*() {
        const server = yield* FaultyServer.make({ seed })
        yield* server.undisturbed(createLines)
        const faults = yield* Faults.make({
          seed,
          rates: {
            refuseCall: 0.1,
            loseRequest: 0.03,
            loseReply: 0.03,
            duplicateCall: 0.1,
            delayCall: 0.2,
            refuseConnection: 0.1,
            dropConnection: 0.03,
            cutFrame: 0.03,
            delayFrame: 0.2
          }
        })
        yield* write(numbered(50)).pipe(
          Effect.provide(server.client(faults))
        )
        faults.stop()
        return { read: yield* server.undisturbed(readAll), injected: faults.injected(), at: simulation.now() }
      })), { seed })

  it("are drawn from the seed: the same faults at the same times; and a writer loses and repeats nothing", () =>
    Effect.gen(function*() {
      const kinds = new Set<string>()
      for (let seed = 0; seed < 40; seed++) {
        const [first, second] = [yield* life(seed), yield* life(seed)]
        assert.deepStrictEqual(first, second)
        assert.deepStrictEqual(first.read, numbered(50).toSorted())
        for (const fault of first.injected) kinds.add(fault.split(" ")[0]!)
      }
      assert.includeMembers([...kinds], [
        "RefuseCall",
        "LoseRequest",
        "LoseReply",
        "DuplicateCall",
        "DelayCall",
        "DropConnection",
        "CutFrame",
        "DelayFrame"
      ])
    }).pipe(Effect.runPromise))

  it.effect("over the transports of any server, under a test's clock", () =>
    Effect.gen(function*() {
      const faults = yield* Faults.make({ seed: 5, rates: { delayFrame: 0.3, delayCall: 0.3 } })
      const client = Pravega.layerTransport().pipe(
        Layer.provide(faults.layer),
        Layer.provide(Embedded.layerTransport())
      )
      const fiber = yield* Effect.forkChild(
        Effect.provide(Effect.andThen(createLines, Effect.andThen(write(numbered(9)), readAll)), client)
      )
      while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(yield* Fiber.join(fiber), numbered(9).toSorted())
      assert.isNotEmpty(faults.injected())
    }))
})

describe("FaultyServer", () => {
  const simulated = <A, E>(seed: number, run: (server: FaultyServer.FaultyServer) => Effect.Effect<A, E, Pravega>) =>
    Effect.runPromise(Simulation.run(() =>
      Effect.scoped(Effect.gen(function*() {
        const server = yield* FaultyServer.make({ seed })
        yield* server.undisturbed(createLines)
        return yield* Effect.provide(run(server), server.client())
      })), { seed }))

  it("killed at any moment, any number of times: what was acknowledged is there after a restart, once", () =>
    fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 4 }), (seed, delays) =>
        simulated(seed, (server) =>
          Effect.gen(function*() {
            const killer = Effect.forEach(delays, (delay) =>
              Effect.forEach(Array.from({ length: delay }), () =>
                Effect.yieldNow, { discard: true }).pipe(
                  Effect.andThen(server.kill),
                  Effect.andThen(Effect.sleep("1 second")),
                  Effect.andThen(server.start)
                ), { discard: true })
            yield* Effect.all([write(numbered(30)), killer], { concurrency: 2 })
            yield* server.restart
            assert.deepStrictEqual(yield* server.undisturbed(readAll), numbered(30).toSorted())
          }))),
      { numRuns: 60 }
    ))

  it("from a directory too", () =>
    Effect.gen(function*() {
      const directory = yield* temporaryFolder
      const server = yield* FaultyServer.make({ directory })
      yield* server.undisturbed(Effect.andThen(createLines, write(numbered(5))))
      yield* server.restart
      assert.deepStrictEqual(yield* server.undisturbed(readAll), numbered(5).toSorted())
    }).pipe(Effect.scoped, Effect.runPromise))

  it("from a directory, of which it loses what it was about to make durable, or not", () =>
    Effect.gen(function*() {
      const outcomes = new Set<boolean>()
      for (let seed = 0; seed < 12; seed++) {
        let kill = () => {}
        const server = yield* FaultyServer.make({
          directory: yield* temporaryFolder,
          seed,
          // in the turn in which it is done, before the next, in which it is committed
          onCall: ({ method }) => method === "createScope" ? queueMicrotask(() => kill()) : undefined
        })
        yield* server.undisturbed(Admin.createScope("before"))
        kill = () => Effect.runFork(server.kill)
        const creating = yield* Effect.forkChild(Effect.exit(server.undisturbed(Admin.createScope("late"))))
        yield* Effect.repeat(Effect.sleep("1 millis"), { until: () => !server.isRunning() })
        yield* Fiber.interrupt(creating)
        kill = () => {}
        yield* server.start
        assert.isTrue(yield* server.undisturbed(Admin.scopeExists("before")))
        outcomes.add(yield* server.undisturbed(Admin.scopeExists("late")))
      }
      assert.deepStrictEqual(outcomes, new Set([true, false]))
    }).pipe(Effect.scoped, Effect.runPromise))

  it("paused: no answer, and no refusal; then it goes on", () =>
    simulated(1, (server) =>
      Effect.gen(function*() {
        yield* write(["one"])
        server.pause()
        const fiber = yield* Effect.forkChild(write(["two"]))
        yield* Effect.sleep("2 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        server.resume()
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(yield* readAll, ["one", "two"])
      })))

  for (const what of ["moveSegments", "restartContainer"] as const) {
    it(`${what}: clients find the segments again when they are back`, () =>
      simulated(1, (server) =>
        Effect.gen(function*() {
          const writer = yield* EventWriter.make(lines)
          yield* writer.write("one")
          yield* server[what]("5 seconds")
          const fiber = yield* Effect.forkChild(writer.write("two"))
          yield* Effect.sleep("4 seconds")
          assert.isUndefined(fiber.pollUnsafe())
          yield* Fiber.join(fiber)
          assert.deepStrictEqual(yield* readAll, ["one", "two"])
        }).pipe(Effect.scoped)))
  }

  it("expires leases now: of open transactions, all or one stream's", () =>
    simulated(1, (server) =>
      Effect.gen(function*() {
        const { controller } = yield* Pravega
        const begin = controller.createTransaction(lines.name, { lease: Duration.seconds(60) })
        const [one, two] = [yield* begin, yield* begin]
        yield* controller.commitTransaction(lines.name, two.id)
        assert.strictEqual(server.expireLeases("tests/others"), 0)
        assert.strictEqual(server.expireLeases("tests/lines"), 1)
        assert.strictEqual(server.expireLeases(), 0)
        const states = [
          yield* controller.transactionState(lines.name, one.id),
          yield* controller.transactionState(lines.name, two.id)
        ]
        assert.deepStrictEqual(states, ["aborted", "committed"])
      })))

  it("scales, truncates and seals at once, whatever the client's network does", () =>
    simulated(1, (server) =>
      Effect.gen(function*() {
        yield* write(numbered(10))
        yield* server.undisturbed(Admin.scaleTo(lines.name, 4))
        assert.lengthOf(yield* Admin.segments(lines.name), 4)
        const cut = yield* Admin.latestCut(lines.name)
        yield* server.undisturbed(Admin.truncateStream(cut))
        assert.deepStrictEqual(yield* readAll, [])
        yield* server.undisturbed(Admin.sealStream(lines.name))
        assert.isTrue(Exit.isFailure(yield* Effect.exit(write(["late"]))))
      })))
})
