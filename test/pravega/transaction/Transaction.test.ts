import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { crc32 } from "node:zlib"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as Transaction from "../../../src/pravega/transaction/Transaction.ts"
import type { TransactionError } from "../../../src/pravega/transaction/TransactionError.ts"
import { AppendStore, finish, served, settle } from "../write/AppendStore.ts"

const name = ScopedStream.fromTextUnsafe("scope/stream")
const texts = EventStream.make(name, { codec: EventCodec.utf8 })
const keyed = EventStream.make(name, { codec: EventCodec.utf8, routingKey: (text) => text.slice(0, 1) })

const stateOf = (store: AppendStore): string => [...store.transactions.values()].map(({ state }) => state).join()
const reasonOf = (error: TransactionError): string =>
  error.reason._tag === "TransactionNotOpen" ? error.reason.state : error.reason._tag

describe("Transaction", () => {
  it.effect("run commits on success, once", () => {
    const store = new AppendStore(name, 2)
    return Effect.gen(function*() {
      const result = yield* served(
        store,
        Transaction.run(texts, (txn) => Effect.as(txn.write(["a", "b", "c"]), "done"))
      )
      assert.strictEqual(result, "done")
      assert.sameMembers(store.contents(), ["a", "b", "c"])
      assert.deepStrictEqual([stateOf(store), ...store.calls], ["committed", "commit"])
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("run aborts on failure and on interruption, and never commits then", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      const failed = yield* served(
        store,
        Effect.exit(Transaction.run(texts, (txn) => Effect.andThen(txn.write(["a"]), Effect.fail("no"))))
      )
      assert.isTrue(Exit.isFailure(failed))
      const fiber = yield* Effect.forkChild(
        Transaction.run(texts, (txn) => Effect.andThen(txn.write(["b"]), Effect.never)),
        { startImmediately: true }
      )
      yield* settle
      yield* served(store, Fiber.interrupt(fiber))
      assert.deepStrictEqual([stateOf(store), ...store.calls], ["aborted,aborted", "abort", "abort"])
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("an interruption after commit was sent does not abort, and does not hide the outcome", () => {
    const store = new AppendStore(name, 1)
    store.statesUnavailable = 2 // after the lost reply, the outcome is not known for a while
    store.lostCommits.push("after")
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Transaction.run(texts, () => Effect.void), { startImmediately: true })
      yield* settle
      const interrupting = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      assert.isUndefined(fiber.pollUnsafe())
      yield* finish(store, () => interrupting.pollUnsafe() !== undefined)
      assert.deepStrictEqual([...new Set(store.calls)], ["commit"])
      assert.notStrictEqual(stateOf(store), "aborted")
    }).pipe(Effect.provide(store.layer))
  })

  it.effect.each([{ lost: ["before"] }, { lost: ["after"] }, { lost: ["before", "after"] }] as const)(
    "a lost reply of commit ($lost) is settled by the state",
    ({ lost }) => {
      const store = new AppendStore(name, 1)
      store.lostCommits.push(...lost)
      return Effect.gen(function*() {
        yield* served(store, Transaction.run(texts, (txn) => txn.write(["a"])))
        assert.deepStrictEqual([stateOf(store), store.calls.filter((call) => call === "commit").length], [
          "committed",
          lost.filter((when) => when === "before").length + 1
        ])
      }).pipe(Effect.provide(store.layer))
    }
  )

  it.effect("asks for a commit when it may be there, as the last ones were, and is soon told, also when they get quicker or slower", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      const commitOnce = Effect.scoped(Effect.gen(function*() {
        const transaction = yield* Transaction.begin(texts)
        const asked = store.statesAsked
        const before = yield* Clock.currentTimeMillis
        const fiber = yield* Effect.forkChild(
          Effect.andThen(transaction.commit, transaction.awaitCommitted),
          { startImmediately: true }
        )
        while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("1 millis")
        return { took: (yield* Clock.currentTimeMillis) - before, asked: store.statesAsked - asked }
      }))
      let last = 0
      for (const millis of [40, 5, 100]) {
        store.commitMillis = millis
        const commits = yield* Effect.replicateEffect(commitOnce, 25)
        for (const { took } of commits) assert.isAtMost(took, Math.max(last, 2 * millis))
        last = millis
        for (const { asked, took } of commits.slice(-3)) {
          assert.isAtMost(took, 1.1 * millis + 2)
          assert.isAtMost(asked, 20)
        }
      }
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("an outcome that can't be known is an error of its own, and the transaction is not aborted", () => {
    const store = new AppendStore(name, 1)
    store.lostCommits.push(...Array.from({ length: 99 }, () => "after" as const))
    store.statesUnavailable = 99
    return Effect.gen(function*() {
      const error = yield* served(store, Effect.flip(Transaction.run(texts, () => Effect.void)))
      assert.strictEqual(reasonOf(error), "OutcomeUnknown")
      assert.notInclude(store.calls, "abort")
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("commit may be repeated, and abort too; one after the other fails with the state", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      const first = yield* Transaction.begin(texts)
      yield* served(store, Effect.andThen(first.commit, first.commit))
      yield* served(store, first.awaitCommitted)
      yield* first.commit
      assert.strictEqual(reasonOf(yield* Effect.flip(first.abort)), "committed")
      const second = yield* Transaction.begin(texts)
      yield* Effect.andThen(second.abort, second.abort)
      assert.strictEqual(reasonOf(yield* Effect.flip(second.write(["x"]))), "aborting")
      const joined = yield* Transaction.join(texts, second.id)
      assert.strictEqual(reasonOf(yield* Effect.flip(joined.commit)), "aborted")
      assert.strictEqual(reasonOf(yield* Effect.flip(joined.awaitCommitted)), "aborted")
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("kept: the end of the Scope does not abort", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      yield* Effect.scoped(Effect.flatMap(Transaction.begin(texts), (txn) => txn.keep))
      assert.strictEqual(stateOf(store), "open")
      yield* Effect.scoped(Transaction.begin(texts))
      assert.strictEqual(stateOf(store), "open,aborted")
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("pings while it is open, well within the lease, and stops with the Scope", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      const scope = yield* Scope.make()
      const txn = yield* Scope.provide(Transaction.begin(texts, { lease: "20 seconds" }), scope)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(store.transactions.get(txn.id)?.pings, 12)
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(store.transactions.get(txn.id)?.pings, 12)
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("a ping that gets no answer does not keep the others from being sent in time", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      const pravega = yield* Pravega
      let pings = 0
      const pingTransaction: typeof pravega.controller.pingTransaction = (...args) =>
        pings++ === 0 ? Effect.never : pravega.controller.pingTransaction(...args)
      const txn = yield* Transaction.begin(texts, { lease: "10 seconds" }).pipe(
        Effect.provideService(Pravega, { ...pravega, controller: { ...pravega.controller, pingTransaction } })
      )
      yield* TestClock.adjust("9 seconds")
      assert.isAtLeast(store.transactions.get(txn.id)?.pings ?? 0, 1)
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("a lease lost to a process that did not run has its own words", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      // so long without a turn: the timer of the next ping is as late
      const clock = yield* Clock.Clock
      let late = 0n
      const slow: Clock.Clock = Object.create(clock, {
        monotonicTimeNanos: { get: () => Effect.map(clock.monotonicTimeNanos, (nanos) => nanos + late) },
        monotonicTimeNanosUnsafe: { value: () => clock.monotonicTimeNanosUnsafe() + late }
      })
      const held = yield* Effect.provideService(Transaction.begin(texts, { lease: "20 seconds" }), Clock.Clock, slow)
      yield* held.write([])
      yield* TestClock.adjust("1 second")
      late = 45_000_000_000n
      store.pingStatus = "aborted"
      yield* TestClock.adjust("6 seconds")
      const error = yield* Effect.flip(held.write(["a"]))
      assert.match(error.message, /did not run for 5\d{4} ms: a long computation in one turn of the event loop/)
    }).pipe(Effect.scoped, Effect.provide(store.layer))
  })

  it.effect("a lease that ran out fails the writers with the state: by a ping, or at the next append", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      const txn = yield* Transaction.begin(texts)
      yield* store.abort(txn.id)
      yield* txn.write(["a"])
      assert.strictEqual(reasonOf(yield* served(store, Effect.flip(txn.flush))), "aborted")
      assert.strictEqual(reasonOf(yield* Effect.flip(txn.commit)), "aborted")
      assert.notInclude(store.calls, "commit")

      const pinged = yield* Transaction.begin(texts)
      yield* pinged.write([])
      store.pingStatus = "aborted"
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(reasonOf(yield* Effect.flip(pinged.write(["a"]))), "aborted")
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("two writers, one with fixed ids that takes over from one that died", () => {
    const store = new AppendStore(name, 2)
    const events = Array.from({ length: 40 }, (_, n) => `${"abcdefgh"[n % 8]}${n}`)
    const writerId = (segment: string) => `00000000-0000-4000-8000-${crc32(segment).toString(16).padStart(12, "0")}`
    return Effect.gen(function*() {
      const txn = yield* Transaction.begin(keyed)
      // dies with nine events written and its connection lost
      const dying = yield* Scope.make()
      const first = yield* Scope.provide(txn.writer({ writerId, blockBytes: 30 }), dying)
      yield* served(store, Effect.andThen(first.write(events.slice(0, 9)), first.flush))
      yield* Scope.close(dying, Exit.fail("died"))

      const joined = yield* Transaction.join(keyed, txn.id)
      const second = yield* joined.writer({ writerId, blockBytes: 100 })
      yield* served(store, second.write(events))
      const other = yield* txn.writer({ notesWritten: false })
      yield* served(store, other.write(["z1", "z2"]))
      yield* served(store, Effect.andThen(joined.commit, txn.commit))

      const stored = store.contents()
      assert.sameMembers(stored, [...events, "z1", "z2"])
      for (const key of "abcdefgh") {
        assert.deepStrictEqual(stored.filter((e) => e.startsWith(key)), events.filter((e) => e.startsWith(key)))
      }
      assert.strictEqual((yield* other.written).size, 0)
      const written = yield* second.written
      for (const { id } of txn.segments) {
        const mine = events.filter((event) => store.transactionEvents(txn.id, id).includes(event))
        const framed = Buffer.concat(
          mine.map((event) => Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0, 0, event.length]), Buffer.from(event)]))
        )
        assert.deepStrictEqual(written.get(id), {
          writerId: written.get(id)?.writerId ?? "",
          events: BigInt(mine.length),
          bytes: BigInt(framed.length),
          checksum: crc32(framed)
        })
      }
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("events that a closed writer had accepted and lost make the commit fail", () => {
    const store = new AppendStore(name, 1)
    return Effect.gen(function*() {
      const txn = yield* Transaction.begin(texts)
      const dying = yield* Scope.make()
      const writer = yield* Scope.provide(txn.writer(), dying)
      yield* writer.write(["lost"])
      yield* Scope.close(dying, Exit.fail("died"))
      assert.strictEqual(reasonOf(yield* Effect.flip(txn.commit)), "WriterClosed")
      assert.notInclude(store.calls, "commit")
    }).pipe(Effect.provide(store.layer))
  })

  it.effect("refuses writer ids that are no UUIDs, and transactions nobody knows", () => {
    const store = new AppendStore(name, 2)
    return Effect.gen(function*() {
      const txn = yield* Transaction.begin(texts)
      assert.strictEqual(reasonOf(yield* Effect.flip(txn.writer({ writerId: () => "me" }))), "InvalidWriterId")
      // asked for each segment, when something goes to it
      let asked = 0
      const writerId = () => asked++ === 0 ? "00000000-0000-4000-8000-000000000000" : "me"
      const some = yield* (yield* Transaction.join(keyed, txn.id)).writer({ writerId })
      const written = Effect.flatMap(some.write(["a1", "b1", "c1", "d1"]), () => some.flush)
      assert.strictEqual(reasonOf(yield* Effect.flip(written)), "InvalidWriterId")
      const unknown = store.unusedTransactionId()
      assert.strictEqual(reasonOf(yield* Effect.flip(Transaction.join(texts, unknown))), "unknown")
    }).pipe(Effect.provide(store.layer))
  })
})
