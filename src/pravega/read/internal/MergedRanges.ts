/**
 * Reads several segment ranges at the same time and hands out their chunks one by one. It decides the order in which
 * ranges are read; how one is read is `SegmentRangeReader`'s.
 *
 * @internal
 */
import type * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Segment from "../../../core/Segment.ts"
import type { SegmentId } from "../../../core/Segment.ts"
import type { Segments } from "../../segmentstore/Segments.ts"
import type { EventChunk } from "../EventChunk.ts"
import type { ReadError } from "../ReadError.ts"
import type { SegmentRange } from "../SegmentRange.ts"
import * as SegmentRangeReader from "../SegmentRangeReader.ts"

/** @category models @since 0.1.0 */
export interface Options extends Omit<SegmentRangeReader.Options, "segment" | "from" | "to"> {
  /** How many ranges are read at the same time; `readAhead` is each one's own. */
  readonly concurrency: number
  readonly ordering: "none" | "perKey"
}

/**
 * A pull of the chunks of all ranges: each range's in order, and with `perKey` all chunks of a range's predecessors
 * before its own. The ranges belong to one stream. Closing the Scope stops all reads.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  segments: Segments["Service"],
  ranges: ReadonlyArray<SegmentRange>,
  options: Options
): Effect.Effect<Pull.Pull<EventChunk, ReadError>, never, Scope.Scope> =>
  // holds one chunk: the next one is ready when the last is taken, and no more than that is kept
  Effect.map(
    Effect.tap(Queue.bounded<EventChunk, ReadError | Cause.Done>(1), (queue) =>
      Effect.forkScoped(readAll(segments, ranges, options, queue))),
    (queue) =>
      Queue.take(queue)
  )

/** Reads all ranges into the queue and ends it, or fails it. Never fails itself. */
const readAll = (
  segments: Segments["Service"],
  ranges: ReadonlyArray<SegmentRange>,
  options: Options,
  queue: Queue.Queue<EventChunk, ReadError | Cause.Done>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const permits = yield* Semaphore.make(options.concurrency)
    const steps = ranges.map((range) => ({ range, done: Deferred.makeUnsafe<void>() }))
    const earlier = options.ordering === "perKey" ? dependencies(steps) : () => []
    yield* Effect.forEach(
      steps,
      (step) =>
        Effect.forEach(earlier(step), (other) => Deferred.await(other.done), { discard: true }).pipe(
          Effect.andThen(permits.withPermits(1)(pump(segments, step.range, options, queue))),
          Effect.andThen(Deferred.succeed(step.done, undefined))
        ),
      { concurrency: "unbounded", discard: true }
    ).pipe(
      Effect.matchCauseEffect({
        onFailure: (cause) => Queue.failCause(queue, cause),
        onSuccess: () => Queue.end(queue)
      })
    )
  })

/** Puts all chunks of a range into the queue, waiting while it is full. */
const pump = (
  segments: Segments["Service"],
  { start: from, segment, stream, end: to }: SegmentRange,
  options: Options,
  queue: Queue.Enqueue<EventChunk, ReadError | Cause.Done>
): Effect.Effect<void, ReadError> =>
  Effect.scoped(
    Effect.flatMap(
      SegmentRangeReader.make(segments, { ...options, segment: { stream, id: segment }, from, to }),
      (reader) => Effect.forever(Effect.flatMap(reader.pull, (chunk) => Queue.offer(queue, chunk)))
    )
  ).pipe(Pull.catchDone(() => Effect.void))

interface Step {
  readonly range: SegmentRange
  readonly done: Deferred.Deferred<void>
}

/**
 * What must be done before a range: the ranges of its segment's predecessors, and those further to the front of the
 * same segment. A predecessor of a later epoch is none: so no two ranges can wait for each other.
 */
const dependencies = (steps: ReadonlyArray<Step>): (step: Step) => ReadonlyArray<Step> => {
  const bySegment: Map<SegmentId, Array<Step>> = Map.groupBy(steps, (step) => step.range.segment)
  return ({ range }) => [
    ...range.predecessors
      .filter((id) => Segment.epoch(id) < Segment.epoch(range.segment))
      .flatMap((id) => bySegment.get(id) ?? []),
    ...(bySegment.get(range.segment) ?? []).filter((other) => other.range.start < range.start)
  ]
}
