/**
 * CRC32C (Castagnoli), the checksum of checkpoint records and of outputs that a sink keeps. Node's zlib only has CRC32.
 */

const table = /* @__PURE__ */ (() => {
  const entries = new Uint32Array(256)
  for (let n = 0; n < 256; n++) {
    let c = n
    for (let k = 0; k < 8; k++) c = (c & 1) === 1 ? (c >>> 1) ^ 0x82F63B78 : c >>> 1
    entries[n] = c >>> 0
  }
  return entries
})()

/**
 * The checksum of `bytes`, an unsigned 32-bit number; `previous` continues the checksum of the bytes before them.
 *
 * @category hashing
 * @since 0.1.0
 */
export const crc32c = (bytes: Uint8Array, previous = 0): number => {
  let c = ~previous
  for (let i = 0; i < bytes.length; i++) c = (c >>> 8) ^ (table[(c ^ bytes[i]!) & 0xFF] ?? 0)
  return ~c >>> 0
}
