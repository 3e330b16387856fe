/**
 * How records lie in a log: length of the rest after the checksum (u32), CRC32C of that rest (u32), format version (u8),
 * text. All numbers big-endian.
 */
import * as Result from "effect/Result"
import { crc32c } from "./internal/Crc32c.ts"

/**
 * Why bytes are no record. `isTorn`: as a crash leaves them; otherwise they are whole, but not readable by this version.
 *
 * @category models
 * @since 0.1.0
 */
export interface BadRecord {
  readonly isTorn: boolean
  readonly detail: string
}

const headerSize = 9
const formatVersion = 1

/** @category encoding @since 0.1.0 */
export const frame = (content: string): Uint8Array => {
  const text = new TextEncoder().encode(content)
  const bytes = new Uint8Array(headerSize + text.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 1 + text.length)
  view.setUint8(8, formatVersion)
  bytes.set(text, headerSize)
  view.setUint32(4, crc32c(bytes.subarray(8)))
  return bytes
}

/** @category decoding @since 0.1.0 */
export const unframe = (bytes: Uint8Array): Result.Result<string, BadRecord> => {
  const bad = (isTorn: boolean, detail: string) => Result.fail({ isTorn, detail })
  if (bytes.length < headerSize) return bad(true, `${bytes.length} bytes, too short for a record`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = view.getUint32(0)
  if (bytes.length - 8 !== length) return bad(true, `${bytes.length - 8} bytes where ${length} were written`)
  if (crc32c(bytes.subarray(8)) !== view.getUint32(4)) return bad(true, "the checksum does not match")
  if (view.getUint8(8) !== formatVersion) return bad(false, `format version ${view.getUint8(8)} is not known`)
  return Result.succeed(new TextDecoder().decode(bytes.subarray(headerSize)))
}
