/**
 * Plans the next range of a stream: how far each segment is read, within limits, at event boundaries only (rule 8).
 *
 * Boundaries are tails (appends are whole events) and, where a limit comes first, those met while reading ahead; what
 * was read ahead is handed on, so that nothing is read twice. Segments get fair shares of the limits. A segment's
 * successors come in when all of their predecessors are consumed, so that each cut covers the key space once.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schema from "effect/Schema"
import * as EventFrame from "../../../core/bytes/EventFrame.ts"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import { SegmentId } from "../../../core/Segment.ts"
import { StreamCut } from "../../../core/StreamCut.ts"
import { Pravega } from "../../../pravega/Pravega.ts"
import * as BatchPlanning from "../../../pravega/read/BatchPlanning.ts"
import { BatchPlan } from "../../../pravega/read/BatchReader.ts"
import * as EventChunk from "../../../pravega/read/EventChunk.ts"
import { InvalidPosition, type ReadErrorReason, TruncatedData } from "../../../pravega/read/ReadError.ts"
import { SegmentRange } from "../../../pravega/read/SegmentRange.ts"
import * as SegmentRangeReader from "../../../pravega/read/SegmentRangeReader.ts"

/** At least one event is read, even if it is larger than the limit. @category models @since 0.1.0 */
export interface Limits {
  /** Headers included. */
  readonly bytes: number
  readonly events: number
}

/** @category models @since 0.1.0 */
export interface PlannedRange {
  readonly plan: BatchPlan
  /** By the place of a range in the plan: all of it, if it was read ahead. */
  readonly chunks: ReadonlyArray<ReadonlyArray<EventChunk.EventChunk> | undefined>
}

/** Nothing to read now, or never again. @category models @since 0.1.0 */
export type NoRange = "idle" | "ended"

/** @category models @since 0.1.0 */
export interface Planned {
  readonly range: PlannedRange | NoRange
  /** What is gone of the range, and is left out of it, or would be. */
  readonly gaps: ReadonlyArray<Gap>
  /** How far each segment is read by then, where the range ends, or, if there is none, where the next events will be. */
  readonly frontier: ReadonlyMap<SegmentId, bigint>
  /** The lengths of the segments that were looked at. */
  readonly tails: ReadonlyMap<SegmentId, bigint>
  /** Segments that are read to their final end, and whose successors are still to come: these may have unread events. */
  readonly awaited: ReadonlySet<SegmentId>
  /** Segments are gone: of a stream that was truncated, or that is another one by now. */
  readonly isGone: boolean
  /** A limit was reached: there may be more to read already. */
  readonly isFull: boolean
}

/** Events that a truncation took before they were planned. @category models @since 0.1.0 */
export class Gap extends Schema.Class<Gap>("effect-pravega/MicroBatchPlan/Gap")({
  segment: SegmentId,
  start: Schema.BigInt,
  /** Undefined: all of the segment; with it its length is gone. */
  end: Schema.UndefinedOr(Schema.BigInt)
}) {}

/** @category models @since 0.1.0 */
export interface Options {
  readonly ends: ReadonlyArray<StreamCut>
  readonly limits: Limits
  /** A number that changes from plan to plan, so that it is not always the same segment that comes first. */
  readonly turn: number
  readonly onTruncated: "fail" | "skip"
  /** In bytes with the header, as far as known: what is asked for where a limit in events comes first. */
  readonly eventSize: number | undefined
  /** Whether ranges are cut into pieces that can be read at the same time, where their events need no order. */
  readonly splits: boolean
}

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
const firstReadSize = 16 * 1024

/**
 * The stream was truncated while it was walked, so that what was found at first does not fit what was found later. Planned
 * again, the walk begins behind that.
 */
class Overtaken extends Data.TaggedError("Overtaken")<{
  /** What it is if it does not pass. */
  readonly reason: ReadErrorReason
}> {}

/** How often a plan that was overtaken is made again. */
const maxReplans = 8

/** Plans from a cut on. @category planning @since 0.1.0 */
export const next = (from: StreamCut, options: Options): Effect.Effect<Planned, ReadErrorReason, Pravega> =>
  walk(from, options).pipe(
    Effect.retry({ times: maxReplans, while: ({ _tag }) => _tag === "Overtaken" }),
    Effect.catchTag("Overtaken", ({ reason }) => Effect.fail(reason))
  )

const walk = Effect.fnUntraced(function*(from: StreamCut, options: Options) {
  const { stream } = from
  const { controller } = yield* Pravega
  const ends = yield* Effect.forEach(
    options.ends,
    (cut) => Effect.map(controller.segmentsBetween(stream, from, cut), (ids) => ({ cut, within: new Set(ids) }))
  )
  const frontier = new Map(from.positions)
  const chunks = new Map<SegmentId, ReadonlyArray<EventChunk.EventChunk>>()
  const unread = new Set<SegmentId>()
  const gaps = new Map<SegmentId, Gap>()
  const tails = new Map<SegmentId, bigint>()
  let awaited: ReadonlySet<SegmentId> = new Set()
  let { bytes, events } = options.limits
  // What goes while the walk goes on is a gap for the next one, where gaps are skipped.
  const lostMeanwhile = (lost: TruncatedData) =>
    Effect.fail(options.onTruncated === "fail" ? lost : new Overtaken({ reason: lost }))
  let isGone = false
  let entered = false
  let isFull = false
  let none: NoRange = "idle"
  while (bytes > 0 && events > 0) {
    const measured = yield* Effect.forEach(frontier, ([id, at]) => measure(stream, id, at, ends), { concurrency: 16 })
    for (const { id, isMissing, length } of measured) {
      tails.set(id, length)
      isGone = isGone || isMissing
    }
    yield* enterGaps(measured, { frontier, gaps, stream }, options)
    const readable: ReadonlyArray<Readable> = measured
    const open = readable.filter((segment) => segment.from < segment.to)
    const isFirst = chunks.size === 0 && unread.size === 0
    const taken = yield* Effect.forEach(
      share(rotate(open, options.turn), { bytes, events }),
      ([segment, limits], index) =>
        take(stream, segment, { ...limits, evenIfLarger: isFirst && index === 0, eventSize: options.eventSize }),
      { concurrency: 8 }
    ).pipe(Effect.catchTag("TruncatedData", lostMeanwhile))
    for (const part of taken) {
      const start = frontier.get(part.id) ?? BigInt(0)
      bytes -= Number(part.to - start)
      events -= part.events
      frontier.set(part.id, part.to)
      if (part.chunks === undefined) unread.add(part.id)
      else chunks.set(part.id, [...chunks.get(part.id) ?? [], ...part.chunks])
    }
    const turned = yield* replace(stream, frontier, readable, ends)
    const { isLast, replaced } = turned
    awaited = turned.awaited
    entered = entered || replaced
    if (open.length === 0 && !replaced) {
      none = readable.every(({ id, isCut }) => isCut || isLast.has(id)) ? "ended" : "idle"
    }
    isFull = bytes <= 0 || events <= 0 || unfinished(readable, frontier)
    // Another round only for successors, and for what is left of a limit in events.
    const isLeft = Number.isFinite(events) && taken.some((part) => part.events > 0) && unfinished(readable, frontier)
    if (!replaced && !isLeft) break
  }
  const to = new StreamCut({ stream, positions: frontier })
  const plan = yield* Effect.catchTag(planOf(from, to, entered, gaps), "TruncatedData", lostMeanwhile)
  // A segment that is gone counts once: when its successors take its place.
  const left = [...gaps.values()].filter(({ end, segment }) => end !== undefined || !frontier.has(segment))
  const known = { gaps: left, frontier, tails, awaited, isGone, isFull }
  if (plan.ranges.length === 0) return { ...known, range: none } satisfies Planned
  yield* checkBytes(plan, options.limits.bytes - bytes)
  for (const id of unread) chunks.delete(id)
  const whole = { plan, chunks: plan.ranges.map(({ segment }) => chunks.get(segment)) }
  return { ...known, range: options.splits ? split(whole) : whole } satisfies Planned
})

/** Goes on behind what was truncated, where that is skipped. */
const enterGaps = Effect.fnUntraced(function*(
  measured: ReadonlyArray<{ readonly id: SegmentId; readonly from: bigint; readonly gap: Gap | undefined }>,
  walk: {
    readonly frontier: Map<SegmentId, bigint>
    readonly gaps: Map<SegmentId, Gap>
    readonly stream: ScopedStream
  },
  options: Options
) {
  for (const { from, gap, id } of measured) {
    if (gap === undefined) continue
    if (options.onTruncated === "fail") {
      return yield* new TruncatedData({ stream: walk.stream, segment: id, start: gap.start, end: gap.end })
    }
    walk.gaps.set(id, gap)
    walk.frontier.set(id, from)
  }
})

/** The ranges are found apart from the walk that chose the cut: both must have seen the same bytes. */
const checkBytes = (plan: BatchPlan, walked: number): Effect.Effect<void, Overtaken> => {
  if (plan.bytes === BigInt(walked)) return Effect.void
  const { end, start } = plan
  const detail = `a batch of ${plan.bytes} bytes was planned where there are ${walked}: ` +
    `${start.toString()} to ${end.toString()}`
  return Effect.fail(new Overtaken({ reason: new InvalidPosition({ stream: start.stream, detail }) }))
}

/** Pieces of a range that is split, and their least size in bytes. */
const pieces = 8
const pieceSize = 4096

interface Part {
  readonly range: SegmentRange
  readonly read: ReadonlyArray<EventChunk.EventChunk> | undefined
}

/** Cuts ranges that were read ahead, at event boundaries. */
const split = ({ chunks, plan }: PlannedRange): PlannedRange => {
  const parts = plan.ranges.flatMap((range, index): ReadonlyArray<Part> => {
    const read = chunks[index]
    if (read === undefined) return [{ range, read }]
    const size = Math.max(pieceSize, Math.ceil(Number(range.bytes) / pieces))
    return EventChunk.divide(read, size).map((piece) => ({
      range: narrow(range, piece[0]?.startOffset ?? range.start, piece.at(-1)?.endOffset ?? range.end),
      read: piece
    }))
  })
  const { start: from, stream, end: to } = plan
  return {
    plan: BatchPlan.make({ stream, start: from, end: to, ranges: parts.map(({ range }) => range) }),
    chunks: parts.map(({ read }) => read)
  }
}

const narrow = ({ predecessors, segment, stream }: SegmentRange, from: bigint, to: bigint): SegmentRange =>
  SegmentRange.make({ stream, segment, start: from, end: to, predecessors })

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
  position: bigint,
  ends: ReadonlyArray<End>
) {
  const { segments } = yield* Pravega
  const info = yield* segments.info({ stream, id }).pipe(
    Effect.catchReason("SegmentError", "NoSuchSegment", () => Effect.undefined)
  )
  // Where the ends say that the segment is read no further; undefined: they don't.
  let limit: bigint | undefined
  for (const end of ends) {
    const bound = end.cut.positions.get(id)
    if (bound === undefined && end.within.has(id)) continue
    const own = bound === undefined ? position : bound < BigInt(0) ? info?.length : bound
    if (own !== undefined && (limit === undefined || own < limit)) limit = own
  }
  const isCut = limit !== undefined && position >= limit
  if (info === undefined) {
    // What is gone behind a limit is not missed.
    const to = limit === undefined || isCut ? position : limit
    const gap = isCut ? undefined : new Gap({ segment: id, start: position, end: limit })
    const isMissing = true
    return {
      id,
      from: to,
      to,
      endsAt: true,
      isCut: limit !== undefined,
      length: to,
      gap,
      isMissing
    } satisfies Measured
  }
  const to = limit !== undefined && limit <= info.length ? limit : info.length
  const { length, startOffset } = info
  const from = position < startOffset && position < to ? startOffset < to ? startOffset : to : position
  const gap = from === position ? undefined : new Gap({ segment: id, start: position, end: from })
  return {
    id,
    from,
    to,
    endsAt: info.isSealed && to === length,
    isCut,
    length,
    gap,
    isMissing: false
  } satisfies Measured
})

interface Measured extends Readable {
  readonly length: bigint
  readonly gap: Gap | undefined
  /** It is gone, and with it its length. */
  readonly isMissing: boolean
}

/** Fair shares: a segment that needs less than the mean leaves the rest to the others. */
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
    events -= Math.min(share.events, Math.floor(needed / EventFrame.headerSize))
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
  limits: Limits & { readonly evenIfLarger: boolean; readonly eventSize: number | undefined }
) {
  const { from, id, to } = segment
  const length = Number(to - from)
  if (length <= limits.bytes && !Number.isFinite(limits.events)) {
    return { id, to, events: 0, chunks: undefined } satisfies Taken
  }
  const { segments } = yield* Pravega
  const { readAhead, readSize } = sizes(length, limits)
  const reader = yield* SegmentRangeReader.make(segments, {
    segment: { stream, id },
    from,
    to,
    sizes: { readAhead, readSize },
    // what comes after is not taken, and was half of what a query read
    aheadUntil: from + BigInt(readAhead),
    maxEventSize: EventFrame.maxEventSize,
    onTruncated: "fail"
  })
  const chunks: Array<EventChunk.EventChunk> = []
  let bytes = 0
  let events = 0
  while (bytes < limits.bytes && events < limits.events && from + BigInt(bytes) < to) {
    // the next event ends after the share
    if (bytes > 0 && readAhead >= limits.bytes && reader.isAheadUsedUp()) break
    const chunk = yield* Effect.catchTag(reader.pull, "ReadError", ({ reason }) => Effect.fail(reason))
    const first = EventFrame.sizeAt(chunk.bytes, 0)
    if (first > limits.bytes - bytes && !(limits.evenIfLarger && bytes === 0)) break
    const [part, rest] = EventChunk.take(chunk, { bytes: limits.bytes - bytes, events: limits.events - events })
    chunks.push(part)
    bytes += part.bytes.length
    events += part.count
    if (rest !== undefined) break
  }
  return { id, to: from + BigInt(bytes), events, chunks } satisfies Taken
}, (effect) => Pull.catchDone(Effect.scoped(effect), () => Effect.die(new Error("a range ended before its end"))))

/** How much is asked for at once: not much more than will be taken. */
const sizes = (length: number, { bytes, eventSize, events }: Limits & { readonly eventSize: number | undefined }) => {
  const isLimitInBytes = events * EventFrame.headerSize >= bytes
  const expected = isLimitInBytes
    ? bytes
    : eventSize === undefined
    ? firstReadSize
    : Math.ceil(1.1 * events * eventSize)
  const readAhead = Math.min(length, Math.ceil(bytes), Math.max(firstReadSize, expected))
  return { readAhead, readSize: Math.min(readSize, readAhead) }
}

/**
 * Puts the successors of consumed segments in their place, where all that precedes them is consumed too. `isLast`: the
 * segments that have no successors, as the stream is sealed. `awaited`: those whose successors are still to come; one that is
 * cut off was not asked for successors, and may have some.
 */
const replace = Effect.fnUntraced(function*(
  stream: StreamCut["stream"],
  frontier: Map<SegmentId, bigint>,
  readable: ReadonlyArray<Readable>,
  ends: ReadonlyArray<End>
) {
  const { controller } = yield* Pravega
  const atEnd = readable.filter(({ endsAt, id, to }) => endsAt && frontier.get(id) === to)
  const found = yield* Effect.forEach(
    atEnd.filter(({ isCut }) => !isCut),
    ({ id }) => Effect.map(controller.successors(stream, id), (successors) => [id, successors] as const),
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
  const awaited = new Set(atEnd.flatMap(({ id }) => isLast.has(id) || ready.has(id) ? [] : [id]))
  return { isLast, replaced: ready.size > 0, awaited }
})

/** The segments of one cut overlap nowhere, and need no order among them; successors do. */
const planOf = Effect.fnUntraced(function*(
  from: StreamCut,
  to: StreamCut,
  entered: boolean,
  gaps: ReadonlyMap<SegmentId, Gap>
) {
  const { stream } = from
  const startOf = (segment: SegmentId, start: bigint) => gaps.get(segment)?.end ?? start
  // What is gone was looked at before.
  const found = entered ? yield* BatchPlanning.ranges({ from, to }, gaps.size === 0 ? "fail" : () => Effect.void) : [
    ...to.positions
  ].map(([segment, end]) =>
    SegmentRange.make({ stream, segment, start: from.positions.get(segment) ?? end, end: end, predecessors: [] })
  )
  const ranges = found.map((range) => narrow(range, startOf(range.segment, range.start), range.end))
  return BatchPlan.make({ stream, start: from, end: to, ranges: ranges.filter((range) => range.start < range.end) })
})
