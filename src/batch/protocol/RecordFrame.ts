/**
 * How records lie in a log: length of the rest after the checksum (u32), CRC32C of that rest (u32), format version (u8),
 * text. All numbers big-endian.
 */
import * as Result from "effect/Result"
import { crc32c } from "./internal/Crc32c.ts"

/**
 * Why bytes are no record that this version reads. `torn`: as a crash leaves them. `newer`: they are whole, and a newer
 * version wrote them. `unreadable`: they are whole, and say nothing that any version does.
 *
 * @category models
 * @since 0.1.0
 */
export interface BadRecord {
  readonly kind: "torn" | "newer" | "unreadable"
  readonly detail: string
}

const headerSize = 9

/**
 * What an older version can't read has a higher one, so that it refuses it instead of passing over what it does not know. 2:
 * state is named. 3: positions of sources that stay are left out.
 */
type FormatVersion = 1 | 2 | 3
const newest = 3

/** @category encoding @since 0.1.0 */
export const frame = (content: string, version: FormatVersion = 1): Uint8Array => {
  const text = new TextEncoder().encode(content)
  const bytes = new Uint8Array(headerSize + text.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 1 + text.length)
  view.setUint8(8, version)
  bytes.set(text, headerSize)
  view.setUint32(4, crc32c(bytes.subarray(8)))
  return bytes
}

/** @category decoding @since 0.1.0 */
export const unframe = (bytes: Uint8Array): Result.Result<string, BadRecord> => {
  const bad = (kind: BadRecord["kind"], detail: string) => Result.fail({ kind, detail })
  if (bytes.length < headerSize) return bad("torn", `${bytes.length} bytes, too short for a record`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = view.getUint32(0)
  if (bytes.length - 8 !== length) return bad("torn", `${bytes.length - 8} bytes where ${length} were written`)
  if (crc32c(bytes.subarray(8)) !== view.getUint32(4)) return bad("torn", "the checksum does not match")
  const version = view.getUint8(8)
  if (version > newest) return bad("newer", `its format is version ${version}, this one reads ${newest} at most`)
  if (version === 0) return bad("unreadable", "there is no format version 0")
  return Result.succeed(new TextDecoder().decode(bytes.subarray(headerSize)))
}
