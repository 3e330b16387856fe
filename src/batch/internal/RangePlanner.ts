/**
 * Plans the next range of a stream: how far each segment is read, within limits, at event boundaries only (rule 8).
 *
 * Boundaries are tails (appends are whole events) and, where a limit comes first, those met while reading ahead; what
 * was read ahead is handed on, so that nothing is read twice. Segments get fair shares of the limits. A segment's
 * successors come in when all of their predecessors are consumed, so that each cut covers the key space once.
 */
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import type { SegmentId } from "../../core/Segment.ts"
import { StreamCut } from "../../core/StreamCut.ts"
import { BatchPlan } from "../../pravega/BatchReader.ts"
import * as BatchPlanning from "../../pravega/internal/BatchPlanning.ts"
import * as EventChunk from "../../pravega/internal/EventChunk.ts"
import { headerSize, i32At, maxEventSizeDefault } from "../../pravega/internal/EventFraming.ts"
import * as SegmentRangeReader from "../../pravega/internal/SegmentRangeReader.ts"
import { Pravega } from "../../pravega/Pravega.ts"
import { TruncatedData } from "../../pravega/ReadError.ts"
import { SegmentRange } from "../../pravega/SegmentRange.ts"

/** At least one event is read, even if it is larger than the limit. */
export interface Limits {
  /** Headers included. */
  readonly bytes: number
  readonly events: number
}

export interface PlannedRange {
  readonly plan: BatchPlan
  /** Per segment: its whole range, if it was read ahead. */
  readonly chunks: ReadonlyMap<SegmentId, ReadonlyArray<EventChunk.EventChunk>>
}

/** Nothing to read now, or never again. */
export type NoRange = "idle" | "ended"

/** A segment at the position reached, and how far it can be read. */
interface Readable {
  readonly id: SegmentId
  readonly from: bigint
  /** Its length, or less where an end cut says so. */
  readonly to: bigint
  /** It is read to its end, which is final. */
  readonly endsAt: boolean
  /** An end cut says that nothing more is read. */
  readonly isCut: boolean
}

/** How much of one segment is taken. */
interface Taken {
  readonly id: SegmentId
  readonly to: bigint
  readonly events: number
  /** Undefined: taken up to its tail without reading it. */
  readonly chunks: ReadonlyArray<EventChunk.EventChunk> | undefined
}

/** In bytes. */
const readSize = 256 * 1024

/** `turn`: a number that changes from plan to plan, so that it is not always the same segment that comes first. */
export const next = Effect.fnUntraced(function*(
  from: StreamCut,
  options: { readonly ends: ReadonlyArray<StreamCut>; readonly limits: Limits; readonly turn: number }
) {
  const { stream } = from
  const { controller } = yield* Pravega
  const ends = yield* Effect.forEach(
    options.ends,
    (cut) => Effect.map(controller.segmentsBetween(stream, from, cut), (ids) => ({ cut, within: new Set(ids) }))
  )
  const frontier = new Map(from.positions)
  const chunks = new Map<SegmentId, ReadonlyArray<EventChunk.EventChunk>>()
  const unread = new Set<SegmentId>()
  let { bytes, events } = options.limits
  let entered = false
  let none: NoRange = "idle"
  while (bytes > 0 && events > 0) {
    const readable = yield* Effect.forEach(frontier, ([id, at]) => measure(stream, id, at, ends), { concurrency: 16 })
    const open = readable.filter((segment) => segment.from < segment.to)
    const isFirst = chunks.size === 0 && unread.size === 0
    const taken = yield* Effect.forEach(
      share(rotate(open, options.turn), { bytes, events }),
      ([segment, limits], index) => take(stream, segment, { ...limits, evenIfLarger: isFirst && index === 0 }),
      { concurrency: 8 }
    )
    for (const part of taken) {
      const start = frontier.get(part.id) ?? BigInt(0)
      bytes -= Number(part.to - start)
      events -= part.events
      frontier.set(part.id, part.to)
      if (part.chunks === undefined) unread.add(part.id)
      else chunks.set(part.id, [...chunks.get(part.id) ?? [], ...part.chunks])
    }
    const consumed = readable.filter(({ endsAt, id, isCut, to }) => endsAt && !isCut && frontier.get(id) === to)
    const { isLast, replaced } = yield* replace(stream, frontier, consumed.map(({ id }) => id), ends)
    entered = entered || replaced
    if (open.length === 0 && !replaced) {
      none = readable.every(({ id, isCut }) => isCut || isLast.has(id)) ? "ended" : "idle"
    }
    // Another round only for successors, and for what is left of a limit in events.
    const isLeft = Number.isFinite(events) && taken.some((part) => part.events > 0) && unfinished(readable, frontier)
    if (!replaced && !isLeft) break
  }
  const to = new StreamCut({ stream, positions: frontier })
  const plan = yield* planOf(from, to, entered)
  if (plan.ranges.length === 0) return none
  // The ranges are found apart from the walk that chose the cut: both must have seen the same bytes.
  if (plan.length !== BigInt(options.limits.bytes - bytes)) {
    return yield* Effect.die(
      new Error(
        `a batch of ${plan.length} bytes was planned where there are ${
          options.limits.bytes - bytes
        }: ${from.toString()} to ${to.toString()}`
      )
    )
  }
  for (const id of unread) chunks.delete(id)
  return { plan, chunks } satisfies PlannedRange
})

const unfinished = (readable: ReadonlyArray<Readable>, frontier: ReadonlyMap<SegmentId, bigint>): boolean =>
  readable.some(({ id, to }) => (frontier.get(id) ?? to) < to)

const rotate = <A>(items: ReadonlyArray<A>, turn: number): ReadonlyArray<A> => {
  const by = items.length === 0 ? 0 : turn % items.length
  return [...items.slice(by), ...items.slice(0, by)]
}

interface End {
  readonly cut: StreamCut
  /** The segments from the position on that lie before the cut, wholly or in part. */
  readonly within: ReadonlySet<SegmentId>
}

const measure = Effect.fnUntraced(function*(
  stream: StreamCut["stream"],
  id: SegmentId,
  from: bigint,
  ends: ReadonlyArray<End>
) {
  const { segments } = yield* Pravega
  const info = yield* segments.info({ stream, id }).pipe(
    Effect.catchReason(
      "SegmentError",
      "NoSuchSegment",
      () => Effect.fail(new TruncatedData({ stream, segment: id, from, to: undefined }))
    )
  )
  if (from < info.startOffset) {
    return yield* new TruncatedData({ stream, segment: id, from, to: info.startOffset })
  }
  let to = info.length
  let isCut = false
  for (const end of ends) {
    const bound = end.cut.positions.get(id)
    if (bound === undefined && end.within.has(id)) continue
    const limit = bound === undefined ? from : bound < BigInt(0) ? info.length : bound
    if (limit <= to) to = limit
    if (from >= limit) isCut = true
  }
  return { id, from, to, endsAt: info.isSealed && to === info.length, isCut } satisfies Readable
})

/** Fair shares: who needs less than the mean leaves the rest to the others. */
const share = (
  segments: ReadonlyArray<Readable>,
  limits: Limits
): ReadonlyArray<readonly [Readable, Limits]> => {
  let { bytes, events } = limits
  const fair = new Map<SegmentId, Limits>()
  // A limit in events may be too small for all: then it is the turn that decides.
  const order = Number.isFinite(events)
    ? segments
    : segments.toSorted((a, b) => Number((a.to - a.from) - (b.to - b.from)))
  for (const [index, segment] of order.entries()) {
    const others = order.length - index
    const share = { bytes: Math.max(1, Math.floor(bytes / others)), events: Math.ceil(events / others) }
    const needed = Math.min(Number(segment.to - segment.from), share.bytes)
    fair.set(segment.id, share)
    bytes -= needed
    // Every event has a header: a segment can't hold more events than that.
    events -= Math.min(share.events, Math.floor(needed / headerSize))
  }
  return segments.flatMap((segment) => {
    const limit = fair.get(segment.id)
    return limit === undefined || limit.events < 1 ? [] : [[segment, limit] as const]
  })
}

/** Takes a segment up to its tail if that is within the share, else reads ahead up to the share. */
const take = Effect.fnUntraced(function*(
  stream: StreamCut["stream"],
  segment: Readable,
  limits: Limits & { readonly evenIfLarger: boolean }
) {
  const { from, id, to } = segment
  const length = Number(to - from)
  if (length <= limits.bytes && !Number.isFinite(limits.events)) {
    return { id, to, events: 0, chunks: undefined } satisfies Taken
  }
  const { segments } = yield* Pravega
  const reader = yield* SegmentRangeReader.make(segments, {
    segment: { stream, id },
    from,
    to,
    readAhead: Math.min(length, Math.ceil(limits.bytes)),
    readSize,
    maxEventSize: maxEventSizeDefault,
    onTruncated: "fail"
  })
  const chunks: Array<EventChunk.EventChunk> = []
  let bytes = 0
  let events = 0
  while (bytes < limits.bytes && events < limits.events && from + BigInt(bytes) < to) {
    const chunk = yield* Effect.catchTag(reader.pull, "ReadError", ({ reason }) => Effect.fail(reason))
    const first = headerSize + i32At(chunk.bytes, 4)
    if (first > limits.bytes - bytes && !(limits.evenIfLarger && bytes === 0)) break
    const [part, rest] = EventChunk.take(chunk, { bytes: limits.bytes - bytes, events: limits.events - events })
    chunks.push(part)
    bytes += part.bytes.length
    events += part.count
    if (rest !== undefined) break
  }
  return { id, to: from + BigInt(bytes), events, chunks } satisfies Taken
}, (effect) => Pull.catchDone(Effect.scoped(effect), () => Effect.die(new Error("a range ended before its end"))))

/**
 * Puts the successors of consumed segments in their place, where all that precedes them is consumed too. `isLast`: the
 * segments that have no successors, as the stream is sealed.
 */
const replace = Effect.fnUntraced(function*(
  stream: StreamCut["stream"],
  frontier: Map<SegmentId, bigint>,
  consumed: ReadonlyArray<SegmentId>,
  ends: ReadonlyArray<End>
) {
  const { controller } = yield* Pravega
  const found = yield* Effect.forEach(
    consumed,
    (id) => Effect.map(controller.successors(stream, id), (successors) => [id, successors] as const),
    { concurrency: 8 }
  )
  const isLast = new Set(found.filter(([, successors]) => successors.length === 0).map(([id]) => id))
  const isWithin = (id: SegmentId) => ends.every(({ within }) => within.has(id))
  const ready = new Map(found.filter(([id, successors]) => !isLast.has(id) && successors.every((s) => isWithin(s.id))))
  for (let before = -1; before !== ready.size;) {
    before = ready.size
    for (const [id, successors] of ready) {
      // A predecessor that is not at hand is still to come: were it consumed, its successors would be here already.
      if (successors.some(({ predecessors }) => !predecessors.every((p) => ready.has(p)))) ready.delete(id)
    }
  }
  for (const [id, successors] of ready) {
    frontier.delete(id)
    for (const successor of successors) if (!frontier.has(successor.id)) frontier.set(successor.id, BigInt(0))
  }
  return { isLast, replaced: ready.size > 0 }
})

/** The segments of one cut overlap nowhere, and need no order among them; successors do. */
const planOf = Effect.fnUntraced(function*(from: StreamCut, to: StreamCut, entered: boolean) {
  const { stream } = from
  if (entered) return BatchPlan.make({ stream, from, to, ranges: yield* BatchPlanning.ranges({ from, to }, "fail") })
  const ranges = [...to.positions].flatMap(([segment, end]) => {
    const start = from.positions.get(segment) ?? end
    return start === end ? [] : [SegmentRange.make({ stream, segment, from: start, to: end, predecessors: [] })]
  })
  return BatchPlan.make({ stream, from, to, ranges })
})
