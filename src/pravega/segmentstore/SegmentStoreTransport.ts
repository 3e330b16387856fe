/**
 * How bytes get to a segment store: opens a pipe to host and port. This is the seam below the connection: the real one
 * is TCP or TLS, an embedded server and tests answer in the process. A transport neither retries nor knows a frame.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Socket } from "node:net"
import type { StoreEndpoint } from "../controller/Controller.ts"
import type { TlsOptions } from "../controller/ControllerTransport.ts"
import { TlsFailed } from "../controller/TlsFailed.ts"
import { connectOptions, explain } from "../controller/TlsProblem.ts"
import type { BytePipe, PipeHandlers } from "./BytePipe.ts"
import { ConnectionRefused } from "./ConnectionError.ts"

/** @category models @since 0.1.0 */
export interface SocketOptions {
  /** How long opening a connection may take, the TLS handshake included. 5 seconds by default, as in Java's client. */
  readonly connectTimeout?: Duration.Input | undefined
  /** Present: TLS from the first byte on. Certificate and host name are verified unless this says otherwise. */
  readonly tls?: TlsOptions | undefined
  /** Where to connect to, for stores that the controller names by an address that can't be reached from here. */
  readonly resolve?: ((endpoint: StoreEndpoint) => StoreEndpoint) | undefined
}

/** `host:port`, as errors and logs name a store. @category formatting @since 0.1.0 */
export const formatEndpoint = (endpoint: StoreEndpoint): string =>
  endpoint.host.includes(":") ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`

/** @category models @since 0.2.0 */
export interface StoreConnector {
  /** A pipe to the store, closed with the Scope. Interruption gives the attempt up. @internal */
  readonly open: (endpoint: StoreEndpoint) => Effect.Effect<BytePipe, ConnectionRefused, Scope.Scope>
}

/** @category services @since 0.1.0 */
export class SegmentStoreTransport
  extends Context.Service<SegmentStoreTransport, StoreConnector>()("effect-pravega/pravega/SegmentStoreTransport")
{
  /** TCP, or TLS if configured, with Nagle's algorithm off. @internal */
  static readonly layerSocket = (options: SocketOptions = {}): Layer.Layer<SegmentStoreTransport> =>
    Layer.sync(SegmentStoreTransport, () => {
      let agreed = false
      const agreement = {
        has: () => agreed,
        note: () => {
          agreed = true
        }
      }
      return { open: (endpoint) => openSocket(options.resolve?.(endpoint) ?? endpoint, options, agreement) }
    })

  /** Pipes in memory: `accept` is handed what the pipe is opened with, or fails as a refused connection does. @internal */
  static readonly layerMemory = (
    accept: (endpoint: StoreEndpoint) => Effect.Effect<BytePipe, ConnectionRefused>
  ): Layer.Layer<SegmentStoreTransport> =>
    Layer.succeed(SegmentStoreTransport, {
      open: (endpoint) => Effect.acquireRelease(accept(endpoint), (pipe) => Effect.sync(() => pipe.close()))
    })
}

/** What a socket may hold unsent before it asks to wait, in bytes: Java's buffer size. */
const sendBufferBytes = 256 * 1024

/**
 * Each socket's buffer for what arrives, used over and over. Left to itself, Node makes one of 64 KiB per read, which is
 * garbage outside of the collector's heap: as many bytes as are read.
 */
const receiveBufferBytes = 128 * 1024

/** Whether these settings have led to a TLS connection: then a certificate that is refused may be one that is being changed. */
interface Agreement {
  readonly has: () => boolean
  readonly note: () => void
}

const openSocket = (
  endpoint: StoreEndpoint,
  options: SocketOptions,
  agreement: Agreement
): Effect.Effect<BytePipe, ConnectionRefused, Scope.Scope> => {
  const name = formatEndpoint(endpoint)
  const timeout = Duration.fromInputUnsafe(options.connectTimeout ?? Duration.seconds(5))
  const refuse = (cause: unknown) => {
    const problem = options.tls === undefined || agreement.has() ? undefined : explain(cause)
    return new ConnectionRefused({
      endpoint: name,
      cause: problem === undefined ? cause : new TlsFailed({ server: `segment store ${name}`, problem, cause })
    })
  }
  return Effect.acquireRelease(
    Effect.try({
      // throws for certificates that cannot be parsed and for ports out of range
      try: () => options.tls === undefined ? connectTcp(endpoint) : new SocketPipe(connectTls(endpoint, options.tls)),
      catch: refuse
    }),
    (pipe) => Effect.sync(() => pipe.close())
  ).pipe(Effect.tap((pipe) =>
    Effect.callback<void, ConnectionRefused>((resume) => {
      const event = options.tls === undefined ? "connect" : "secureConnect"
      pipe.onceOpen(event, (cause) => {
        if (cause === undefined) agreement.note()
        resume(cause === undefined ? Effect.void : Effect.fail(refuse(cause)))
      })
    }).pipe(
      Effect.timeoutOrElse({
        duration: timeout,
        orElse: () => Effect.fail(refuse(new Error(`no answer within ${Duration.format(timeout)}`)))
      }),
      Effect.onError(() => Effect.sync(() => pipe.close()))
    )
  ))
}

/** Loaded with the first connection: they take a tenth of the library's import, and an embedded server needs none. */
const net = () => process.getBuiltinModule("node:net")
const tls = () => process.getBuiltinModule("node:tls")

const connectTcp = ({ host, port }: StoreEndpoint): SocketPipe => {
  const buffer = new Uint8Array(receiveBufferBytes)
  const onread = {
    buffer,
    callback: (length: number) => {
      pipe.receive(buffer.subarray(0, length))
      return true
    }
  }
  const options = { host, port, noDelay: true, writableHighWaterMark: sendBufferBytes, onread }
  // paused: it would start to read when it is connected, before anybody listens
  const pipe = new SocketPipe(net().connect(options).pause())
  return pipe
}

/** The bytes come as `data`. Node checks certificate and host name before it says `secureConnect`. */
const connectTls = ({ host, port }: StoreEndpoint, options: TlsOptions): Socket =>
  tls().connect(connectOptions(host, port, options)).setNoDelay(true)

class SocketPipe implements BytePipe {
  private readonly socket: Socket
  private handlers: PipeHandlers | undefined = undefined
  private corked = false
  private failure: unknown = undefined

  constructor(socket: Socket) {
    this.socket = socket
    // `close` follows, and tells
    socket.on("error", (cause) => {
      this.failure = cause
    })
  }

  /** Calls back once: the socket is open, or it closed before that, and why. */
  onceOpen(event: "connect" | "secureConnect", callback: (cause?: Error) => void): void {
    const { socket } = this
    const onClose = () =>
      callback(this.failure instanceof Error ? this.failure : new Error("the store closed the connection"))
    socket.once("close", onClose)
    socket.once(event, () => {
      socket.removeListener("close", onClose)
      callback()
    })
  }

  listen(handlers: PipeHandlers): void {
    const { socket } = this
    this.handlers = handlers
    // a socket with a buffer of its own says nothing here: it calls `receive`
    socket.on("data", this.receive)
    socket.resume()
    socket.on("drain", () => this.handlers?.onDrain())
    // the other end's FIN: this protocol has no half-open connections
    socket.on("end", () => socket.destroy())
    const onClose = () => this.handlers?.onClose(this.failure)
    if (socket.closed) queueMicrotask(onClose)
    else socket.on("close", onClose)
  }

  write(parts: ReadonlyArray<Uint8Array>): boolean {
    const { socket } = this
    if (socket.destroyed) return true
    if (!this.corked) {
      this.corked = true
      socket.cork()
      process.nextTick(this.uncork)
    }
    let takesMore = true
    for (const part of parts) takesMore = socket.write(part)
    return takesMore
  }

  readonly receive = (chunk: Uint8Array): void => this.handlers?.onData(chunk)

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

  finish(): void {
    this.handlers = undefined
    this.socket.destroySoon()
  }

  private readonly uncork = (): void => {
    this.corked = false
    this.socket.uncork()
  }
}
