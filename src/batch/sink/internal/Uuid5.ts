/**
 * Name-based UUIDs (RFC 9562, version 5), lower-case text.
 */
import { createHash } from "node:crypto"

/** The same for the same namespace (a UUID) and name, different for others. @category hashing @since 0.1.0 */
export const uuid5 = (namespace: string, name: string): string => {
  const hash = createHash("sha1").update(Buffer.from(namespace.replaceAll("-", ""), "hex")).update(name).digest()
  hash[6] = (hash[6]! & 0x0F) | 0x50
  hash[8] = (hash[8]! & 0x3F) | 0x80
  const hex = hash.toString("hex")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}
