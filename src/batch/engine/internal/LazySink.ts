/**
 * A sink that begins at the first output for it (rule 11): its transaction is in the log before anything is written into it.
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type { CheckpointLogError } from "../../protocol/CheckpointLogError.ts"
import type { CommitError } from "../../protocol/CommitError.ts"
import type { Attempt } from "../../sink/SinkContract.ts"

/** What stops a query besides its own errors. @category models @since 0.2.0 */
export type Stops = CheckpointLogError | CommitError

/** A sink that has begun, and whose transaction the log names. @category models @since 0.1.0 */
export interface OpenSink<out E> {
  readonly name: string
  readonly attempt: Attempt<never, E, Schema.Json, Schema.Json>
}

/** A sink that begins at the first output for it. @category models @since 0.2.0 */
export interface LazySink<in B, out E> {
  readonly name: string
  /** Begins it, whether it gets an output or not. */
  readonly open: Effect.Effect<OpenSink<E>, E | Stops>
  readonly opened: () => ReadonlyArray<OpenSink<E>>
  readonly write: (partition: number, outputs: Arr.NonEmptyReadonlyArray<B>) => Effect.Effect<void, E | Stops>
  readonly flush: (partition: number) => Effect.Effect<void, E>
}

/** Begins in the Scope around. @category constructors @since 0.2.0 */
export const make = <B, E>(
  name: string,
  accepts: (outputs: Arr.NonEmptyReadonlyArray<B>) => boolean,
  beginning: Effect.Effect<Attempt<B, E, Schema.Json, Schema.Json>, E | Stops, Scope.Scope>
): Effect.Effect<LazySink<B, E>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    let attempt: Attempt<B, E, Schema.Json, Schema.Json> | undefined
    const begin = yield* beginning.pipe(
      Effect.tap((begun) =>
        Effect.sync(() => {
          attempt = begun
        })
      ),
      Scope.provide(scope),
      Effect.cached
    )
    return {
      name,
      open: Effect.map(begin, (attempt) => ({ name, attempt })),
      opened: () => attempt === undefined ? [] : [{ name, attempt }],
      write: (partition, outputs) =>
        accepts(outputs) ? Effect.flatMap(begin, (begun) => begun.write(partition, outputs)) : Effect.void,
      flush: (partition) => Effect.suspend(() => attempt?.flush(partition) ?? Effect.void)
    }
  })
