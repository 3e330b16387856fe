/** Events at a steady rate, each due at a fixed instant: who falls behind does not slow down what is due. */
import * as Effect from "effect/Effect"

/** A timer that is late by no more than this is not the client's fault. */
const slackMillis = 2

/** From when an event that was due is measured: when it was handed over, unless that was much too late. */
export const handedOver = (dueAt: number): number => Math.min(performance.now(), dueAt + slackMillis)

/** Calls `send` for each event when it is due, in order. */
export const paced = <E, R>(
  events: number,
  dueAt: (index: number) => number,
  send: (index: number) => Effect.Effect<unknown, E, R>
): Effect.Effect<void, E, R> =>
  Effect.gen(function*() {
    for (let index = 0; index < events;) {
      const wait = dueAt(index) - performance.now()
      if (wait > 0) yield* Effect.sleep(Math.max(1, Math.floor(wait)))
      // all that are due: a timer is no finer than a millisecond
      while (index < events && dueAt(index) <= performance.now()) yield* send(index++)
    }
  })
