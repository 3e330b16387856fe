/**
 * How events lie in a segment: `i32 0, i32 n, n bytes` each, one after the other with nothing between them. Offsets and
 * pointers count the header. How an event's bytes become a value is `EventCodec`'s business; what to do about bytes that
 * are no event, the reader's.
 *
 * @internal
 */
import { i32At } from "./ByteReader.ts"

/**
 * What precedes each event, in bytes: the wire command's type, always 0, and how long the event is.
 *
 * @category constants
 * @since 0.1.0
 */
export const headerSize = 8

/**
 * The largest event that Pravega takes without its large-event protocol, header not counted, in bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxEventSize = 8 * 1024 * 1024

/**
 * Writes the header of an event of `length` bytes at `at`, where `headerSize` bytes must be free.
 *
 * @category encoding
 * @since 0.1.0
 */
export const writeHeader = (target: Uint8Array, at: number, length: number): void => {
  target[at] = 0
  target[at + 1] = 0
  target[at + 2] = 0
  target[at + 3] = 0
  target[at + 4] = length >>> 24
  target[at + 5] = length >>> 16
  target[at + 6] = length >>> 8
  target[at + 7] = length
}

/** One event with its header, copied. @category encoding @since 0.1.0 */
export const encode = (event: Uint8Array): Uint8Array => {
  const framed = new Uint8Array(headerSize + event.length)
  writeHeader(framed, 0, event.length)
  framed.set(event, headerSize)
  return framed
}

/** What a header says is 0 where an event starts. @category decoding @since 0.2.0 */
export const typeAt = (bytes: Uint8Array, at: number): number => i32At(bytes, at)

/**
 * How long a header says that the event is, without the header. Negative where no event starts.
 *
 * @category decoding
 * @since 0.2.0
 */
export const lengthAt = (bytes: Uint8Array, at: number): number => i32At(bytes, at + 4)

/** The size of the event that starts at `at`, its header included. @category decoding @since 0.1.0 */
export const sizeAt = (bytes: Uint8Array, at: number): number => headerSize + i32At(bytes, at + 4)

/** Calls back with each event's data, a view, in order. `bytes` are whole events. @category decoding @since 0.1.0 */
export const forEach = (bytes: Uint8Array, onEvent: (data: Uint8Array) => void): void => {
  for (let at = 0; at < bytes.length;) {
    const end = at + sizeAt(bytes, at)
    onEvent(bytes.subarray(at + headerSize, end))
    at = end
  }
}
