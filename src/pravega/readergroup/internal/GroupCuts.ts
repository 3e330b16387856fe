/**
 * From the positions that a group's state holds to stream cuts, and back.
 *
 * The state forgets a segment once it is read, also while others of the same scaling are still read and what follows all
 * of them is not begun. Positions taken then leave a gap in the key space, which makes them no stream cut; started from,
 * they would never get beyond the gap. So the segments that are read already are put back, as fully read.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { firstGap, overlap } from "../../../core/KeyRange.ts"
import type { Position } from "../../../core/Position.ts"
import * as Reading from "../../../core/Reading.ts"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import * as Segment from "../../../core/Segment.ts"
import type { Positions } from "../../../core/SegmentPositions.ts"
import { StreamCut } from "../../../core/StreamCut.ts"
import type { ControllerError } from "../../controller/ControllerError.ts"
import { Pravega } from "../../Pravega.ts"

/** One cut per stream that there are positions of. @category positions @since 0.1.0 */
export const cuts = Effect.fnUntraced(function*(
  positions: Positions
): Effect.fn.Return<ReadonlyArray<StreamCut>, ControllerError, Pravega> {
  const byStream = Map.groupBy(
    Array.from(positions, ([name, offset]) => ({ segment: Reading.segment(name), offset })),
    ({ segment }) => segment.stream.toString()
  )
  return yield* Effect.forEach(byStream.values(), (entries) => {
    const offsets = new Map(entries.map(({ offset, segment }) => [segment.id, offset]))
    return completed(entries[0]!.segment.stream, offsets)
  })
})

/** The positions of a reader, by segment names. @category constructors @since 0.1.0 */
export const ofPosition = (position: Position): Positions =>
  new Map(position.segments.map(({ offset, segment, stream }) => [Segment.name(stream, segment), offset]))

const completed = Effect.fnUntraced(function*(
  stream: ScopedStream,
  offsets: ReadonlyMap<Segment.SegmentId, bigint>
): Effect.fn.Return<StreamCut, ControllerError, Pravega> {
  const { controller } = yield* Pravega
  const rangesOf = Effect.fnUntraced(function*(ids: Iterable<Segment.SegmentId>) {
    const wanted = new Set(ids)
    const records = yield* Effect.forEach(
      new Set(Array.from(wanted, Segment.epoch)),
      (epoch) => controller.epochSegments(stream, epoch)
    )
    return new Map(records.flat().filter(({ id }) => wanted.has(id)).map(({ id, range }) => [id, range]))
  })
  const covered = Array.from((yield* rangesOf(offsets.keys())).values())
  if (firstGap(covered) === undefined) return new StreamCut({ stream, positions: offsets })
  const followers = yield* Effect.forEach(offsets.keys(), (id) => controller.successors(stream, id))
  const others = followers.flat().flatMap(({ predecessors }) => predecessors).filter((id) => !offsets.has(id))
  const read = Array.from(yield* rangesOf(others))
    .filter(([, range]) => !covered.some((other) => overlap(other, range)))
    .map(([id]) => [id, Segment.fullyRead] as const)
  return new StreamCut({ stream, positions: new Map([...offsets, ...read]) })
})
