/**
 * The buffers of large read replies, used again when their events were decoded, or when a server's have left, and those
 * of a server's large appends. Left to the collector, which starts a full collection for each 64 MiB of them, they took a
 * third of the CPU of reading: 3.8 us per event of 1 KiB, 2.5 with reuse; and as much of a server's for appends.
 *
 * One for the process, like Node's own pool. Nobody has to give a buffer back: what is not goes to the collector.
 */

/** The longest read whose bytes lie in such a buffer. In bytes. */
export const readMaximum = 512 * 1024
/** With what a reply has around its data. */
const size = readMaximum + 4096
/** Smaller ones are cheap, and would waste the buffer. */
const smallest = size / 2
/** In buffers: what a reader reads ahead by default, and a chunk of each of its four segments. */
const limit = 12

const free: Array<ArrayBuffer> = []
const lent = new WeakSet<ArrayBufferLike>()

/** Who keeps the bytes for long takes a buffer only for this much, and wastes little. In bytes. */
export const keptMinimum = size * 3 / 4

/** Exactly `length` bytes, whatever they hold. */
export const take = (length: number): Uint8Array => {
  if (length > size || length < smallest) return new Uint8Array(length)
  const buffer = free.pop() ?? new ArrayBuffer(size)
  lent.add(buffer)
  return new Uint8Array(buffer, 0, length)
}

/**
 * Gives back the buffer that `view` lies in, if `take` made it. Only for who knows that nobody has another view of it that
 * will be read.
 */
export const give = (view: Uint8Array): void => {
  const { buffer } = view
  if (!(buffer instanceof ArrayBuffer) || !lent.delete(buffer) || free.length >= limit) return
  free.push(buffer)
}
