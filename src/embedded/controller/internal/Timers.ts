/**
 * What the controller does later, or by itself in time. What is to be done is its caller's business.
 *
 * @internal
 */
import type * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"

/** @category running @since 0.2.0 */
export const every = (interval: Duration.Input, task: () => void) =>
  Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(interval), Effect.sync(task))))

/**
 * Does tasks in their order, `pause` after they came at the soonest; while the server lives.
 *
 * @category constructors
 * @since 0.2.0
 */
export const makeQueue = (pause: Effect.Effect<void>, done: () => void) =>
  Effect.gen(function*() {
    const latch = yield* Latch.make()
    let tasks: Array<() => void> = []
    const drain = Effect.suspend(() => {
      latch.closeUnsafe()
      const taken = tasks
      tasks = []
      return Effect.andThen(
        pause,
        Effect.sync(() => {
          for (const task of taken) task()
          done()
        })
      )
    })
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(latch.await, drain)))
    return (task: () => void): void => {
      tasks.push(task)
      latch.openUnsafe()
    }
  })

/** From `start` on, by the clock that nobody sets. @category constructors @since 0.2.0 */
export const runningTime = (clock: Clock.Clock, start: number): () => number => {
  const millis = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
  const offset = start - millis()
  return () => millis() + offset
}

/** A process that wakes so much after its time, in milliseconds, was kept from running: its clients may have been as well. */
const lateMillis = 1_000

/**
 * One sleeper for all leases: it wakes when the first of them may end. If it wakes late, by `late` milliseconds, nothing
 * ran meanwhile: pings that came in time may still wait to be read.
 *
 * @category constructors
 * @since 0.2.0
 */
export const makeLeases = (now: () => number) => {
  const latch = Latch.makeUnsafe()
  /** When the sleeper will wake. */
  let wakes = Number.POSITIVE_INFINITY
  return {
    endsAt: (at: number): void => {
      if (at >= wakes) return
      wakes = at
      latch.openUnsafe()
    },
    run: (expire: (late: number) => number | undefined) =>
      Effect.suspend(() => {
        latch.closeUnsafe()
        const late = now() - wakes
        wakes = expire(late > lateMillis ? late : 0) ?? Number.POSITIVE_INFINITY
        return wakes === Number.POSITIVE_INFINITY
          ? latch.await
          : Effect.timeoutOrElse(latch.await, { duration: Math.max(1, wakes - now()), orElse: () => Effect.void })
      }).pipe(Effect.forever)
  }
}
