/**
 * Reads a range of one segment as chunks of whole events: keeps several reads in flight, puts their bytes in order,
 * finds the events. It knows nothing of streams' cuts, of other segments or of what is in the events.
 *
 * Its memory is bounded: what its sizes or its share of a budget allow, requested, waiting or handed out last, and one
 * incomplete event.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import type { Segment } from "../../core/Segment.ts"
import type { Segments } from "../segmentstore/Segments.ts"
import type { EventChunk } from "./EventChunk.ts"
import { EventFramer } from "./internal/EventFramer.ts"
import * as OnTruncated from "./OnTruncated.ts"
import * as ReadBudget from "./ReadBudget.ts"
import { CorruptSegment, RangeBeyondEnd, RangeSplitsEvent, ReadError, TruncatedData } from "./ReadError.ts"
import type { ReadErrorReason } from "./ReadError.ts"

/**
 * An offset that is there; `tail`: the segment's length when the reader starts; `end`: the end of the sealed segment,
 * waiting at the tail until there is more; `until`: the same, but to an offset at most.
 *
 * @category models
 * @since 0.1.0
 */
export type RangeEnd = bigint | "tail" | "end" | { readonly until: bigint }

/** @category models @since 0.1.0 */
export interface Options {
  readonly segment: Segment
  /** An event boundary. */
  readonly from: bigint
  readonly to: RangeEnd
  /** Up to here the segment is known to be there: it is not asked how long it is. `from`: the first read waits for more. */
  readonly known?: bigint | undefined
  /**
   * How many bytes are requested or waiting, and how many are asked for in one request, which is also about the size of a
   * chunk; a store answers with at most 2 MiB. At least one read is in flight.
   */
  readonly sizes: { readonly readAhead: number; readonly readSize: number } | ReadBudget.ReadBudget
  /** Only bytes before this offset are read ahead; those after it one read at a time, when nothing else is left. */
  readonly aheadUntil?: bigint | undefined
  /** In bytes, without the header. */
  readonly maxEventSize: number
  readonly onTruncated: OnTruncated.OnTruncated
}

/** @category models @since 0.1.0 */
export interface SegmentRangeReader {
  /**
   * The next events; done at the range's end. One caller at a time. Interrupting it loses nothing: reads in flight go
   * on, and the next pull takes them up. A failure is final.
   */
  readonly pull: Pull.Pull<EventChunk, ReadError>
  /** Where the next event starts that was not handed out: a boundary at which another reader can go on. */
  readonly position: () => bigint
  /** All events that end before `aheadUntil` were handed out: the next pull has to read more. */
  readonly isAheadUsedUp: () => boolean
}

/**
 * Starts nothing before the first pull. Closing the Scope stops the reads in flight.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  segments: Segments["Service"],
  options: Options
): Effect.Effect<SegmentRangeReader, never, Scope.Scope> =>
  Effect.gen(function*() {
    const share = options.sizes instanceof ReadBudget.ReadBudget
      ? options.sizes.join()
      : ReadBudget.alone(options.sizes)
    const scope = yield* Effect.scope
    yield* Effect.addFinalizer(() => Effect.sync(share.leave))
    const reader = new RangeReader(segments, options, { scope, share })
    return { pull: reader.pull, position: reader.position, isAheadUsedUp: reader.isAheadUsedUp }
  })

type Step = Effect.Effect<EventChunk | undefined, ReadErrorReason | Cause.Done>

/** What one read brought, or the several that short answers made of it. */
interface Piece {
  readonly parts: ReadonlyArray<Uint8Array>
  /** Of a read at the tail: where the tail is after it. */
  readonly tail: Tail | undefined
}

interface Asked {
  readonly fiber: Fiber.Fiber<Piece, ReadErrorReason>
  readonly size: number
}

type Tail = "here" | "further" | "sealed"

/** How often a store may answer "nothing" where there are bytes, before it is taken at its word. */
const maxEmptyReads = 3

class RangeReader {
  private readonly segments: Segments["Service"]
  private readonly options: Options
  private readonly scope: Scope.Scope
  private readonly until: bigint | undefined
  private readonly share: ReadBudget.Share
  private readonly aheadUntil: bigint | undefined
  private readonly framer: EventFramer
  /** Framed and not handed out yet. */
  private ready: EventChunk | undefined = undefined
  /** Reads in flight or finished, in the order of their offsets, which are contiguous. */
  private window: Array<Asked> = []
  /** Bytes that the reads in the window asked for. */
  private asked = 0
  /** Bytes of the read that was taken last: its events are being processed until the next is wanted. */
  private taken = 0
  /** The first offset that was not asked for. */
  private next: bigint
  /** Up to here there are bytes to ask for without waiting; undefined: not known yet. */
  private known: bigint | undefined = undefined
  /** Nothing comes after `known`. */
  private ended = false

  constructor(
    segments: Segments["Service"],
    options: Options,
    { scope, share }: { readonly scope: Scope.Scope; readonly share: ReadBudget.Share }
  ) {
    this.segments = segments
    this.options = options
    this.scope = scope
    this.share = share
    this.until = typeof options.to === "object" ? options.to.until : undefined
    this.aheadUntil = options.aheadUntil
    this.next = options.from
    this.known = options.known
    this.ended = options.known !== undefined && (options.known === options.to || options.known === this.until)
    this.framer = new EventFramer(options.segment, options.from, options.maxEventSize)
  }

  readonly position = (): bigint => this.ready?.startOffset ?? this.framer.offset

  readonly isAheadUsedUp = (): boolean =>
    this.ready === undefined && this.window.length === 0 && this.aheadUntil !== undefined &&
    this.next >= this.aheadUntil

  readonly pull: Pull.Pull<EventChunk, ReadError> = Effect.suspend(() => this.step().pipe(Effect.catch(this.recover)))
    .pipe(
      Effect.filterOrElse(Predicate.isNotUndefined, () => this.pull)
    )

  /** One step towards the next chunk; undefined: another step is needed. */
  private step(): Step {
    if (this.ready !== undefined) return Effect.succeed(this.takeReady())
    const { failure, isInsideEvent, offset } = this.framer
    if (failure !== undefined) return Effect.fail(failure)
    if (this.known === undefined) return this.measure()
    if (this.window.length > 0 || this.next < this.known) return this.takeNext(this.known)
    if (!this.ended) return this.waitAtTail()
    this.share.leave()
    const { segment } = this.options
    return isInsideEvent
      ? Effect.fail(
        new RangeSplitsEvent({ stream: segment.stream, segment: segment.id, offset, end: this.known })
      )
      : Cause.done()
  }

  private takeReady(): EventChunk | undefined {
    const { ready } = this
    this.ready = undefined
    return ready
  }

  /**
   * Asks how long the segment is: a read at or beyond the tail waits, so a range is not read before it is known to be
   * there.
   */
  private measure(): Step {
    const { segment, to } = this.options
    if (this.next === to) {
      this.endAt(to)
      return Effect.undefined
    }
    return Effect.flatMap(this.segments.info(segment), (info): Step => {
      const from = this.framer.offset
      if (from < info.startOffset) return Effect.fail(this.lost(info.startOffset))
      const end = typeof to === "bigint" ? to : this.limited(info.length)
      const furthest = from > end ? from : end
      if (furthest > info.length) {
        const { id, stream } = segment
        return Effect.fail(new RangeBeyondEnd({ stream, segment: id, end: furthest, length: info.length }))
      }
      this.known = end
      this.ended = typeof to === "bigint" || to === "tail" || info.isSealed || end === this.until
      return Effect.undefined
    })
  }

  /**
   * Keeps the window full, and waits for the oldest read in it. A read leaves the window only when its bytes are taken
   * over, so that an interrupted pull loses none.
   */
  private takeNext(known: bigint): Step {
    this.share.hold(-this.taken)
    this.taken = 0
    return Effect.andThen(
      this.fill(known),
      Effect.suspend(() =>
        Effect.map(Fiber.join(this.window[0]!.fiber), (piece) => {
          this.take(piece)
          if (piece.tail !== undefined) this.moveTail(piece, piece.tail)
          const [first, second] = this.framer.push(piece.parts)
          this.ready = second
          return first
        })
      )
    )
  }

  /** The oldest read leaves the window, and counts until its events are taken. */
  private take({ parts, tail }: Piece): void {
    const size = this.window.shift()?.size ?? 0
    this.asked -= size
    this.taken = parts.reduce((sum, part) => sum + part.length, 0)
    this.share.hold(this.taken - size)
    if (tail !== undefined) this.share.stopWaiting()
  }

  private readonly fill = (known: bigint): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (this.next >= known) return Effect.void
      const allowed = this.share.next(this.asked)
      if (allowed === 0) return Effect.void
      const from = this.next
      const ahead = this.aheadUntil ?? known
      if (from >= ahead && this.window.length > 0) return Effect.void
      const to = from < ahead && ahead < known ? ahead : known
      const size = Math.min(allowed, Number(to - from))
      this.next = from + BigInt(size)
      return Effect.flatMap(this.start(this.readFully(from, size), size), () => this.fill(known))
    })

  private start(read: Effect.Effect<Piece, ReadErrorReason>, size: number): Effect.Effect<void> {
    this.asked += size
    this.share.hold(size)
    return Effect.map(Effect.forkIn(read, this.scope, { startImmediately: true }), (fiber) => {
      this.window.push({ fiber, size })
    })
  }

  /** One read at the tail of an open segment, answered when there is more. */
  private waitAtTail(): Step {
    const offset = this.next
    const wanted = Number(this.limited(offset + BigInt(this.share.wait())) - offset)
    const read = this.segments.read(this.options.segment, { offset, length: wanted })
    const piece = Effect.map(
      read,
      ({ atTail, data, endOfSegment }): Piece => ({
        // a request for less than 8 bytes may be answered with 8
        parts: [data.length > wanted ? data.subarray(0, wanted) : data],
        tail: endOfSegment ? "sealed" : atTail ? "here" : "further"
      })
    )
    return Effect.as(this.start(piece, 0), undefined)
  }

  private moveTail(piece: Piece, tail: Tail): void {
    for (const part of piece.parts) this.next += BigInt(part.length)
    this.ended = tail === "sealed" || this.next === this.until
    this.known = tail === "further" && !this.ended ? undefined : this.next
  }

  private limited(offset: bigint): bigint {
    return this.until !== undefined && this.until < offset ? this.until : offset
  }

  /** Reads exactly `size` bytes that are known to be there; a store may give them in several answers. */
  private readFully(from: bigint, size: number): Effect.Effect<Piece, ReadErrorReason> {
    const { segment } = this.options
    const parts: Array<Uint8Array> = []
    let got = 0
    let empty = 0
    const more: Effect.Effect<Piece, ReadErrorReason> = Effect.suspend(() =>
      Effect.flatMap(
        this.segments.read(segment, { offset: from + BigInt(got), length: size - got }),
        ({ data }) => {
          empty = data.length === 0 ? empty + 1 : 0
          if (empty === maxEmptyReads) {
            const detail = "the segment store has no bytes where it said that there were some"
            const offset = from + BigInt(got)
            return Effect.fail(new CorruptSegment({ stream: segment.stream, segment: segment.id, offset, detail }))
          }
          // a request for less than 8 bytes may be answered with 8
          parts.push(data.length > size - got ? data.subarray(0, size - got) : data)
          got += data.length
          return got < size ? more : Effect.succeed({ parts, tail: undefined })
        }
      )
    )
    return more
  }

  /** Handles a gap in the data as the user chose, and goes on after it; all else is final. */
  private readonly recover = (
    error: ReadErrorReason | Cause.Done
  ): Effect.Effect<EventChunk | undefined, ReadError | Cause.Done> => {
    if (Cause.isDone(error)) return Cause.done()
    const lost = this.lostBy(error)
    if (lost === undefined) return Effect.fail(new ReadError({ reason: error }))
    return OnTruncated.handle(this.options.onTruncated, lost).pipe(
      Effect.mapError((reason) => new ReadError({ reason })),
      Effect.andThen(this.skip(lost))
    )
  }

  /** The gap that an error tells of, if it is one. */
  private lostBy(error: ReadErrorReason): TruncatedData | undefined {
    if (error._tag === "TruncatedData") return error
    if (error._tag !== "SegmentError") return undefined
    const { reason } = error
    if (reason._tag === "NoSuchSegment") {
      return this.lost(typeof this.options.to === "bigint" ? this.options.to : undefined)
    }
    // a store that says "truncated" but moves us nowhere would be asked for ever
    if (reason._tag !== "SegmentTruncated" || reason.startOffset <= this.framer.offset) return undefined
    return this.lost(reason.startOffset)
  }

  /** What is lost from here to `to`, as far as it belongs to the range. */
  private lost(to: bigint | undefined): TruncatedData {
    const { segment, to: end } = this.options
    return new TruncatedData({
      stream: segment.stream,
      segment: segment.id,
      start: this.framer.offset,
      end: to !== undefined && typeof end === "bigint" && to > end ? end : to
    })
  }

  /** Goes on after a gap. Streams are truncated at event boundaries, so an event starts there. */
  private skip(lost: TruncatedData): Effect.Effect<undefined> {
    return Effect.suspend(() => {
      const abandoned = this.window.map(({ fiber }) => fiber)
      this.window = []
      this.share.hold(-this.asked)
      this.asked = 0
      this.share.stopWaiting()
      this.next = lost.end ?? this.framer.offset
      this.framer.moveTo(this.next)
      this.known = undefined
      if (lost.end === undefined) this.endAt(this.next)
      return Effect.as(Fiber.interruptAll(abandoned), undefined)
    })
  }

  private endAt(offset: bigint): void {
    this.known = offset
    this.ended = true
  }
}
