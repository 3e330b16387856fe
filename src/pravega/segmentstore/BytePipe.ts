/**
 * A duplex of bytes, as plain callbacks: what a connection needs of a socket, and no more. The pair in memory stands
 * for two connected sockets: tests put a scripted peer on the other end, an embedded server itself.
 *
 * @since 0.1.0
 */

/**
 * What a pipe tells its user. Called from its own callbacks: must be quick and must not throw.
 *
 * @category models
 * @since 0.1.0
 */
export interface PipeHandlers {
  /** The next bytes. They are lent for the call: the pipe may put the next ones into the same buffer. */
  readonly onData: (chunk: Uint8Array) => void
  /** The pipe takes more, after a `write` that returned false. */
  readonly onDrain: () => void
  /** Once: nothing comes and nothing goes any more. Without a cause: the other end closed it in order. */
  readonly onClose: (cause?: unknown) => void
}

/** @category models @since 0.1.0 */
export interface BytePipe {
  /** Where the bytes go. Called once; nothing is lost before it. */
  readonly listen: (handlers: PipeHandlers) => void
  /**
   * Sends parts one after the other. They are not copied and must stay as they are until the other end has answered to
   * them (then all of their bytes have left), or the pipe is closed. What is written in one turn of the
   * event loop goes out together. False: it is kept, but wait for `onDrain` before writing more. On a closed pipe
   * nothing happens.
   *
   * `onWritten` tells a pipe's user earlier that it may write to the parts again. It may come from within, and need not
   * come at all: it never does when the pipe was closed before.
   */
  readonly write: (parts: ReadonlyArray<Uint8Array>, onWritten?: () => void) => boolean
  /** No `onData` until `resume`; the other end feels it as back-pressure. */
  readonly pause: () => void
  readonly resume: () => void
  /** Ends both directions at once; what was written may or may not arrive. No handler is called after it. */
  readonly close: () => void
  /** As `close`, but what was written still goes out, if the other end takes it soon. */
  readonly finish: () => void
}

/**
 * Two ends of a pipe in memory. Bytes arrive in a later microtask, in order, as a copy: as with sockets, an end never
 * holds what the other one writes. An end whose peer has not taken
 * `highWaterMark` bytes (64 KiB by default) is told to wait.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makePair = (options?: { readonly highWaterMark?: number | undefined }): readonly [BytePipe, BytePipe] => {
  const a = new MemoryEnd(options?.highWaterMark ?? 64 * 1024)
  const b = new MemoryEnd(options?.highWaterMark ?? 64 * 1024)
  a.peer = b
  b.peer = a
  return [a, b]
}

class MemoryEnd implements BytePipe {
  peer: MemoryEnd | undefined = undefined
  private readonly highWaterMark: number
  private handlers: PipeHandlers | undefined = undefined
  private paused = false
  private closed = false
  private peerClosed = false
  private scheduled = false
  private readonly arrived: Array<Uint8Array> = []
  private arrivedBytes = 0
  private peerWaits = false

  constructor(highWaterMark: number) {
    this.highWaterMark = highWaterMark
  }

  listen(handlers: PipeHandlers): void {
    this.handlers = handlers
    this.schedule()
  }

  write(parts: ReadonlyArray<Uint8Array>, onWritten?: () => void): boolean {
    if (this.closed || this.peer === undefined) return true
    const takesMore = this.peer.take(parts)
    onWritten?.()
    return takesMore
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    this.schedule()
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.arrived.length = 0
    this.arrivedBytes = 0
    if (this.peer !== undefined) {
      this.peer.peerClosed = true
      this.peer.schedule()
    }
  }

  finish(): void {
    this.close()
  }

  private take(parts: ReadonlyArray<Uint8Array>): boolean {
    if (this.closed) return true
    for (const part of parts) {
      if (part.length === 0) continue
      this.arrived.push(new Uint8Array(part))
      this.arrivedBytes += part.length
    }
    this.schedule()
    this.peerWaits = this.arrivedBytes >= this.highWaterMark
    return !this.peerWaits
  }

  private schedule(): void {
    if (this.scheduled || this.closed) return
    this.scheduled = true
    queueMicrotask(() => {
      this.scheduled = false
      this.deliver()
    })
  }

  private deliver(): void {
    const { handlers } = this
    if (handlers === undefined) return
    while (!this.paused && !this.closed && this.arrived.length > 0) {
      const chunk = this.arrived.shift()!
      this.arrivedBytes -= chunk.length
      handlers.onData(chunk)
    }
    if (this.closed) return
    if (this.peerWaits && this.arrivedBytes < this.highWaterMark) {
      this.peerWaits = false
      this.peer?.drained()
    }
    if (this.peerClosed && this.arrived.length === 0) {
      this.closed = true
      handlers.onClose()
    }
  }

  private drained(): void {
    if (!this.closed) this.handlers?.onDrain()
  }
}
