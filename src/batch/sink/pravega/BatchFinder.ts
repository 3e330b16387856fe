/**
 * Looks for a batch among the events that a segment got, in their order: a run of as many events and bytes as the batch has,
 * with its checksum. A transaction's events lie in a segment in one piece. Plain: it runs once per event.
 */
import { addUnordered, removeUnordered } from "./EncodedOutputs.ts"

/** What is told of an event. @category models @since 0.2.0 */
export interface Read {
  /** Header included. */
  readonly bytes: number
  readonly checksum: number
}

/**
 * Of the events so far. It holds as many as the batch has bytes for.
 *
 * @category models
 * @since 0.2.0
 */
export class BatchFinder {
  /** Whether such a run was among them. */
  isFound = false
  private readonly batch: Read & { readonly events: number }
  /** The events that are looked at are those from `first` on. */
  private held: Array<Read> = []
  private first = 0
  private bytes = 0
  private checksum = 0

  constructor(batch: Read & { readonly events: number }) {
    this.batch = batch
  }

  add(event: Read): this {
    if (this.isFound) return this
    this.held.push(event)
    this.bytes += event.bytes
    this.checksum = addUnordered(this.checksum, event.checksum)
    for (let oldest = this.held[this.first]; oldest !== undefined && this.bytes > this.batch.bytes;) {
      this.bytes -= oldest.bytes
      this.checksum = removeUnordered(this.checksum, oldest.checksum)
      oldest = this.held[++this.first]
    }
    if (this.first > 1024 && this.first * 2 > this.held.length) {
      this.held = this.held.slice(this.first)
      this.first = 0
    }
    this.isFound = this.bytes === this.batch.bytes && this.held.length - this.first === this.batch.events &&
      this.checksum === this.batch.checksum
    return this
  }
}
