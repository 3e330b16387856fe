import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Logger, Random, Scope } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import type { Pravega } from "../../../src/pravega/Pravega.ts"
import * as EventWriter from "../../../src/pravega/write/EventWriter.ts"
import { type Numbered, numberedStream } from "../../numbered.ts"
import { AppendStore, finish, served, settle } from "./AppendStore.ts"

const name = ScopedStream.fromTextUnsafe("scope/stream")
const keyed = numberedStream("scope/stream")
const keyless = EventStream.make(name, { codec: keyed.codec })
const texts = EventStream.make(name, { codec: EventCodec.utf8 })

/** One thing that happens between a writer and its store. */
type Step = readonly [kind: StepKind, pick: number]
const stepKinds = [
  "toStore",
  "toClient",
  "release",
  "kill",
  "closeAfterSome",
  "split",
  "merge",
  "seal",
  "wrongHost",
  "expireToken",
  "refuse",
  "fill",
  "drain",
  "time"
] as const
/** Steps that can leave an outcome open for ever are only taken where a test expects that. */
const truncatingKinds = [...stepKinds, "truncate"] as const
type StepKind = (typeof truncatingKinds)[number]

const take = (store: AppendStore, [kind, pick]: Step): void => {
  const connections = store.connections.filter((connection) => connection.toStore.length > 0 || !connection.lost)
  const connection = connections[pick % Math.max(1, connections.length)]
  switch (kind) {
    case "toStore":
      return connection?.deliverToStore()
    case "toClient":
      return connection?.lost === false ? connection.deliverToClient() : undefined
    case "release":
      return connection === undefined ? undefined : store.releaseAll(connection)
    case "kill":
      return connection?.kill()
    case "closeAfterSome":
      for (let i = 0; i < pick % 3; i++) connection?.deliverToStore()
      if (connection !== undefined) connection.closedByStore = true
      return
    case "split":
      return store.active.length < 6 ? store.split(pick) : undefined
    case "merge":
      return store.merge(pick)
    case "seal":
      return store.sealNext()
    case "truncate":
      return store.truncate(pick)
    case "wrongHost":
      store.wrongHosts = 1
      return
    case "expireToken":
      store.expiredTokens = 1
      return
    case "refuse":
      store.connectsRefused = 1
      return
    case "fill":
      if (connection !== undefined) connection.full = true
      return
    case "drain":
      return connection?.drain()
    case "time":
      return
  }
}

const drive = (store: AppendStore, steps: ReadonlyArray<Step>): Effect.Effect<void> =>
  Effect.forEach(steps, (step) =>
    Effect.gen(function*() {
      take(store, step)
      yield* settle
      if (step[0] === "time") yield* TestClock.adjust(Duration.millis(step[1]))
    }), { discard: true })

const stepOf = (faults: ReadonlyArray<StepKind>): fc.Arbitrary<Step> =>
  fc.tuple(
    fc.oneof(
      { weight: 30, arbitrary: fc.constant<StepKind>("toStore") },
      { weight: 30, arbitrary: fc.constant<StepKind>("toClient") },
      { weight: 12, arbitrary: fc.constant<StepKind>("release") },
      { weight: 12, arbitrary: fc.constant<StepKind>("time") },
      { weight: 16, arbitrary: fc.constantFrom(...faults) }
    ),
    fc.nat(40)
  )

const scenarioOf = (faults: ReadonlyArray<StepKind>) =>
  fc.record({
    segments: fc.integer({ min: 1, max: 4 }),
    /** Sizes of the calls, each with the keys of its events. */
    calls: fc.array(fc.array(fc.constantFrom("a", "b", "c", "d", "e", "f"), { maxLength: 6 }), { maxLength: 14 }),
    steps: fc.array(stepOf(faults), { maxLength: 250, size: "max" }),
    maxPendingBytes: fc.constantFrom(20, 60, 100_000),
    blockBytes: fc.constantFrom(1, 25, 50, 100_000)
  })

const numbered = (calls: ReadonlyArray<ReadonlyArray<string>>): Array<Array<Numbered>> => {
  const next = new Map<string, number>()
  return calls.map((keys) =>
    keys.map((key) => {
      const n = next.get(key) ?? 0
      next.set(key, n + 1)
      return { key, number: n }
    })
  )
}

const runTest = <A, E>(effect: Effect.Effect<A, E, Pravega | Scope.Scope>, store: AppendStore): Promise<A> =>
  // a failing case must fail again: the pauses' jitter has a seed too
  Effect.runPromise(
    effect.pipe(Effect.scoped, Random.withSeed("jitter"), Effect.provide(Layer.merge(store.layer, TestClock.layer())))
  )

describe("EventWriter", () => {
  it("every event once, and each key in order, whatever happens to connections and segments", () =>
    fc.assert(
      fc.asyncProperty(scenarioOf(stepKinds), async ({ blockBytes, calls, maxPendingBytes, segments, steps }) => {
        const store = new AppendStore(name, segments)
        const events = numbered(calls)
        await runTest(
          Effect.gen(function*() {
            const writer = yield* EventWriter.make(keyed, { maxPendingBytes, blockBytes, outageLimit: "1 day" })
            const fiber = yield* Effect.forkChild(Effect.gen(function*() {
              const waits = yield* Effect.forEach(events, (call) => writer.enqueue(call))
              yield* writer.flush
              yield* Effect.all(waits)
            }))
            yield* drive(store, steps)
            yield* finish(store, () => fiber.pollUnsafe() !== undefined)
            yield* Fiber.join(fiber)
          }),
          store
        )
        const stored = store.contents()
        assert.sameMembers(stored, events.flat().map(({ key, number }) => `${key}:${number}`))
        for (const key of "abcdef") {
          const numbers = stored.filter((event) => event.startsWith(key)).map((event) => Number(event.slice(2)))
          assert.deepStrictEqual(numbers, numbers.map((_, i) => i), `order of ${key}`)
        }
      }),
      {
        numRuns: 300,
        examples: [[
          // an append of a dead connection arrives after the next set-up, and then the segment is sealed
          {
            segments: 1,
            calls: [["a"]],
            steps: [
              ["time", 0],
              ["toStore", 0],
              ["toClient", 0],
              ["kill", 0],
              ["split", 0],
              ["time", 20],
              ["toStore", 23],
              ["toStore", 0]
            ],
            maxPendingBytes: 100_000,
            blockBytes: 1
          }
        ]]
      }
    ))

  it(
    "where segments are deleted, an outcome that nobody can tell ends the writer: never a repeated or missing event",
    async () => {
      const outcomes = { stored: 0, unknown: 0 }
      await fc.assert(
        fc.asyncProperty(
          scenarioOf([...truncatingKinds, "truncate", "truncate", "kill", "kill", "split", "seal", "seal"]),
          async ({ blockBytes, calls, maxPendingBytes, segments, steps }) => {
            const store = new AppendStore(name, segments)
            const events = numbered(calls)
            const result = await runTest(
              Effect.gen(function*() {
                const writer = yield* EventWriter.make(keyed, { maxPendingBytes, blockBytes, outageLimit: "1 day" })
                const fiber = yield* Effect.forkChild(Effect.gen(function*() {
                  const waits = yield* Effect.forEach(events, (call) => writer.enqueue(call))
                  yield* writer.flush
                  yield* Effect.all(waits)
                }))
                yield* drive(store, steps)
                yield* finish(store, () => fiber.pollUnsafe() !== undefined)
                const result = yield* Effect.result(Fiber.join(fiber))
                // what is still on its way arrives
                for (const connection of store.connections) {
                  while (connection.toStore.length > 0) connection.deliverToStore()
                }
                return result
              }),
              store
            )
            if (result._tag === "Failure") assert.strictEqual(result.failure.reason._tag, "AppendOutcomeUnknown")
            outcomes[result._tag === "Failure" ? "unknown" : "stored"]++
            const stored = store.contents()
            for (const key of "abcdef") {
              const numbers = stored.filter((event) => event.startsWith(key)).map((event) => Number(event.slice(2)))
              const all = events.flat().filter((event) => event.key === key).length
              assert.strictEqual(new Set(numbers).size, numbers.length, `${key} repeated: ${numbers.join()}`)
              assert.strictEqual(numbers.length, Math.max(-1, ...numbers) + 1, `gap in ${key}: ${numbers.join()}`)
              if (result._tag === "Success") assert.strictEqual(numbers.length, all, `${key} lost`)
            }
          }
        ),
        { numRuns: 500 }
      )
      assert.isAbove(outcomes.stored, 0)
    }
  )

  /** An event that is on its way to a segment that is replaced, on a connection that is dead. */
  const lostOnTheWay = (store: AppendStore, writer: EventWriter.EventWriter<string>) =>
    Effect.gen(function*() {
      const connection = () => store.connections.at(-1)!
      const [old] = store.active
      const first = yield* Effect.forkChild(writer.write("first"), { startImmediately: true })
      yield* finish(store, () => first.pollUnsafe() !== undefined)
      const doubtful = yield* Effect.forkChild(Effect.result(writer.writeAll(["x", "y"])), { startImmediately: true })
      yield* settle
      connection().deliverToStore()
      connection().kill()
      store.split(0)
      store.sealNext()
      return { doubtful, old: old! }
    })

  it.effect("an append without answer, whose segment is deleted, ends the writer with what is in doubt", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      const writer = yield* EventWriter.make(texts)
      const { doubtful, old } = yield* lostOnTheWay(store, writer)
      store.truncate(0)
      const newer = yield* writer.enqueue(["newer"])
      yield* finish(store, () => doubtful.pollUnsafe() !== undefined)
      const result = yield* Fiber.join(doubtful)
      const reason = result._tag === "Failure" ? result.failure.reason : undefined
      if (reason?._tag !== "AppendOutcomeUnknown") return assert.fail(JSON.stringify(result))
      assert.deepInclude(reason, { stream: name, segment: store.name(old.id), firstEvent: 2n, lastEvent: 3n })
      assert.isFalse(reason.isRetryable)
      assert.strictEqual((yield* Effect.flip(newer)).reason._tag, "AppendOutcomeUnknown")
      assert.strictEqual((yield* Effect.flip(writer.write("later"))).reason._tag, "AppendOutcomeUnknown")
      // nothing was written again, nothing newer overtook
      assert.deepStrictEqual(store.contents(), ["first", "x", "y"])
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("the sealed segment's last word leaves no doubt, even if it is deleted after that", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      const writer = yield* EventWriter.make(texts)
      const { doubtful } = yield* lostOnTheWay(store, writer)
      yield* finish(store, () => doubtful.pollUnsafe() !== undefined)
      store.truncate(0)
      assert.strictEqual((yield* Fiber.join(doubtful))._tag, "Success")
      yield* served(store, writer.write("later"))
      assert.deepStrictEqual(store.contents(), ["first", "x", "y", "later"])
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("events that the deleted segment refused, or that were never sent, go to its successors", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      const writer = yield* EventWriter.make(texts)
      yield* served(store, writer.write("first"))
      store.split(0)
      store.sealNext()
      store.truncate(0)
      yield* served(store, writer.writeAll(["x", "y"]))
      assert.deepStrictEqual(store.contents(), ["first", "x", "y"])
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("events without key are spread over the segments", () => {
    const store = new AppendStore(name, 3)
    return Effect.gen(function*() {
      const writer = yield* EventWriter.make(keyless)
      const fiber = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 9 }, (_, n) => n), (n) => writer.write({ key: "", number: n }), {
          concurrency: 9
        })
      )
      yield* finish(store, () => fiber.pollUnsafe() !== undefined)
      assert.deepStrictEqual([...store.segments.values()].map(({ events }) => events.length), [3, 3, 3])
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("a sealed stream fails what is pending, and the writer", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      const writer = yield* EventWriter.make(texts)
      store.sealStream()
      const fiber = yield* Effect.forkChild(Effect.result(writer.write("late")))
      yield* finish(store, () => fiber.pollUnsafe() !== undefined)
      const result = yield* Fiber.join(fiber)
      assert.strictEqual(result._tag === "Failure" ? result.failure.reason._tag : "", "StreamSealed")
      assert.strictEqual((yield* Effect.flip(writer.write("later"))).reason._tag, "StreamSealed")
      assert.strictEqual((yield* Effect.flip(EventWriter.make(texts))).reason._tag, "StreamSealed")
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("an event too large fails before anything of its call is sent", () => {
    const store = new AppendStore(name, 1)
    const bytes = EventStream.make(name, { codec: EventCodec.bytes })
    return Effect.gen(function*() {
      const writer = yield* EventWriter.make(bytes)
      const limit = 8 * 1024 * 1024
      const error = yield* Effect.flip(writer.writeAll([new Uint8Array(1), new Uint8Array(limit + 1)]))
      assert.strictEqual(error.reason._tag, "EventTooLarge")
      assert.strictEqual(error.reason._tag === "EventTooLarge" ? error.reason.index : -1, 1)
      yield* settle
      assert.strictEqual(store.connections.length, 0)
      const fiber = yield* Effect.forkChild(writer.write(new Uint8Array(limit)))
      yield* finish(store, () => fiber.pollUnsafe() !== undefined)
      yield* Fiber.join(fiber)
      assert.strictEqual(store.segment(store.active[0]!.id).events[0]!.length, limit)
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("a codec's error is typed, and the writer goes on", () => {
    const store = new AppendStore(name, 1)
    const picky = EventStream.make(name, {
      codec: EventCodec.make<string>({
        name: "picky",
        encode: (text) => {
          if (text === "bad") throw new Error("bad event")
          return new TextEncoder().encode(text)
        },
        decode: (bytes) => new TextDecoder().decode(bytes)
      })
    })
    return Effect.gen(function*() {
      const writer = yield* EventWriter.make(picky)
      assert.strictEqual((yield* Effect.flip(writer.writeAll(["good", "bad"]))).reason._tag, "EncodeFailed")
      const fiber = yield* Effect.forkChild(writer.write("fine"))
      yield* finish(store, () => fiber.pollUnsafe() !== undefined)
      assert.deepStrictEqual(store.contents(), ["fine"])
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("back-pressure: accepts no more than the limit, in the order of the calls", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      const writer = yield* EventWriter.make(texts, { maxPendingBytes: 30 })
      const accepted: Array<string> = []
      const fibers = yield* Effect.forEach(
        ["a", "b", "c", "d"],
        (text) =>
          Effect.forkChild(
            Effect.tap(writer.enqueue([text.repeat(20)]), () => Effect.sync(() => accepted.push(text))),
            {
              startImmediately: true
            }
          )
      )
      yield* settle
      assert.deepStrictEqual(accepted, ["a", "b"])
      yield* Fiber.interrupt(fibers[2]!)
      yield* finish(store, () => fibers[3]!.pollUnsafe() !== undefined)
      assert.deepStrictEqual(accepted, ["a", "b", "d"])
      const flushing = yield* Effect.forkChild(writer.flush)
      yield* finish(store, () => flushing.pollUnsafe() !== undefined)
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("closing the Scope after a success flushes; after a failure, what is pending fails with WriterClosed", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      for (const exit of [Exit.void, Exit.fail("no")]) {
        const scope = yield* Scope.make()
        const writer = yield* Scope.provide(EventWriter.make(texts), scope)
        const acknowledged = yield* writer.enqueue([exit._tag])
        const closing = yield* Effect.forkChild(Scope.close(scope, exit), { startImmediately: true })
        yield* finish(store, () => closing.pollUnsafe() !== undefined)
        const outcome = yield* Effect.result(acknowledged)
        assert.strictEqual(
          outcome._tag === "Failure" ? outcome.failure.reason._tag : "",
          exit._tag === "Success" ? "" : "WriterClosed"
        )
        assert.strictEqual((yield* Effect.flip(writer.write("after"))).reason._tag, "WriterClosed")
      }
      assert.deepStrictEqual(store.contents(), ["Success"])
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("closing does not wait longer than the limit for a store that is away, and logs what is not acknowledged", () => {
    const store = new AppendStore(name, 1)
    const logged: Array<string> = []
    const logger = Logger.make(({ message }) => void logged.push(String(message)))
    return Effect.gen(function*() {
      const scope = yield* Scope.make()
      const writer = yield* Scope.provide(EventWriter.make(texts, { closeTimeout: "3 seconds" }), scope)
      const acknowledged = yield* writer.enqueue(["x"])
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(logged, [
        "the writer of scope/stream was closed with 9 bytes of events not acknowledged: they may be lost"
      ])
      assert.strictEqual((yield* Effect.flip(acknowledged)).reason._tag, "WriterClosed")
    }).pipe(Effect.provide([store.layer, Logger.layer([logger])]))
  })

  it.effect("gives up with a typed error when no store takes anything for the outage limit", () => {
    const store = new AppendStore(name, 1)
    store.connectsRefused = Number.POSITIVE_INFINITY
    return Effect.gen(function*() {
      const writer = yield* EventWriter.make(texts, { outageLimit: "1 minute" })
      const fiber = yield* Effect.forkChild(Effect.flip(writer.write("x")))
      yield* TestClock.adjust("59 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("10 seconds")
      const { reason } = yield* Fiber.join(fiber)
      assert.strictEqual(reason._tag, "StoreUnavailable")
      assert.deepInclude(reason.cause, { _tag: "ConnectionLost", reason: "refused" })
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("an outage after another one has a limit of its own, if something was taken in between", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      const writer = yield* EventWriter.make(texts, { outageLimit: "1 minute" })
      for (const event of ["x", "y", "z"]) {
        for (const connection of store.connections) connection.kill()
        store.connectsRefused = Number.POSITIVE_INFINITY
        const fiber = yield* Effect.forkChild(writer.write(event))
        yield* TestClock.adjust("50 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        store.connectsRefused = 0
        yield* TestClock.adjust("2500 millis")
        yield* served(store, Fiber.join(fiber))
      }
      assert.deepStrictEqual(store.contents(), ["x", "y", "z"])
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("a refused token is fetched anew; refused again and again it is an error", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      store.refusedTokens = 2
      const writer = yield* EventWriter.make(texts)
      yield* served(store, writer.write("x"))
      store.refusedTokens = 99
      const other = yield* EventWriter.make(texts)
      assert.strictEqual((yield* served(store, Effect.flip(other.write("y")))).reason._tag, "AccessRefused")
      assert.deepStrictEqual(store.contents(), ["x"])
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("a segment that is gone is like one that is sealed", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      const writer = yield* EventWriter.make(keyed)
      const [gone] = store.active
      store.split(0)
      store.toSeal.length = 0
      store.segments.delete(store.name(gone!.id))
      yield* served(store, writer.writeAll(["a", "b", "c"].map((key) => ({ key, number: 0 }))))
      assert.sameMembers(store.contents(), ["a:0", "b:0", "c:0"])
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("sends no further block while the socket is full", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      const writer = yield* EventWriter.make(texts, { blockBytes: 1 })
      yield* served(store, writer.write("x"))
      const connection = store.connections[0]!
      connection.full = true
      const fiber = yield* Effect.forkChild(writer.writeAll(["a", "b", "c"]), { startImmediately: true })
      yield* settle
      assert.strictEqual(connection.toStore.length, 1)
      connection.drain()
      assert.strictEqual(connection.toStore.length, 3)
      yield* finish(store, () => fiber.pollUnsafe() !== undefined)
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("a store that breaks the protocol ends the connection, not the writer", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      const writer = yield* EventWriter.make(texts)
      const fiber = yield* Effect.forkChild(writer.write("x"), { startImmediately: true })
      yield* settle
      const connection = store.connections[0]!
      connection.deliverToStore()
      connection.deliverToClient()
      yield* settle
      connection.deliverToStore() // appended
      for (const held of connection.held.values()) held.last += 5n // acknowledges what was never sent
      store.releaseAll(connection)
      connection.deliverToClient()
      assert.isTrue(connection.lost)
      yield* finish(store, () => fiber.pollUnsafe() !== undefined)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(store.contents(), ["x"])
    }).pipe(Effect.provide(store.layer))
  })
})
