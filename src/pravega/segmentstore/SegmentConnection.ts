/**
 * One connection to a segment store: frames out, replies in, dispatched by request id. Plain TypeScript on the bytes;
 * Effects where a caller waits. It knows nothing of streams, retries or tokens.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { WireCommand } from "../wire/WireCommand.ts"
import type { ConnectionLost } from "./ConnectionError.ts"

/** Takes what arrives for one request id. Called from the socket's callbacks: must be quick and must not throw. */
export interface ReplyHandler {
  readonly onReply: (reply: WireCommand) => void
  /** Called at most once, after which no reply comes: the outcome of what was sent is unknown. */
  readonly onLost: (error: ConnectionLost) => void
}

/** @category models */
export interface SegmentConnection {
  readonly endpoint: string
  /** A request id that was never used on this connection. */
  readonly nextRequestId: () => bigint
  /**
   * Replies that carry `requestId` go to `handler` until the returned function is called. On a dead connection
   * `onLost` is called at once, before this returns.
   */
  readonly subscribe: (requestId: bigint, handler: ReplyHandler) => () => void
  /**
   * Hands a command to the socket, in order. False: the socket's buffer is full, wait for `onDrain` before sending
   * more. On a dead connection nothing happens (subscribers were told).
   */
  readonly send: (command: WireCommand) => boolean
  /** The same for bytes that are a whole frame already, in parts (header, payload): not copied, don't touch them after. */
  readonly sendFrame: (parts: ReadonlyArray<Uint8Array>) => boolean
  /** Calls back once when the socket takes more, at once if it does now; never after the connection is lost. */
  readonly onDrain: (callback: () => void) => void
  /** Sends one request and waits for its one reply. `request` gets the request id. Interruption forgets the reply. */
  readonly call: (request: (requestId: bigint) => WireCommand) => Effect.Effect<WireCommand, ConnectionLost>
  readonly isLost: () => boolean
  /**
   * Ends the connection for everybody on it, because the peer broke the protocol or because the outcome of what was
   * sent must be settled by a new set-up (an append may never be sent again on a living connection).
   */
  readonly fail: (reason: string) => void
}
