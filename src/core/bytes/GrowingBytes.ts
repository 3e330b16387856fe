/**
 * A buffer that grows as it is written to. What is written there is not known here.
 */

/** @category models @since 0.2.0 */
export class GrowingBytes {
  protected buffer: Uint8Array<ArrayBuffer>
  protected view: DataView
  length = 0

  constructor(capacity: number) {
    this.buffer = new Uint8Array(capacity)
    this.view = new DataView(this.buffer.buffer)
  }

  /** Makes room for `length` bytes and returns where they start. Call it before touching `buffer` or `view`: it may replace them. */
  protected grow(length: number): number {
    const at = this.length
    const needed = at + length
    if (needed > this.buffer.length) {
      const larger = new Uint8Array(Math.max(needed, this.buffer.length * 2))
      larger.set(this.buffer.subarray(0, at))
      this.buffer = larger
      this.view = new DataView(larger.buffer)
    }
    this.length = needed
    return at
  }
}
