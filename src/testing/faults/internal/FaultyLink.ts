/**
 * A connection with faults: two ends of a duplex, and between them, in each direction, a lane on which pieces are lost,
 * cut, delayed, sent twice. What it does to a piece its `LinkFaults` decide; bytes that arrive, arrive in order.
 */
import * as Bytes from "effect/Bytes"
import type { BytePipe, PipeHandlers } from "../../../pravega/segmentstore/BytePipe.ts"
import type { Turns } from "../../seeded/Turns.ts"
import { FrameBoundary } from "./FrameBoundary.ts"

/** The side that hears it. @category models @since 0.1.0 */
export type Side = "client" | "server"

/** What happens to a piece of bytes; delays in milliseconds. @category models @since 0.1.0 */
export type PieceFate =
  | { readonly _tag: "Pass"; readonly delay: number; readonly times: 1 | 2 }
  | { readonly _tag: "Drop" }
  | { readonly _tag: "HalfClose" }
  /** So much of the piece, from 0 to 1, arrives before the connection breaks. */
  | { readonly _tag: "Cut"; readonly at: number }

/** @category models @since 0.1.0 */
export interface LinkFaults {
  readonly fate: (to: Side, bytes: number, isWhole: boolean) => PieceFate
  /** Nothing passes for now, and nobody is told. */
  readonly isStalled: () => boolean
}

/** From here on a writer is told to wait. In bytes. */
const highWaterMark = 64 * 1024

/** @category models @since 0.1.0 */
export class FaultyLink {
  readonly client: End
  readonly server: End

  constructor(faults: LinkFaults, turns: Readonly<Record<Side, Turns>>, onClosed: (link: FaultyLink) => void) {
    this.client = new End("client", this, faults, turns.client)
    this.server = new End("server", this, faults, turns.server)
    this.client.peer = this.server
    this.server.peer = this.client
    this.client.onClosed = () => onClosed(this)
  }

  /** Breaks it: both ends are told, what is under way is lost. */
  break(cause: unknown): void {
    this.client.breakNow(cause)
    this.server.breakNow(cause)
  }

  /** As `break`, but the client's end hears nothing any more: its process is gone. */
  orphan(): void {
    this.client.silence()
    this.server.breakNow(new Error("the peer is gone"))
  }

  /** What waits because the network was stalled goes on. */
  wake(): void {
    this.client.wake()
    this.server.wake()
  }
}

interface Piece {
  readonly bytes: Uint8Array
  readonly delay: number
  /** What comes after it: the connection's end, and why. */
  readonly end: { readonly cause: unknown } | undefined
}

/** One end, with the lane that leads to it. @category models @since 0.1.0 */
export class End implements BytePipe {
  peer!: End
  /** Called once. */
  onClosed = (): void => {}
  private readonly side: Side
  private readonly link: FaultyLink
  private readonly faults: LinkFaults
  private readonly turns: Turns
  private readonly boundary = new FrameBoundary()
  private readonly lane: Array<Piece> = []
  private laneBytes = 0
  private handlers: PipeHandlers | undefined = undefined
  private isPaused = false
  private isScheduled = false
  /** Nothing leaves this end any more, and its user hears nothing more. */
  private isClosed = false
  /** Nothing comes to this end any more, after what is in its lane. */
  private isEnded = false
  private senderWaits = false

  constructor(side: Side, link: FaultyLink, faults: LinkFaults, turns: Turns) {
    this.side = side
    this.link = link
    this.faults = faults
    this.turns = turns
  }

  listen(handlers: PipeHandlers): void {
    this.handlers = handlers
    this.wake()
  }

  write(parts: ReadonlyArray<Uint8Array>): boolean {
    return this.isClosed ? true : this.peer.take(parts)
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
    this.wake()
  }

  close(): void {
    if (this.isClosed) return
    this.silence()
    this.peer.end(undefined)
  }

  finish(): void {
    this.close()
  }

  wake(): void {
    if (this.isScheduled || this.isClosed || this.lane.length === 0) return
    this.isScheduled = true
    const { delay } = this.lane[0]!
    if (delay > 0) this.turns.after(delay, this.deliver)
    else this.turns.later(this.deliver)
  }

  breakNow(cause: unknown): void {
    if (this.isClosed || this.isEnded) return
    this.lane.length = 0
    this.laneBytes = 0
    this.end(cause)
  }

  silence(): void {
    if (!this.isClosed) this.onClosed()
    this.isClosed = true
    this.handlers = undefined
    this.lane.length = 0
    this.laneBytes = 0
  }

  private end(cause: unknown): void {
    if (this.isEnded) return
    this.isEnded = true
    this.lane.push({ bytes: nothing, delay: 0, end: { cause } })
    this.wake()
  }

  /** What the other end has written. */
  private take(parts: ReadonlyArray<Uint8Array>): boolean {
    if (this.isClosed || this.isEnded) return true
    const bytes = Bytes.concat(parts) // a copy: the writer may use its bytes again
    if (bytes.length === 0) return true
    const startsFrame = this.boundary.isBetween
    this.boundary.pass(bytes)
    const fate = this.faults.fate(this.side, bytes.length, startsFrame && this.boundary.isBetween)
    switch (fate._tag) {
      case "Drop":
        this.link.break(new Error("the connection was dropped"))
        return true
      case "HalfClose":
        this.end(undefined)
        return true
      case "Cut": {
        const kept = Math.min(bytes.length - 1, Math.max(1, Math.floor(fate.at * bytes.length)))
        this.put(bytes.subarray(0, kept), 0)
        const cause = new Error("the connection was cut in the middle of a frame")
        this.end(cause)
        this.peer.breakNow(cause)
        return true
      }
      case "Pass":
        for (let i = 0; i < fate.times; i++) this.put(bytes, fate.delay)
    }
    this.senderWaits = this.laneBytes >= highWaterMark
    return !this.senderWaits
  }

  private put(bytes: Uint8Array, delay: number): void {
    this.lane.push({ bytes, delay, end: undefined })
    this.laneBytes += bytes.length
    this.wake()
  }

  private readonly deliver = (): void => {
    this.isScheduled = false
    const { handlers, lane } = this
    if (this.isClosed || handlers === undefined || this.faults.isStalled()) return
    const piece = lane[0]
    if (piece === undefined || (this.isPaused && piece.end === undefined)) return
    lane.shift()
    if (piece.end !== undefined) {
      this.silence()
      return handlers.onClose(piece.end.cause)
    }
    this.laneBytes -= piece.bytes.length
    handlers.onData(piece.bytes)
    if (this.senderWaits && this.laneBytes < highWaterMark) {
      this.senderWaits = false
      this.peer.drained()
    }
    this.wake()
  }

  private drained(): void {
    this.turns.later(() => {
      if (!this.isClosed) this.handlers?.onDrain()
    })
  }
}

const nothing = new Uint8Array(0)

/** Two pipes become one: what comes from either goes to the other. @category running @since 0.1.0 */
export const bridge = (a: BytePipe, b: BytePipe): void => {
  const forward = (from: BytePipe, to: BytePipe) =>
    from.listen({
      // what is lent for the call only has to be copied
      onData: (chunk) => {
        if (!to.write([new Uint8Array(chunk)])) from.pause()
      },
      onDrain: () => to.resume(),
      onClose: () => to.close()
    })
  forward(a, b)
  forward(b, a)
}
