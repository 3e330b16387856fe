/**
 * A way out that is bounded: an Effect in a fiber of its own, which its caller can leave. A caller that is interrupted
 * waits for finalizers and for what can't be interrupted, and these may wait for a server that does not answer; here it
 * waits so long and no longer. What is left to itself ends with its process.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/**
 * How it is ended.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** Asks it to end in order. */
  readonly ask: Effect.Effect<void>
  /** How long it is given to do so, before it is interrupted. Zero: it is not asked. */
  readonly finish: Duration.Duration
  /** How long it is waited for after that. */
  readonly leave: Duration.Duration
  /** Told before each wait that is not over at once, and when it is left. */
  readonly tell: (step: Step) => Effect.Effect<void>
}

/** @category models @since 0.2.0 */
export type Step = "asked" | "interrupted" | "left"

/** How it ended: in order, by interruption, or not at all. @category models @since 0.2.0 */
export type Outcome = "finished" | "interrupted" | "left"

/** An interruption that takes no longer than this is not worth a word. */
const quietMillis = 1000

/** Ends a fiber, in bounded time. @category running @since 0.2.0 */
export const end = Effect.fnUntraced(function*<A, E>(
  fiber: Fiber.Fiber<A, E>,
  { ask, finish, leave, tell }: Options
): Effect.fn.Return<Outcome> {
  /** Whether it has ended by then. */
  const within = (duration: Duration.Duration) =>
    Effect.map(
      // the caller can't be interrupted; its waits can
      Effect.raceFirst(
        Effect.interruptible(Effect.asSome(Fiber.await(fiber))),
        Effect.interruptible(Effect.as(Effect.sleep(duration), undefined))
      ),
      (ended) => ended !== undefined
    )
  if (fiber.pollUnsafe() !== undefined) return "finished"
  if (Duration.isGreaterThan(finish, Duration.zero)) {
    yield* ask
    yield* tell("asked")
    if (yield* within(finish)) return "finished"
  }
  fiber.interruptUnsafe()
  const quiet = Duration.min(Duration.millis(quietMillis), leave)
  if (yield* within(quiet)) return "interrupted"
  yield* tell("interrupted")
  if (yield* within(Duration.subtract(leave, quiet))) return "interrupted"
  yield* tell("left")
  return "left"
})

/** Runs an Effect; an interruption of it takes bounded time. @category running @since 0.2.0 */
export const bounded = (options: Options) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Effect.forkDetach(Effect.interruptible(effect), { startImmediately: true }),
      (fiber) => Effect.onInterrupt(restore(Fiber.join(fiber)), () => end(fiber, options))
    )
  )
