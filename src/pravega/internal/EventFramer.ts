/**
 * Finds the events in a segment's bytes as they arrive: pieces of any size in, chunks of whole events out; the part of
 * an event that is still incomplete is held back. Plain and synchronous: it reads nothing and decides nothing about
 * lost data.
 *
 * @internal
 */
import type { Segment } from "../../core/Segment.ts"
import { CorruptSegment, EventTooLarge } from "../ReadError.ts"
import type { EventChunk } from "./EventChunk.ts"
import { headerSize, i32At } from "./EventFraming.ts"

export class EventFramer {
  private readonly segment: Segment
  private readonly maxEventSize: number
  /** Where the next event starts that was not handed out. */
  offset: bigint
  /** Bytes of the next event that are here already. */
  private held = 0
  private parts: Array<Uint8Array> = []
  /** How many bytes the first incomplete event needs, as far as known: its header, then all of it. */
  private needed = headerSize
  /** What is wrong with the bytes at `offset`; nothing is framed after it. */
  failure: CorruptSegment | EventTooLarge | undefined = undefined

  /** `maxEventSize` in bytes, without the header: the bound of what is held back. */
  constructor(segment: Segment, offset: bigint, maxEventSize: number) {
    this.segment = segment
    this.offset = offset
    this.maxEventSize = maxEventSize
  }

  /** True when an event has begun and is not complete. */
  get isInsideEvent(): boolean {
    return this.held > 0
  }

  /** Drops what is held back and goes on at an event boundary further on. */
  moveTo(offset: bigint): void {
    this.offset = offset
    this.held = 0
    this.parts = []
    this.needed = headerSize
  }

  /**
   * Takes the next bytes of the segment and gives all events that are complete now, if any. When it meets bytes that
   * are no event, it gives those before and sets `failure`.
   */
  push(pieces: ReadonlyArray<Uint8Array>): EventChunk | undefined {
    if (this.failure !== undefined) return undefined
    for (const piece of pieces) {
      this.parts.push(piece)
      this.held += piece.length
    }
    if (this.held < this.needed) return undefined
    const bytes = this.gather()
    const { at, count } = this.scan(bytes)
    this.held = bytes.length - at
    this.parts = this.held === 0 ? [] : [bytes.subarray(at)]
    if (count === 0) return undefined
    const startOffset = this.offset
    this.offset += BigInt(at)
    return { segment: this.segment, startOffset, endOffset: this.offset, count, bytes: bytes.subarray(0, at) }
  }

  /** Skips over whole events from the start of `bytes`; sets what the next one needs, or what is wrong with it. */
  private scan(bytes: Uint8Array): { readonly at: number; readonly count: number } {
    let at = 0
    let count = 0
    this.needed = headerSize
    while (bytes.length - at >= headerSize) {
      const type = i32At(bytes, at)
      const size = i32At(bytes, at + 4)
      if (type !== 0 || size < 0 || size > this.maxEventSize) {
        this.failure = this.invalidHeader(this.offset + BigInt(at), type, size)
        break
      }
      if (headerSize + size > bytes.length - at) {
        this.needed = headerSize + size
        break
      }
      at += headerSize + size
      count++
    }
    return { at, count }
  }

  private invalidHeader(offset: bigint, type: number, size: number): CorruptSegment | EventTooLarge {
    const place = { stream: this.segment.stream, segment: this.segment.id, offset }
    return type === 0 && size >= 0
      ? new EventTooLarge({ ...place, size, limit: this.maxEventSize })
      : new CorruptSegment({ ...place, detail: `an event's header is 0 and its length, here are ${type} and ${size}` })
  }

  /**
   * All held bytes in one piece. Copied when there are several, and when a piece is the smaller part of the buffer it
   * lies in: a chunk may be kept for long, and must not keep a socket's buffer alive.
   */
  private gather(): Uint8Array {
    const only = this.parts.length === 1 ? this.parts[0]! : undefined
    if (only !== undefined && only.byteLength * 2 >= only.buffer.byteLength) return only
    const bytes = new Uint8Array(this.held)
    let at = 0
    for (const part of this.parts) {
      bytes.set(part, at)
      at += part.length
    }
    return bytes
  }
}
