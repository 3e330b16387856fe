/** Follows the frames of the wire protocol in a sequence of bytes, so far as to know where one ends. */

/** Type and length, four bytes each. */
const headerSize = 8

/** @category models @since 0.1.0 */
export class FrameBoundary {
  private readonly header = new Uint8Array(headerSize)
  private headerBytes = 0
  private left = 0

  /** Nothing of a frame has passed that is not whole. */
  get isBetween(): boolean {
    return this.left === 0 && this.headerBytes === 0
  }

  pass(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length) {
      if (this.left > 0) {
        const taken = Math.min(this.left, bytes.length - at)
        this.left -= taken
        at += taken
        continue
      }
      this.header[this.headerBytes++] = bytes[at++]!
      if (this.headerBytes < headerSize) continue
      this.headerBytes = 0
      this.left = new DataView(this.header.buffer).getUint32(4)
    }
  }
}
