/**
 * The bytes of one segment in memory: blocks that follow each other, found by binary search. Small appends are copied
 * into a block that grows, large ones become blocks of their own as they are. Also fit to cache the tail of a segment
 * that lies elsewhere.
 *
 * @internal
 */
import * as ReadBuffers from "../../../pravega/wire/ReadBuffers.ts"

/** From here on an append becomes a block instead of being copied. In bytes. */
const adoptMinimum = 16 * 1024
/** Blocks that small appends are copied to double from the first size up to the second. In bytes. */
const blockMinimum = 512
const blockMaximum = 1024 * 1024

interface Block {
  readonly start: number
  readonly bytes: Uint8Array
  /** How much of `bytes` is filled. */
  length: number
}

/** @category models @since 0.1.0 */
export class SegmentBytes {
  /** Where the first byte lies that can be read. */
  start: number
  /** Where the next byte goes. */
  end: number
  /** What its blocks take in memory, with what is empty of them and of the buffers they lie in. In bytes. */
  held = 0
  private readonly blocks: Array<Block> = []
  /** Blocks before this one were truncated away; they are taken out of the array many at a time. */
  private first = 0
  /** Told of each block that goes, and that nobody has a view of if only `copy` was called. */
  onDropped: ((bytes: Uint8Array) => void) | undefined

  constructor(start: number, onDropped?: (bytes: Uint8Array) => void) {
    this.start = start
    this.end = start
    this.onDropped = onDropped
  }

  /** False: `data` was copied, and is not needed any more. */
  append(data: Uint8Array): boolean {
    const { length } = data
    if (length === 0) return false
    let isKept = false
    const last = this.blocks.at(-1)
    if (last !== undefined && length <= last.bytes.length - last.length) {
      last.bytes.set(data, last.length)
      last.length += length
    } else if (length >= adoptMinimum && length * 2 >= data.buffer.byteLength) {
      this.addBlock(data, length)
      isKept = true
    } else {
      const size = Math.max(length, Math.min(blockMaximum, Math.max(blockMinimum, (last?.bytes.length ?? 0) * 2)))
      const bytes = new Uint8Array(size)
      bytes.set(data)
      this.addBlock(bytes, length)
    }
    this.end += length
    return isKept
  }

  /** Forgets what lies before `offset`; a block goes when all of it does. */
  truncate(offset: number): void {
    if (offset <= this.start) return
    this.start = Math.min(offset, this.end)
    for (;;) {
      const block = this.blocks[this.first]
      if (block === undefined || block.start + block.length > this.start) break
      this.held -= block.bytes.buffer.byteLength
      this.onDropped?.(block.bytes)
      this.first++
    }
    if (this.first * 2 >= this.blocks.length) {
      this.blocks.splice(0, this.first)
      this.first = 0
    }
  }

  /** All bytes, in pieces. */
  *parts(): Iterable<Uint8Array> {
    for (let i = this.first; i < this.blocks.length; i++) {
      const { bytes, length, start } = this.blocks[i]!
      yield bytes.subarray(Math.max(0, this.start - start), length)
    }
  }

  /**
   * All that there is, up to `length` bytes and up to what a buffer for reads holds: a reader that gets less asks again
   * for the rest, and puts the pieces together, which was half of its CPU. More where one block has more. `offset` must
   * lie within the log.
   *
   * A view of bytes that are never written again, or a copy that may be given to `ReadBuffers`.
   */
  read(offset: number, length: number): Uint8Array {
    const index = this.indexOf(offset)
    const block = this.blocks[index]!
    const from = offset - block.start
    const available = Math.min(length, this.end - offset)
    const wanted = Math.min(available, ReadBuffers.readMaximum)
    return block.length - from >= wanted
      ? block.bytes.subarray(from, Math.min(block.length, from + available))
      : this.gather(index, offset, wanted)
  }

  /** As `read`, but always a copy. */
  copy(offset: number, length: number): Uint8Array {
    return this.gather(this.indexOf(offset), offset, Math.min(length, this.end - offset, ReadBuffers.readMaximum))
  }

  private addBlock(bytes: Uint8Array, length: number): void {
    this.blocks.push({ start: this.end, bytes, length })
    this.held += bytes.buffer.byteLength
  }

  private gather(index: number, offset: number, length: number): Uint8Array {
    const gathered = ReadBuffers.take(length)
    let filled = 0
    for (let i = index; filled < length; i++) {
      const { bytes, length: size, start } = this.blocks[i]!
      const at = offset + filled - start
      const taken = Math.min(size - at, length - filled)
      gathered.set(bytes.subarray(at, at + taken), filled)
      filled += taken
    }
    return gathered
  }

  /** The block that holds `offset`. */
  private indexOf(offset: number): number {
    if (offset < this.start || offset >= this.end) {
      throw new RangeError(`a read at ${offset}, outside of ${this.start} to ${this.end}`)
    }
    let low = this.first
    let high = this.blocks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.blocks[middle]!.start <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
}
