/**
 * The order in which a batch's partitions are run.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Partition } from "../../source/SourceContract.ts"

/** Runs partitions at the same time, each when its predecessors are done, their outputs acknowledged (rule 7). @category running @since 0.2.0 */
export const inOrder = <P extends Pick<Partition<unknown, unknown>, "id" | "predecessors">, E, R>(
  partitions: ReadonlyArray<P>,
  parallelism: number,
  run: (partition: P) => Effect.Effect<void, E, R>
): Effect.Effect<void, E, R> => {
  const permits = Semaphore.makeUnsafe(parallelism)
  const done = new Map(partitions.map(({ id }) => [id, Deferred.makeUnsafe<void>()] as const))
  return Effect.forEach(partitions, (partition) => {
    const before = partition.predecessors.flatMap((id) => done.get(id) ?? [])
    const finished = done.get(partition.id)
    return Effect.forEach(before, (predecessor) => Deferred.await(predecessor), { discard: true }).pipe(
      Effect.andThen(permits.withPermit(run(partition))),
      Effect.andThen(finished === undefined ? Effect.void : Deferred.succeed(finished, undefined))
    )
  }, { concurrency: "unbounded", discard: true })
}
