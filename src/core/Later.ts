/**
 * Modules that are loaded when they are first needed, so that a program that does without them does not pay for them. A
 * simulation loads them all before its time begins: loading takes real time, which is none of the simulated world's.
 */
import * as Effect from "effect/Effect"

const known: Array<Effect.Effect<unknown>> = []

/** Loads once; from then on it gives what was loaded at once. @category constructors @since 0.2.0 */
export const load = <A>(importing: () => Promise<A>): Effect.Effect<A> => {
  let loaded: { readonly module: A } | undefined
  const loading = Effect.suspend(() =>
    loaded === undefined
      ? Effect.map(Effect.promise(importing), (module) => {
        loaded = { module }
        return module
      })
      : Effect.succeed(loaded.module)
  )
  known.push(loading)
  return loading
}

/** Loads all that are loaded by `load` in modules that are there by now. @category running @since 0.2.0 */
export const loadAll: Effect.Effect<void> = Effect.suspend(() => Effect.forEach(known, (one) => one, { discard: true }))
