/**
 * What Java's `String` computes and Pravega relies on.
 *
 * @internal
 */

/**
 * `String.hashCode`: 31 * h + unit over the UTF-16 units, in 32 bits. Seeds of the routing hash are made with it.
 *
 * @category hashing
 * @since 0.1.0
 */
export const hashCode = (text: string): number => {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash
}
