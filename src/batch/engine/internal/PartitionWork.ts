/**
 * The work on one partition: its events go through the pipeline's process, in lanes if it has any, and its letters follow.
 * How a process is run is `SliceWork`'s; when a partition's turn is, is `Processing`'s.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Letter } from "../../pipeline/Letter.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import * as Lanes from "./Lanes.ts"
import * as PartitionInput from "./PartitionInput.ts"
import * as SliceWork from "./SliceWork.ts"

/** @category constructors @since 0.1.0 */
export const make = Effect.fnUntraced(function*<A, B, ES, E, R, EW>(
  pipeline: Pipeline<A, B, ES, E, R>,
  batch: { readonly batch: number; readonly at: number | undefined },
  sinks: {
    readonly write: (id: number, outputs: Arr.NonEmptyReadonlyArray<B | Letter>) => Effect.Effect<void, EW>
    readonly flush: (id: number) => Effect.Effect<void, EW>
  }
) {
  const through = yield* SliceWork.make(pipeline, batch, sinks.write)

  const letters = (partition: PartitionInput.Placed<A, ES>) =>
    partition.aside === undefined
      ? Effect.void
      : Stream.runForEachArray(partition.aside.letters(partition), (some) => sinks.write(partition.id, some))

  /** One partition, with outputs acknowledged in the end. */
  const alone = Effect.fnUntraced(function*(partition: PartitionInput.Placed<A, ES>) {
    const { aside, count, id, lanes } = partition
    const numbers = Arr.makeBy(lanes?.count ?? 1, (lane) => id + lane)
    if (lanes === undefined) {
      yield* through(PartitionInput.of(partition), id)
    } else if (aside === undefined) {
      const shares = Stream.map(lanes.events, ({ events, lane }) => {
        count(events.length)
        return { lane, items: events }
      })
      yield* Lanes.run(shares, lanes.count, (events, lane) => through({ _tag: "plain", events }, id + lane))
    } else {
      const shares = Stream.map(lanes.tolerant, ({ events, lane, places }) => {
        count(events.length)
        return { lane, items: PartitionInput.usable(aside, events, (index) => places[index] ?? 0) }
      })
      yield* Lanes.run(shares, lanes.count, (events, lane) => through({ _tag: "placed", events, aside }, id + lane))
    }
    yield* letters(partition)
    yield* Effect.forEach(numbers, sinks.flush, { discard: true })
  })

  /** All partitions as one. */
  const together = Effect.fnUntraced(function*(partitions: ReadonlyArray<PartitionInput.Placed<A, ES>>) {
    const events = Stream.flatMap(
      Stream.fromIterable(partitions),
      (partition) => PartitionInput.events(PartitionInput.of(partition))
    )
    yield* through({ _tag: "plain", events }, 0)
    yield* Effect.forEach(partitions, letters, { discard: true })
    yield* Effect.forEach(new Set([0, ...partitions.map(({ id }) => id)]), sinks.flush, { discard: true })
  })

  return { alone, together }
})
