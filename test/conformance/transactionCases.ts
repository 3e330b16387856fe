import { assert } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Scope } from "effect"
import { crc32 } from "node:zlib"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import * as ScalingPolicy from "../../src/core/ScalingPolicy.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import * as Transaction from "../../src/pravega/transaction/Transaction.ts"
import { randomName, randomScope } from "../names.ts"
import { rawTexts } from "../pravega/rawEvents.ts"
import { type Cases, Server } from "./Server.ts"

const scope = randomScope()
const newStream = (segments: number) => {
  const stream = EventStream.make(`${scope}/${randomName()}`, {
    codec: EventCodec.utf8,
    routingKey: (text) => text.slice(0, text.indexOf(" "))
  })
  return Effect.as(Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(segments) }), stream)
}
const numbered = (prefix: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => `${prefix}${i % 20} ${Math.floor(i / 20)}`)

/** A client with connections and caches of its own, as another process has. */
const anotherClient = Layer.unwrap(Server.useSync(({ client }) => Layer.fresh(client)))

export const transactionCases = (it: Cases): void => {
  it.effect("run: nothing is visible before the commit, everything after it", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(2)
      const events = numbered("k", 2000)
      const state = yield* Transaction.run(stream, (txn) =>
        Effect.gen(function*() {
          yield* txn.write(events)
          yield* txn.flush
          assert.deepStrictEqual(yield* rawTexts(stream.name), [])
          return yield* txn.state
        }))
      assert.strictEqual(state, "open")
      assert.sameMembers([...(yield* rawTexts(stream.name))], [...events])
    }))

  it.effect("two fibers and a second client write to one transaction, begun before the stream was scaled", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(2)
      // an epoch with segments of two epochs: the ids in the transaction are not the stream's
      const [first] = yield* Admin.segments(stream.name)
      assert.isDefined(first)
      const middle = (first.range.low + first.range.high) / 2
      yield* Admin.scale(stream.name, {
        seal: [first.id],
        create: [{ low: first.range.low, high: middle }, { low: middle, high: first.range.high }]
      })
      const txn = yield* Transaction.begin(stream)
      yield* Admin.scaleTo(stream.name, 4)
      const inFiber = (prefix: string) =>
        Effect.scoped(Effect.gen(function*() {
          const writer = yield* txn.writer()
          yield* writer.write(numbered(prefix, 500))
        }))
      const elsewhere = Effect.gen(function*() {
        const joined = yield* Transaction.join(stream, txn.id)
        assert.sameMembers(joined.segments.map(({ id }) => id), txn.segments.map(({ id }) => id))
        yield* joined.write(numbered("c", 500))
        yield* joined.flush
      }).pipe(Effect.scoped, Effect.provide(anotherClient))
      yield* Effect.all([inFiber("a"), inFiber("b"), elsewhere], { concurrency: "unbounded" })
      yield* txn.commit
      yield* txn.awaitCommitted
      const stored = yield* rawTexts(stream.name)
      assert.strictEqual(stored.length, 1500)
      for (const prefix of ["a", "b", "c"]) {
        for (let key = 0; key < 20; key++) {
          assert.deepStrictEqual(
            stored.filter((text) => text.startsWith(`${prefix}${key} `)),
            Array.from({ length: 25 }, (_, i) => `${prefix}${key} ${i}`)
          )
        }
      }
    }))

  it.effect("commit twice, from two clients, also when it is committed; abort twice; the other one fails", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(1)
      const txn = yield* Transaction.begin(stream)
      yield* txn.write(["k once"])
      yield* Effect.andThen(txn.commit, txn.commit)
      const again = Effect.gen(function*() {
        const joined = yield* Transaction.join(stream, txn.id)
        yield* joined.commit
        yield* joined.awaitCommitted
        yield* joined.commit
        assert.strictEqual((yield* Effect.flip(joined.abort)).reason._tag, "TransactionNotOpen")
      }).pipe(Effect.scoped, Effect.provide(anotherClient))
      yield* again
      assert.deepStrictEqual(yield* rawTexts(stream.name), ["k once"])
      const aborted = yield* Transaction.begin(stream)
      yield* aborted.write(["k never"])
      yield* aborted.flush
      yield* Effect.andThen(aborted.abort, aborted.abort)
      const joined = yield* Transaction.join(stream, aborted.id)
      const late = yield* Effect.flip(Effect.andThen(joined.write(["k late"]), joined.commit))
      assert.strictEqual(late.reason._tag, "TransactionNotOpen")
      assert.deepStrictEqual(yield* rawTexts(stream.name), ["k once"])
    }))

  it.effect("an interruption and a failure abort", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(1)
      const ids: Array<Transaction.Transaction<string>["id"]> = []
      const body = (txn: Transaction.Transaction<string>) => {
        ids.push(txn.id)
        return Effect.andThen(txn.write(["k never"]), txn.flush)
      }
      const failed = yield* Effect.exit(
        Transaction.run(stream, (txn) => Effect.andThen(body(txn), Effect.fail("no")))
      )
      assert.isTrue(Exit.isFailure(failed))
      const fiber = yield* Effect.forkChild(
        Transaction.run(stream, (txn) => Effect.andThen(body(txn), Effect.never)),
        { startImmediately: true }
      )
      yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => ids.length === 2 })
      yield* Fiber.interrupt(fiber)
      for (const id of ids) assert.include(["aborting", "aborted"], yield* Transaction.state(stream.name, id))
      assert.deepStrictEqual(yield* rawTexts(stream.name), [])
    }))

  it.effect("a writer with fixed ids takes over from one that died in the middle", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(2)
      const events = numbered("k", 3000)
      const writerId = (segment: string) => `00000000-0000-4000-8000-${crc32(segment).toString(16).padStart(12, "0")}`
      const txn = yield* Transaction.begin(stream)
      const dying = yield* Scope.make()
      const first = yield* Scope.provide(txn.writer({ writerId, blockBytes: 700 }), dying)
      yield* first.write(events.slice(0, 1700))
      yield* first.flush
      yield* Scope.close(dying, Exit.fail("died"))
      const second = yield* txn.writer({ writerId, blockBytes: 3000 })
      yield* second.write(events)
      yield* second.flush
      const written = yield* second.written
      assert.strictEqual([...written.values()].reduce((sum, { events }) => sum + events, 0n), 3000n)
      yield* txn.commit
      yield* txn.awaitCommitted
      const stored = yield* rawTexts(stream.name)
      assert.strictEqual(stored.length, events.length)
      for (let key = 0; key < 20; key++) {
        const mine = (text: string) => text.startsWith(`k${key} `)
        assert.deepStrictEqual(stored.filter(mine), events.filter(mine))
      }
    }))

  it.effect("a lease out of bounds is refused before anything is sent", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(1)
      const error = yield* Effect.flip(Transaction.begin(stream, { lease: "1 second" }))
      assert.strictEqual(error.reason._tag, "LeaseOutOfBounds")
    }))
}
