/**
 * The lanes of a partition: it is read once, and its shares are processed at the same time. Which event is in which lane is
 * the source's to say.
 */
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as PartitionInput from "./PartitionInput.ts"

/** Chunks that wait between the reader of a partition and each of its lanes. */
const laneBuffer = 2

/** Some items of one lane. @category models @since 0.2.0 */
export interface Share<out A> {
  readonly lane: number
  readonly items: ReadonlyArray<A>
}

/**
 * Runs all lanes. Memory is bounded, as the reader waits for the slowest lane.
 *
 * @category running
 * @since 0.2.0
 */
export const run = Effect.fnUntraced(function*<A, ES, E, R>(
  shares: Stream.Stream<Share<A>, ES>,
  count: number,
  process: (events: Stream.Stream<A>, lane: number) => Effect.Effect<void, E, R>
) {
  const queues = yield* Effect.forEach(
    Arr.range(0, count - 1),
    () => Queue.bounded<ReadonlyArray<A>, Cause.Done>(laneBuffer)
  )
  const reading = Stream.runForEach(shares, ({ items, lane }) => {
    const queue = queues[lane]
    return queue === undefined ? Effect.die(new Error(`lane ${lane} of ${count}`)) : Queue.offer(queue, items)
  }).pipe(Effect.andThen(Effect.forEach(queues, (queue) => Queue.end(queue), { discard: true })))
  const lanes = Effect.forEach(
    queues,
    (queue, lane) =>
      // A process that needs no more must not hold up the others.
      Effect.ensuring(process(PartitionInput.flat(Stream.fromQueue(queue)), lane), Queue.shutdown(queue)),
    { concurrency: "unbounded", discard: true }
  )
  yield* Effect.all([reading, lanes], { concurrency: 2, discard: true })
})
