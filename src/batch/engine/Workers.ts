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
import type { CommitError } from "../protocol/CommitError.ts"
import type { PartAnswer, PartOrder } from "./PartOrder.ts"

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
  /**
   * How other processes do that (`PartWorker`). Undefined: only this one can, as a sink keeps its outputs with the process that
   * began, or as what is read is kept in memory. Whoever uses it uses it for all parts.
   */
  readonly remote: Remote<P, E> | undefined
}

/** A try of a batch whose parts other processes may process. @category models @since 0.2.0 */
export interface Remote<in P extends Part, out E> {
  /** Begins all sinks, and gives what a worker must know of a part. To be run once, before any part is sent. */
  readonly orders: Effect.Effect<(part: P) => PartOrder, E>
  /** Takes what a worker has answered: once for each part, and of this try only. */
  readonly take: (part: P, answer: PartAnswer) => Effect.Effect<void, E>
}

/** @category models @since 0.2.0 */
export interface Workers {
  /** Processes all parts, each once. Fails, and stops the others, when one of them does: then the try is given up. */
  readonly processAll: <P extends Part, E, R>(
    assignment: Assignment<P, E, R>
  ) => Effect.Effect<void, E | CommitError, R>
}

/** In this process, a fiber for each part. @category constructors @since 0.2.0 */
export const local: Workers = {
  processAll: ({ parallelism, parts, process }) => inOrder(parts, parallelism, process)
}

/**
 * In other processes, by what sends an order to one of them and waits for its answer. What they can't do is done in this one.
 * Whoever has an order that is not answered is not heard any more: the try is given up, and what it has begun is aborted.
 *
 * @category constructors
 * @since 0.2.0
 */
export const remote = (
  send: (order: PartOrder) => Effect.Effect<PartAnswer, CommitError>
): Workers => ({
  processAll: <P extends Part, E, R>({ parallelism, parts, process, remote }: Assignment<P, E, R>) => {
    if (remote === undefined) return inOrder(parts, parallelism, process)
    return Effect.flatMap(
      remote.orders,
      (orderOf) =>
        inOrder(
          parts,
          parallelism,
          (part) => Effect.flatMap(send(orderOf(part)), (answer) => remote.take(part, answer))
        )
    )
  }
})

/** Each part once, after its predecessors, and so many at a time. */
const inOrder = <P extends Part, E, R>(
  parts: ReadonlyArray<P>,
  parallelism: number,
  process: (part: P) => Effect.Effect<void, E, R>
): Effect.Effect<void, E, R> => {
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

/** Those that a run uses. Default: `local`. @category references @since 0.2.0 */
export const Workers = Context.Reference<Workers>("effect-pravega/batch/Workers", { defaultValue: () => local })
