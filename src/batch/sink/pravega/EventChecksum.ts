/**
 * Checksums of the events that a sink wrote: per event, and of a sequence of events. One pass of native code over the
 * bytes: in JavaScript it was a quarter of a copying query's CPU.
 */
import { crc32 } from "node:zlib"

/**
 * Names how checksums are made here. It is recorded with them, and is another one when that changes: checksums of another form
 * prove nothing.
 *
 * @category constants
 * @since 0.2.0
 */
export const form = 1

/** Of one event's bytes, an unsigned 32-bit number. @category constructors @since 0.1.0 */
export const ofEvent = (bytes: Uint8Array): number => crc32(bytes)

/**
 * Of a sequence of events, in this order: that of the events before, and the next one's. Begins with 0.
 *
 * @category hashing
 * @since 0.1.0
 */
export const append = (before: number, event: number): number => {
  const mixed = Math.imul((before ^ event) + 0x9e3779b9 | 0, 0x85ebca6b)
  return (mixed ^ mixed >>> 15) >>> 0
}
