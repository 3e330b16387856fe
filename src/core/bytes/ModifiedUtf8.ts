/**
 * Java's "modified UTF-8" (DataInput.readUTF): NUL takes two bytes, and a character above U+FFFF is written as its two
 * UTF-16 surrogates of three bytes each. Unpaired surrogates survive a round trip.
 *
 * @internal
 */
import { MalformedBytes } from "./MalformedBytes.ts"

/** @category measuring @since 0.1.0 */
export const byteLength = (text: string): number => {
  let size = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    size += c >= 1 && c <= 0x7f ? 1 : c <= 0x7ff ? 2 : 3
  }
  return size
}

/** Writes at `at`, which must have room for `byteLength(text)` bytes. @category encoding @since 0.1.0 */
export const encodeInto = (text: string, target: Uint8Array, at: number): void => {
  let p = at
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c >= 1 && c <= 0x7f) {
      target[p++] = c
    } else if (c <= 0x7ff) {
      target[p++] = 0xc0 | (c >> 6)
      target[p++] = 0x80 | (c & 0x3f)
    } else {
      target[p++] = 0xe0 | (c >> 12)
      target[p++] = 0x80 | ((c >> 6) & 0x3f)
      target[p++] = 0x80 | (c & 0x3f)
    }
  }
}

/** Throws `MalformedBytes` for what Java's readUTF refuses. @category decoding @since 0.1.0 */
export const decode = (bytes: Uint8Array, start: number, end: number): string => {
  let text = ""
  let p = start
  while (p < end) {
    const b = bytes[p]!
    if (b < 0x80) {
      text += String.fromCharCode(b)
      p += 1
    } else if (b >> 5 === 0b110) {
      text += String.fromCharCode(((b & 0x1f) << 6) | continuation(bytes, p + 1, end))
      p += 2
    } else if (b >> 4 === 0b1110) {
      text += String.fromCharCode(
        ((b & 0x0f) << 12) | (continuation(bytes, p + 1, end) << 6) | continuation(bytes, p + 2, end)
      )
      p += 3
    } else {
      throw new MalformedBytes(`byte 0x${b.toString(16)} at ${p} starts no character of modified UTF-8`)
    }
  }
  return text
}

const continuation = (bytes: Uint8Array, at: number, end: number): number => {
  const b = at < end ? bytes[at]! : -1
  if (b >> 6 !== 0b10) throw new MalformedBytes(`character of modified UTF-8 broken off at ${at}`)
  return b & 0x3f
}
