/**
 * The controller transport over grpc-js: channels, metadata, cancellation. gRPC's own retries are off; see `ControllerTransport` for the contract.
 *
 * @internal
 */
import * as grpc from "@grpc/grpc-js"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ControllerAddress from "../ControllerAddress.ts"
import {
  type ControllerTransport,
  type GrpcOptions,
  statusCodes,
  type TlsOptions,
  TransportError,
  type UnaryOptions
} from "../ControllerTransport.ts"
import { note } from "../Proxy.ts"
import { TlsFailed } from "../TlsFailed.ts"
import * as TlsProblem from "../TlsProblem.ts"
import * as GrpcCredentials from "./GrpcCredentials.ts"

const service = "/io.pravega.controller.stream.api.grpc.v1.ControllerService/"

/** Servers in Java refuse pings more frequent than every 5 minutes; Pravega's own client pings every 6. */
const keepAliveMillis = 360_000
const keepAliveTimeoutMillis = 20_000
/** Large answers are segment lists: a stream has tens of thousands of segments at most, at about 50 bytes each. */
const maxReplyBytes = 16 * 1024 * 1024
/** A host's name is asked for again this soon: left to itself, grpc-js waits for half a minute. */
const resolveMillis = 1_000
/** Between attempts to connect again; the number of calls in between is bounded by the retries above. */
const reconnectMillis = { initial: 100, max: 2_000 }

const channelOptions: grpc.ChannelOptions = {
  "grpc.enable_retries": 0,
  // channels of their own: closing one client closes its sockets, and never another's
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_channelz": 0,
  // those to the segment stores go through none either
  "grpc.enable_http_proxy": 0,
  // no settings from a TXT record: they would be asked for with each resolution
  "grpc.service_config_disable_resolution": 1,
  "grpc.dns_min_time_between_resolutions_ms": resolveMillis,
  "grpc.keepalive_time_ms": keepAliveMillis,
  "grpc.keepalive_timeout_ms": keepAliveTimeoutMillis,
  "grpc.initial_reconnect_backoff_ms": reconnectMillis.initial,
  "grpc.max_reconnect_backoff_ms": reconnectMillis.max,
  "grpc.max_receive_message_length": maxReplyBytes,
  // a host name with several addresses: all of them in turn
  "grpc.service_config": JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] })
}

/** @internal @category constructors @since 0.1.0 */
export const make = (
  options: GrpcOptions
): Effect.Effect<
  ControllerTransport["Service"],
  ControllerAddress.InvalidControllerAddress | TlsFailed,
  Scope.Scope
> =>
  Effect.gen(function*() {
    const address = yield* Effect.fromResult(ControllerAddress.parse(options.controller))
    const open = yield* opener(address, options.tls)
    const channels = yield* Effect.acquireRelease(
      Effect.sync(() => new Channels(address.endpoints.map((endpoint) => () => open(endpoint)))),
      (channels) => Effect.sync(() => channels.close())
    )
    const isHopeless = hopeless(address, options.tls)
    const call = (
      method: string,
      request: Uint8Array,
      { metadata, timeout }: UnaryOptions
    ): Effect.Effect<Uint8Array, TransportError> =>
      Effect.callback((resume) => {
        if (channels.isClosed) return resume(Effect.fail(afterClose))
        const channel = channels.take()
        const begun = Date.now()
        const millis = Duration.toMillis(timeout)
        const call = channel.client.makeUnaryRequest(
          service + method,
          (message: Uint8Array) => Buffer.from(message.buffer, message.byteOffset, message.byteLength),
          (reply: Buffer): Uint8Array => reply,
          request,
          toMetadata(metadata),
          { deadline: begun + millis },
          (error, reply) => {
            channels.giveBack(channel, Date.now() - begun >= millis - timerSlackMillis)
            if (error !== null) resume(Effect.fail(toTransportError(error)))
            else resume(Effect.succeed(reply ?? new Uint8Array(0)))
          }
        )
        return Effect.sync(() => call.cancel())
      })
    return {
      unary: (method, request, options) =>
        call(method, request, options).pipe(
          Effect.tap(() => Effect.sync(() => isHopeless.no())),
          Effect.catch((error) =>
            mayBeTls(error)
              ? Effect.flatMap(isHopeless.ask, (tls) => Effect.fail(withTls(error, tls)))
              : Effect.fail(error)
          )
        )
    }
  })

const afterClose = new TransportError({ code: "UNAVAILABLE", details: "the client was closed", sent: false })

/** Reads the certificates, which may not be ones; then opens clients with them. */
const opener = (address: ControllerAddress.ControllerAddress, tls: TlsOptions | undefined) =>
  Effect.try({
    try: () => {
      const security = new Map(address.endpoints.map((it) => [it, GrpcCredentials.make(it, address.secure, tls)]))
      return (endpoint: string) => new grpc.Client(`dns:${endpoint}`, security.get(endpoint)!, channelOptions)
    },
    catch: (cause) =>
      new TlsFailed({
        server: `controller ${address.endpoints.join()}`,
        problem: `the certificates given can't be used (${cause instanceof Error ? cause.message : String(cause)})`,
        cause
      })
  })

/** A timer may come so much before its time. */
const timerSlackMillis = 20

/** One client, and how many calls it has now. */
interface Channel {
  readonly client: grpc.Client
  readonly at: number
  calls: number
}

/**
 * The clients, one per endpoint. One that did not answer in time may have a connection that is dead without knowing it
 * (a balancer that forgot it, a host that is gone): the next call gets another one, and it is closed when the calls that
 * it has are over.
 */
class Channels {
  private readonly openers: ReadonlyArray<() => grpc.Client>
  private readonly channels: Array<Channel>
  private readonly retired = new Set<Channel>()
  private next = 0
  isClosed = false

  constructor(openers: ReadonlyArray<() => grpc.Client>) {
    this.openers = openers
    this.channels = openers.map((open, at) => ({ client: open(), at, calls: 0 }))
  }

  /** The next one whose connection is not known to be broken; all broken: simply the next. */
  take(): Channel {
    const { channels } = this
    const start = this.next
    this.next = (start + 1) % channels.length
    let taken = channels[start]!
    for (let i = 0; i < channels.length; i++) {
      const channel = channels[(start + i) % channels.length]!
      if (channel.client.getChannel().getConnectivityState(false) === grpc.connectivityState.TRANSIENT_FAILURE) continue
      taken = channel
      break
    }
    taken.calls++
    return taken
  }

  giveBack(channel: Channel, isOverdue: boolean): void {
    channel.calls--
    if (this.isClosed) return
    if (isOverdue && this.channels[channel.at] === channel) {
      this.channels[channel.at] = { client: this.openers[channel.at]!(), at: channel.at, calls: 0 }
      this.retired.add(channel)
    }
    if (channel.calls === 0 && this.retired.delete(channel)) channel.client.close()
  }

  close(): void {
    this.isClosed = true
    for (const { client } of [...this.channels, ...this.retired]) client.close()
  }
}

/** No connection took the request, and it is not said that there is nobody there. */
const mayBeTls = ({ code, details, sent }: TransportError): boolean =>
  code === "UNAVAILABLE" && !sent && !/ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|Name resolution/.test(details) &&
  details !== afterClose.details

/**
 * Whether connections fail because the ends don't agree on TLS; not once a call was answered, as a certificate that is
 * refused then may be one that is being changed.
 */
const hopeless = ({ endpoints, secure }: ControllerAddress.ControllerAddress, tls: TlsOptions | undefined) => {
  let mayBe = true
  const probes = endpoints.map((endpoint) =>
    TlsProblem.probe(`controller ${endpoint}`, ControllerAddress.hostAndPort(endpoint), secure ? tls ?? {} : undefined)
  )
  return {
    no: () => {
      mayBe = false
    },
    ask: Effect.suspend(() => mayBe ? Effect.all(probes, { concurrency: "unbounded" }) : Effect.succeed([])).pipe(
      Effect.map((found) => found.every((one) => one !== undefined) ? found[0] : undefined)
    )
  }
}

const withTls = ({ code, details, sent }: TransportError, tls: TlsFailed | undefined): TransportError =>
  new TransportError({ code, details, sent, ...(tls === undefined ? {} : { tls }) })

const toMetadata = (entries: Readonly<Record<string, string>>): grpc.Metadata => {
  const metadata = new grpc.Metadata()
  for (const [name, value] of Object.entries(entries)) metadata.set(name, value)
  return metadata
}

/** grpc-js says so, and only so, when a call ended before it was given to any connection. */
const neverSent = /No connection established|^Name resolution failed|Channel closed before call started/

const toTransportError = (error: grpc.ServiceError): TransportError => {
  const details = (error.details === "" ? error.message : error.details)
    .replace("Last error: undefined", "the connection was closed at once")
    .replace(/ \(\d{4}-[^)]*Z\)|\.? Resolution note: ?$/g, "")
  const isUnsent = error.code === grpc.status.UNAVAILABLE && neverSent.test(error.details)
  return new TransportError({
    code: statusCodes[error.code - 1] ?? "UNKNOWN",
    details: isUnsent ? `${details}${note()}` : details,
    sent: !isUnsent
  })
}
