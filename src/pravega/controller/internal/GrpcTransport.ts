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
import { type ControllerTransport, type GrpcOptions, statusCodes, TransportError } from "../ControllerTransport.ts"

const service = "/io.pravega.controller.stream.api.grpc.v1.ControllerService/"

/** Servers in Java refuse pings more frequent than every 5 minutes; Pravega's own client pings every 6. */
const keepAliveMillis = 360_000
const keepAliveTimeoutMillis = 20_000
/** Large answers are segment lists: a stream has tens of thousands of segments at most, at about 50 bytes each. */
const maxReplyBytes = 16 * 1024 * 1024
/** Between attempts to connect again; the number of calls in between is bounded by the retries above. */
const reconnectMillis = { initial: 100, max: 2_000 }

const channelOptions: grpc.ChannelOptions = {
  "grpc.enable_retries": 0,
  // channels of their own: closing one client closes its sockets, and never another's
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_channelz": 0,
  "grpc.keepalive_time_ms": keepAliveMillis,
  "grpc.keepalive_timeout_ms": keepAliveTimeoutMillis,
  "grpc.initial_reconnect_backoff_ms": reconnectMillis.initial,
  "grpc.max_reconnect_backoff_ms": reconnectMillis.max,
  "grpc.max_receive_message_length": maxReplyBytes,
  // a host name with several addresses: all of them in turn
  "grpc.service_config": JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] })
}

const bytes = (value: string | Uint8Array | undefined): Buffer | null =>
  value === undefined ? null : typeof value === "string" ? Buffer.from(value) : Buffer.from(value)

const credentials = (secure: boolean, tls: GrpcOptions["tls"]): grpc.ChannelCredentials =>
  secure
    ? grpc.credentials.createSsl(
      bytes(tls?.ca),
      bytes(tls?.certificate?.key),
      bytes(tls?.certificate?.chain),
      tls?.verifyHostName === false ? { checkServerIdentity: () => undefined } : {}
    )
    : grpc.credentials.createInsecure()

/** @internal @category constructors @since 0.1.0 */
export const make = (
  options: GrpcOptions
): Effect.Effect<ControllerTransport["Service"], ControllerAddress.InvalidControllerAddress, Scope.Scope> =>
  Effect.gen(function*() {
    const address = yield* Effect.fromResult(ControllerAddress.parse(options.controller))
    // a call would open a closed channel again
    let closed = false
    const clients = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const security = credentials(address.secure, options.tls)
        return address.endpoints.map((endpoint) => new grpc.Client(`dns:${endpoint}`, security, channelOptions))
      }),
      (clients) =>
        Effect.sync(() => {
          closed = true
          clients.forEach((client) => client.close())
        })
    )
    const pick = roundRobin(clients)
    return {
      unary: (method, request, { metadata, timeout }) =>
        Effect.callback<Uint8Array, TransportError>((resume) => {
          if (closed) return resume(Effect.fail(afterClose))
          const call = pick().makeUnaryRequest(
            service + method,
            (message: Uint8Array) => Buffer.from(message.buffer, message.byteOffset, message.byteLength),
            (reply: Buffer): Uint8Array => reply,
            request,
            toMetadata(metadata),
            { deadline: Date.now() + Duration.toMillis(timeout) },
            (error, reply) => {
              if (error !== null) resume(Effect.fail(toTransportError(error)))
              else resume(Effect.succeed(reply ?? new Uint8Array(0)))
            }
          )
          return Effect.sync(() => call.cancel())
        })
    }
  })

const afterClose = new TransportError({ code: "UNAVAILABLE", details: "the client was closed", sent: false })

/** The next client whose channel is not known to be broken; all broken: simply the next. */
const roundRobin = (clients: ReadonlyArray<grpc.Client>) => {
  let next = 0
  return (): grpc.Client => {
    const start = next
    next = (next + 1) % clients.length
    for (let i = 0; i < clients.length; i++) {
      const client = clients[(start + i) % clients.length]!
      if (client.getChannel().getConnectivityState(false) !== grpc.connectivityState.TRANSIENT_FAILURE) return client
    }
    return clients[start]!
  }
}

const toMetadata = (entries: Readonly<Record<string, string>>): grpc.Metadata => {
  const metadata = new grpc.Metadata()
  for (const [name, value] of Object.entries(entries)) metadata.set(name, value)
  return metadata
}

/** grpc-js says so, and only so, when a call ended before it was given to any connection. */
const neverSent = /No connection established|^Name resolution failed|Channel closed before call started/

const toTransportError = (error: grpc.ServiceError): TransportError =>
  new TransportError({
    code: statusCodes[error.code - 1] ?? "UNKNOWN",
    details: error.details === "" ? error.message : error.details,
    sent: !(error.code === grpc.status.UNAVAILABLE && neverSent.test(error.details))
  })
