/**
 * What is left to read of a stream after a cut, as far as the last plan has looked.
 */
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import * as Segment from "../../../core/Segment.ts"
import type { StreamCut } from "../../../core/StreamCut.ts"
import type { Lag, Part } from "../SourceContract.ts"
import type * as RangePlanner from "./RangePlanner.ts"

/** In bytes, by the names of the segments. @category getters @since 0.2.0 */
export const lagOf = (
  stream: ScopedStream,
  positions: StreamCut["positions"],
  tails: ReadonlyMap<Segment.SegmentId, bigint>
): Lag => {
  const parts: Record<string, number> = {}
  let bytes = 0
  for (const [id, position] of positions) {
    const left = Number((tails.get(id) ?? position) - position)
    if (left <= 0) continue
    parts[Segment.name(stream, id)] = left
    bytes += left
  }
  return { bytes, parts }
}

/**
 * By the numbers of their segments. One whose successors are still to come is not read to its end: what they have is
 * unread, and begins at its time. Nor is one that was not looked at, as far as anybody knows.
 *
 * @category getters
 * @since 0.2.0
 */
export const partsOf = (
  positions: StreamCut["positions"],
  { awaited, tails }: Pick<RangePlanner.Planned, "tails" | "awaited">
): Readonly<Record<string, Part>> =>
  Object.fromEntries(
    Array.from(positions, ([id, readTo]) => [
      String(id),
      { readTo: awaited.has(id) || !tails.has(id) ? -1n : readTo, tail: tails.get(id) ?? readTo }
    ])
  )
