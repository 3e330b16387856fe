/**
 * The connections of a gRPC server, and bounds on what they hold: grpc-js itself takes any number of connections, each
 * with calls whose requests never come. It knows no method and no message.
 *
 * @internal
 */
import * as grpc from "@grpc/grpc-js"
import type * as Net from "node:net"
import { Duplex } from "node:stream"

/** @category models @since 0.1.0 */
export interface GrpcLimits {
  /** Connections at once: beyond it, the one whose last answer is longest ago is closed. 1000 by default. */
  readonly connections: number
  /**
   * Calls at once, of all connections. For one more, the connection with most is closed; if it is of that connection
   * itself, it is refused (RESOURCE_EXHAUSTED). 1000 by default: times `requestBytes`, 512 MiB are held.
   */
  readonly calls: number
  /** The largest request, in bytes: what is larger is refused (RESOURCE_EXHAUSTED). 512 KiB by default. */
  readonly requestBytes: number
  /** Calls that one connection may have open at once; clients keep what goes beyond it. 100 by default. */
  readonly callsOfOne: number
}

/** Requests are small: a stream cut has some 20 bytes a segment. @category constants @since 0.1.0 */
export const defaultLimits: GrpcLimits = { connections: 1_000, calls: 1_000, requestBytes: 512 * 1024, callsOfOne: 100 }

interface Connection {
  readonly socket: Net.Socket
  calls: number
  /** Its calls are counted no more. */
  isClosed: boolean
  /** The number of answers that all connections together had got by its last one. */
  answered: number
}

/** @category models @since 0.1.0 */
export class GrpcConnections {
  private readonly limits: GrpcLimits
  private readonly byPeer = new Map<string, Connection>()
  private calls = 0
  private answers = 0

  constructor(limits: GrpcLimits) {
    this.limits = limits
  }

  /** To be called before the server sees the socket. */
  add(socket: Net.Socket): void {
    // the server hears of it too; before it listens somebody must
    socket.on("error", () => {})
    const peer = `${socket.remoteAddress}:${socket.remotePort}`
    this.byPeer.set(peer, { socket, calls: 0, isClosed: false, answered: this.answers })
    socket.once("close", () => {
      if (this.byPeer.get(peer)?.socket === socket) this.byPeer.delete(peer)
    })
    if (this.byPeer.size > this.limits.connections) this.close((a, b) => a.answered < b.answered)
  }

  destroyAll(): void {
    for (const { socket } of Array.from(this.byPeer.values())) socket.destroy()
  }

  /** Sees each call begin and end. */
  readonly interceptor: grpc.ServerInterceptor = (_, next) => {
    const connection = this.byPeer.get(next.getPeer())
    const isRefused = this.calls >= this.limits.calls && !this.makeRoom(connection?.calls ?? 0)
    let isOpen = true
    const end = () => {
      if (!isOpen) return
      isOpen = false
      if (connection?.isClosed === true) return
      this.calls--
      if (connection !== undefined) connection.calls--
    }
    if (connection?.isClosed !== true) {
      this.calls++
      if (connection !== undefined) connection.calls++
    }
    const stream = streamOf(next)
    stream?.once("close", end)
    let isWhole = false
    const over = () => {
      if (stream === undefined) return end()
      // its request goes on: what is kept of it would be kept for as long as the peer likes
      if (!isWhole && !stream.destroyed) afterLastWords(stream, () => stream.destroy())
    }
    const call = new grpc.ServerInterceptingCall(next, {
      start: (proceed) =>
        proceed({
          onReceiveMetadata: (metadata, next) => {
            // before any of its request is kept
            if (isRefused) call.sendStatus({ code: grpc.status.RESOURCE_EXHAUSTED, details: "too many calls at once" })
            else next(metadata)
          },
          onReceiveHalfClose: (next) => {
            isWhole = true
            next()
          },
          onCancel: over
        }),
      sendStatus: (status, proceed) => {
        if (connection !== undefined) connection.answered = ++this.answers
        proceed(status)
      }
    })
    return call
  }

  /** For a call of a connection that has so many. False: none has more. */
  private makeRoom(calls: number): boolean {
    const closed = this.close((a, b) => a.calls > b.calls, (each) => each.calls > calls)
    return closed !== undefined
  }

  /** The one that comes before all others; of those that are alike, the first. */
  private close(
    isBefore: (a: Connection, b: Connection) => boolean,
    isMeant: (each: Connection) => boolean = () => true
  ): Connection | undefined {
    let chosen: Connection | undefined
    for (const each of this.byPeer.values()) {
      if (
        !each.isClosed && !each.socket.destroyed && isMeant(each) && (chosen === undefined || isBefore(each, chosen))
      ) chosen = each
    }
    if (chosen === undefined) return undefined
    // not when its calls end one by one: those that come meanwhile would close others for it
    chosen.isClosed = true
    this.calls -= chosen.calls
    chosen.socket.destroy()
    return chosen
  }
}

/**
 * The stream of a call, which grpc-js keeps to itself: only its end frees what the call holds, and a call that was answered
 * before its request was whole has none by itself. Undefined, and a call ends with its answer: another version keeps it
 * elsewhere.
 */
const streamOf = (call: grpc.ServerInterceptingCallInterface): Duplex | undefined => {
  const stream: unknown = Reflect.get(call, "stream")
  return stream instanceof Duplex ? stream : undefined
}

const afterLastWords = (stream: Duplex, action: () => void): void => {
  if (stream.writableFinished) action()
  else stream.once("finish", action)
}
