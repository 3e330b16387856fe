/**
 * Pravega's hash of keys: murmur3 with a seed, read as a position in [0, 1), as a long, or as a UUID.
 *
 * @see `HashHelper` of Pravega 0.13.0
 * @internal
 */
import { uuidText } from "./bytes/ByteReader.ts"
import * as JavaString from "./bytes/JavaString.ts"
import * as Murmur3 from "./internal/Murmur3.ts"

/** Routing keys of events. @category constants @since 0.1.0 */
export const eventRouterSeed = JavaString.hashCode("EventRouter")
/** Primary keys of key-value tables. @category constants @since 0.1.0 */
export const keyValueTableSeed = JavaString.hashCode("KeyValueTableRouter")

/**
 * The hash of a text; other seeds than the router's are the Java hash code of a text, a reader's id for example.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofText: (text: string, seed: number) => Murmur3.Hash128 = Murmur3.hashText
/** @category constructors @since 0.1.0 */
export const ofBytes: (bytes: Uint8Array, seed: number) => Murmur3.Hash128 = Murmur3.hashBytes

/** The upper 52 bits of the first half, as a fraction. @category converting @since 0.1.0 */
export const toPosition = (hash: Murmur3.Hash128): number =>
  ((hash.first.high >>> 0) * 0x100000 + (hash.first.low >>> 12)) / 0x10000000000000

/** The first half, signed. @category converting @since 0.1.0 */
export const toLong = (hash: Murmur3.Hash128): bigint => hash.first.toBigInt()

/**
 * The 16 bytes in the order in which the hash puts them out: each half little-endian.
 *
 * @category converting
 * @since 0.1.0
 */
export const toUuid = (hash: Murmur3.Hash128): string => {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  view.setInt32(0, hash.first.low, true)
  view.setInt32(4, hash.first.high, true)
  view.setInt32(8, hash.second.low, true)
  view.setInt32(12, hash.second.high, true)
  return uuidText(bytes, 0)
}
