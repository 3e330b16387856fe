/**
 * The appends of one writer to one segment: gathers events into blocks, numbers them, sends them over the connection it
 * is attached to, and completes them as they are acknowledged. Plain TypeScript and synchronous: it never waits. Finding
 * a store, setting up and setting up again belong to `AppendSession`; where events go belongs to `EventRouter`.
 *
 * What makes a resend safe (`AppendProcessor` of Pravega 0.13.0): the store keeps the last event number per writer id, but
 * filters nothing on a living connection. So a block is sent at most once per set-up, and after a new set-up only those
 * above the number that the store answered.
 */
import * as Ballast from "../../../core/bytes/Ballast.ts"
import * as EventFrame from "../../../core/bytes/EventFrame.ts"
import type { ConnectionLost } from "../../segmentstore/ConnectionError.ts"
import type { SegmentConnection } from "../../segmentstore/SegmentConnection.ts"
import * as WireCodec from "../../wire/WireCodec.ts"
import type { WireCommand } from "../../wire/WireCommand.ts"
import { AppendBlock } from "../AppendBlock.ts"
import type { BlockBuffers } from "./BlockBuffers.ts"
import type { Acknowledgeable } from "./Receipt.ts"

/** Why a set-up came to its end. @category models @since 0.1.0 */
export type SetupEnd =
  | { readonly _tag: "ConnectionLost"; readonly cause: ConnectionLost; readonly beforeSetup: boolean }
  | { readonly _tag: "WrongHost" }
  | { readonly _tag: "Sealed" }
  | { readonly _tag: "Missing" }
  /** Another set-up of the same writer id, on another connection, has taken over. */
  | { readonly _tag: "Superseded" }
  /** The segment has a number under the writer's id that nobody can have given it yet. */
  | { readonly _tag: "Beyond"; readonly last: bigint }
  | { readonly _tag: "TokenRefused"; readonly endpoint: string }
  | { readonly _tag: "Refused"; readonly message: string }
  /** The peer broke the protocol, or its state is not what it acknowledged. */
  | { readonly _tag: "ProtocolBroken"; readonly message: string }
  /** The appender was closed. */
  | { readonly _tag: "Closed" }

/**
 * Events of one writer id that were sent and may be in the segment or not, by their numbers.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventsInDoubt {
  readonly writerId: string
  readonly first: number
  readonly last: number
}

/** @category models @since 0.1.0 */
export interface AppenderOptions {
  readonly writerId: string
  /**
   * Events are numbered from this plus one; default 0. What the segment has under lower numbers of this writer id is none
   * of them.
   */
  readonly base?: bigint | undefined
  /** Others may have appended under the writer id, the same events under the same numbers. Default true. */
  readonly takesOver?: boolean | undefined
  /**
   * Where blocks get their buffers. A block is closed before it would grow beyond their size; an event larger than that
   * has a block of its own.
   */
  readonly buffers: BlockBuffers
  /** A block's events are durable: its bytes leave the memory that the writer may use. */
  readonly onAcknowledged: (block: AppendBlock) => void
  /** Called when events wait and nothing has been waiting before: a session is needed. */
  readonly onWork: () => void
}

const smallestBlockBytes = 1024
/**
 * What larger events were encoded to is garbage outside of the collector's young heap when their block is closed. Without
 * ballast for it, half of the CPU of writing was full collections, three quarters with events of 100 KiB. What small ones
 * bring along fills the young heap as it is.
 */
const largeEventBytes = 4096

/** @category models @since 0.1.0 */
export class SegmentAppender {
  readonly writerId: string
  private readonly options: AppenderOptions
  private readonly encoder: WireCodec.AppendEncoder
  private readonly base: bigint
  /** Closed blocks in order; the first `sent` of them are in flight on the present set-up. */
  private blocks: Array<AppendBlock> = []
  private sent = 0
  private current: AppendBlock | undefined = undefined
  private lastAssigned = 0
  private lastAcknowledged = Number.NEGATIVE_INFINITY
  /** Events up to this number are in the segment already, says the store. */
  private lastStored = Number.NEGATIVE_INFINITY
  /** Events up to this number were sent on a set-up that ended without telling their outcome. */
  private lastDoubtful = Number.NEGATIVE_INFINITY
  private sealed = false
  private wasAttached = false
  private nextCapacity = smallestBlockBytes
  private connection: SegmentConnection | undefined = undefined
  private requestId = BigInt(0)
  private awaitingDrain = false
  private flushScheduled = false
  private closed = false
  private workListener: (() => void) | undefined = undefined
  private closeListener: (() => void) | undefined = undefined

  constructor(options: AppenderOptions) {
    this.options = options
    this.writerId = options.writerId
    this.base = options.base ?? BigInt(0)
    this.encoder = WireCodec.makeAppendEncoder(options.writerId)
  }

  get hasWork(): boolean {
    return this.blocks.length > 0 || this.current !== undefined
  }

  get isClosed(): boolean {
    return this.closed
  }

  /** The highest event number known to be durable: grows whenever the store takes something. */
  get progress(): number {
    return this.lastAcknowledged
  }

  /** Appends that were sent and have no outcome yet. */
  get inFlight(): number {
    return this.sent
  }

  /**
   * What was sent on an earlier set-up and not acknowledged since. It may have reached the segment after the present set-up
   * began: only a set-up after the segment's seal tells for certain which of these events are in it.
   */
  get inDoubt(): EventsInDoubt | undefined {
    const block = this.blocks[0]
    if (block === undefined || block.lastEventNumber > this.lastDoubtful) return undefined
    return { writerId: this.writerId, first: block.lastEventNumber - block.count + 1, last: this.lastDoubtful }
  }

  /** Nothing is sent any more; further set-ups only tell what is in the segment. */
  get isSealed(): boolean {
    return this.sealed
  }

  seal(): void {
    this.sealed = true
  }

  add(payload: Uint8Array, position: number, receipt: Acknowledgeable): void {
    const { buffers } = this.options
    const frame = EventFrame.headerSize + payload.length
    if (this.current !== undefined && this.current.length + frame > buffers.size) this.closeBlock()
    const idle = this.blocks.length === 0 && this.current === undefined
    this.current ??= new AppendBlock(Math.max(frame, this.nextCapacity), buffers)
    this.current.add(payload, position, receipt)
    if (this.current.length >= buffers.size) this.closeBlock()
    if (idle) this.announceWork()
    // with nothing in flight, what was added in this turn goes at its end; otherwise the block grows until an
    // acknowledgement comes or it is full
    if (this.sent === 0 && !this.flushScheduled && this.connection !== undefined) {
      this.flushScheduled = true
      queueMicrotask(this.flushTurn)
    }
  }

  /** Why a set-up that succeeded is none for this writer: somebody else has appended under its id. */
  refusalOf(lastEventNumber: bigint): string | undefined {
    const isTaken = this.options.takesOver === false && !this.wasAttached && lastEventNumber > this.base
    return isTaken
      ? `another writer has appended ${lastEventNumber - this.base} events under ${this.writerId}`
      : undefined
  }

  /** Whether a set-up tells a higher number than any that was given before this writer's first one. */
  isBeyond(lastEventNumber: bigint, highest: bigint | undefined): boolean {
    return highest !== undefined && !this.wasAttached && lastEventNumber > highest
  }

  /** A set-up succeeded: drops what the store has, and sends the rest (unless the segment is sealed). */
  attach(connection: SegmentConnection, requestId: bigint, lastEventNumber: bigint): void {
    this.wasAttached = true
    this.sent = 0
    if (this.sealed) this.lastDoubtful = Number.NEGATIVE_INFINITY
    else this.connection = connection
    this.requestId = requestId
    this.awaitingDrain = false
    this.lastStored = lastEventNumber <= this.base ? Number.NEGATIVE_INFINITY : Number(lastEventNumber - this.base)
    this.lastAcknowledged = Math.max(this.lastAcknowledged, this.lastStored)
    this.dropStored()
    this.sendAll()
  }

  /**
   * The set-up ended: everything unacknowledged waits for the next one. Nothing more is sent on this one. `refused`: the
   * store said that it took nothing of what was in flight; otherwise that is not known.
   */
  detach(outcome: "refused" | "unknown"): void {
    this.connection = undefined
    const last = this.blocks[this.sent - 1]
    if (outcome === "unknown" && last !== undefined) {
      this.lastDoubtful = Math.max(this.lastDoubtful, last.lastEventNumber)
    }
    this.sent = 0
  }

  /** Takes a reply to the set-up or to one of its appends. Returns how the set-up ended, if it did. */
  onReply(reply: WireCommand): SetupEnd | undefined {
    switch (reply._tag) {
      case "DataAppended":
        return this.onAppended(reply.eventNumber, reply.previousEventNumber)
      case "SegmentIsSealed":
        return { _tag: "Sealed" }
      case "NoSuchSegment":
        return { _tag: "Missing" }
      case "WrongHost":
        return { _tag: "WrongHost" }
      case "InvalidEventNumber":
        return { _tag: "Superseded" }
      case "OperationUnsupported":
        return { _tag: "Refused", message: `operation unsupported: ${reply.operationName}` }
      case "ErrorMessage":
        return { _tag: "Refused", message: reply.message }
      default:
        return { _tag: "ProtocolBroken", message: `${reply._tag} is no answer to an append` }
    }
  }

  /** Takes out everything unacknowledged, in order. Used when its events go elsewhere, or nowhere. */
  takeAll(): ReadonlyArray<AppendBlock> {
    this.detach("refused")
    const blocks = this.current === undefined ? this.blocks : [...this.blocks, this.current]
    this.blocks = []
    this.current = undefined
    return blocks
  }

  /** Ends the appender, and tells those that wait for work or for the end of a set-up. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.takeAll()
    this.closeListener?.()
    this.announceWork()
  }

  /** Calls back once, when there is work or the appender is closed; at once if that is so now. */
  onceWork(listener: () => void): void {
    if (this.hasWork || this.closed) listener()
    else this.workListener = listener
  }

  /** Is called by `close` while a set-up is on. */
  onClose(listener: (() => void) | undefined): void {
    this.closeListener = listener
  }

  private announceWork(): void {
    const listener = this.workListener
    this.workListener = undefined
    listener?.()
    if (!this.closed) this.options.onWork()
  }

  private readonly flushTurn = (): void => {
    this.flushScheduled = false
    this.sendAll()
  }

  private readonly onDrained = (): void => {
    this.awaitingDrain = false
    this.sendAll()
  }

  private closeBlock(): void {
    const block = this.current
    if (block === undefined) return
    this.current = undefined
    // falls slowly: growing costs a copy and garbage, and small blocks come between large ones
    const capacity = Math.max(block.length, this.nextCapacity / 2, smallestBlockBytes)
    this.nextCapacity = Math.min(Math.ceil(capacity), this.options.buffers.size)
    block.trim()
    if (block.length > largeEventBytes * block.count) Ballast.add(block.length)
    this.lastAssigned += block.count
    block.lastEventNumber = this.lastAssigned
    this.blocks.push(block)
    this.dropStored()
    this.send()
  }

  /** Sends closed blocks, and the one that is being filled if nothing else is in flight. */
  private sendAll(): void {
    this.send()
    if (this.sent === 0 && this.current !== undefined && this.connection !== undefined) this.closeBlock()
  }

  private send(): void {
    const connection = this.connection
    if (connection === undefined) return
    while (this.sent < this.blocks.length && !this.awaitingDrain) {
      const block = this.blocks[this.sent]
      if (block === undefined) return
      this.sent++
      const taken = connection.sendFrame(this.encoder.encode({
        payload: [block.data],
        length: block.length,
        eventCount: block.count,
        lastEventNumber: this.base + BigInt(block.lastEventNumber),
        requestId: this.requestId
      }))
      // a dead connection tells its subscribers while it takes the frame
      if (this.connection !== connection) return
      if (!taken) {
        this.awaitingDrain = true
        connection.onDrain(() => {
          if (this.connection === connection) this.onDrained()
        })
      }
    }
  }

  private onAppended(eventNumber: bigint, previousEventNumber: bigint): SetupEnd | undefined {
    const number = Number(eventNumber - this.base)
    const first = this.blocks[0]
    if (previousEventNumber >= eventNumber) {
      return broken(`acknowledgement of ${eventNumber} after ${previousEventNumber}`)
    }
    if (first === undefined || this.sent === 0) {
      return number <= this.lastAcknowledged
        ? undefined
        : broken(`acknowledgement of ${eventNumber}, which was not sent`)
    }
    if (previousEventNumber >= this.base + BigInt(first.lastEventNumber)) {
      return broken(`acknowledgement after ${previousEventNumber}, but ${first.lastEventNumber} was not acknowledged`)
    }
    let done = 0
    while (done < this.sent && (this.blocks[done]?.lastEventNumber ?? Number.POSITIVE_INFINITY) <= number) done++
    const last = this.blocks[done - 1]
    if (last === undefined ? number > this.lastAcknowledged : last.lastEventNumber !== number) {
      return broken(`acknowledgement of ${eventNumber}, which is not the end of an append`)
    }
    if (done === 0) return undefined
    this.lastAcknowledged = number
    this.sent -= done
    for (const block of this.blocks.splice(0, done)) {
      this.complete(block)
      // Only here: it has left this connection whole, and a set-up with appends in flight leaves no living connection
      // unless the segment is sealed, after which nothing is acknowledged.
      block.recycle()
    }
    this.sendAll()
    return undefined
  }

  /** Completes what the segment has already, says the store; only before anything is in flight. */
  private dropStored(): void {
    if (this.sent > 0) return
    let first = this.blocks[0]
    while (first !== undefined && first.lastEventNumber <= this.lastStored) {
      this.blocks.shift()
      this.complete(first)
      first = this.blocks[0]
    }
    if (first === undefined) return
    const stored = first.count - (first.lastEventNumber - this.lastStored)
    if (stored > 0) this.complete(first.takeFirst(stored))
  }

  private complete(block: AppendBlock): void {
    block.acknowledge()
    this.options.onAcknowledged(block)
  }
}

const broken = (message: string): SetupEnd => ({ _tag: "ProtocolBroken", message })
