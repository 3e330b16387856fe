// The buffers of writers' blocks, used again after acknowledgement. They lie outside of the collector's heap, which lets
// tens of megabytes of them pile up before it looks: writing 1 GiB peaked at 210 MiB while a writer kept 4 MiB of unused
// ones, and peaks at 165 MiB with the 16 MiB below.
//
// The unused ones belong to the process, like Node's own pool: a writer of one transaction leaves them to that of the next,
// and one that idles holds none.

/**
 * The buffers of one writer, which are all of one size but for those of very large events.
 *
 * Ownership: a buffer is given back only when the store has acknowledged all of it on the connection that it was last sent
 * over (then every byte has left), and every connection before that one was destroyed; or when it was never sent.
 *
 * @category models
 * @since 0.1.0
 */
import { BufferPool } from "../../../core/bytes/BufferPool.ts"

/** @category models @since 0.1.0 */
export class BlockBuffers {
  /** The size of a full block, in bytes. */
  readonly size: number

  constructor(size: number) {
    this.size = size
  }

  /** At least `size` bytes, whatever they hold; less than twice as many, unless that is very little. */
  take(size: number): Uint8Array {
    const usual = this.usualSize(size)
    return unused.take(usual) ?? new Uint8Array(usual)
  }

  /**
   * Nobody else may use the buffer any more. One that was not taken here is left to the collector, and so is that of an
   * event larger than a block: hardly any other has its size.
   */
  give(buffer: Uint8Array): void {
    const { length } = buffer
    if (length < smallestBytes || length > this.size) return
    if (length === this.usualSize(length) && length === buffer.buffer.byteLength) unused.give(buffer)
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

/**
 * All that a writer has in flight by default, twice: acknowledgements come in bursts, and what does not fit is allocated
 * again a moment later. No surplus: its buffers would have outlived a writer that is through, for nobody.
 */
const unused = new BufferPool<Uint8Array>({ limit: 16 * 1024 * 1024, surplusLimit: 0 })
