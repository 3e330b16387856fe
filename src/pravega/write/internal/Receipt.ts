/**
 * The receipt of one call to a writer: counts its events until the store has acknowledged all of them. One object per
 * call, not per event. It knows nothing of segments, and it never waits: a caller that waits registers a listener.
 */

/** What a block of events needs of a receipt. @category models @since 0.1.0 */
export interface Acknowledgeable {
  readonly acknowledge: (events: number) => void
}

/** `undefined`: all acknowledged. @category models @since 0.1.0 */
export type ReceiptListener<E> = (failure: { readonly error: E } | undefined) => void

/** @category models @since 0.1.0 */
export class Receipt<E> implements Acknowledgeable {
  private unacknowledged = 0
  /** Bytes of all its events, acknowledged ones too, with their headers. */
  bytes = 0
  private accepting = true
  private settled = false
  private failure: { readonly error: E } | undefined = undefined
  private listeners: Array<ReceiptListener<E>> = []
  private readonly onDone: (receipt: Receipt<E>) => void

  /** `onDone` is called at once when the receipt settles, before any listener. */
  constructor(onDone: (receipt: Receipt<E>) => void) {
    this.onDone = onDone
  }

  /** Events that were handed to a segment and are not acknowledged yet. */
  expect(events: number, bytes: number): void {
    this.unacknowledged += events
    this.bytes += bytes
  }

  acknowledge(events: number): void {
    this.unacknowledged -= events
    this.settleIfDone()
  }

  /** No further events belong to this receipt: it settles as soon as those it has are acknowledged. */
  close(): void {
    this.accepting = false
    this.settleIfDone()
  }

  fail(error: E): void {
    if (this.settled) return
    this.failure = { error }
    this.settle()
  }

  /**
   * Calls back once, at once if the receipt is settled, else in a turn of its own: what listeners do must not happen
   * while an appender is in the middle of its work. Returns how to take the listener back.
   */
  onSettled(listener: ReceiptListener<E>): () => void {
    if (this.settled) {
      listener(this.failure)
      return () => {}
    }
    this.listeners.push(listener)
    return () => {
      this.listeners = this.listeners.filter((other) => other !== listener)
    }
  }

  private settleIfDone(): void {
    if (this.unacknowledged === 0 && !this.accepting && !this.settled) this.settle()
  }

  private settle(): void {
    this.settled = true
    this.onDone(this)
    if (this.listeners.length > 0) queueMicrotask(this.notify)
  }

  private readonly notify = (): void => {
    const listeners = this.listeners
    this.listeners = []
    for (const listener of listeners) listener(this.failure)
  }
}
