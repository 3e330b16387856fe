/**
 * Outputs and dead letters reach the sinks of a pipeline by the same way, never in one array: here each sink takes its own.
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { Sink } from "../../sink/SinkContract.ts"
import { throughWrites } from "../../sink/ThroughWrites.ts"
import { Letter } from "../Letter.ts"

type Some<A> = Arr.NonEmptyReadonlyArray<A>

/** A sink that takes no letters. @category combinators @since 0.1.0 */
export const onlyOutputs = <B, E, R>(sink: Sink<B, E, R>): Sink<B | Letter, E, R> => narrowed(sink, areOutputs)

/** A sink that takes letters only. @category combinators @since 0.1.0 */
export const onlyLetters = <B, E, R>(sink: Sink<Letter, E, R>): Sink<B | Letter, E, R> => narrowed(sink, areLetters)

const areLetters = <B>(some: Some<B | Letter>): some is Some<Letter> => some[0] instanceof Letter
const areOutputs = <B>(some: Some<B | Letter>): some is Some<B> => !areLetters(some)

const narrowed = <C, B extends C, E, R>(
  sink: Sink<B, E, R>,
  is: (some: Some<C>) => some is Some<B>
): Sink<C, E, R> => ({
  ...sink,
  accepts: (outputs) => is(outputs) && sink.accepts(outputs),
  open: Effect.map(
    sink.open,
    (session) =>
      throughWrites(session, (write) => (partition, outputs) => is(outputs) ? write(partition, outputs) : Effect.void)
  )
})
