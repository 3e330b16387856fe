/** How long a writer goes on with a segment that takes nothing: its pauses, its limit, and what begins both anew. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import * as BackOff from "../../../src/core/BackOff.ts"
import * as OutageLimit from "../../../src/pravega/write/internal/OutageLimit.ts"

const pauses = BackOff.doubling("10 millis", "1 second")
const cause = new Error("connect ECONNREFUSED 10.0.0.1:12345")
const problem = { problem: "no connection", cause }

/** Pauses until that fails; the times at which an attempt was due, in milliseconds, and the error. */
const exhausted = Effect.fnUntraced(function*(outage: OutageLimit.OutageLimit) {
  const begun = yield* Clock.currentTimeMillis
  const due = Array.of<number>()
  const attempts = Effect.forever(
    Effect.andThen(outage.pause(problem), Effect.map(Clock.currentTimeMillis, (now) => due.push(now - begun)))
  )
  const fiber = yield* Effect.forkChild(Effect.flip(attempts))
  yield* TestClock.adjust("1 hour")
  return { due, error: yield* Fiber.join(fiber) }
})

describe("OutageLimit", () => {
  it.effect("pauses longer and longer, and fails when the limit is over, with what ended the last attempt", () =>
    Effect.gen(function*() {
      const { due, error } = yield* exhausted(
        OutageLimit.make("scope/stream/0", { limit: Duration.seconds(4), pauses })
      )
      assert.deepStrictEqual(due.slice(0, 4), [10, 30, 70, 150])
      assert.deepStrictEqual(due.slice(-3).map((at, i, all) => at - (all[i - 1] ?? at)), [0, 1_000, 1_000])
      assert.isAtLeast(due.at(-1)!, 4_000)
      assert.isBelow(due.at(-1)!, 5_000)
      assert.deepInclude(error, {
        segment: "scope/stream/0",
        attempts: due.length + 1,
        problem: "no connection",
        cause
      })
    }))

  it.effect("begins anew when something was taken", () =>
    Effect.gen(function*() {
      const outage = OutageLimit.make("scope/stream/0", { limit: Duration.seconds(4), pauses })
      const first = yield* exhausted(outage)
      outage.reset()
      assert.deepStrictEqual(yield* exhausted(outage), first)
    }))

  it.effect("goes by the clock that never goes back, not by the machine's", () =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      const tomorrow = () => clock.currentTimeMillisUnsafe() + Duration.toMillis(Duration.days(days))
      let days = 0
      const set: Clock.Clock = {
        currentTimeMillisUnsafe: tomorrow,
        currentTimeMillis: Effect.sync(tomorrow),
        currentTimeNanosUnsafe: () => BigInt(tomorrow()) * 1_000_000n,
        currentTimeNanos: Effect.sync(() => BigInt(tomorrow()) * 1_000_000n),
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
        monotonicTimeNanos: clock.monotonicTimeNanos,
        sleep: (duration) => clock.sleep(duration)
      }
      const outage = OutageLimit.make("scope/stream/0", {
        limit: Duration.seconds(4),
        pauses: Schedule.spaced("1 second")
      })
      const once = Effect.suspend(() => {
        days++
        return Effect.provideService(outage.pause(problem), Clock.Clock, set)
      })
      const fiber = yield* Effect.forkChild(Effect.repeat(once, { times: 3 }))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(fiber)
    }))
})
