/**
 * The controller transport: gRPC's unary calls over Node's own HTTP/2. See `ControllerTransport` for the contract.
 *
 * Not grpc-js: with it a process takes 121 ms of CPU and 103 MiB until its first call, without 82 and 99; a call takes 0.50
 * ms with it, 0.38 without. What it has beside this (streams, retries, balancing, interceptors, proxies) is of no use here.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as http2 from "node:http2"
import * as ControllerAddress from "../ControllerAddress.ts"
import {
  type ControllerTransport,
  type GrpcOptions,
  type StatusCode,
  statusCodes,
  type TlsOptions,
  TransportError
} from "../ControllerTransport.ts"

const service = "/io.pravega.controller.stream.api.grpc.v1.ControllerService/"

/** Large answers are segment lists: a stream has tens of thousands of segments at most, at about 50 bytes each. */
const maxReplyBytes = 16 * 1024 * 1024
/** Before a message: whether it is compressed, and its length. */
const prefixBytes = 5
const connectTimeoutMillis = 5_000
/** How long a server may take to answer a ping, when a call has waited for it in vain. */
const pingTimeoutMillis = 20_000
/** Servers in Java refuse pings more frequent than every 5 minutes. */
const pingMillis = 360_000

/** @internal */
export const make = (
  options: GrpcOptions
): Effect.Effect<ControllerTransport["Service"], ControllerAddress.InvalidControllerAddress, Scope.Scope> =>
  Effect.gen(function*() {
    const { endpoints, secure } = yield* Effect.fromResult(ControllerAddress.parse(options.controller))
    const channels = yield* Effect.acquireRelease(
      Effect.sync(() => endpoints.map((endpoint) => new Channel(endpoint, secure ? options.tls ?? {} : undefined))),
      (channels) => Effect.sync(() => channels.forEach((channel) => channel.close()))
    )
    let turn = 0
    return {
      unary: (method, request, { metadata, timeout }) =>
        Effect.callback<Uint8Array, TransportError>((resume) => {
          const call = new Call(service + method, request, { metadata, timeoutMillis: Duration.toMillis(timeout) })
          call.start(channels, turn++, (outcome) =>
            resume(outcome instanceof TransportError ? Effect.fail(outcome) : Effect.succeed(outcome)))
          return Effect.sync(() =>
            call.cancel()
          )
        })
    }
  })

const unavailable = (details: string): TransportError =>
  new TransportError({ code: "UNAVAILABLE", details, sent: false })

type Opened = (session: http2.ClientHttp2Session | Error) => void

/** The connection to an endpoint: opened when it is needed, and again when it was lost. */
class Channel {
  private readonly url: string
  private readonly tls: TlsOptions | undefined
  private session: http2.ClientHttp2Session | undefined = undefined
  private isOpen = false
  private waiting: Array<Opened> = []
  private active = 0
  private lastPing = -Infinity
  private isClosed = false

  /** `tls`: present if it is to be encrypted. */
  constructor(endpoint: string, tls: TlsOptions | undefined) {
    this.url = `${tls === undefined ? "http" : "https"}://${endpoint}`
    this.tls = tls
  }

  /** Calls back once, with a session that a server answers on, or with why there is none: then nothing was sent. */
  open(opened: Opened): void {
    if (this.isClosed) return opened(new Error("the client was closed"))
    const { session } = this
    if (session !== undefined && this.isOpen && !session.closed && !session.destroyed) return opened(session)
    this.waiting.push(opened)
    if (session === undefined || session.closed || session.destroyed) this.connect()
  }

  /** While there are calls, and only then, the connection keeps the process alive. */
  use(session: http2.ClientHttp2Session): () => void {
    this.active++
    session.ref()
    return () => {
      this.active--
      if (this.active === 0 && !session.destroyed) session.unref()
    }
  }

  /** A server that a call waited for in vain may be gone without a word: others would wait for it too. */
  check(session: http2.ClientHttp2Session): void {
    const now = performance.now()
    if (session.closed || session.destroyed || now - this.lastPing < pingMillis) return
    this.lastPing = now
    const timer = setTimeout(() => session.destroy(new Error("no answer to a ping")), pingTimeoutMillis).unref()
    const done = () => clearTimeout(timer)
    session.once("close", done)
    session.ping(() => {
      session.removeListener("close", done)
      done()
    })
  }

  close(): void {
    this.isClosed = true
    this.session?.destroy()
    this.settle(new Error("the client was closed"))
  }

  private connect(): void {
    let session: http2.ClientHttp2Session
    try {
      session = http2.connect(this.url, this.tls === undefined ? {} : secureOptions(this.tls))
    } catch (cause) {
      // certificates that can't be read
      return this.settle(asError(cause))
    }
    this.session = session
    this.isOpen = false
    let failure = new Error("the connection was closed")
    const timer = setTimeout(() => session.destroy(new Error("no answer to connecting")), connectTimeoutMillis)
    session.once("remoteSettings", () => {
      clearTimeout(timer)
      if (this.session !== session) return
      this.isOpen = true
      session.unref()
      this.settle(session)
    })
    session.on("error", (cause) => {
      failure = asError(cause)
    })
    // its calls go on; others take a new one
    session.once("goaway", () => this.forget(session))
    session.once("close", () => {
      clearTimeout(timer)
      const isMine = this.session === session
      this.forget(session)
      if (isMine && !this.isOpen) this.settle(failure)
    })
  }

  private forget(session: http2.ClientHttp2Session): void {
    if (this.session === session) this.session = undefined
  }

  private settle(outcome: http2.ClientHttp2Session | Error): void {
    const { waiting } = this
    this.waiting = []
    for (const opened of waiting) opened(outcome)
  }
}

const asError = (cause: unknown): Error => cause instanceof Error ? cause : new Error(String(cause))

const secureOptions = ({ ca, certificate, verifyHostName }: TlsOptions): http2.SecureClientSessionOptions => ({
  ...(ca === undefined ? {} : { ca: pem(ca) }),
  ...(certificate === undefined ? {} : { cert: pem(certificate.chain), key: pem(certificate.key) }),
  ...(verifyHostName === false ? { checkServerIdentity: () => undefined } : {})
})

const pem = (text: string | Uint8Array): string | Buffer => (typeof text === "string" ? text : Buffer.from(text))

interface CallOptions {
  readonly metadata: Readonly<Record<string, string>>
  readonly timeoutMillis: number
}

/** One call, whose outcome is told once. */
class Call {
  private readonly path: string
  private readonly request: Uint8Array
  private readonly options: CallOptions
  private tell: ((outcome: Uint8Array | TransportError) => void) | undefined = undefined
  private doubt: () => void = () => {}
  private stream: http2.ClientHttp2Stream | undefined = undefined

  constructor(path: string, request: Uint8Array, options: CallOptions) {
    this.path = path
    this.request = request
    this.options = options
  }

  /** Takes the first channel that can be opened, beginning with the one whose turn it is. */
  start(channels: ReadonlyArray<Channel>, turn: number, tell: (outcome: Uint8Array | TransportError) => void): void {
    this.tell = tell
    let tried = 0
    const next = (): void => {
      const channel = channels[(turn + tried++) % channels.length]!
      channel.open((session) => {
        if (this.tell === undefined) return
        if (!(session instanceof Error)) return this.send(channel, session)
        if (tried < channels.length) next()
        else this.end(unavailable(`no connection to a controller: ${session.message}`))
      })
    }
    next()
  }

  cancel(): void {
    this.tell = undefined
    if (this.stream === undefined || this.stream.closed) return
    this.stream.close(http2.constants.NGHTTP2_CANCEL)
    this.doubt()
  }

  private end(outcome: Uint8Array | TransportError): void {
    const { tell } = this
    this.tell = undefined
    tell?.(outcome)
  }

  private send(channel: Channel, session: http2.ClientHttp2Session): void {
    const unused = channel.use(session)
    let stream: http2.ClientHttp2Stream
    try {
      stream = session.request(this.headers())
    } catch (cause) {
      unused()
      // it was closed just now, or a metadata value is none
      return this.end(unavailable(asError(cause).message))
    }
    this.stream = stream
    this.doubt = () => channel.check(session)
    const reply = new Reply()
    stream.on("response", (headers) => reply.takeHeaders(headers))
    stream.on("trailers", (headers) => reply.takeTrailers(headers))
    stream.on("data", (chunk: Buffer) => {
      if (reply.takeData(chunk)) return
      stream.close(http2.constants.NGHTTP2_CANCEL)
      const details = `a reply of more than ${maxReplyBytes} bytes`
      this.end(new TransportError({ code: "RESOURCE_EXHAUSTED", details, sent: true }))
    })
    stream.on("end", () => {
      if (reply.hasStatus) this.end(reply.outcome())
    })
    let failure: Error | undefined
    stream.on("error", (cause) => {
      failure = asError(cause)
    })
    stream.on("close", () => {
      unused()
      this.end(reply.hasStatus ? reply.outcome() : lost(stream.rstCode, failure, reply.httpStatus))
    })
    const message = Buffer.allocUnsafe(prefixBytes + this.request.length)
    message[0] = 0
    message.writeUInt32BE(this.request.length, 1)
    message.set(this.request, prefixBytes)
    stream.end(message)
  }

  private headers(): http2.OutgoingHttpHeaders {
    const { metadata, timeoutMillis } = this.options
    return {
      ":method": "POST",
      ":path": this.path,
      te: "trailers",
      "content-type": "application/grpc",
      // at most 8 digits
      "grpc-timeout": `${Math.min(99_999_999, Math.max(1, Math.ceil(timeoutMillis)))}m`,
      "user-agent": "effect-pravega",
      ...metadata
    }
  }
}

/** What has come of a reply. */
class Reply {
  httpStatus: number | undefined = undefined
  private status: string | undefined = undefined
  private message = ""
  private readonly chunks: Array<Buffer> = []
  private length = 0

  takeHeaders(headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader): void {
    this.httpStatus = headers[":status"]
    this.takeTrailers(headers)
  }

  /** A server that has no message to send says all in the headers. */
  takeTrailers(headers: http2.IncomingHttpHeaders): void {
    const { "grpc-message": message, "grpc-status": status } = headers
    if (typeof status !== "string") return
    this.status = status
    if (typeof message === "string") this.message = decoded(message)
  }

  /** False: it is too long. */
  takeData(chunk: Buffer): boolean {
    this.chunks.push(chunk)
    this.length += chunk.length
    return this.length <= maxReplyBytes + prefixBytes
  }

  get hasStatus(): boolean {
    return this.status !== undefined
  }

  outcome(): Uint8Array | TransportError {
    if (this.status === "0") return this.body()
    const code = statusCodes[Number(this.status) - 1] ?? "UNKNOWN"
    return new TransportError({ code, details: this.message === "" ? code : this.message, sent: true })
  }

  private body(): Uint8Array | TransportError {
    const [first] = this.chunks
    const bytes = first !== undefined && this.chunks.length === 1 ? first : Buffer.concat(this.chunks)
    if (bytes.length >= prefixBytes && bytes[0] === 0 && bytes.readUInt32BE(1) === bytes.length - prefixBytes) {
      return bytes.subarray(prefixBytes)
    }
    return new TransportError({ code: "INTERNAL", details: "the reply is not one uncompressed message", sent: true })
  }
}

const decoded = (message: string): string => {
  try {
    return decodeURIComponent(message)
  } catch {
    return message
  }
}

/** How HTTP's statuses are to be taken, of who does not speak gRPC. */
const codesByHttpStatus: Readonly<Record<number, StatusCode>> = {
  400: "INTERNAL",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "UNIMPLEMENTED",
  429: "UNAVAILABLE",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "UNAVAILABLE"
}

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = http2.constants

/** A call that ended without a status. Refused streams were not looked at, says HTTP/2. */
const lost = (rstCode: number, failure: Error | undefined, httpStatus: number | undefined): TransportError => {
  const details = failure?.message ?? `the stream was closed with code ${rstCode}`
  if (rstCode === NGHTTP2_REFUSED_STREAM) return unavailable(details)
  const code = httpStatus !== undefined && httpStatus !== 200
    ? codesByHttpStatus[httpStatus] ?? "UNKNOWN"
    : rstCode === NGHTTP2_ENHANCE_YOUR_CALM
    ? "RESOURCE_EXHAUSTED"
    : rstCode === NGHTTP2_NO_ERROR || rstCode === NGHTTP2_CANCEL || failure !== undefined
    ? "UNAVAILABLE"
    : "INTERNAL"
  return new TransportError({ code, details, sent: true })
}
