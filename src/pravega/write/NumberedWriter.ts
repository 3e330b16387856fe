/**
 * A writer whose events have numbers that its caller fixed, so that a second writer of the same events, in the same order,
 * with the same numbers writes none of them twice: after a crash, or at the same time. The segments keep, per writer id, the
 * number of the last event that they took (protocol facts: "What makes a retry idempotent").
 *
 * Both writers must find each event in the same segment, also when the stream is scaled in between. So both begin with the
 * same segments, those at which the first of them began, and follow the same chains of successors: an event is in the first
 * segment of its chain that took it before it was sealed, and a sealed segment's last number never changes. Each chain has a
 * writer id of its own, also where several lead to the same segment, so that numbers are the same whichever chain is
 * followed first.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EventStream } from "../../core/EventStream.ts"
import * as Segment from "../../core/Segment.ts"
import { SegmentRouting } from "../../core/SegmentRouting.ts"
import { Pravega } from "../Pravega.ts"
import type { AppendFailure } from "./AppendSession.ts"
import * as SegmentSuccession from "./internal/SegmentSuccession.ts"
import * as RoutedWriter from "./RoutedWriter.ts"
import type { WriterLimits } from "./WriterLimits.ts"

/** @category models @since 0.1.0 */
export interface NumberedWriterOptions<A, E> {
  readonly stream: EventStream<A>
  readonly limits: WriterLimits
  readonly start: Start
  /** Numbers begin after it, in each segment. */
  readonly base: bigint
  /** A UUID for each chain of segments, named by the ids on its way. */
  readonly writerIdOf: (chain: string) => string
  /** Whether there may have been another writer of these numbers before. */
  readonly isRepeated: boolean
  /** Whether this writer may go on, asked when another one with the same numbers shows. */
  readonly checkOwner: Effect.Effect<void, E>
  /** How many numbers are this writer's and those of others with the same ones: those after `base`. */
  readonly numbers: bigint
  /** A segment has a number of later writers, or one of these though nobody wrote them before. The owner was asked. */
  readonly onBeyond: (found: RoutedWriter.BeyondBound) => E
  /** A segment is gone before it told what is in it. */
  readonly onLost: (lost: LostSegment) => E
}

/**
 * A segment that was deleted, of which nobody can tell any more which of the events it had taken.
 *
 * @category models
 * @since 0.1.0
 */
export interface LostSegment {
  readonly segment: string
  readonly writerId: string
  /** The number before the first event that would be in it. */
  readonly base: bigint
}

/** Where chains begin. Writers of the same segments share it. @category models @since 0.2.0 */
export interface Start {
  /** Entries are places. */
  readonly routing: SegmentRouting
  /** By the numbers of the places. */
  readonly ids: ReadonlyArray<Segment.SegmentId>
}

/**
 * From the segments with which the first writer of some numbers began: all of the stream's, at some time.
 *
 * @category constructors
 * @since 0.2.0
 */
export const startAt = (segments: ReadonlyArray<Segment.SegmentWithRange>): Start => ({
  routing: SegmentRouting.make(
    segments.map(({ range }, place) => ({ id: Segment.SegmentId.make(BigInt(place)), range }))
  ),
  ids: segments.map(({ id }) => id)
})

/** A place in a chain. Entries of the routing are places, under numbers that only this writer knows. */
interface Place {
  readonly id: Segment.SegmentId
  readonly chain: string
}

/** @category constructors @since 0.1.0 */
export const make = Effect.fnUntraced(function*<A, E extends { readonly _tag: string }>(
  options: NumberedWriterOptions<A, E>
): Effect.fn.Return<RoutedWriter.RoutedWriter<A, E | AppendFailure>, never, Pravega | Scope.Scope> {
  const { base, checkOwner, isRepeated, limits, start, stream, writerIdOf } = options
  const { controller, segments: requests, stores } = yield* Pravega
  /** Those after the first ones. */
  const places: Array<Place> = []
  const enter = ({ id, range }: Segment.SegmentWithRange, before: string): Segment.SegmentWithRange => {
    places.push({ id, chain: `${before}>${id}` })
    return { id: Segment.SegmentId.make(BigInt(start.ids.length + places.length - 1)), range }
  }
  const placeOf = (key: Segment.SegmentId): Place => {
    const id = start.ids[Number(key)]
    const place = id === undefined ? places[Number(key) - start.ids.length] : { id, chain: `${id}` }
    if (place === undefined) throw new Error(`no place ${key}`)
    return place
  }
  return yield* RoutedWriter.make<A, E>({
    stream,
    transaction: undefined,
    routing: start.routing,
    limits,
    services: { segments: requests, stores },
    writerIdOf: (key) => writerIdOf(placeOf(key).chain),
    numbering: {
      base,
      placeOf: (key) => placeOf(key).id,
      onSuperseded: checkOwner,
      highest: isRepeated ? base + options.numbers : base,
      onBeyond: (found) => Effect.andThen(checkOwner, Effect.suspend(() => Effect.fail(options.onBeyond(found))))
    },
    onGone: Effect.fnUntraced(function*(key, how, replace) {
      const { chain, id } = placeOf(key)
      if (how._tag === "Missing") {
        // What a predecessor wrote may have been in it, and so may what was sent and not acknowledged.
        if (isRepeated || how.inDoubt !== undefined) {
          const segment = Segment.name(stream.name, id)
          return yield* Effect.fail(options.onLost({ segment, writerId: writerIdOf(chain), base }))
        }
        // An owner now was one when the segment was there: nobody else wrote these events to it.
        yield* checkOwner
      }
      const enterAll = (next: ReadonlyArray<Segment.SegmentWithRange>) => replace(next.map((one) => enter(one, chain)))
      const { outageLimit } = limits
      // every writer of these numbers must take the same way
      yield* SegmentSuccession.follow(id, enterAll, {
        controller,
        stream: stream.name,
        outageLimit,
        generations: "each"
      })
    })
  })
})
