/**
 * Events gathered for one append to one segment: their framed bytes, and what is needed to acknowledge them or to route
 * them again. A block's bytes are written once: the buffer grows while events are added and is not touched from when the
 * block was handed to a socket until it is acknowledged, when `recycle` may give it to the next block.
 */
import * as EventFrame from "../../core/bytes/EventFrame.ts"
import type { BlockBuffers } from "./internal/BlockBuffers.ts"
import type { Acknowledgeable } from "./internal/Receipt.ts"

/** @category models @since 0.1.0 */
export class AppendBlock {
  private bytes: Uint8Array
  private used = 0
  /** Routing position of each event in [0, 1), NaN for events without a routing key. */
  readonly positions: Array<number> = []
  /** Runs of events of the same call: `receipts[i]` gets `runs[i]` events. */
  private readonly receipts: Array<Acknowledgeable> = []
  private readonly runs: Array<number> = []
  /** The number of the last event; set when the block is closed. Its events are numbered without gaps. */
  lastEventNumber = -1

  private readonly buffers: BlockBuffers

  /** Growth by doubling ends at the size of `buffers`; beyond that the buffer grows to what is needed. */
  constructor(capacity: number, buffers: BlockBuffers) {
    this.bytes = buffers.take(capacity)
    this.buffers = buffers
  }

  /** Bytes of the events, their headers included. */
  get length(): number {
    return this.used
  }

  get count(): number {
    return this.positions.length
  }

  /** The framed events. A view, not a copy. */
  get data(): Uint8Array {
    return this.bytes.subarray(0, this.used)
  }

  add(payload: Uint8Array, position: number, receipt: Acknowledgeable): void {
    const length = payload.length
    const start = this.reserve(EventFrame.headerSize + length)
    EventFrame.writeHeader(this.bytes, start, length)
    this.bytes.set(payload, start + EventFrame.headerSize)
    this.note(position, receipt)
  }

  /** Calls back with the payload of each event (a view) in order. */
  forEach(visit: (payload: Uint8Array, position: number, receipt: Acknowledgeable) => void): void {
    let offset = 0
    let event = 0
    for (let run = 0; run < this.runs.length; run++) {
      const receipt = this.receipts[run]
      if (receipt === undefined) return
      for (let i = 0; i < (this.runs[run] ?? 0); i++) {
        const end = offset + EventFrame.sizeAt(this.bytes, offset)
        visit(this.bytes.subarray(offset + EventFrame.headerSize, end), this.positions[event] ?? Number.NaN, receipt)
        offset = end
        event++
      }
    }
  }

  acknowledge(): void {
    for (let run = 0; run < this.runs.length; run++) this.receipts[run]?.acknowledge(this.runs[run] ?? 0)
  }

  /** Takes the first `count` events out into a block of their own, which shares the bytes. */
  takeFirst(count: number): AppendBlock {
    let end = 0
    for (let event = 0; event < count; event++) end += EventFrame.sizeAt(this.bytes, end)
    const first = new AppendBlock(0, this.buffers)
    first.bytes = this.bytes.subarray(0, end)
    first.used = end
    first.lastEventNumber = this.lastEventNumber - (this.count - count)
    first.positions.push(...this.positions.splice(0, count))
    let left = count
    while (left > 0) {
      const receipt = this.receipts[0]
      const run = this.runs[0]
      if (receipt === undefined || run === undefined) break
      const taken = Math.min(left, run)
      first.receipts.push(receipt)
      first.runs.push(taken)
      left -= taken
      if (taken === run) {
        this.receipts.shift()
        this.runs.shift()
      } else {
        this.runs[0] = run - taken
      }
    }
    this.bytes = this.bytes.subarray(end)
    this.used -= end
    return first
  }

  /** Gives back unused memory when it is much: a block may wait long for its acknowledgement. Before it is sent. */
  trim(): void {
    if (this.used * 2 <= this.bytes.length) this.move(this.used)
  }

  /** Gives the buffer back, under the rule of `BlockBuffers`. The block is empty afterwards. */
  recycle(): void {
    const { bytes } = this
    this.bytes = none
    this.used = 0
    this.buffers.give(bytes)
  }

  private note(position: number, receipt: Acknowledgeable): void {
    this.positions.push(position)
    const last = this.runs.length - 1
    if (last >= 0 && this.receipts[last] === receipt) {
      this.runs[last] = (this.runs[last] ?? 0) + 1
    } else {
      this.receipts.push(receipt)
      this.runs.push(1)
    }
  }

  private reserve(size: number): number {
    const start = this.used
    const needed = start + size
    if (needed > this.bytes.length) {
      this.move(Math.max(needed, Math.min(this.bytes.length * 2, this.buffers.size)))
    }
    this.used = needed
    return start
  }

  /** To a buffer of about `capacity` bytes. */
  private move(capacity: number): void {
    const { bytes } = this
    this.bytes = this.buffers.take(capacity)
    this.bytes.set(bytes.subarray(0, this.used))
    this.buffers.give(bytes)
  }
}

const none = new Uint8Array(0)
