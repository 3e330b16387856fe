/**
 * One connection to a segment store: frames out, replies in, dispatched by request id. Plain TypeScript on the bytes;
 * Effects where a caller waits. It knows nothing of streams, retries or tokens.
 *
 * Facts: Pravega 0.13. Nothing is negotiated: each side says Hello with the versions that it understands and writes its
 * newest layouts. Stores that leave request ids out of their replies (older than any that is supported) are refused.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { StoreEndpoint } from "../controller/Controller.ts"
import * as Outage from "../Outage.ts"
import * as WireCodec from "../wire/WireCodec.ts"
import { highVersion, lowVersion, type WireCommand } from "../wire/WireCommand.ts"
import { WireError } from "../wire/WireError.ts"
import type { BytePipe } from "./BytePipe.ts"
import { ConnectionLost, type ConnectionRefused, IncompatibleStore } from "./ConnectionError.ts"
import { formatEndpoint, SegmentStoreTransport } from "./SegmentStoreTransport.ts"

/**
 * Takes what arrives for one request id. Called from the socket's callbacks: must be quick and must not throw.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReplyHandler {
  readonly onReply: (reply: WireCommand) => void
  /** Called at most once, after which no reply comes: the outcome of what was sent is unknown. */
  readonly onLost: (error: ConnectionLost) => void
}

/** @category models @since 0.1.0 */
export interface SegmentConnection {
  readonly endpoint: string
  /** A request id that was never used on this connection. */
  readonly nextRequestId: () => bigint
  /**
   * Replies that carry `requestId` go to `handler` until the returned function is called. On a dead connection
   * `onLost` is called at once, before this returns.
   *
   * A store that refuses the token of a `ReadSegment` answers with the read's offset in place of its request id. Such a
   * reply goes to all reads at that offset. A read that was not meant may be asked again, and none waits for ever.
   */
  readonly subscribe: (requestId: bigint, handler: ReplyHandler) => () => void
  /**
   * Hands a command to the socket, in order. False: the socket's buffer is full, wait for `onDrain` before sending
   * more. On a dead connection nothing happens (subscribers were told). Throws `WireError` for a command that has no
   * encoding (a text above 65535 bytes, a number out of range): nothing was sent then.
   */
  readonly send: (command: WireCommand) => boolean
  /**
   * The same for bytes that are a whole frame already, in parts (header, payload). They are not copied: nobody may write to
   * them until the store has answered to the frame on this connection (then all of it has left), or the connection is lost
   * (then its socket is destroyed and reads them no more).
   */
  readonly sendFrame: (parts: ReadonlyArray<Uint8Array>) => boolean
  /** Calls back once when the socket takes more, at once if it does now; never after the connection is lost. */
  readonly onDrain: (callback: () => void) => void
  /**
   * Sends one request and waits for its one reply. `request` gets the request id. Interruption forgets the reply; the
   * store still does what it was asked. A request that has no encoding is a defect.
   */
  readonly call: (request: (requestId: bigint) => WireCommand) => Effect.Effect<WireCommand, ConnectionLost>
  readonly isLost: () => boolean
  /**
   * Ends the connection for everybody on it, because the peer broke the protocol or because the outcome of what was
   * sent must be settled by a new set-up (an append may never be sent again on a living connection).
   */
  readonly fail: (reason: string) => void
}

/** @category models @since 0.1.0 */
export interface ConnectionOptions {
  /** How long nothing may have come before a KeepAlive is sent. 10 seconds by default, as in Java's client. */
  readonly keepAliveInterval?: Duration.Input | undefined
  /**
   * How long nothing may have come before the connection counts as lost. 1 minute by default; 3 in Java's client, which
   * is how long what waits on a half-open connection then waits.
   */
  readonly silenceLimit?: Duration.Input | undefined
}

/**
 * Opens a connection and says Hello, without waiting for the answer: an incompatible store ends the connection later.
 * When the Scope closes, so does the connection, and all that still wait on it are told that it is lost.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  endpoint: StoreEndpoint,
  options: ConnectionOptions = {}
): Effect.fn.Return<SegmentConnection, ConnectionRefused, Scope.Scope | SegmentStoreTransport> {
  const transport = yield* SegmentStoreTransport
  const pipe = yield* transport.open(endpoint)
  const connection = yield* Effect.acquireRelease(
    Effect.sync(() => new Connection(formatEndpoint(endpoint), pipe)),
    (connection) => Effect.sync(() => connection.lose("it was released"))
  )
  const interval = Duration.fromInputUnsafe(options.keepAliveInterval ?? Duration.seconds(10))
  const limit = Duration.fromInputUnsafe(options.silenceLimit ?? Duration.minutes(1))
  yield* Effect.forkScoped(watchSilence(connection, interval, limit), { startImmediately: true })
  return connection
})

/**
 * Counts intervals instead of comparing times: a machine that slept does not take its own sleep for the peer's silence.
 * A peer that owes answers, and does not answer a KeepAlive either, is an outage.
 */
const watchSilence = Effect.fnUntraced(function*(
  connection: Connection,
  interval: Duration.Duration,
  limit: Duration.Duration
) {
  let silence = 0
  let noticed: Outage.Notice | undefined
  const answered = Effect.suspend(() => {
    const notice = noticed
    noticed = undefined
    return notice?.over(true) ?? Effect.void
  })
  const looking = Effect.gen(function*() {
    while (!connection.isLost()) {
      yield* Effect.sleep(interval)
      if (connection.takeReceived()) {
        silence = 0
        yield* answered
        continue
      }
      silence += Duration.toMillis(interval)
      if (silence >= Duration.toMillis(limit)) connection.lose(`nothing came for ${Duration.format(limit)}`)
      else connection.send({ _tag: "KeepAlive" })
      if (silence < 2 * Duration.toMillis(interval) || !connection.isAwaited()) continue
      const problem = `segment store ${connection.endpoint} answers nothing, no KeepAlive either`
      if (noticed !== undefined) yield* noticed.lasts(problem)
      else noticed = yield* Outage.notice(`the connection to segment store ${connection.endpoint}`, problem, silence)
    }
  })
  yield* Effect.ensuring(looking, Effect.suspend(() => noticed?.over(false) ?? Effect.void))
})

/**
 * Request ids start here: no offset of a segment comes near, so an offset that comes in place of a request id is never
 * taken for one.
 */
const firstRequestId = 2n ** 62n

class Connection implements SegmentConnection {
  readonly endpoint: string
  private readonly pipe: BytePipe
  private readonly parser = WireCodec.makeParser()
  private readonly handlers = new Map<bigint, ReplyHandler>()
  /** The offsets of the reads that somebody waits for. */
  private readonly readOffsets = new Map<bigint, bigint>()
  private lastRequestId = firstRequestId
  private isReceived = false
  private takesMore = true
  private waiting: Array<() => void> = []
  private lost: ConnectionLost | undefined = undefined

  constructor(endpoint: string, pipe: BytePipe) {
    this.endpoint = endpoint
    this.pipe = pipe
    pipe.listen({
      onData: (chunk) => this.onData(chunk),
      onDrain: () => this.drained(),
      onClose: (cause) => this.lose(closeReason(cause, this.parser.pending()), cause)
    })
    this.send({ _tag: "Hello", highVersion, lowVersion })
  }

  readonly nextRequestId = (): bigint => ++this.lastRequestId

  readonly subscribe = (requestId: bigint, handler: ReplyHandler): () => void => {
    if (this.lost !== undefined) {
      handler.onLost(this.lost)
      return () => {}
    }
    this.handlers.set(requestId, handler)
    return () => {
      // the id may have been subscribed again since
      if (this.handlers.get(requestId) !== handler) return
      this.handlers.delete(requestId)
      this.readOffsets.delete(requestId)
    }
  }

  readonly send = (command: WireCommand): boolean => {
    const parts = WireCodec.encodeParts(command)
    if (command._tag === "ReadSegment" && this.handlers.has(command.requestId)) {
      this.readOffsets.set(command.requestId, command.offset)
    }
    return this.sendFrame(parts)
  }

  readonly sendFrame = (parts: ReadonlyArray<Uint8Array>): boolean => {
    if (this.lost !== undefined) return true
    this.takesMore = this.pipe.write(parts)
    return this.takesMore
  }

  readonly onDrain = (callback: () => void): void => {
    if (this.lost !== undefined) return
    if (this.takesMore) callback()
    else this.waiting.push(callback)
  }

  readonly call = (request: (requestId: bigint) => WireCommand): Effect.Effect<WireCommand, ConnectionLost> =>
    Effect.callback((resume) => {
      const requestId = this.nextRequestId()
      const forget = this.subscribe(requestId, {
        onReply: (reply) => {
          forget()
          resume(Effect.succeed(reply))
        },
        onLost: (error) => resume(Effect.fail(error))
      })
      try {
        this.send(request(requestId))
      } catch (defect) {
        forget()
        resume(Effect.die(defect))
      }
      return Effect.sync(forget)
    })

  readonly isLost = (): boolean => this.lost !== undefined

  /** Whether somebody waits for a reply. */
  readonly isAwaited = (): boolean => this.handlers.size > 0

  readonly fail = (reason: string): void => this.lose(reason)

  /** Whether anything came since the last time this was asked. */
  takeReceived(): boolean {
    const received = this.isReceived
    this.isReceived = false
    return received
  }

  /** Closes the pipe and tells every subscriber, once. */
  lose(reason: string, cause?: unknown): void {
    if (this.lost !== undefined) return
    const error = new ConnectionLost({ endpoint: this.endpoint, reason, ...(cause === undefined ? {} : { cause }) })
    this.lost = error
    this.pipe.close()
    this.waiting = []
    this.readOffsets.clear()
    const handlers = Array.from(this.handlers.values())
    this.handlers.clear()
    for (const handler of handlers) handler.onLost(error)
  }

  private onData(chunk: Uint8Array): void {
    if (this.lost !== undefined) return
    this.isReceived = true
    try {
      this.parser.push(chunk, this.dispatch)
    } catch (cause) {
      // a handler that throws breaks its promise; what was half done can no longer be relied on
      this.lose(cause instanceof WireError ? cause.message : "a reply's handler failed", cause)
    }
  }

  private readonly dispatch = (reply: WireCommand): void => {
    if (this.lost !== undefined || reply._tag === "KeepAlive") return
    if (reply._tag === "Hello") return this.checkVersion(reply.highVersion, reply.lowVersion)
    if (!("requestId" in reply)) return
    const handler = this.handlers.get(reply.requestId)
    if (handler !== undefined) return handler.onReply(reply)
    if (reply._tag === "AuthTokenCheckFailed" && this.refuseReads(reply)) return
    if (reply.requestId === -1n) this.refuseStore(`the store sends ${reply._tag} without a request id: it is too old`)
    // else the reply to what nobody waits for any more
  }

  private checkVersion(high: number, low: number): void {
    if (high >= lowVersion && low <= highVersion) return
    this.refuseStore(`the store speaks wire versions ${low} to ${high}, this client ${lowVersion} to ${highVersion}`)
  }

  private refuseStore(detail: string): void {
    this.lose(detail, new IncompatibleStore({ detail }))
  }

  private refuseReads(reply: WireCommand & { readonly _tag: "AuthTokenCheckFailed" }): boolean {
    const refused = Array.from(this.readOffsets).filter(([, offset]) => offset === reply.requestId)
    for (const [requestId] of refused) this.handlers.get(requestId)?.onReply({ ...reply, requestId })
    return refused.length > 0
  }

  private drained(): void {
    this.takesMore = true
    const callbacks = this.waiting
    this.waiting = []
    // each may fill the buffer again: the others go on waiting then, in their order
    for (const [i, callback] of callbacks.entries()) {
      if (this.lost !== undefined) return
      if (!this.takesMore) {
        this.waiting = [...callbacks.slice(i), ...this.waiting]
        return
      }
      callback()
    }
  }
}

const closeReason = (cause: unknown, pending: number): string => {
  if (cause instanceof Error) return cause.message
  return pending > 0 ? "the store closed it within a frame" : "the store closed it"
}
