/**
 * Buffers that are used again: large ones lie outside of the collector's young heap, which lets tens of megabytes of them
 * pile up before it looks. Which sizes there are, and who may give a buffer back, is the business of who has the pool.
 *
 * @internal
 */

/** What a buffer is here: an array of bytes, or the memory of one. */
interface Sized {
  readonly byteLength: number
}

/**
 * What there is no room for, until the collector comes for it: large buffers have mostly grown old, and it does not before
 * it collects all. A reader of a group reads 8 MiB ahead, and each time it ended left a third of that behind, which made a
 * full collection due after some more: 120 to 190 ms of CPU for 80 MiB in events of 100 KiB, 75 to 110 without.
 */
interface Surplus<B> {
  readonly bySize: Map<number, Array<B>>
  bytes: number
}

/** @category models @since 0.2.0 */
export class BufferPool<B extends Sized> {
  /** How much is kept, in bytes. */
  private readonly limit: number
  /** How much more is kept until the collector comes for it, in bytes. */
  private readonly surplusLimit: number
  private readonly bySize = new Map<number, Array<B>>()
  private bytes = 0
  private surplus: WeakRef<Surplus<B>> | undefined = undefined

  constructor(options: { readonly limit: number; readonly surplusLimit: number }) {
    this.limit = options.limit
    this.surplusLimit = options.surplusLimit
  }

  /** A buffer of exactly so many bytes, whatever they hold, if there is one. */
  take(size: number): B | undefined {
    const buffer = this.bySize.get(size)?.pop()
    if (buffer === undefined) return this.surplus === undefined ? undefined : this.takeSurplus(size)
    this.bytes -= size
    return buffer
  }

  /** Nobody else may use the buffer any more. */
  give(buffer: B): void {
    const size = buffer.byteLength
    if (!this.makeRoom(size)) return this.giveSurplus(buffer)
    put(this.bySize, buffer)
    this.bytes += size
  }

  private takeSurplus(size: number): B | undefined {
    const left = this.surplus?.deref()
    const buffer = left?.bySize.get(size)?.pop()
    if (left !== undefined && buffer !== undefined) left.bytes -= size
    return buffer
  }

  private giveSurplus(buffer: B): void {
    if (buffer.byteLength > this.surplusLimit) return
    let left = this.surplus?.deref()
    if (left === undefined) {
      left = { bySize: new Map(), bytes: 0 }
      this.surplus = new WeakRef(left)
    }
    if (left.bytes + buffer.byteLength > this.surplusLimit) return
    put(left.bySize, buffer)
    left.bytes += buffer.byteLength
  }

  /**
   * Lets go of buffers of other sizes where that helps, and only of as many as are in the way: the present users of the pool
   * need this size. Not only where there is none of it yet: then a reader of 16 segments that came after one of 4 took twice
   * the CPU, 3.2 us per event of 1 KiB for 1.5.
   */
  private makeRoom(size: number): boolean {
    if (size > this.limit) return false
    for (const [other, buffers] of this.bySize) {
      if (this.bytes + size <= this.limit) return true
      if (other === size) continue
      while (this.bytes + size > this.limit) {
        const unused = buffers.pop()
        if (unused === undefined) break
        this.bytes -= other
        this.giveSurplus(unused)
      }
    }
    return this.bytes + size <= this.limit
  }
}

const put = <B extends Sized>(bySize: Map<number, Array<B>>, buffer: B): void => {
  const others = bySize.get(buffer.byteLength)
  if (others === undefined) bySize.set(buffer.byteLength, [buffer])
  else others.push(buffer)
}
