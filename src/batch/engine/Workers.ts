/**
 * Who processes the parts of a batch. Workers decide nothing: what is durable when is `Commit`'s, and what a part is and what
 * is done with it is the pipeline's.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"

/** What one worker processes at once: a partition of the batch. @category models @since 0.2.0 */
export interface Part {
  /** Its place in the plan, over all sources: the same each time the batch is processed. */
  readonly id: number
  /** Of those that must be processed, with their outputs acknowledged, before this one is begun (rule 7). */
  readonly predecessors: ReadonlyArray<number>
  /** What it reads, if its source can tell. */
  readonly bytes?: number | undefined
}

/** One try of a batch, in parts. @category models @since 0.2.0 */
export interface Assignment<P extends Part, E, R> {
  readonly query: string
  readonly batch: number
  /** From 1, per owner of the log: what comes from another attempt is none of this one. */
  readonly attempt: number
  /** Predecessors come first. */
  readonly parts: ReadonlyArray<P>
  /** How many parts one process works on at the same time. */
  readonly parallelism: number
  /** Processes a part in this process. Its outputs are acknowledged when it returns. */
  readonly process: (part: P) => Effect.Effect<void, E, R>
}

/** @category models @since 0.2.0 */
export interface Workers {
  /** Processes all parts, each once. Fails, and stops the others, when one of them does: then the try is given up. */
  readonly processAll: <P extends Part, E, R>(assignment: Assignment<P, E, R>) => Effect.Effect<void, E, R>
}

/** In this process, a fiber for each part. @category constructors @since 0.2.0 */
export const local: Workers = {
  processAll: ({ parallelism, parts, process }) => {
    const permits = Semaphore.makeUnsafe(parallelism)
    const done = new Map(parts.map(({ id }) => [id, Deferred.makeUnsafe<void>()] as const))
    return Effect.forEach(parts, (part) => {
      const before = part.predecessors.flatMap((id) => done.get(id) ?? [])
      const finished = done.get(part.id)
      return Effect.forEach(before, (predecessor) => Deferred.await(predecessor), { discard: true }).pipe(
        Effect.andThen(permits.withPermit(process(part))),
        Effect.andThen(finished === undefined ? Effect.void : Deferred.succeed(finished, undefined))
      )
    }, { concurrency: "unbounded", discard: true })
  }
}

/** Those that a run uses. Default: `local`. @category references @since 0.2.0 */
export const Workers = Context.Reference<Workers>("effect-pravega/batch/Workers", { defaultValue: () => local })
