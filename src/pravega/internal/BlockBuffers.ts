/**
 * The buffers of a writer's blocks, used again after acknowledgement. They lie outside of the collector's heap, which lets
 * tens of megabytes of them pile up before it looks.
 *
 * Ownership: a buffer is given back only when the store has acknowledged all of it on the connection that it was last sent
 * over (then every byte has left), and every connection before that one was destroyed; or when it was never sent.
 */
export class BlockBuffers {
  /** The size of a full block, in bytes. */
  readonly size: number
  private readonly limit: number
  /** By size: `size`, and halves of it. */
  private readonly free = new Map<number, Array<Uint8Array>>()
  private freeBytes = 0

  /** Keeps at most `limit` bytes of unused buffers. */
  constructor(size: number, limit: number) {
    this.size = size
    this.limit = limit
  }

  /** At least `size` bytes, whatever they hold; less than twice as many, unless that is very little. */
  take(size: number): Uint8Array {
    const usual = this.usualSize(size)
    const buffer = this.free.get(usual)?.pop()
    if (buffer === undefined) return new Uint8Array(usual)
    this.freeBytes -= usual
    return buffer
  }

  /** Nobody else may use the buffer any more. A buffer that was not taken here is left to the collector. */
  give(buffer: Uint8Array): void {
    const { length } = buffer
    if (length < smallestBytes || length !== this.usualSize(length) || length !== buffer.buffer.byteLength) return
    if (this.freeBytes + length > this.limit) return
    const others = this.free.get(length)
    if (others === undefined) this.free.set(length, [buffer])
    else others.push(buffer)
    this.freeBytes += length
  }

  private usualSize(needed: number): number {
    if (needed > this.size) return needed
    let usual = this.size
    while (usual % 2 === 0 && usual / 2 >= Math.max(needed, smallestBytes)) usual /= 2
    return usual
  }
}

/** Smaller buffers are not worth keeping. */
const smallestBytes = 1024
