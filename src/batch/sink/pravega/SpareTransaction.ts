/**
 * A transaction that is begun before it is needed: while the one before it is committed, which takes the controller long.
 * Nothing is written into it, and no record names it, before somebody takes it; if nobody does, it is aborted.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"

/** @category models @since 0.1.0 */
export interface SpareTransaction<out A, out E> {
  /** The spare one, if it could be begun, else a new one: in the Scope around, which ends it. */
  readonly take: Effect.Effect<A, E, Scope.Scope>
  /** Begins a spare one in the background, unless there is one. */
  readonly getReady: Effect.Effect<void>
}

/** A batch that does not take it in this time had no output for it. */
const patience = Duration.seconds(10)

/** `begin`: in the Scope around, whose end aborts what was begun. @category constructors @since 0.1.0 */
export const make = <A, E>(
  begin: Effect.Effect<A, E, Scope.Scope>
): Effect.Effect<SpareTransaction<A, E>, never, Scope.Scope> =>
  Effect.map(Effect.scope, (session) => {
    interface Spare {
      readonly scope: Scope.Closeable
      readonly begun: Fiber.Fiber<A, E>
      readonly timer: Fiber.Fiber<void>
    }
    let spare: Spare | undefined

    /** What is on its way is waited for, so that it is aborted too. */
    const end = (begun: Fiber.Fiber<A, E>, scope: Scope.Closeable, exit: Exit.Exit<unknown, unknown>) =>
      Effect.andThen(Fiber.await(begun), Scope.close(scope, exit))

    const getReady = Effect.uninterruptible(Effect.gen(function*() {
      if (spare !== undefined) return
      const scope = yield* Scope.fork(session)
      const begun = yield* Effect.forkIn(Scope.provide(begin, scope), scope)
      const drop = Effect.suspend(() => {
        if (spare?.scope !== scope) return Effect.void
        spare = undefined
        return end(begun, scope, Exit.void)
      })
      const timer = yield* Effect.forkIn(Effect.andThen(Effect.sleep(patience), Effect.uninterruptible(drop)), session)
      spare = { scope, begun, timer }
    }))

    const take = Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        if (spare === undefined) return yield* restore(begin)
        const { begun, scope, timer } = spare
        spare = undefined
        yield* Effect.addFinalizer((exit) => end(begun, scope, exit))
        yield* Fiber.interrupt(timer)
        return yield* restore(Fiber.join(begun)).pipe(Effect.catch(() => restore(begin)))
      })
    )
    return { take, getReady }
  })
