/**
 * The work on one partition: its events go through the pipeline's process, in lanes if it has any, and the outputs to the
 * sinks; events that can't be used are put aside. When a partition's turn is, is `Processing`'s.
 */
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { UnfinishedBatch } from "../../log/LogState.ts"
import type { Letter } from "../../pipeline/Letter.ts"
import type { Pipeline, Slice } from "../../pipeline/Pipeline.ts"
import type { Partition } from "../../source/SourceContract.ts"
import { Undecodable } from "../../source/Undecodable.ts"
import * as Deterministic from "./Deterministic.ts"
import type { PutAsideEvents } from "./PutAsideEvents.ts"

/** A partition of a batch, numbered among those of all sources. @category models @since 0.1.0 */
export interface Placed<out A, out ES> extends Partition<A, ES> {
  readonly source: string
  readonly count: (events: number) => void
  /** Undefined: an event that can't be used fails the batch. */
  readonly aside: PutAsideEvents | undefined
}

/** Chunks that wait between the reader of a partition and each of its lanes. */
const laneBuffer = 2

/** An event, and its place in its partition. */
interface At<out A> {
  readonly event: A
  readonly place: number
}

/** Events as they are processed; where some may be put aside, with their places. */
type Input<A, E> =
  | { readonly _tag: "plain"; readonly events: Stream.Stream<A, E> }
  | { readonly _tag: "placed"; readonly events: Stream.Stream<At<A>, E>; readonly aside: PutAsideEvents }

/** @category constructors @since 0.1.0 */
export const make = Effect.fnUntraced(function*<A, B, ES, E, R, EW>(
  { isDeterministic, name, process }: Pipeline<A, B, ES, E, R>,
  { batch, planned }: UnfinishedBatch,
  sinks: {
    readonly write: (id: number, outputs: Arr.NonEmptyReadonlyArray<B | Letter>) => Effect.Effect<void, EW>
    readonly flush: (id: number) => Effect.Effect<void, EW>
  }
) {
  const services = yield* Deterministic.make(`${name}/${batch}`, planned.at ?? 0)

  /** Events to outputs, under a number. */
  const through = Effect.fnUntraced(function*(input: Input<A, ES>, id: number) {
    const slice: Slice = { batch, partition: id }
    const own = isDeterministic ? services.slice(id) : undefined
    if (process._tag === "stream") {
      const events = input._tag === "plain" ? input.events : Stream.map(input.events, ({ event }) => event)
      const outputs = own === undefined
        ? process.run(events, slice)
        : own.stream(events, (own) => process.run(own, slice))
      return yield* Stream.runForEachArray(outputs, (some) => sinks.write(id, some))
    }
    const write = (outputs: ReadonlyArray<ReadonlyArray<B>>) => {
      const all = outputs.flat()
      return Arr.isReadonlyArrayNonEmpty(all) ? sinks.write(id, all) : Effect.void
    }
    if (input._tag === "plain") {
      const one = (event: A) => own === undefined ? process.run(event, slice) : own.effect(process.run(event, slice))
      return yield* Stream.runForEachArray(input.events, (some) => Effect.flatMap(Effect.forEach(some, one), write))
    }
    const { aside, events } = input
    // What one draws may not depend on those before it: a replay does without those that were put aside.
    const one = ({ event, place }: At<A>) =>
      isDeterministic
        ? services.slice(`${id}/${place}`).effect(process.run(event, slice))
        : process.run(event, slice)
    const orAside = (at: At<A>) =>
      aside.isOpen
        ? one(at).pipe(Effect.catch((error) =>
          Effect.sync((): ReadonlyArray<B> => {
            aside.put(at.place, textOf(error))
            return []
          })
        ))
        : one(at)
    return yield* Stream.runForEachArray(events, (some) => Effect.flatMap(Effect.forEach(some, orAside), write))
  })

  const letters = (partition: Placed<A, ES>) =>
    partition.aside === undefined
      ? Effect.void
      : Stream.runForEachArray(partition.aside.letters(partition), (some) => sinks.write(partition.id, some))

  /** One partition, with outputs acknowledged in the end. */
  const alone = Effect.fnUntraced(function*(partition: Placed<A, ES>) {
    const { aside, count, id, lanes } = partition
    const numbers = Arr.makeBy(lanes?.count ?? 1, (lane) => id + lane)
    if (lanes === undefined) {
      yield* through(inputOf(partition), id)
    } else if (aside === undefined) {
      const shares = Stream.map(lanes.events, ({ events, lane }) => {
        count(events.length)
        return { lane, items: events }
      })
      yield* inLanes(shares, lanes.count, (events, lane) => through({ _tag: "plain", events }, id + lane))
    } else {
      const shares = Stream.map(lanes.tolerant, ({ events, lane, places }) => {
        count(events.length)
        return { lane, items: usable(aside, events, (index) => places[index] ?? 0) }
      })
      yield* inLanes(shares, lanes.count, (events, lane) => through({ _tag: "placed", events, aside }, id + lane))
    }
    yield* letters(partition)
    yield* Effect.forEach(numbers, sinks.flush, { discard: true })
  })

  /** All partitions as one. */
  const together = Effect.fnUntraced(function*(partitions: ReadonlyArray<Placed<A, ES>>) {
    const inputs = Stream.fromIterable(partitions)
    const plain = Stream.flatMap(inputs, (partition): Stream.Stream<A, ES> => {
      const input = inputOf(partition)
      return input._tag === "plain" ? input.events : Stream.map(input.events, ({ event }) => event)
    })
    yield* through({ _tag: "plain", events: plain }, 0)
    yield* Effect.forEach(partitions, letters, { discard: true })
    yield* Effect.forEach(new Set([0, ...partitions.map(({ id }) => id)]), sinks.flush, { discard: true })
  })

  return { alone, together }
})

const inputOf = <A, ES>({ aside, count, events, tolerant }: Placed<A, ES>): Input<A, ES> => {
  const counted = <B, E>(stream: Stream.Stream<B, E>) =>
    Stream.mapArray(stream, (some) => {
      count(some.length)
      return some
    })
  if (aside === undefined) return { _tag: "plain", events: counted(events) }
  const placed = Stream.suspend(() => {
    let first = 0
    return flat(Stream.map(chunks(counted<A | Undecodable, ES>(tolerant ?? events)), (some) => {
      const start = first
      first += some.length
      return usable(aside, some, (index) => start + index)
    }))
  })
  return { _tag: "placed", events: placed, aside }
}

const chunks = <A, E>(stream: Stream.Stream<A, E>): Stream.Stream<ReadonlyArray<A>, E> =>
  Stream.mapArray(stream, (some) => Arr.of(some))

const flat = <A, E>(stream: Stream.Stream<ReadonlyArray<A>, E>): Stream.Stream<A, E> =>
  Stream.flattenArray(Stream.filter(stream, Arr.isReadonlyArrayNonEmpty))

/** Events with their places, without those that are put aside; what can't be decoded is put aside now. */
const usable = <A>(
  aside: PutAsideEvents,
  items: ReadonlyArray<A | Undecodable>,
  placeOf: (index: number) => number
): ReadonlyArray<At<A>> =>
  items.flatMap((event, index) => {
    const place = placeOf(index)
    if (aside.has(place)) return []
    if (!(event instanceof Undecodable)) return [{ event, place }]
    aside.put(place, event.detail)
    return []
  })

/** Reads once, and runs all lanes at the same time; memory is bounded, as the reader waits for the slowest lane. */
const inLanes = Effect.fnUntraced(function*<A, ES, E, R>(
  shares: Stream.Stream<{ readonly lane: number; readonly items: ReadonlyArray<A> }, ES>,
  count: number,
  run: (events: Stream.Stream<A>, lane: number) => Effect.Effect<void, E, R>
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
      Effect.ensuring(run(flat(Stream.fromQueue(queue)), lane), Queue.shutdown(queue)),
    { concurrency: "unbounded", discard: true }
  )
  yield* Effect.all([reading, lanes], { concurrency: 2, discard: true })
})

/** What a letter says of an error. */
const textOf = (error: unknown): string => {
  if (error instanceof Error) return error.message === "" ? error.name : `${error.name}: ${error.message}`
  return typeof error === "string" ? error : JSON.stringify(error) ?? String(error)
}
