/**
 * How events lie in a segment: `i32 0, i32 n, n bytes` each, and nothing in between. Pure functions on bytes.
 *
 * @internal
 */

/**
 * Bytes before an event's data: the wire command's type, always 0, and the data's length.
 *
 * @category constants
 * @since 0.1.0
 */
export const headerSize = 8

/**
 * Pravega's largest event, without the header, unless a writer uses large events (8 MiB).
 *
 * @category constants
 * @since 0.1.0
 */
export const maxEventSizeDefault = 8 * 1024 * 1024

/** The big-endian i32 at `at`. @category reading @since 0.1.0 */
export const i32At = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
