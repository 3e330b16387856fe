/**
 * Whether a cut that comes from outside, or from before, is a position of the stream as it is now: a stream of that name may
 * have been deleted and made again since, and a cut may leave out a part of the key space, as Java's clients before 0.5 made
 * them. A read from such a cut would leave events out, or wait for ever, and nothing would tell.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as KeyRange from "../../core/KeyRange.ts"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import * as Segment from "../../core/Segment.ts"
import type { StreamCut } from "../../core/StreamCut.ts"
import type { Controller } from "../controller/Controller.ts"
import type { ControllerError } from "../controller/ControllerError.ts"
import { Pravega } from "../Pravega.ts"
import { EarlierStream, InvalidPosition } from "./ReadError.ts"

/**
 * Fails if one of these segments belongs to an earlier stream of that name: the numbers of segments go on when a stream is
 * deleted and made again.
 *
 * @category guards
 * @since 0.2.0
 */
export const sameStream = Effect.fnUntraced(function*(
  controller: Controller["Service"],
  stream: ScopedStream,
  ids: Iterable<Segment.SegmentId>
): Effect.fn.Return<ReadonlyArray<Segment.SegmentWithRange>, EarlierStream | ControllerError> {
  const first = yield* controller.epochSegments(stream, 0)
  const oldest = first.reduce((least, { id }) => Math.min(least, Segment.number(id)), Infinity)
  for (const id of ids) {
    if (Segment.number(id) < oldest) return yield* new EarlierStream({ stream, segment: id })
  }
  return first
})

/**
 * Fails with `EarlierStream`, or with `InvalidPosition` if the stream never had one of the cut's segments, or if they don't
 * hold all keys. `which`: the end of a range that the cut was given for.
 *
 * @category guards
 * @since 0.2.0
 */
export const check = Effect.fnUntraced(function*(
  { positions, stream }: StreamCut,
  which: string
): Effect.fn.Return<void, EarlierStream | InvalidPosition | ControllerError, Pravega> {
  const { controller } = yield* Pravega
  const first = yield* sameStream(controller, stream, positions.keys())
  const later = new Set(Array.from(positions.keys(), Segment.epoch).filter((epoch) => epoch > 0))
  const records = yield* Effect.forEach(
    later,
    (epoch) =>
      controller.epochSegments(stream, epoch).pipe(
        // the stream has no such epoch
        Effect.catchReason("ControllerError", "InvalidRequest", () => Effect.succeed([]))
      ),
    { concurrency: 16 }
  )
  const ranges = new Map([first, ...records].flat().map(({ id, range }) => [id, range]))
  const named: Array<KeyRange.KeyRange> = []
  for (const id of positions.keys()) {
    const range = ranges.get(id)
    if (range === undefined) {
      const detail = `the ${which} names segment ${Segment.name(stream, id)}, which the stream never had`
      return yield* new InvalidPosition({ stream, detail })
    }
    named.push(range)
  }
  const gap = KeyRange.firstGap(named)
  if (gap === undefined) return
  const detail =
    `the ${which} has no position for the keys from ${gap.low} to ${gap.high} (of 0 to 1), whose events would ` +
    `be left out: ${Array.from(positions.keys(), (id) => Segment.name(stream, id)).join(", ")} are all that it names`
  return yield* new InvalidPosition({ stream, detail })
})
