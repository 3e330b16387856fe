/**
 * Base64 of gzip of text: how Java shows and stores stream cuts. The gzip header and the compression differ between
 * libraries; what they unpack to does not.
 *
 * @internal
 */
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import { gunzipSync, gzipSync } from "node:zlib"
import { MalformedBytes } from "./MalformedBytes.ts"

/** @category encoding @since 0.1.0 */
export const pack = (text: string): string => Base64.encode(gzipSync(text))

/**
 * The text, of at most `maximum` bytes: a few bytes of gzip could unpack to gigabytes. Throws `MalformedBytes`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const unpack = (packed: string, maximum: number): string => {
  // what is packed well is shorter than the text; packed badly, in Base64, it is a third longer, with a header
  if (packed.length > 2 * maximum + 256) {
    throw new MalformedBytes(`longer than ${maximum} bytes are when they are packed`)
  }
  const bytes = Result.getOrThrowWith(Base64.decode(packed), () => new MalformedBytes("not Base64"))
  return decoder.decode(gunzip(bytes, maximum))
}

const gunzip = (bytes: Uint8Array, maximum: number): Uint8Array => {
  try {
    return gunzipSync(bytes, { maxOutputLength: maximum })
  } catch (cause) {
    throw new MalformedBytes(`not gzip, or of more than ${maximum} bytes`, { cause })
  }
}

const decoder = new TextDecoder()
