/**
 * The buffers of large read replies, used again when their events were decoded, or when a server's have left, and those
 * of a server's large appends. Left to the collector, which starts a full collection for each 64 MiB of them, they took a
 * third of the CPU of reading: 3.8 us per event of 1 KiB, 2.5 with reuse; and as much of a server's for appends.
 *
 * One for the process, like Node's own pool. Nobody has to give a buffer back: what is not goes to the collector.
 */
import { BufferPool } from "../../core/bytes/BufferPool.ts"

/** The longest read whose bytes lie in such a buffer. In bytes. @category constants @since 0.1.0 */
export const readMaximum = 512 * 1024
/** With what a reply has around its data. */
const largest = readMaximum + 4096
/** A reader of many segments asks each for less: a half, a quarter or an eighth. Smaller ones are cheap. */
const smallest = largest / 8
/**
 * In bytes: a query's batch of 16 MiB, whose buffers come back at once and are those of the next one. A reader never has so
 * many out: by default it reads 4 MiB ahead.
 */
const limit = 32 * largest

/** The surplus: what several readers leave behind. */
const free = new BufferPool<ArrayBuffer>({ limit, surplusLimit: 4 * limit })

const lent = new WeakSet<ArrayBufferLike>()

/**
 * Bytes that are kept for long get a buffer only from this size on, so that little is wasted. In bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const keptMinimum = largest * 3 / 4

/**
 * Exactly `length` bytes with any content. They are most of their buffer, so that keeping them wastes less than it uses.
 *
 * @category resource management
 * @since 0.1.0
 */
export const take = (length: number): Uint8Array => {
  if (length > largest || length < smallest / 2) return new Uint8Array(length)
  let size = largest
  while (size > smallest && size / 2 >= length) size /= 2
  const buffer = free.take(size) ?? new ArrayBuffer(size)
  lent.add(buffer)
  return new Uint8Array(buffer, 0, length)
}

/**
 * Gives back the buffer that `view` lies in, if `take` made it. The caller must know that no other view of it
 * will be read.
 *
 * @category resource management
 * @since 0.1.0
 */
export const give = (view: Uint8Array): void => {
  const { buffer } = view
  if (buffer instanceof ArrayBuffer && lent.delete(buffer)) free.give(buffer)
}
