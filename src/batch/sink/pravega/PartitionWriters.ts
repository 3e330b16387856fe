/**
 * The writers of a batch's partitions: opened at a partition's first output, closed when all of its outputs are
 * acknowledged. So no more are open than partitions are at work, however many segments there are: of 1,000 segments to
 * 1,000, writers that stayed open until the end of the batch held 1.9 GB.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"

/** Which writer of a partition it is: 0 is the first. @category models @since 0.2.0 */
export interface Turn {
  readonly partition: number
  readonly turn: number
}

/** @category models @since 0.2.0 */
export interface PartitionWriters<out W, out E> {
  /** That of the partition's next outputs. One caller at a time for each partition. */
  readonly of: (partition: number) => Effect.Effect<W, E>
  /**
   * Waits until what the partition wrote is acknowledged, and closes its writer. Outputs that come after it have another one,
   * in the same order: nothing of the writer before is under way.
   */
  readonly flush: (partition: number) => Effect.Effect<void, E>
  /** Flushes all. */
  readonly flushAll: Effect.Effect<void, E>
}

/**
 * In the Scope around, whose end closes all. `open` must give each turn writer ids of its own, and the same ids to the same
 * turn: numbers under an id that was used before are taken for events that are there already.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = <W extends { readonly flush: Effect.Effect<void, E> }, E>(
  open: (which: Turn) => Effect.Effect<W, E, Scope.Scope>
): Effect.Effect<PartitionWriters<W, E>, never, Scope.Scope> =>
  Effect.map(Effect.scope, (attempt) => {
    const writers = new Map<number, { readonly writer: W; readonly scope: Scope.Closeable }>()
    const turns = new Map<number, number>()

    const enter = (partition: number) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function*() {
          const scope = yield* Scope.fork(attempt)
          const turn = turns.get(partition) ?? 0
          const writer = yield* restore(Scope.provide(open({ partition, turn }), scope)).pipe(
            Effect.onError(() => Scope.close(scope, Exit.void))
          )
          turns.set(partition, turn + 1)
          writers.set(partition, { writer, scope })
          return writer
        })
      )

    const flush = (partition: number) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => {
          const open = writers.get(partition)
          if (open === undefined) return Effect.void
          return Effect.andThen(
            restore(open.writer.flush),
            Effect.suspend(() => {
              writers.delete(partition)
              return Scope.close(open.scope, Exit.void)
            })
          )
        })
      )

    return {
      of: (partition) =>
        Effect.suspend(() => {
          const open = writers.get(partition)
          return open === undefined ? enter(partition) : Effect.succeed(open.writer)
        }),
      flush,
      flushAll: Effect.suspend(() => Effect.forEach([...writers.keys()], flush, { discard: true }))
    }
  })
