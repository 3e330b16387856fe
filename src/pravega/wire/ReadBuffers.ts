/**
 * The buffers of large read replies, used again when their events were decoded, or when a server's have left, and those
 * of a server's large appends. Left to the collector, which starts a full collection for each 64 MiB of them, they took a
 * third of the CPU of reading: 3.8 us per event of 1 KiB, 2.5 with reuse; and as much of a server's for appends.
 *
 * One for the process, like Node's own pool. Nobody has to give a buffer back: what is not goes to the collector.
 */

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

/** By size. */
const free = new Map<number, Array<ArrayBuffer>>()
let freeBytes = 0

/**
 * What there is no room for, until the collector comes for it: large buffers have mostly grown old, and it does not before
 * it collects all. A reader of a group reads 8 MiB ahead, and each time it ended left a third of that behind, which made a
 * full collection due after some more: 120 to 190 ms of CPU for 80 MiB in events of 100 KiB, 75 to 110 without.
 */
interface Surplus {
  readonly buffers: Map<number, Array<ArrayBuffer>>
  bytes: number
}
let surplus: WeakRef<Surplus> | undefined = undefined
/** In bytes: those of several readers. */
const surplusLimit = 4 * limit

const lent = new WeakSet<ArrayBufferLike>()

/**
 * Who keeps the bytes for long takes a buffer only for this much, and wastes little. In bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const keptMinimum = largest * 3 / 4

/**
 * Exactly `length` bytes, whatever they hold: most of their buffer, so that who keeps them wastes less than he uses.
 *
 * @category resource management
 * @since 0.1.0
 */
export const take = (length: number): Uint8Array => {
  if (length > largest || length < smallest / 2) return new Uint8Array(length)
  let size = largest
  while (size > smallest && size / 2 >= length) size /= 2
  const used = free.get(size)?.pop()
  if (used !== undefined) freeBytes -= size
  const buffer = used ?? takeSurplus(size) ?? new ArrayBuffer(size)
  lent.add(buffer)
  return new Uint8Array(buffer, 0, length)
}

/**
 * Gives back the buffer that `view` lies in, if `take` made it. Only for who knows that nobody has another view of it that
 * will be read.
 *
 * @category resource management
 * @since 0.1.0
 */
export const give = (view: Uint8Array): void => {
  const { buffer } = view
  if (!(buffer instanceof ArrayBuffer) || !lent.delete(buffer)) return
  const size = buffer.byteLength
  if (!makeRoom(size)) return giveSurplus(buffer)
  put(free, buffer)
  freeBytes += size
}

const put = (buffers: Map<number, Array<ArrayBuffer>>, buffer: ArrayBuffer): void => {
  const others = buffers.get(buffer.byteLength)
  if (others === undefined) buffers.set(buffer.byteLength, [buffer])
  else others.push(buffer)
}

const takeSurplus = (size: number): ArrayBuffer | undefined => {
  const left = surplus?.deref()
  const buffer = left?.buffers.get(size)?.pop()
  if (left !== undefined && buffer !== undefined) left.bytes -= size
  return buffer
}

const giveSurplus = (buffer: ArrayBuffer): void => {
  let left = surplus?.deref()
  if (left === undefined) {
    left = { buffers: new Map(), bytes: 0 }
    surplus = new WeakRef(left)
  }
  if (left.bytes + buffer.byteLength > surplusLimit) return
  put(left.buffers, buffer)
  left.bytes += buffer.byteLength
}

/**
 * Lets go of buffers of other sizes where that helps: who reads now needs this one. Not only where there is none of this
 * size yet: then a reader of 16 segments that came after one of 4 took twice the CPU, 3.2 us per event of 1 KiB for 1.5.
 */
const makeRoom = (size: number): boolean => {
  for (const [other, buffers] of free) {
    if (freeBytes + size <= limit) return true
    if (other === size) continue
    while (freeBytes + size > limit) {
      const unused = buffers.pop()
      if (unused === undefined) break
      freeBytes -= other
      giveSurplus(unused)
    }
  }
  return freeBytes + size <= limit
}
