/**
 * A segment that a reader of a group owns: how far it was handed out, and how far it is processed. The first is the
 * reader's, the second its user's; only the second is ever told to the group.
 *
 * @internal
 */
import type { KeyRange } from "../../../core/KeyRange.ts"
import { fullyRead, type Segment } from "../../../core/Segment.ts"

/** @category models @since 0.1.0 */
export interface OwnedSegmentOptions {
  readonly name: string
  readonly segment: Segment
  readonly range: KeyRange | undefined
  /** Where reading starts; -1: there is nothing left. */
  readonly from: bigint
  /** Where the group stops reading it; undefined: at its own end. */
  readonly limit: bigint | undefined
  /** Called when the owner has something to do: all is processed of a segment that is given up or finished. */
  readonly onIdle: () => void
}

/** @category models @since 0.1.0 */
export class OwnedSegment {
  readonly name: string
  readonly segment: Segment
  readonly range: KeyRange | undefined
  readonly limit: bigint | undefined
  private readonly onIdle: () => void
  /** Everything before it was handed out. */
  delivered: bigint
  /** Everything before it is processed. */
  acknowledged: bigint
  /** Where it ends, once that is known. */
  private end: { readonly offset: bigint; readonly isSealed: boolean } | undefined = undefined
  /** Counts how often reading was given up: what one reading brought is not handed out in the next. */
  reading = 0
  /** Nothing more is handed out. */
  private isWithdrawn = false
  /** It is somebody else's, or nobody's. */
  private isGone = false

  constructor(options: OwnedSegmentOptions) {
    this.name = options.name
    this.segment = options.segment
    this.range = options.range
    this.limit = options.limit
    this.onIdle = options.onIdle
    const from = options.from < 0n ? fullyRead : options.from
    this.delivered = from
    this.acknowledged = from
    if (from === fullyRead) this.end = { offset: from, isSealed: true }
    else if (from === options.limit) this.end = { offset: from, isSealed: false }
  }

  /** What is known to be processed, as the group's state says it. */
  get position(): bigint {
    if (this.end === undefined || this.isBusy) return this.acknowledged
    return this.end.isSealed ? fullyRead : this.end.offset
  }

  /** Read to its end, and processed. */
  get isFinished(): boolean {
    return this.end !== undefined && !this.isBusy
  }

  /** Something was handed out that is not processed. */
  get isBusy(): boolean {
    return this.acknowledged < this.delivered
  }

  /** Whether what that reading brought may be handed out. */
  isOpen(reading: number): boolean {
    return reading === this.reading && !this.isGone
  }

  get isEnded(): boolean {
    return this.end !== undefined
  }

  deliver(endOffset: bigint): void {
    this.delivered = endOffset
  }

  /** All before the offset is processed. What was never handed out can't be. */
  acknowledge(offset: bigint): void {
    if (this.isGone || offset <= this.acknowledged) return
    this.acknowledged = offset < this.delivered ? offset : this.delivered
    if (!this.isBusy && (this.end !== undefined || this.isWithdrawn)) this.onIdle()
  }

  /** All was handed out: there is nothing after `offset` that the group reads. */
  finish(offset: bigint): void {
    this.end = { offset, isSealed: offset !== this.limit }
    if (!this.isBusy) this.onIdle()
  }

  withdraw(): void {
    this.isWithdrawn = true
    this.reading++
  }

  /** Goes on from where processing is; only while it is not busy. */
  resume(): void {
    this.isWithdrawn = false
    this.delivered = this.acknowledged
  }

  leave(): void {
    this.isGone = true
  }
}
