/**
 * Where a writer's events go: by routing position to the appender of one segment, and on to the appenders of its
 * successors when the segment is sealed. It counts the bytes that wait for acknowledgement, and keeps the receipts of the
 * calls that wait. Plain TypeScript and synchronous; `RoutedWriter` puts Effects around it.
 *
 * Order: events of one key are in one appender at a time. When its segment is gone, all of its unacknowledged events move
 * to the successors in one turn, in order, before any newer event can be added.
 */
import * as Result from "effect/Result"
import * as EventFrame from "../../../core/bytes/EventFrame.ts"
import type { SegmentId, SegmentWithRange } from "../../../core/Segment.ts"
import type { SegmentRouting } from "../../../core/SegmentRouting.ts"
import type { AppendBlock } from "../AppendBlock.ts"
import { BlockBuffers } from "./BlockBuffers.ts"
import { Receipt } from "./Receipt.ts"
import { SegmentAppender } from "./SegmentAppender.ts"

/** @category models @since 0.1.0 */
export interface RouterOptions {
  /** Where events go at first. */
  readonly routing: SegmentRouting
  /** Asked at the first event of a segment. */
  readonly writerIdOf: (segment: SegmentId) => string
  /** What the numbers of events begin after, in every segment; default 0. */
  readonly base?: bigint | undefined
  /** See `AppenderOptions`. */
  readonly takesOver?: boolean | undefined
  /** A block's usual size: see `SegmentAppender`. */
  readonly blockBytes: number
  /** Events are taken while fewer bytes than this wait for acknowledgement. */
  readonly maxPendingBytes: number
  /** Called at the first event of a segment: somebody must attach the appender to a store. */
  readonly startSession: (segment: SegmentId, appender: SegmentAppender) => void
  /** The block's bytes are lent: they are used again afterwards. */
  readonly onAcknowledged: ((segment: SegmentId, block: AppendBlock) => void) | undefined
}

/** The position of an event without a routing key. @category constants @since 0.1.0 */
export const noKey = Number.NaN

/** So many bytes of events without key go to one segment before it is the next one's turn: a block per turn, not an event. */
const keylessRunBytes = 16 * 1024

/** @category models @since 0.1.0 */
export class EventRouter<E> {
  private readonly options: RouterOptions
  private routing: SegmentRouting
  private readonly buffers: BlockBuffers
  private readonly appenders = new Map<SegmentId, SegmentAppender>()
  /**
   * The same appenders, by the entries of the present routing: one look-up per event. There is one where an event went, and
   * no sooner: a query from 1,000 segments to 1,000 has a writer for each of the former, and few events for each pair.
   */
  private readonly targets = new Map<SegmentWithRange, SegmentAppender>()
  private readonly receipts = new Set<Receipt<E>>()
  private pending = 0
  private spaceListener: (() => void) | undefined = undefined
  private keylessIndex = -1
  private keylessLeft = 0
  private ended: { readonly error: E } | undefined = undefined

  constructor(options: RouterOptions) {
    this.options = options
    this.routing = options.routing
    this.buffers = new BlockBuffers(options.blockBytes)
  }

  /** Why the router takes nothing more. */
  get failure(): { readonly error: E } | undefined {
    return this.ended
  }

  /** Bytes of events, with their headers, that are not acknowledged. */
  get pendingBytes(): number {
    return this.pending
  }

  /** Whether it failed with events that were not acknowledged. */
  get lostEvents(): boolean {
    return this.ended !== undefined && this.pending > 0
  }

  get hasSpace(): boolean {
    return this.pending < this.options.maxPendingBytes
  }

  /** Receipts that wait for an acknowledgement now. */
  get openReceipts(): ReadonlyArray<Receipt<E>> {
    return [...this.receipts]
  }

  /** For the events of one call. */
  openReceipt(): Receipt<E> {
    const receipt = new Receipt<E>(this.forget)
    this.receipts.add(receipt)
    this.keylessLeft = 0
    return receipt
  }

  add(payload: Uint8Array, position: number, receipt: Receipt<E>): void {
    if (this.ended !== undefined) return receipt.fail(this.ended.error)
    const appender = this.appenderFor(position, payload.length)
    // the id that it asked for may have been refused
    if (this.failure !== undefined) return receipt.fail(this.failure.error)
    const bytes = EventFrame.headerSize + payload.length
    receipt.expect(1, bytes)
    this.pending += bytes
    appender.add(payload, position, receipt)
  }

  /** Calls back once when there is space again, or the router failed. One listener at a time. */
  onceSpace(listener: () => void): void {
    if (this.hasSpace || this.ended !== undefined) listener()
    else this.spaceListener = listener
  }

  /**
   * The segment takes no more events: moves the events that it has not acknowledged to `successors`. False: they
   * don't cover its range, and nothing is changed.
   */
  replace(segment: SegmentId, successors: ReadonlyArray<SegmentWithRange>): boolean {
    const replaced = this.routing.replace(segment, successors)
    if (Result.isFailure(replaced)) return false
    this.routing = replaced.success
    this.targets.clear()
    const appender = this.appenders.get(segment)
    if (appender === undefined) return true
    this.appenders.delete(segment)
    for (const block of appender.takeAll()) {
      block.forEach((payload, position, receipt) =>
        this.appenderFor(position, payload.length).add(payload, position, receipt)
      )
    }
    appender.close()
    return true
  }

  /** The end: nothing more is sent, and every receipt that is open fails. */
  fail(error: E): void {
    if (this.ended !== undefined) return
    this.ended = { error }
    for (const appender of this.appenders.values()) appender.close()
    for (const receipt of this.openReceipts) receipt.fail(error)
    this.signalSpace()
  }

  private readonly forget = (receipt: Receipt<E>): void => {
    this.receipts.delete(receipt)
  }

  private appenderFor(position: number, payloadBytes: number): SegmentAppender {
    const segment = Number.isNaN(position) ? this.keylessSegment(payloadBytes) : this.routing.segmentFor(position)
    if (segment === undefined) throw new Error(`no segment takes position ${position}: a routing without segments`)
    return this.targets.get(segment) ?? this.target(segment)
  }

  private keylessSegment(payloadBytes: number): SegmentWithRange | undefined {
    const { segments } = this.routing
    if (this.keylessLeft <= 0) {
      this.keylessIndex++
      this.keylessLeft = keylessRunBytes
    }
    this.keylessLeft -= payloadBytes
    return segments[this.keylessIndex % segments.length]
  }

  private target(segment: SegmentWithRange): SegmentAppender {
    const appender = this.open(segment.id)
    this.targets.set(segment, appender)
    return appender
  }

  private open(segment: SegmentId): SegmentAppender {
    const known = this.appenders.get(segment)
    if (known !== undefined) return known
    let started = false
    const appender = new SegmentAppender({
      writerId: this.options.writerIdOf(segment),
      base: this.options.base,
      takesOver: this.options.takesOver,
      buffers: this.buffers,
      onAcknowledged: (block) => {
        this.options.onAcknowledged?.(segment, block)
        this.release(block.length)
      },
      onWork: () => {
        if (started) return
        started = true
        this.options.startSession(segment, appender)
      }
    })
    this.appenders.set(segment, appender)
    return appender
  }

  private release(bytes: number): void {
    this.pending -= bytes
    // woken at three quarters: one wake-up for many events
    if (this.spaceListener !== undefined && this.pending <= this.options.maxPendingBytes * 0.75) this.signalSpace()
  }

  private signalSpace(): void {
    const listener = this.spaceListener
    this.spaceListener = undefined
    if (listener !== undefined) queueMicrotask(listener)
  }
}
