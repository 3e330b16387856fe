/**
 * The embedded controller on a socket: gRPC by grpc-js, whose sockets and timers are its own. It passes bytes on and
 * knows no message.
 *
 * @internal
 */
import * as grpc from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { statusCodes } from "../../pravega/controller/ControllerTransport.ts"
import { type ListenError, listenWith } from "../connections/Listening.ts"
import type { ControllerServer } from "./ControllerServer.ts"
import { defaultLimits, GrpcConnections, type GrpcLimits } from "./internal/GrpcConnections.ts"
import { rpcs } from "./internal/Rpcs.ts"

const service = "/io.pravega.controller.stream.api.grpc.v1.ControllerService/"

/** Calls in progress are answered within a turn and a commit: this is for peers that do not read. */
const closingMillis = 1_000
/** How long a peer may take to agree on the encryption. */
const handshakeMillis = 10_000

/** @category models @since 0.1.0 */
export interface GrpcServerOptions {
  /** "127.0.0.1" by default. */
  readonly host?: string | undefined
  /** 0: any free one. */
  readonly port: number
  /** In PEM form; undefined: no TLS. */
  readonly tls?: { readonly chain: string; readonly key: string } | undefined
  readonly limits?: Partial<GrpcLimits> | undefined
}

/** Listens until the Scope closes; yields the port. @category running @since 0.1.0 */
export const listen = (
  server: Pick<ControllerServer, "handle">,
  options: GrpcServerOptions
): Effect.Effect<number, ListenError, Scope.Scope> =>
  Effect.map(Effect.acquireRelease(start(server, options), stop), ({ port }) => port)

interface Listening {
  readonly listener: Net.Server
  readonly calls: grpc.Server
  readonly connections: GrpcConnections
  readonly port: number
}

const start = (
  server: Pick<ControllerServer, "handle">,
  { host = "127.0.0.1", port, tls, ...options }: GrpcServerOptions
): Effect.Effect<Listening, ListenError> => {
  const limits = { ...defaultLimits, ...options.limits }
  const connections = new GrpcConnections(limits)
  const calls = new grpc.Server({
    "grpc.max_receive_message_length": limits.requestBytes,
    "grpc.max_concurrent_streams": limits.callsOfOne,
    "grpc.enable_channelz": 0,
    interceptors: [connections.interceptor]
  })
  calls.addService(definition, implementation(server))
  const make = () => {
    // encrypted by the sockets below: grpc-js would have the sockets that it is given encrypted, which Deno does not do
    const injector = calls.createConnectionInjector(grpc.ServerCredentials.createInsecure())
    const serve = (socket: Net.Socket) => {
      if (!socket.destroyed) injector.injectConnection(socket)
    }
    if (tls === undefined) {
      return Net.createServer({ noDelay: true }, (socket) => {
        connections.add(socket)
        serve(socket)
      })
    }
    const { chain: cert, key } = tls
    const settings = { cert, key, ALPNProtocols: ["h2"], noDelay: true, handshakeTimeout: handshakeMillis }
    return Tls.createServer(settings, (socket) => serve(socket.on("error", () => {})))
      .on("connection", (socket: Net.Socket) => connections.add(socket))
      .on("tlsClientError", (_, socket) => socket.destroy())
  }
  return Effect.map(
    listenWith(make, { host, port }),
    (listening): Listening => ({ listener: listening.server, port: listening.port, calls, connections })
  )
}

/** Calls in progress still get their answers. */
const stop = ({ calls, connections, listener }: Listening): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    listener.close()
    calls.tryShutdown(() => resume(Effect.void))
  }).pipe(
    // on the clock of the sockets: a test's clock may stand still
    Effect.raceFirst(
      Effect.callback<void>((resume) => {
        const timer = setTimeout(() => resume(Effect.void), closingMillis)
        return Effect.sync(() => clearTimeout(timer))
      })
    ),
    Effect.andThen(Effect.sync(() => {
      calls.forceShutdown()
      connections.destroyAll()
    }))
  )

const toBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

type Definition = Record<string, grpc.MethodDefinition<Uint8Array, Uint8Array>>

const names: ReadonlyArray<string> = Object.keys(rpcs)

const definition: Definition = Object.fromEntries(names.map((name) => [name, {
  path: service + name,
  requestStream: false,
  responseStream: false,
  requestSerialize: toBuffer,
  requestDeserialize: (bytes: Buffer): Uint8Array => bytes,
  responseSerialize: toBuffer,
  responseDeserialize: (bytes: Buffer): Uint8Array => bytes
}]))

const implementation = (server: Pick<ControllerServer, "handle">): grpc.UntypedServiceImplementation =>
  Object.fromEntries(names.map((name) => [name, unary(server, name)]))

const unary = (
  server: Pick<ControllerServer, "handle">,
  method: string
): grpc.handleUnaryCall<Uint8Array, Uint8Array> =>
(call, callback) => {
  server.handle(method, call.request, metadataOf(call.metadata), (answer) => {
    if (answer instanceof Uint8Array) return callback(null, answer)
    callback({ code: statusCodes.indexOf(answer.code) + 1, details: answer.details })
  })
}

const metadataOf = (metadata: grpc.Metadata): Record<string, string> =>
  Object.fromEntries(
    Object.entries(metadata.getMap()).flatMap(([name, value]) => typeof value === "string" ? [[name, value]] : [])
  )
