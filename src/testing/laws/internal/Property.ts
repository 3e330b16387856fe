/**
 * A fast-check property as an Effect. fast-check is an optional peer: loaded when a property is checked.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Arbitrary, default as FastCheck } from "fast-check"
import * as NumberOption from "../../../core/NumberOption.ts"

/** @category models @since 0.1.0 */
export interface Options {
  readonly runs?: number | undefined
  readonly seed?: number | undefined
  /** Without it the first values are small ones: for few runs, values that are not worth a run. */
  readonly isUnbiased?: boolean | undefined
}

/**
 * Checks histories one after the other, each in a Scope of its own; dies with the seed and the smallest that failed.
 *
 * @category running
 * @since 0.1.0
 */
export const property = <A, E, R>(
  { isUnbiased = false, runs, seed }: Options,
  arbitrary: (fc: typeof FastCheck) => Arbitrary<A>,
  holds: (value: A) => Effect.Effect<void, E, R>
): Effect.Effect<void, never, Exclude<R, Scope.Scope>> =>
  Effect.flatMap(Effect.context<Exclude<R, Scope.Scope>>(), (context) => {
    const numRuns = NumberOption.check("runs", runs, { least: 1, most: Number.MAX_SAFE_INTEGER, otherwise: 100 })
    return Effect.promise(async (signal) => {
      const { default: fc } = await import("fast-check")
      // fast-check runs promises.
      const run = Effect.runPromiseWith(context)
      await fc.assert(
        fc.asyncProperty(arbitrary(fc), (value) => run(Effect.scoped(holds(value)), { signal })),
        { numRuns, unbiased: isUnbiased, ...seed === undefined ? {} : { seed } }
      )
    })
  })
