/** A source of the numbers from 0 on, some to a batch: for tests of what a query does with any source. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Source from "../../../src/batch/source/Source.ts"

export interface Options<E> {
  /** Below which the numbers are there now. */
  readonly available: () => number
  /** Below which they end; undefined: they do not. */
  readonly end: number | undefined
  readonly perBatch: number
  /** The numbers of a batch, from the first one to before the second. */
  readonly partitions: (from: number, to: number) => ReadonlyArray<Source.Partition<number, E>>
}

export const numbersSource = <E>(
  { available, end, partitions, perBatch }: Options<E>
): Source.Source<number, E, never> =>
  Source.make<number, E, never, number, readonly [number, number], null>({
    name: "numbers",
    structure: null,
    asked: null,
    position: Schema.Natural,
    plan: Schema.Tuple([Schema.Natural, Schema.Natural]),
    identity: Schema.Null,
    open: Effect.succeed({
      start: Effect.succeed({ identity: null, start: 0, end }),
      verify: () => Effect.void,
      latest: Effect.sync(available),
      plan: (from, ends) =>
        Effect.sync(() => {
          const to = Math.min(from + perBatch, available(), ...ends)
          if (ends.some((end) => from >= end)) return { _tag: "ended" as const }
          return to === from
            ? { _tag: "idle" as const }
            : { _tag: "range" as const, plan: [from, to] as const, next: to, isFull: to - from === perBatch }
        }),
      partitions: ([from, to]) => Effect.sync(() => partitions(from, to))
    })
  })
