import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as SpareTransaction from "../../../src/batch/sink/pravega/SpareTransaction.ts"

/** Numbers, begun one after the other, each of which is ended once. */
const numbers = () => {
  const begun: Array<number> = []
  const ended: Array<number> = []
  const begin = Effect.acquireRelease(
    Effect.sync(() => {
      begun.push(begun.length)
      return begun.length - 1
    }),
    (number) => Effect.sync(() => ended.push(number))
  )
  return { begun, ended, begin }
}

describe("SpareTransaction", () => {
  it.effect("who takes it gets the spare one, once, and ends it", () =>
    Effect.gen(function*() {
      const { begin, begun, ended } = numbers()
      const spare = yield* SpareTransaction.make(begin)
      yield* Effect.andThen(spare.getReady, spare.getReady)
      yield* Effect.yieldNow
      assert.deepStrictEqual(begun, [0])
      const scope = yield* Scope.make()
      assert.strictEqual(yield* Scope.provide(spare.take, scope), 0)
      assert.strictEqual(yield* Effect.scoped(spare.take), 1)
      assert.deepStrictEqual(ended, [1])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(ended, [1])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual([begun, ended], [[0, 1], [1, 0]])
    }).pipe(Effect.scoped))

  it.effect("which nobody takes is ended after a while, and with who made it", () =>
    Effect.gen(function*() {
      const { begin, begun, ended } = numbers()
      yield* Effect.gen(function*() {
        const spare = yield* SpareTransaction.make(begin)
        yield* spare.getReady
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual([begun, ended], [[0], [0]])
        assert.strictEqual(yield* Effect.scoped(spare.take), 1)
        yield* spare.getReady
        yield* Effect.yieldNow
      }).pipe(Effect.scoped)
      assert.deepStrictEqual([begun, ended], [[0, 1, 2], [0, 1, 2]])
    }))

  it.effect("that can't be begun is begun when it is taken; that is on its way is waited for, and ended if nobody wants it", () =>
    Effect.gen(function*() {
      let fails = true
      const failing = yield* SpareTransaction.make(
        Effect.suspend(() => fails ? Effect.fail("not now") : Effect.succeed("begun"))
      )
      yield* Effect.andThen(failing.getReady, Effect.yieldNow)
      fails = false
      assert.strictEqual(yield* Effect.scoped(failing.take), "begun")

      const { begin, ended } = numbers()
      const answer = yield* Deferred.make<void>()
      const slow = yield* SpareTransaction.make(
        Effect.uninterruptible(Effect.andThen(Deferred.await(answer), begin))
      )
      yield* slow.getReady
      yield* Effect.yieldNow
      const taking = yield* Effect.forkChild(Effect.scoped(slow.take), { startImmediately: true })
      const stopping = yield* Effect.forkChild(Fiber.interrupt(taking), { startImmediately: true })
      yield* Effect.yieldNow
      assert.isUndefined(stopping.pollUnsafe())
      yield* Deferred.succeed(answer, undefined)
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(ended, [0])
    }).pipe(Effect.scoped))
})
