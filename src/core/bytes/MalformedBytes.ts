// The one thing that the plain codecs throw. Each public codec wraps it once in its own error.

/**
 * Bytes that do not hold what was asked of them, or a value that has no bytes.
 *
 * @category errors
 * @since 0.1.0
 */
export class MalformedBytes extends Error {
  override readonly name = "MalformedBytes"
}
