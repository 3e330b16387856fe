/**
 * How the bytes that may be read ahead are shared out among segments that are read at the same time, and how much of them
 * is asked for at once.
 *
 * @internal
 */
import { maxEventSize } from "../../core/bytes/EventFrame.ts"
import * as NumberOption from "../../core/NumberOption.ts"

/** Bytes per request, and about the bytes in an array of events: large enough to make its overhead small. */
const readSizeMax = 512 * 1024
/** @category constants @since 0.1.0 */
export const readSizeMin = 64 * 1024

/** `least`: what each segment has in any case, however many there are. @category reading @since 0.1.0 */
export const share = (
  total: number,
  { least, segments }: { readonly segments: number; readonly least: number }
): { readonly readAhead: number; readonly readSize: number } => {
  const readAhead = Math.max(least, Math.floor(total / segments))
  // a second request in flight hides the round trip
  return { readAhead, readSize: Math.min(readSizeMax, Math.max(readSizeMin, Math.floor(readAhead / 2))) }
}

/** How many bytes are read ahead. @category options @since 0.2.0 */
export const readAhead = (bytes: number | undefined, otherwise: number): number =>
  NumberOption.check("readAheadBytes", bytes, { least: 1, most: Number.MAX_SAFE_INTEGER, otherwise })

/** The largest event that is taken, in bytes, without its header. @category options @since 0.2.0 */
export const eventLimit = (bytes: number | undefined): number =>
  NumberOption.check("maxEventBytes", bytes, { least: 0, most: 0x7fff_ffff, otherwise: maxEventSize })

/** How many are read at the same time. @category options @since 0.2.0 */
export const concurrency = (count: number | undefined, otherwise: number): number =>
  NumberOption.check("concurrency", count, { least: 1, most: Infinity, otherwise })
