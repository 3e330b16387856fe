/**
 * A batch's outputs for an Effect of the user's, between `prepared` and `committed` (rule 13). They are held in memory:
 * after a crash they are gone, and the batch is processed again, under the same id.
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Uuid from "../../../core/Uuid.ts"
import type { BatchId, TypedSink } from "../SinkContract.ts"
import { HeldOutputs } from "../sql/HeldOutputs.ts"

/** @category constructors @since 0.1.0 */
export const typed = <B, E, R>(
  name: string,
  structure: Schema.Json,
  run: (batch: BatchId, outputs: ReadonlyArray<B>) => Effect.Effect<void, E, R>
) => ({
  name,
  structure,
  mayBeSeenEarly: true,
  handle: Schema.String,
  evidence: Schema.Null,
  open: Effect.map(Effect.context<Exclude<R, Scope.Scope>>(), (context) => {
    const held = new Map<string, ReadonlyArray<B>>()
    // Of the batch that was committed last: no other is asked about.
    let committed: string | undefined
    return {
      begin: () =>
        Effect.gen(function*() {
          // A process that comes later must not take it for one of its own.
          const handle = yield* Uuid.next
          const outputs = new HeldOutputs<B>()
          let isKept = false
          yield* Effect.addFinalizer(() => Effect.sync(() => isKept ? undefined : held.delete(handle)))
          return {
            handle,
            write: (partition: number, more: Arr.NonEmptyReadonlyArray<B>) =>
              Effect.sync(() => outputs.add(partition, more)),
            flush: () => Effect.void,
            prepare: Effect.sync(() => {
              const all = outputs.all()
              held.set(handle, all)
              return { evidence: null, digest: outputs.digest(), events: all.length, bytes: 0 }
            }),
            keep: Effect.sync(() => {
              isKept = true
            })
          }
        }),
      commit: ({ batch, handle, query }: BatchId & { readonly handle: string }) =>
        Effect.suspend(() => {
          const outputs = held.get(handle)
          if (outputs === undefined) return Effect.void
          // A Scope of its own: with the one around, the query's, what it opens would stay until the query ends.
          return Effect.map(Effect.provideContext(Effect.scoped(run({ query, batch }, outputs)), context), () => {
            held.delete(handle)
            committed = handle
          })
        }),
      abort: (handle: string) =>
        Effect.sync(() => {
          held.delete(handle)
          return handle === committed ? "committed" as const : "aborted" as const
        }),
      recover: ({ handle }: { readonly handle: string }) =>
        Effect.sync(() => ({
          _tag: handle === committed
            ? "committed" as const
            : held.has(handle)
            ? "committable" as const
            : "lost" as const
        }))
    }
  })
} satisfies TypedSink<B, E, Exclude<R, Scope.Scope>, string, null>)
