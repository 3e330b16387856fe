/**
 * Events as they lie in a segment: `i32 0, i32 n, n bytes`, one after the other with nothing between them. Offsets and
 * pointers count the header. How an event's bytes become a value is `EventCodec`'s business.
 *
 * @since 0.1.0
 */
import { MalformedEvent, WireError } from "./WireError.ts"

/** What precedes each event, in bytes. @category constants @since 0.1.0 */
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

/**
 * The size of the event whose header starts at `at`, header included, or undefined when the header is not all there. The
 * event itself need not be. Throws `WireError` (`MalformedEvent`) when no event can start here.
 *
 * @category decoding
 * @since 0.1.0
 */
export const sizeAt = (bytes: Uint8Array, at: number): number | undefined => {
  if (bytes.length - at < headerSize) return undefined
  const type = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
  const length = (bytes[at + 4]! << 24) | (bytes[at + 5]! << 16) | (bytes[at + 6]! << 8) | bytes[at + 7]!
  if (type !== 0 || length < 0) {
    const detail = `type ${type} and length ${length} at byte ${at}; is this offset the start of an event?`
    throw new WireError({ reason: new MalformedEvent({ detail }) })
  }
  return headerSize + length
}

/**
 * Calls `onEvent` with where each event's data lies (header not included), for all that are whole between `at` and the
 * end. Returns where the first one that is not whole starts, or the end. Throws as `sizeAt` does.
 *
 * @category decoding
 * @since 0.1.0
 */
export const forEach = (bytes: Uint8Array, at: number, onEvent: (start: number, end: number) => void): number => {
  let position = at
  for (;;) {
    const size = sizeAt(bytes, position)
    if (size === undefined || size > bytes.length - position) return position
    onEvent(position + headerSize, position + size)
    position += size
  }
}
