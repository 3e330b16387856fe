/**
 * The connections of a gRPC server, and bounds on what they hold: grpc-js itself takes any number of connections, each
 * with calls whose requests never come. It knows no method and no message.
 *
 * @internal
 */
import * as grpc from "@grpc/grpc-js"
import type * as Net from "node:net"

export interface GrpcLimits {
  /** Connections at once: beyond it, the one whose last answer is longest ago is closed. 1000 by default. */
  readonly connections: number
  /** Calls at once, of all connections: beyond it, the connection with most is closed. 10,000 by default. */
  readonly calls: number
  /** Calls that one connection may have open at once; clients keep what goes beyond it. 100 by default. */
  readonly callsOfOne: number
}

export const defaultLimits: GrpcLimits = { connections: 1_000, calls: 10_000, callsOfOne: 100 }

interface Connection {
  readonly socket: Net.Socket
  calls: number
  /** The number of answers that all connections together had got by its last one. */
  answered: number
}

export class GrpcConnections {
  private readonly limits: GrpcLimits
  private readonly byPeer = new Map<string, Connection>()
  private calls = 0
  private answers = 0

  constructor(limits: GrpcLimits) {
    this.limits = limits
  }

  get size(): number {
    return this.byPeer.size
  }

  get openCalls(): number {
    return this.calls
  }

  /** To be called before the server sees the socket. */
  add(socket: Net.Socket): void {
    // the server hears of it too; before it listens somebody must
    socket.on("error", () => {})
    const peer = `${socket.remoteAddress}:${socket.remotePort}`
    this.byPeer.set(peer, { socket, calls: 0, answered: this.answers })
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
    let isOpen = true
    const end = () => {
      if (!isOpen) return
      isOpen = false
      this.calls--
      if (connection !== undefined) connection.calls--
    }
    this.calls++
    if (connection !== undefined) connection.calls++
    const call = new grpc.ServerInterceptingCall(next, {
      start: (proceed) => proceed({ onCancel: end }),
      sendStatus: (status, proceed) => {
        end()
        if (connection !== undefined) connection.answered = ++this.answers
        proceed(status)
      }
    })
    if (this.calls > this.limits.calls) this.close((a, b) => a.calls > b.calls)
    return call
  }

  /** The one that comes before all others; of those that are alike, the first. */
  private close(isBefore: (a: Connection, b: Connection) => boolean): void {
    let chosen: Connection | undefined
    for (const each of this.byPeer.values()) {
      if (!each.socket.destroyed && (chosen === undefined || isBefore(each, chosen))) chosen = each
    }
    chosen?.socket.destroy()
  }
}
