/** Look-ups: what is asked, when it is asked again, and what comes of it. */
import { assert, describe, it } from "@effect/vitest"
import { Flow } from "effect-pravega/flow"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"

/** Knows the names of even users, and how often it was asked. */
const service = () => {
  const asked: Array<ReadonlyArray<number>> = []
  return {
    asked,
    find: (users: ReadonlyArray<number>) =>
      Effect.sync(() => {
        asked.push(users)
        return new Map(users.filter((user) => user % 2 === 0).map((user) => [user, `user ${user}`]))
      })
  }
}
const key = (user: number) => user
const run = <A>(
  flow: Flow.Flow<{ readonly events: number }, A, "events", never, Flow.Effectful>,
  ...chunks: ReadonlyArray<ReadonlyArray<number>>
) => Stream.fromArrays(...chunks).pipe(Flow.toStream(flow), Stream.runCollect)

describe("Flow.lookup", () => {
  it.effect("asks once for each key of a batch, and leaves out what nothing is known of", () =>
    Effect.gen(function*() {
      const { asked, find } = service()
      const flow = Flow.events<number>().pipe(Flow.lookup("users", { key, find }))
      assert.deepStrictEqual(yield* run(flow, [2, 1, 2, 4], [2]), [
        { key: 2, left: 2, right: "user 2" },
        { key: 2, left: 2, right: "user 2" },
        { key: 4, left: 4, right: "user 4" },
        { key: 2, left: 2, right: "user 2" }
      ])
      assert.deepStrictEqual(asked, [[2, 1, 4], [2]])
    }))

  it.effect("keeps all where it is a left one, and asks for no more at once than it may", () =>
    Effect.gen(function*() {
      const { asked, find } = service()
      const flow = Flow.events<number>().pipe(
        Flow.lookup("users", { type: "left", key, find, batchSize: 2, concurrency: 2 }),
        Flow.map(({ right }) => Option.getOrElse(right, () => "nobody"))
      )
      assert.deepStrictEqual(yield* run(flow, [1, 2, 3, 4, 5]), ["nobody", "user 2", "nobody", "user 4", "nobody"])
      assert.deepStrictEqual(asked, [[1, 2], [3, 4], [5]])
    }))

  it.effect("remembers answers for a while, also that nothing is known", () =>
    Effect.gen(function*() {
      const { asked, find } = service()
      const flow = Flow.events<number>().pipe(
        Flow.lookup("users", { key, find, cache: { capacity: 100, timeToLive: "1 minute" } })
      )
      const batch = (users: ReadonlyArray<number>, later: number) =>
        Stream.fromEffect(Effect.as(TestClock.adjust(later), users))
      const batches = Stream.concat(batch([1, 2], 0), Stream.concat(batch([2, 1, 4], 30_000), batch([1, 4], 30_000)))
      const results = yield* batches.pipe(
        Stream.flatMap((users) => Stream.fromArrays(users)),
        Flow.toStream(flow),
        Stream.runCollect
      )
      assert.deepStrictEqual(results.map(({ right }) => right), ["user 2", "user 2", "user 4", "user 4"])
      assert.deepStrictEqual(asked, [[1, 2], [4], [1]])
      // Another run remembers nothing of this one.
      yield* run(flow, [2])
      assert.deepStrictEqual(asked.at(-1), [2])
    }))

  it.effect("fails as what it asks does", () =>
    Effect.gen(function*() {
      const flow = Flow.events<number>().pipe(Flow.lookup("users", { key, find: () => Effect.fail("away" as const) }))
      const failure = yield* Stream.make(1).pipe(Flow.toStream(flow), Stream.runDrain, Effect.flip)
      assert.strictEqual(failure, "away")
    }))

  it("is described, and refuses sizes that there are not", () => {
    const { find } = service()
    const { text } = Flow.describe(Flow.events<number>().pipe(Flow.lookup("users", { key, find })))
    assert.include(text, "lookup \"users\" of 0: batchSize 1000, concurrency 1")
    for (const options of [{ batchSize: 0 }, { concurrency: 0.5 }, { cache: { capacity: 0, timeToLive: 1 } }]) {
      assert.throws(() => Flow.events<number>().pipe(Flow.lookup("users", { key, find, ...options })), RangeError)
    }
  })
})
