/**
 * A run of whole events of one segment, still as the segment's bytes. It says where it starts and ends, can be cut at
 * event boundaries and kept, and is decoded when its events are wanted. It reads nothing.
 *
 * @internal
 */
import * as EventFrame from "../../core/bytes/EventFrame.ts"
import type { EventCodec } from "../../core/EventCodec.ts"
import type { Segment } from "../../core/Segment.ts"
import * as ReadBuffers from "../wire/ReadBuffers.ts"
import { EventRead, type EventRun } from "./EventRead.ts"
import { UndecodableEvent } from "./ReadError.ts"

/** @category models @since 0.1.0 */
export interface EventChunk {
  readonly segment: Segment
  /** Where the first event starts. */
  readonly startOffset: bigint
  /** Where the event after the last one starts. */
  readonly endOffset: bigint
  /** How many events; at least one. */
  readonly count: number
  /** The events with their headers: whole, and checked. Never rewritten. */
  readonly bytes: Uint8Array
  /** Nothing else that is still needed lies in the buffer of `bytes`. */
  readonly isSole: boolean
}

/** A chunk's events, up to the first one that its codec refuses. @category models @since 0.1.0 */
export interface Decoded<R> {
  readonly events: ReadonlyArray<R>
  readonly failure: UndecodableEvent | undefined
}

/** What of a codec is needed to read. @category models @since 0.1.0 */
export type Decoder<A> = Pick<EventCodec<A>, "name" | "decode" | "copies">

/** Decodes a chunk's events. The codec gets views of the chunk's bytes. @category decoding @since 0.1.0 */
export const decode = <A>(chunk: EventChunk, codec: Decoder<A>): Decoded<EventRead<A>> =>
  decodeRun(chunk, codec, runOf(chunk))

/** As `decode`, in a run that the reader knows more of. @category decoding @since 0.2.0 */
export const decodeRun = <A, Run extends EventRun>(
  chunk: EventChunk,
  codec: Decoder<A>,
  run: Run
): Decoded<EventRead<A, Run>> => {
  const { bytes } = chunk
  const events: Array<EventRead<A, Run>> = []
  let at = 0
  try {
    while (at < bytes.length) {
      const size = EventFrame.sizeAt(bytes, at)
      events.push(new EventRead(codec.decode(bytes.subarray(at + EventFrame.headerSize, at + size)), run, at, size))
      at += size
    }
    return { events, failure: undefined }
  } catch (cause) {
    const { segment: { id, stream }, startOffset } = chunk
    const offset = startOffset + BigInt(at)
    return { events, failure: new UndecodableEvent({ stream, segment: id, offset, codec: codec.name, cause }) }
  }
}

/** Not the chunk itself, whose bytes an event would keep. */
const runOf = ({ segment, startOffset }: EventChunk): EventRun => ({ segment, startOffset })

/**
 * Decodes a chunk that is not used any more: where the codec copies, its buffer goes to the next read.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeLast = <A>(chunk: EventChunk, codec: Decoder<A>): Decoded<EventRead<A>> =>
  decodeLastRun(chunk, codec, runOf(chunk))

/** As `decodeLast`, in a run that the reader knows more of. @category decoding @since 0.2.0 */
export const decodeLastRun = <A, Run extends EventRun>(
  chunk: EventChunk,
  codec: Decoder<A>,
  run: Run
): Decoded<EventRead<A, Run>> => {
  const decoded = decodeRun(chunk, codec, run)
  if (chunk.isSole && codec.copies === true && decoded.failure === undefined) ReadBuffers.give(chunk.bytes)
  return decoded
}

/**
 * A part of a chunk that keeps within limits; each limit counts from the chunk's start.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limit {
  /** In bytes, headers included. */
  readonly bytes?: number | undefined
  readonly events?: number | undefined
}

/**
 * Cuts a chunk at the last event boundary within the limit, but never before the end of the first event. So a
 * reader always gets an event, even one larger than the limit. The rest is undefined when nothing is left.
 *
 * @category combinators
 * @since 0.1.0
 */
export const take = (chunk: EventChunk, limit: Limit): readonly [EventChunk, EventChunk | undefined] => {
  const { bytes } = chunk
  const maxBytes = limit.bytes ?? Infinity
  const maxEvents = limit.events ?? Infinity
  let at = 0
  let count = 0
  while (at < bytes.length) {
    const next = at + EventFrame.sizeAt(bytes, at)
    if (count > 0 && (next > maxBytes || count >= maxEvents)) break
    at = next
    count++
  }
  if (at === bytes.length) return [chunk, undefined]
  const cut = chunk.startOffset + BigInt(at)
  return [
    {
      segment: chunk.segment,
      startOffset: chunk.startOffset,
      endOffset: cut,
      count,
      bytes: bytes.subarray(0, at),
      isSole: false
    },
    {
      segment: chunk.segment,
      startOffset: cut,
      endOffset: chunk.endOffset,
      count: chunk.count - count,
      bytes: bytes.subarray(at),
      isSole: false
    }
  ]
}

/**
 * Cuts consecutive chunks into pieces of about so many bytes, at event boundaries.
 *
 * @category combinators
 * @since 0.1.0
 */
export const divide = (chunks: ReadonlyArray<EventChunk>, size: number): ReadonlyArray<ReadonlyArray<EventChunk>> => {
  const pieces: Array<Array<EventChunk>> = []
  let left = 0
  for (const chunk of chunks) {
    let rest: EventChunk | undefined = chunk
    while (rest !== undefined) {
      if (left <= 0) {
        pieces.push([])
        left = size
      }
      const [part, after]: readonly [EventChunk, EventChunk | undefined] = take(rest, { bytes: left })
      pieces.at(-1)?.push(part)
      left -= part.bytes.length
      rest = after
      if (after !== undefined) left = 0
    }
  }
  return pieces
}
