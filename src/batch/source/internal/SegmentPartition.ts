/**
 * A range of one segment as a partition of a batch: its events, decoded; those that can't be, and the bytes of both, for
 * putting them aside; or in lanes by routing key. What was read while planning is not read again.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFrame from "../../../core/bytes/EventFrame.ts"
import * as CauseText from "../../../core/CauseText.ts"
import * as EventCodec from "../../../core/EventCodec.ts"
import { EventPointer } from "../../../core/EventPointer.ts"
import * as EventStream from "../../../core/EventStream.ts"
import * as KeyHash from "../../../core/KeyHash.ts"
import { Pravega } from "../../../pravega/Pravega.ts"
import * as BatchReader from "../../../pravega/read/BatchReader.ts"
import * as DecodedEvents from "../../../pravega/read/DecodedEvents.ts"
import * as EventChunk from "../../../pravega/read/EventChunk.ts"
import type { EventRead } from "../../../pravega/read/EventRead.ts"
import type { OnTruncated } from "../../../pravega/read/OnTruncated.ts"
import type { ReadBudget } from "../../../pravega/read/ReadBudget.ts"
import type { ReadError, TruncatedData } from "../../../pravega/read/ReadError.ts"
import type { SegmentRange } from "../../../pravega/read/SegmentRange.ts"
import type { LaneEvents, Partition, RawEvent } from "../SourceContract.ts"
import type { SourceError } from "../SourceError.ts"
import { Undecodable } from "../Undecodable.ts"

type Failure = ReadError | SourceError

/** @category models @since 0.1.0 */
export interface Options {
  readonly id: number
  readonly predecessors: ReadonlyArray<number>
  /** All of the range, if it was read while planning: see `ReadAhead`. */
  readonly ahead: ReadAhead | undefined
  /** What all partitions may read ahead that were not read while planning. */
  readonly budget: ReadBudget
  readonly lanes: number
  readonly onTruncated: OnTruncated
  /** Fails: with what is behind it that events are gone. */
  readonly explain: (lost: TruncatedData) => Effect.Effect<never, Failure>
  /** Fails if that is so because the stream is another one by now: then nothing of it is skipped. */
  readonly checkIdentity: Effect.Effect<void, Failure>
  readonly pravega: Pravega["Service"]
}

/**
 * What was read of a range while planning, until its buffers are used again. After that, as in another
 * try of the batch, the range is read from the stream.
 *
 * @category models
 * @since 0.1.0
 */
export class ReadAhead {
  private chunks: ReadonlyArray<EventChunk.EventChunk> | undefined

  constructor(chunks: ReadonlyArray<EventChunk.EventChunk>) {
    this.chunks = chunks
  }

  /** Undefined: they were taken. */
  get kept(): ReadonlyArray<EventChunk.EventChunk> | undefined {
    return this.chunks
  }

  take(): ReadonlyArray<EventChunk.EventChunk> | undefined {
    const { chunks } = this
    this.chunks = undefined
    return chunks
  }
}

/** @category constructors @since 0.1.0 */
export const make = <A>(
  events: EventStream.EventStream<A>,
  range: SegmentRange,
  options: Options
): Partition<EventRead<A>, Failure> => {
  const { ahead, budget, checkIdentity, pravega, explain, id, predecessors } = options
  const read = <B>(codec: EventCodec.EventCodec<B>, onTruncated = options.onTruncated) => {
    const chunks = ahead?.kept
    if (chunks !== undefined) return decoded(chunks, (chunk) => EventChunk.decode(chunk, codec))
    const stream = EventStream.make<B>(events.name, { codec })
    let isLost = false
    const skip: OnTruncated = typeof onTruncated === "string" ? onTruncated : (lost) => {
      isLost = true
      return onTruncated(lost)
    }
    return BatchReader.readRangeWithin(stream, range, {
      sizes: budget,
      maxEventSize: EventFrame.maxEventSize,
      onTruncated: skip
    }).pipe(
      Stream.catch((error) =>
        error.reason._tag === "TruncatedData" ? Stream.fromEffect(explain(error.reason)) : Stream.fail(error)
      ),
      Stream.concat(Stream.fromEffectDrain(Effect.suspend(() => isLost ? checkIdentity : Effect.void))),
      Stream.provideService(Pravega, pravega)
    )
  }
  /** What was read of the range last: `raw` gives the same. */
  let met: ReadonlyArray<Met> = []
  const tolerant = Stream.suspend(() => {
    const meeting: Array<Met> = []
    met = meeting
    return Stream.map(read(orUndecodable(events.codec)), (event): EventRead<A> | Undecodable => {
      meeting.push({ from: Number(event.offset), to: Number(event.endOffset) })
      return isDecoded(event) ? event : undecodable(event.event)
    })
  })
  // That events are skipped was said when they were skipped; what goes after they were processed is not.
  const stored = Stream.suspend(() =>
    read(EventCodec.bytes, options.onTruncated === "fail" ? "fail" : () => Effect.void)
  )
  // Their buffers are those of the next batch's read-ahead: left to the collector, it marked the heap for each 16 MiB.
  const strict = Stream.suspend(() => {
    const chunks = events.codec.copies === true ? ahead?.take() : undefined
    return chunks === undefined
      ? read(events.codec)
      : decoded(chunks, (chunk) => EventChunk.decodeLast(chunk, events.codec))
  })
  const keyOf = ({ event }: EventRead<A>) => events.routingKey?.(event) ?? ""
  return {
    id,
    predecessors,
    part: String(range.segment),
    bytes: Number(range.bytes),
    events: strict,
    tolerant,
    raw: Stream.suspend(() => complete(range, met, stored)),
    lanes: options.lanes === 1 ? undefined : {
      count: options.lanes,
      events: inLanes(strict, (event) => laneOf(keyOf(event), options.lanes)),
      // What can't be decoded has no key, and needs no order.
      tolerant: inLanes(
        tolerant,
        (event) => event instanceof Undecodable ? 0 : laneOf(keyOf(event), options.lanes)
      )
    }
  }
}

/** Where an event starts and ends in its segment. */
interface Met {
  readonly from: number
  readonly to: number
}

/** Events as they are stored; those that were met before and are gone by now have no bytes. */
const complete = <E>(
  { segment, stream }: SegmentRange,
  met: ReadonlyArray<Met>,
  stored: Stream.Stream<EventRead<Uint8Array>, E>
): Stream.Stream<RawEvent, E> => {
  let place = 0
  const goneBefore = (offset: number): ReadonlyArray<RawEvent> => {
    const first = place
    while ((met[place]?.from ?? offset) < offset) place++
    return met.slice(first, place).map(({ from, to }) => {
      const pointer = EventPointer.make({ stream, segment, offset: BigInt(from), length: to - from })
      return { pointer: pointer.toString(), bytes: new Uint8Array(0) }
    })
  }
  const found = Stream.mapArray(
    stored,
    Arr.flatMap((read) => {
      const event: RawEvent = { pointer: read.pointer.toString(), bytes: read.event }
      const gone = goneBefore(Number(read.offset))
      if (met[place]?.from === Number(read.offset)) place++
      return Arr.append(gone, event)
    })
  )
  return Stream.concat(found, Stream.suspend(() => Stream.fromArray(goneBefore(Infinity))))
}

const isDecoded = <A>(read: EventRead<A | Undecodable>): read is EventRead<A> => !(read.event instanceof Undecodable)

const undecodable = (event: unknown): Undecodable =>
  event instanceof Undecodable ? event : new Undecodable("it is no event")

/** The codec, except that what it refuses is an event too. */
const orUndecodable = <A>(codec: EventCodec.EventCodec<A>): EventCodec.EventCodec<A | Undecodable> => ({
  name: codec.name,
  copies: codec.copies,
  encode: () => {
    throw new Error("this codec only reads")
  },
  decode: (bytes) => {
    try {
      return codec.decode(bytes)
    } catch (cause) {
      return new Undecodable(CauseText.of(cause))
    }
  }
})

/** Shares of a partition's events. */
const inLanes = <A>(
  events: Stream.Stream<A, Failure>,
  laneFor: (event: A) => number
): Stream.Stream<LaneEvents<A>, Failure> =>
  Stream.suspend(() => {
    let place = 0
    return Stream.mapArray(events, ([first, ...rest]) => {
      const open = (
        lane: number,
        event: A
      ): LaneEvents<A> & { readonly events: Arr.NonEmptyArray<A>; readonly places: Array<number> } => ({
        lane,
        events: [event],
        places: [place++]
      })
      const shares = Arr.of(open(laneFor(first), first))
      for (const event of rest) {
        const lane = laneFor(event)
        const share = shares.find((found) => found.lane === lane)
        if (share === undefined) shares.push(open(lane, event))
        else {
          share.events.push(event)
          share.places.push(place++)
        }
      }
      return shares
    })
  })

/** The bits of a key's hash that do not choose the segment. */
const laneOf = (key: string, count: number): number =>
  (KeyHash.ofText(key, KeyHash.eventRouterSeed).first.low & 0xFFF) % count

/** Events that were read while planning, decoded a chunk at a time. */
const decoded = <A>(
  chunks: ReadonlyArray<EventChunk.EventChunk>,
  decode: (chunk: EventChunk.EventChunk) => EventChunk.Decoded<EventRead<A>>
): Stream.Stream<EventRead<A>, ReadError> =>
  Stream.fromPull(Effect.sync(() => {
    let at = 0
    const next = Effect.suspend(() => {
      const chunk = chunks[at++]
      return chunk === undefined ? Cause.done() : Effect.succeed(chunk)
    })
    return DecodedEvents.pull(next, decode)
  }))
