/**
 * From two positions in a stream to the segment ranges between them. It asks the controller and the segment stores, and
 * reads no events.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import * as Segment from "../../core/Segment.ts"
import type { SegmentId, SegmentWithRange } from "../../core/Segment.ts"
import type { StreamCut } from "../../core/StreamCut.ts"
import type { ControllerError } from "../controller/ControllerError.ts"
import { Pravega } from "../Pravega.ts"
import * as CutOfStream from "./CutOfStream.ts"
import * as SegmentOrder from "./internal/SegmentOrder.ts"
import * as OnTruncated from "./OnTruncated.ts"
import { InvalidPosition, TruncatedData } from "./ReadError.ts"
import type { ReadErrorReason } from "./ReadError.ts"
import { SegmentRange } from "./SegmentRange.ts"
import * as StreamCuts from "./StreamCuts.ts"

/** Requests on segments at a time. */
const concurrency = 16

/**
 * A cut of the stream; an empty one, as Java gives for the tail of a sealed stream, is looked up. One that is given must be
 * a position of the stream as it is now. `which`: what it is given for.
 *
 * @category planning
 * @since 0.1.0
 */
export const resolve = Effect.fnUntraced(
  function*(
    stream: ScopedStream,
    position: "earliest" | "latest" | StreamCut,
    which: "start" | "end"
  ): Effect.fn.Return<StreamCut, ReadErrorReason, Pravega> {
    if (position === "earliest") return yield* (yield* Pravega).controller.head(stream)
    if (position === "latest" || position.positions.size === 0) {
      const tail = StreamCuts.tail(stream).pipe(
        // a segment that was scaled and truncated away since it was listed
        Effect.retry({ times: 3, while: isGone })
      )
      return (yield* tail).cut
    }
    if (String(position.stream) !== String(stream)) {
      return yield* new InvalidPosition({ stream, detail: `the ${which} belongs to stream ${String(position.stream)}` })
    }
    yield* CutOfStream.check(position, which)
    return position
  }
)

const isGone = (error: ReadErrorReason): boolean =>
  error._tag === "SegmentError" && error.reason._tag === "NoSuchSegment"

/**
 * The ranges between two cuts, one per segment in which there is something to read, earlier epochs first.
 *
 * A segment that `from` does not list was created after it and is read from its start; one that `to` does not list was
 * sealed before it and is read to its end.
 *
 * @category planning
 * @since 0.1.0
 */
export const ranges = Effect.fnUntraced(
  function*(
    cuts: Cuts,
    onTruncated: OnTruncated.OnTruncated
  ): Effect.fn.Return<ReadonlyArray<SegmentRange>, ReadErrorReason, Pravega> {
    const { from, to } = cuts
    const { stream } = from
    const ids = yield* (yield* Pravega).controller.segmentsBetween(stream, from, to)
    const spans = yield* Effect.forEach(
      ids.filter((id) => from.positions.get(id) !== Segment.fullyRead),
      (id) => span(cuts, id, onTruncated),
      { concurrency }
    )
    const present = spans.filter((s) => s.from < s.to)
    const segments = yield* withRanges(stream, present.map((s) => s.id))
    const order = SegmentOrder.predecessors(segments)
    const low = new Map(segments.map(({ id, range }) => [id, range.low]))
    return present
      .toSorted((a, b) =>
        Segment.epoch(a.id) - Segment.epoch(b.id) || (low.get(a.id) ?? 0) - (low.get(b.id) ?? 0) ||
        Segment.number(a.id) - Segment.number(b.id)
      )
      .map((s) =>
        SegmentRange.make({ stream, segment: s.id, start: s.from, end: s.to, predecessors: order.get(s.id) ?? [] })
      )
  }
)

interface Cuts {
  readonly from: StreamCut
  readonly to: StreamCut
}

interface Span {
  readonly id: SegmentId
  readonly from: bigint
  readonly to: bigint
}

const span = Effect.fnUntraced(
  function*(
    cuts: Cuts,
    id: SegmentId,
    onTruncated: OnTruncated.OnTruncated
  ): Effect.fn.Return<Span, ReadErrorReason, Pravega> {
    const { stream } = cuts.from
    const from = cuts.from.positions.get(id) ?? 0n
    const to = cuts.to.positions.get(id)
    if (to === undefined || to === Segment.fullyRead) {
      return yield* (yield* Pravega).segments.info({ stream, id }).pipe(
        Effect.map((info) => ({ id, from, to: info.length })),
        Effect.catchReason("SegmentError", "NoSuchSegment", () => {
          const lost = new TruncatedData({ stream, segment: id, start: from, end: undefined })
          return Effect.as(OnTruncated.handle(onTruncated, lost), { id, from, to: from })
        })
      )
    }
    if (to >= from) return { id, from, to }
    const detail = `segment ${Segment.name(stream, id)} would be read from ${from} back to ${to}: ` +
      "the end comes before the start"
    return yield* new InvalidPosition({ stream, detail })
  }
)

/** The segments' key ranges. They matter only when there are several epochs; one request per epoch finds them. */
const withRanges = Effect.fnUntraced(
  function*(
    stream: ScopedStream,
    ids: ReadonlyArray<SegmentId>
  ): Effect.fn.Return<ReadonlyArray<SegmentWithRange>, ControllerError, Pravega> {
    // a segment that its epoch does not list can't be ordered by keys: it goes before all later ones
    const everything = { low: 0, high: 1 }
    const epochs = new Set(ids.map(Segment.epoch))
    if (epochs.size < 2) return ids.map((id) => ({ id, range: everything }))
    const { controller } = yield* Pravega
    const listed = yield* Effect.forEach(epochs, (epoch) => controller.epochSegments(stream, epoch), { concurrency })
    const ranges = new Map(listed.flat().map(({ id, range }) => [id, range]))
    return ids.map((id) => ({ id, range: ranges.get(id) ?? everything }))
  }
)
