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

/** The cut of a million segments is smaller; a few bytes of gzip could unpack to far more. */
const maxUnpackedBytes = 64 * 1024 * 1024

/** @category encoding @since 0.1.0 */
export const pack = (text: string): string => Base64.encode(gzipSync(text))

/** @category decoding @since 0.1.0 */
export const unpack = (packed: string): string => {
  const bytes = Result.getOrThrowWith(Base64.decode(packed), () => new MalformedBytes("not Base64"))
  return decoder.decode(gunzip(bytes))
}

const gunzip = (bytes: Uint8Array): Uint8Array => {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxUnpackedBytes })
  } catch (cause) {
    throw new MalformedBytes("not gzip, or too large", { cause })
  }
}

const decoder = new TextDecoder()
