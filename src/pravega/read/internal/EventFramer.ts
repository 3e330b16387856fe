/**
 * Finds the events in a segment's bytes as they arrive: pieces of any size in, chunks of whole events out; the part of
 * an event that is still incomplete is held back. Plain and synchronous: it reads nothing and decides nothing about
 * lost data.
 *
 * @internal
 */
import * as Bytes from "effect/Bytes"
import * as EventFrame from "../../../core/bytes/EventFrame.ts"
import type { Segment } from "../../../core/Segment.ts"
import type { EventChunk } from "../EventChunk.ts"
import { CorruptSegment, EventTooLarge } from "../ReadError.ts"

/** @category models @since 0.1.0 */
export class EventFramer {
  private readonly segment: Segment
  private readonly maxEventSize: number
  /** Where the next event starts that was not handed out. */
  offset: bigint
  /** Where reading began. If that was inside an event, the bytes are right, and only their place is wrong. */
  private startedAt: bigint
  /** Bytes of the next event that are here already. */
  private held = 0
  private parts: Array<Uint8Array> = []
  /** How many bytes the first incomplete event needs, as far as known: its header, then all of it. */
  private needed = EventFrame.headerSize
  /** What is wrong with the bytes at `offset`; nothing is framed after it. */
  failure: CorruptSegment | EventTooLarge | undefined = undefined

  /** `maxEventSize` in bytes, without the header: the bound of what is held back. */
  constructor(segment: Segment, offset: bigint, maxEventSize: number) {
    this.segment = segment
    this.offset = offset
    this.startedAt = offset
    this.maxEventSize = maxEventSize
  }

  /** True when an event has begun and is not complete. */
  get isInsideEvent(): boolean {
    return this.held > 0
  }

  /** Drops what is held back and goes on at an event boundary further on. */
  moveTo(offset: bigint): void {
    this.offset = offset
    this.startedAt = offset
    this.held = 0
    this.parts = []
    this.needed = EventFrame.headerSize
  }

  /**
   * Takes the next bytes of the segment and gives all events that are complete now, if any, in at most two chunks. When it
   * meets bytes that are no event, it gives those before and sets `failure`.
   */
  push(pieces: ReadonlyArray<Uint8Array>): ReadonlyArray<EventChunk> {
    if (this.failure !== undefined) return []
    for (const piece of pieces) {
      this.parts.push(piece)
      this.held += piece.length
    }
    if (this.held < this.needed) return []
    const chunks: Array<EventChunk> = []
    this.frame(this.takeSeam() ?? this.gather(), chunks)
    if (this.held >= this.needed && this.failure === undefined) this.frame(this.gather(), chunks)
    return chunks
  }

  /** Makes a chunk of the whole events in `bytes`, and holds back the rest before the parts that are held already. */
  private frame(bytes: Uint8Array, chunks: Array<EventChunk>): void {
    const { at, count } = this.scan(bytes)
    const rest = bytes.length - at
    this.held += rest
    // a copy, if it is the smaller part: it would keep the buffer of a whole chunk alive until the next one comes
    const isSole = rest <= at
    if (rest > 0) this.parts.unshift(isSole ? bytes.slice(at) : bytes.subarray(at))
    if (count === 0) return
    const startOffset = this.offset
    this.offset += BigInt(at)
    const { offset: endOffset, segment } = this
    chunks.push({ segment, startOffset, endOffset, count, bytes: bytes.subarray(0, at), isSole })
  }

  /**
   * The event that began in one piece and ends in the next, alone, where that saves copying the whole of a large piece.
   * The rest of the piece is then handed on where it lies, in a buffer that may be used again.
   */
  private takeSeam(): Uint8Array | undefined {
    const [begun, piece] = this.parts
    if (begun === undefined || piece === undefined || this.parts.length > 2 || !isWorthAView(piece)) return undefined
    const header = new Uint8Array(EventFrame.headerSize)
    header.set(begun.subarray(0, header.length))
    if (begun.length < header.length) header.set(piece.subarray(0, header.length - begun.length), begun.length)
    const size = EventFrame.sizeAt(header, 0)
    // what is no event, or none that ends in this piece, is for `scan` to judge
    if (size <= begun.length || (size - begun.length) * 4 > piece.length) return undefined
    const seam = new Uint8Array(size)
    seam.set(begun)
    seam.set(piece.subarray(0, size - begun.length), begun.length)
    this.parts = [piece.subarray(size - begun.length)]
    this.held -= size
    return seam
  }

  /** Skips over whole events from the start of `bytes`; sets what the next one needs, or what is wrong with it. */
  private scan(bytes: Uint8Array): { readonly at: number; readonly count: number } {
    let at = 0
    let count = 0
    this.needed = EventFrame.headerSize
    while (bytes.length - at >= EventFrame.headerSize) {
      const type = EventFrame.typeAt(bytes, at)
      const size = EventFrame.lengthAt(bytes, at)
      if (type !== 0 || size < 0 || size > this.maxEventSize) {
        this.failure = this.invalidHeader(this.offset + BigInt(at), type, size)
        break
      }
      if (EventFrame.headerSize + size > bytes.length - at) {
        this.needed = EventFrame.headerSize + size
        break
      }
      at += EventFrame.headerSize + size
      count++
    }
    return { at, count }
  }

  private invalidHeader(offset: bigint, type: number, size: number): CorruptSegment | EventTooLarge {
    const place = { stream: this.segment.stream, segment: this.segment.id, offset }
    if (type === 0 && size >= 0) return new EventTooLarge({ ...place, size, limit: this.maxEventSize })
    const hint = offset === this.startedAt && offset > 0n
      ? "; reading starts here, so the start may lie in the middle of an event"
      : ""
    const detail = `an event's header is 0 and its length, here are ${type} and ${size}${hint}`
    return new CorruptSegment({ ...place, detail })
  }

  /**
   * Takes out all held bytes in one piece. Copied when there are several, and when a piece is the smaller part of the
   * buffer it lies in: a chunk may be kept for long, and must not keep more alive than it needs.
   */
  private gather(): Uint8Array {
    const { parts } = this
    const [first] = parts
    const whole = first !== undefined && parts.length === 1 && isMostOfItsBuffer(first)
      ? first
      : Bytes.concat(parts)
    this.parts = []
    this.held = 0
    return whole
  }
}

const isMostOfItsBuffer = (bytes: Uint8Array): boolean => bytes.byteLength * 2 >= bytes.buffer.byteLength

/** Below this, another chunk costs more than a copy. In bytes. */
const smallestView = 64 * 1024

const isWorthAView = (piece: Uint8Array): boolean => piece.length >= smallestView && isMostOfItsBuffer(piece)
