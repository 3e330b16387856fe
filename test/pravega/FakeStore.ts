/**
 * Segments in memory, behind the `Segments` service: with short reads and replies in any order, as a segment store
 * gives them. What a test asks of it must be read; the rest of the service dies when it is used.
 */
import * as Effect from "effect/Effect"
import type { ScopedStream } from "../../src/core/ScopedStream.ts"
import * as Segment from "../../src/core/Segment.ts"
import {
  NoSuchSegment,
  OffsetOutOfRange,
  SegmentError,
  SegmentTruncated
} from "../../src/pravega/segmentstore/SegmentError.ts"
import { Segments } from "../../src/pravega/segmentstore/Segments.ts"
import * as Seeded from "../../src/testing/seeded/Seeded.ts"

/** Frames events as they lie in a segment. */
export const framed = (events: ReadonlyArray<Uint8Array>): Uint8Array => {
  const bytes = new Uint8Array(events.reduce((sum, event) => sum + 8 + event.length, 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const event of events) {
    view.setInt32(at + 4, event.length)
    bytes.set(event, at + 8)
    at += 8 + event.length
  }
  return bytes
}

/** Events of the given lengths, with bytes that the seed decides. */
export const eventsOf = (lengths: ReadonlyArray<number>, seed: number): Array<Uint8Array> => {
  const { next } = Seeded.make(seed)
  return lengths.map((length) => Uint8Array.from({ length }, () => Math.floor(next() * 256)))
}

export class FakeSegment {
  bytes = new Uint8Array()
  startOffset = 0
  sealed = false
  deleted = false
  private waiting: Array<() => void> = []

  append(bytes: Uint8Array): void {
    const longer = new Uint8Array(this.bytes.length + bytes.length)
    longer.set(this.bytes)
    longer.set(bytes, this.bytes.length)
    this.bytes = longer
    this.wake()
  }
  seal(): void {
    this.sealed = true
    this.wake()
  }
  private wake(): void {
    const waiting = this.waiting
    this.waiting = []
    for (const resume of waiting) resume()
  }
  /** Until something is appended or the segment is sealed. */
  readonly change: Effect.Effect<void> = Effect.callback((resume) => {
    const waiter = () => resume(Effect.void)
    this.waiting.push(waiter)
    return Effect.sync(() => {
      this.waiting = this.waiting.filter((other) => other !== waiter)
    })
  })
}

const unused = () => Effect.die("readers don't use it")

export class FakeStore {
  readonly segments = new Map<string, FakeSegment>()
  private readonly next: () => number
  /** Bytes asked for and not answered. */
  requested = 0
  requestedMax = 0
  reads = 0
  /** Bytes that were answered. */
  answered = 0
  /** Bytes of the longest read, and where the furthest ends. */
  longest = 0
  furthest = 0
  /** Called before each read is answered. */
  onRead: (offset: number) => void = () => {}

  constructor(seed: number) {
    this.next = Seeded.make(seed).next
  }

  segment(stream: ScopedStream, id: Segment.SegmentId): FakeSegment {
    const name = Segment.name(stream, id)
    const segment = this.segments.get(name) ?? new FakeSegment()
    this.segments.set(name, segment)
    return segment
  }

  private find(name: string, offset: bigint): Effect.Effect<FakeSegment, SegmentError> {
    const segment = this.segments.get(name)
    if (segment === undefined || segment.deleted) {
      return Effect.fail(new SegmentError({ reason: new NoSuchSegment({ segment: name }) }))
    }
    if (offset >= BigInt(segment.startOffset)) return Effect.succeed(segment)
    const startOffset = BigInt(segment.startOffset)
    return Effect.fail(new SegmentError({ reason: new SegmentTruncated({ segment: name, offset, startOffset }) }))
  }

  readonly service: Segments["Service"] = Segments.of({
    appends: unused,
    attribute: unused,
    setAttribute: unused,
    truncate: unused,
    forget: unused,
    token: unused,
    forgetToken: unused,
    info: (ref) =>
      Effect.map(this.find(Segment.name(ref.stream, ref.id), BigInt(Number.MAX_SAFE_INTEGER)), (segment) => ({
        isSealed: segment.sealed,
        startOffset: BigInt(segment.startOffset),
        length: BigInt(segment.bytes.length)
      })),
    read: (ref, { length, offset }) => {
      const name = Segment.name(ref.stream, ref.id)
      const answer: ReturnType<Segments["Service"]["read"]> = Effect.flatMap(this.find(name, offset), (segment) => {
        const at = Number(offset)
        const size = segment.bytes.length
        if (at > size && segment.sealed) {
          return Effect.fail(new SegmentError({ reason: new OffsetOutOfRange({ segment: name, offset }) }))
        }
        if (at >= size) {
          return segment.sealed
            ? Effect.succeed({ data: new Uint8Array(), atTail: true, endOfSegment: true })
            : Effect.flatMap(segment.change, () => answer)
        }
        this.onRead(at)
        const most = Math.min(Math.max(length, 8), size - at)
        const given = 1 + Math.floor(this.next() * most)
        this.answered += given
        return Effect.succeed({
          data: segment.bytes.slice(at, at + given),
          atTail: at + given === size,
          endOfSegment: false
        })
      })
      return Effect.suspend(() => {
        this.reads++
        this.longest = Math.max(this.longest, length)
        this.furthest = Math.max(this.furthest, Number(offset) + length)
        this.requested += length
        this.requestedMax = Math.max(this.requestedMax, this.requested)
        return Effect.andThen(this.delay, answer)
      }).pipe(Effect.ensuring(Effect.sync(() => {
        this.requested -= length
      })))
    }
  })

  private readonly delay = Effect.suspend(() =>
    Effect.replicateEffect(Effect.yieldNow, Math.floor(this.next() * 4), { discard: true })
  )
}
