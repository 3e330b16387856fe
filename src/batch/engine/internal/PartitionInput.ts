/**
 * The events of a partition as they are processed: counted, and, where some may be put aside, with their places and without
 * those that are. What is done with them is not known here.
 */
import * as Arr from "effect/Array"
import * as Stream from "effect/Stream"
import type { Partition } from "../../source/SourceContract.ts"
import { Undecodable } from "../../source/Undecodable.ts"
import type { PutAsideEvents } from "./PutAsideEvents.ts"

/** A partition of a batch, numbered among those of all sources. @category models @since 0.1.0 */
export interface Placed<out A, out ES> extends Partition<A, ES> {
  readonly source: string
  /** The number of its source's first partition. */
  readonly first: number
  readonly count: (events: number) => void
  /** Undefined: an event that can't be used fails the batch. */
  readonly aside: PutAsideEvents | undefined
}

/** An event, and its place in its partition. @category models @since 0.2.0 */
export interface At<out A> {
  readonly event: A
  readonly place: number
}

/** Events as they are processed; where some may be put aside, with their places. @category models @since 0.2.0 */
export type Input<A, E> =
  | { readonly _tag: "plain"; readonly events: Stream.Stream<A, E> }
  | { readonly _tag: "placed"; readonly events: Stream.Stream<At<A>, E>; readonly aside: PutAsideEvents }

/** All events of a partition. @category constructors @since 0.2.0 */
export const of = <A, ES>({ aside, count, events, tolerant }: Placed<A, ES>): Input<A, ES> => {
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

/** The events alone. @category getters @since 0.2.0 */
export const events = <A, E>(input: Input<A, E>): Stream.Stream<A, E> =>
  input._tag === "plain" ? input.events : Stream.map(input.events, ({ event }) => event)

/**
 * Events with their places, without those that are put aside; what can't be decoded is put aside now.
 *
 * @category getters
 * @since 0.2.0
 */
export const usable = <A>(
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

/** Chunks as a Stream of their items; empty ones too. @category combinators @since 0.2.0 */
export const flat = <A, E>(stream: Stream.Stream<ReadonlyArray<A>, E>): Stream.Stream<A, E> =>
  Stream.flattenArray(Stream.filter(stream, Arr.isReadonlyArrayNonEmpty))

const chunks = <A, E>(stream: Stream.Stream<A, E>): Stream.Stream<ReadonlyArray<A>, E> =>
  Stream.mapArray(stream, (some) => Arr.of(some))
