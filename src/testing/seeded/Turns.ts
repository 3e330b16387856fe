/**
 * How plain code has something done later, in turns of the process that it belongs to: the few things that a network
 * needs of a scheduler and a clock.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scheduler from "effect/Scheduler"

/** @category models @since 0.1.0 */
export interface Turns {
  /** In another turn, soon. Two that were asked for one after the other may come in any order. */
  readonly later: (task: () => void) => void
  /** So many milliseconds from now. */
  readonly after: (millis: number, task: () => void) => void
}

/**
 * Turns of the fiber that runs this Effect: its scheduler orders them, its clock delays them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<Turns> = Effect.gen(function*() {
  const context = yield* Effect.context<never>()
  const clock = yield* Clock.Clock
  const dispatcher = (yield* Scheduler.Scheduler).makeDispatcher()
  return {
    later: (task) => dispatcher.scheduleTask(task, 0),
    after: (millis, task) => {
      if (millis <= 0) return dispatcher.scheduleTask(task, 0)
      Effect.runForkWith(context)(Effect.andThen(clock.sleep(Duration.millis(millis)), Effect.sync(task)))
    }
  }
})
