/**
 * A listening socket, whose connections become pipes. It knows no frame.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import type * as Stream from "node:stream"
import * as Tls from "node:tls"
import type { BytePipe, PipeHandlers } from "../../pravega/segmentstore/BytePipe.ts"
import { type Address, type ListenError, listenWith } from "./Listening.ts"

/** @category models @since 0.1.0 */
export interface SocketServerOptions extends Address {
  readonly accept: (pipe: BytePipe) => void
  /** In PEM form; undefined: connections are not encrypted. */
  readonly tls?: { readonly chain: string; readonly key: string } | undefined
  /** Connections at once that are about to be encrypted: for one more, the oldest is closed. 1000 by default. */
  readonly handshakes?: number | undefined
  /** How long a peer may take to receive the last words of a connection that was closed. 5000 by default. */
  readonly lingerMillis?: number | undefined
  /** How many peers may do so at once, each with some MiB: for one more, the oldest is cut off. 64 by default. */
  readonly lingering?: number | undefined
}

/**
 * Listens until the Scope closes; its connections are closed then too. Yields the port.
 *
 * @category running
 * @since 0.1.0
 */
export const listen = (options: SocketServerOptions): Effect.Effect<number, ListenError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(start(options), stop),
    ({ port }) => port
  )

interface Listening {
  readonly server: Net.Server
  readonly port: number
  readonly pipes: Set<ServerPipe>
  /** As they were accepted, those that are not encrypted yet included. */
  readonly sockets: Set<Net.Socket>
}

const start = (options: SocketServerOptions): Effect.Effect<Listening, ListenError> => {
  const { accept, handshakes = 1000, tls, ...address } = options
  const pipes = new Set<ServerPipe>()
  const sockets = new Set<Net.Socket>()
  const lingering = new Lingering(options.lingerMillis, options.lingering)
  const connected = (socket: Net.Socket) => {
    const pipe = new ServerPipe(socket, lingering)
    pipes.add(pipe)
    socket.once("close", () => pipes.delete(pipe))
    accept(pipe)
  }
  const make = () => {
    const server = makeServer(tls, connected)
    server.on("connection", (socket: Net.Socket) => {
      sockets.add(socket)
      socket.once("close", () => sockets.delete(socket))
    })
    if (server instanceof Tls.Server) boundHandshakes(server, handshakes)
    return server
  }
  return Effect.map(listenWith(make, address), (listening): Listening => ({ ...listening, pipes, sockets }))
}

/** Nobody else counts connections before they are encrypted, and each costs as much as one that is. */
const boundHandshakes = (server: Tls.Server, maximum: number): void => {
  // the encrypted socket does not tell which one it encrypts, but where it comes from
  const pending = new Map<string, Net.Socket>()
  const peerOf = ({ remoteAddress, remotePort }: Net.Socket) => `${remoteAddress}:${remotePort}`
  server.on("connection", (socket: Net.Socket) => {
    const peer = peerOf(socket)
    pending.set(peer, socket)
    socket.once("close", () => {
      if (pending.get(peer) === socket) pending.delete(peer)
    })
    if (pending.size > maximum) destroyOldest(pending)
  })
  server.on("secureConnection", (socket) => pending.delete(peerOf(socket)))
}

const destroyOldest = (pending: Map<string, Net.Socket>): void => {
  for (const [peer, socket] of pending) {
    pending.delete(peer)
    socket.destroy()
    return
  }
}

/**
 * Paused: nothing is read before it is decided where to. What is no encrypted connection, or does not become one in
 * time, is closed: by Node, which reports it.
 */
const makeServer = (tls: SocketServerOptions["tls"], connected: (socket: Net.Socket) => void): Net.Server =>
  tls === undefined
    ? Net.createServer({ noDelay: true, highWaterMark: bufferBytes, pauseOnConnect: true }, connected)
    : Tls.createServer({ cert: tls.chain, key: tls.key, noDelay: true, handshakeTimeout: handshakeMillis }, connected)
      .on("tlsClientError", (_, socket) => socket.destroy())

const stop = ({ pipes, server, sockets }: Listening): Effect.Effect<void> =>
  Effect.callback((resume) => {
    server.close(() => resume(Effect.void))
    for (const pipe of Array.from(pipes)) pipe.destroy()
    for (const socket of Array.from(sockets)) socket.destroy()
  })

/** What a socket may hold unsent, or read ahead, before its connection or its peer is told to wait. In bytes. */
const bufferBytes = 1024 * 1024
/** How long a peer may take to agree on the encryption, in milliseconds. */
const handshakeMillis = 10_000

/** Where the bytes of all connections arrive: they are lent to their handler for one call only. */
const arrived = new Uint8Array(bufferBytes)

/**
 * The connection of an accepted socket as a socket that reads into `arrived`: Node lets those who connect choose their
 * buffer, and not yet those who accept. A new array for each 64 KiB, page faults and the collector's work included, cost
 * 0.8 us per KiB received, this one 0.15. Where Node has no such handle, the accepted socket itself, which gives `data`.
 */
const readingInto = (accepted: Net.Socket, receive: (chunk: Uint8Array) => void): Net.Socket => {
  if (accepted instanceof Tls.TLSSocket) return accepted
  const handle: unknown = Reflect.get(accepted, "_handle")
  if (typeof handle !== "object" || handle === null || !("useUserBuffer" in handle)) return accepted
  Reflect.set(accepted, "_handle", null)
  const onread = {
    buffer: arrived,
    callback: (length: number) => {
      receive(arrived.subarray(0, length))
      return true
    }
  }
  const options: Net.SocketConstructorOpts & Stream.DuplexOptions = { onread, highWaterMark: bufferBytes }
  // not among its types: it takes what `_handle` is as well as what it says
  Reflect.set(options, "handle", handle)
  // as the accepted one: what arrives before somebody listens must wait
  Reflect.set(options, "pauseOnCreate", true)
  const socket = new Net.Socket(options).setNoDelay(true)
  // the server counts the accepted one
  socket.once("close", () => accepted.destroy())
  return socket
}

/** The sockets of connections that are over, whose last words go out. Nobody else counts what they hold. */
class Lingering {
  private readonly millis: number
  private readonly maximum: number
  private readonly sockets = new Set<Net.Socket>()

  constructor(millis = 5000, maximum = 64) {
    this.millis = millis
    this.maximum = maximum
  }

  add(socket: Net.Socket): void {
    const { sockets } = this
    sockets.add(socket)
    // not the socket's own timer, which starts over whenever the peer takes some
    const timer = setTimeout(() => socket.destroy(), this.millis).unref()
    socket.once("close", () => {
      clearTimeout(timer)
      sockets.delete(socket)
    })
    if (sockets.size <= this.maximum) return
    for (const oldest of sockets) {
      sockets.delete(oldest)
      oldest.destroy()
      return
    }
  }
}

class ServerPipe implements BytePipe {
  private readonly socket: Net.Socket
  private readonly lingering: Lingering
  private handlers: PipeHandlers | undefined = undefined
  private failure: unknown = undefined

  constructor(accepted: Net.Socket, lingering: Lingering) {
    this.lingering = lingering
    const socket = readingInto(accepted, (chunk) => this.handlers?.onData(chunk))
    this.socket = socket
    // `close` follows, and tells
    socket.on("error", (cause) => {
      this.failure = cause
    })
  }

  listen(handlers: PipeHandlers): void {
    const { socket } = this
    this.handlers = handlers
    socket.on("data", (chunk: Uint8Array) => this.handlers?.onData(chunk))
    socket.on("drain", () => this.handlers?.onDrain())
    // the other end's FIN: this protocol has no half-open connections
    socket.on("end", () => socket.destroy())
    socket.on("close", () => this.handlers?.onClose(this.failure))
    socket.resume()
  }

  write(parts: ReadonlyArray<Uint8Array>, onWritten?: () => void): boolean {
    const { socket } = this
    if (socket.destroyed || parts.length === 0) return true
    socket.cork()
    const last = parts.length - 1
    for (let i = 0; i < last; i++) socket.write(parts[i]!)
    const takesMore = onWritten === undefined
      ? socket.write(parts[last]!)
      // they leave in their order; an error says that not all did
      : socket.write(parts[last]!, (error) => error ? undefined : onWritten())
    socket.uncork()
    return takesMore
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  close(): void {
    this.handlers = undefined
    this.socket.destroy()
  }

  /** As if the other end had. */
  destroy(): void {
    this.socket.destroy()
  }

  finish(): void {
    this.handlers = undefined
    const { lingering, socket } = this
    if (socket.destroyed) return
    // bytes that nobody reads would turn the end of the connection into a reset, which loses the last words
    socket.resume()
    socket.destroySoon()
    if (!socket.closed) lingering.add(socket)
  }
}
