/**
 * A sink that keeps in memory what is committed. It belongs to the code that made it, so it outlives the queries that write to
 * it.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Sink, TypedSink } from "../SinkContract.ts"
import { HeldOutputs } from "../sql/HeldOutputs.ts"

/** What a memory sink holds. @category models @since 0.1.0 */
export interface Memory<in out B> extends Sink<B, never, never> {
  /** What is committed, in the order of the commits. */
  readonly committed: Effect.Effect<ReadonlyArray<B>>
}

/** @category constructors @since 0.1.0 */
export const make = <B>(name: string) => {
  const visible: Array<B> = []
  const tries = new Map<string, HeldOutputs<B> | "committed">()
  let next = 0
  const typed: TypedSink<B, never, never, string, null> = {
    name,
    structure: "memory",
    handle: Schema.String,
    evidence: Schema.Null,
    open: Effect.succeed({
      begin: ({ batch }) =>
        Effect.gen(function*() {
          const handle = `${batch}.${next++}`
          const outputs = new HeldOutputs<B>()
          tries.set(handle, outputs)
          let isKept = false
          yield* Effect.addFinalizer(() => Effect.sync(() => isKept ? undefined : tries.delete(handle)))
          return {
            handle,
            write: (partition, more) => Effect.sync(() => outputs.add(partition, more)),
            flush: () => Effect.void,
            prepare: Effect.sync(() => ({
              evidence: null,
              digest: outputs.digest(),
              events: outputs.all().length,
              bytes: 0
            })),
            keep: Effect.sync(() => {
              isKept = true
            })
          }
        }),
      commit: ({ handle }) =>
        Effect.sync(() => {
          const outputs = tries.get(handle)
          if (outputs instanceof HeldOutputs) { for (const output of outputs.all()) visible.push(output) }
          tries.set(handle, "committed")
        }),
      abort: (handle) =>
        Effect.sync(() => {
          if (tries.get(handle) === "committed") return "committed"
          tries.delete(handle)
          return "aborted"
        }),
      recover: ({ handle }) =>
        Effect.sync(() => ({
          _tag: tries.get(handle) instanceof HeldOutputs ? "committable" as const : "committed" as const
        }))
    })
  }
  return { typed, committed: Effect.sync((): ReadonlyArray<B> => visible.slice()) }
}
