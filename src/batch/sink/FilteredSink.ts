/**
 * A sink that takes other outputs than the one that it is made of: chosen and changed on their way.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type { Error, Services, Sink, Visibility } from "./SinkContract.ts"
import { throughWrites } from "./ThroughWrites.ts"

/**
 * Chooses and changes what goes to a sink: outputs for which `f` gives undefined are left out. `f` must be pure.
 *
 * ```ts
 * import { Sink } from "effect-pravega/batch"
 *
 * const alerts = Sink.console<string>().pipe(
 *   Sink.filterMapInput((degrees: number) => degrees > 30 ? `it has ${degrees} degrees` : undefined)
 * )
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const filterMapInput: {
  <B, C>(
    f: (output: C) => B | undefined
  ): <S extends Sink<B, unknown, unknown>>(sink: S) => Filtered<S, C>
  <S extends Sink<never, unknown, unknown>, C>(sink: S, f: (output: C) => InputOf<S> | undefined): Filtered<S, C>
} = dual(2, <B, E, R, C>(sink: Sink<B, E, R>, f: (output: C) => B | undefined): Sink<C, E, R> => {
  const choose = (outputs: ReadonlyArray<C>): Array<B> =>
    outputs.flatMap((output) => {
      const chosen = f(output)
      return chosen === undefined ? [] : [chosen]
    })
  return {
    ...sink,
    accepts: (outputs) =>
      outputs.some((output) => {
        const chosen = f(output)
        return chosen !== undefined && sink.accepts([chosen])
      }),
    open: Effect.map(sink.open, (session) =>
      throughWrites(session, (write) => (partition, outputs) => {
        const chosen = choose(outputs)
        return isNonEmpty(chosen) ? write(partition, chosen) : Effect.void
      }))
  }
})

const isNonEmpty = <A>(items: Array<A>): items is Arr.NonEmptyArray<A> => items.length > 0

type InputOf<S> = S extends Sink<infer B, unknown, unknown> ? B : never

/**
 * Of a sink whose outputs may be seen early, so may those of the sink that is made of it. It is a conditional type so that
 * hover texts show what it is, and not its name.
 */
type Filtered<S, C> = true extends true ? Sink<C, Error<S>, Services<S>> & Visibility<S> : never
