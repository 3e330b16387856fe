/**
 * The controller client as layers: its methods over a transport, and the transport on real sockets. What they need is
 * loaded when a layer is built and not at import: the protocol's descriptions take a fifth of a second, gRPC a tenth.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Controller, type ControllerOptions } from "./Controller.ts"
import type { InvalidControllerAddress } from "./ControllerAddress.ts"
import { ControllerTransport, type GrpcOptions } from "./ControllerTransport.ts"
import type { TlsFailed } from "./TlsFailed.ts"

/** The client over whatever transport there is. It holds nothing but its options. @category layers @since 0.2.0 */
export const client = (options: ControllerOptions = {}): Layer.Layer<Controller, never, ControllerTransport> =>
  Layer.effect(
    Controller,
    Effect.gen(function*() {
      const transport = yield* ControllerTransport
      const implementation = yield* Effect.promise(() => import("./ControllerClient.ts"))
      return implementation.make(transport, options)
    })
  )

/**
 * gRPC on real sockets. Calls go round the endpoints in turn and pass over those that can't be reached at the moment.
 * Connections are made when first needed, kept alive, and closed with the layer's Scope.
 *
 * @category layers
 * @since 0.2.0
 */
export const grpc = (options: GrpcOptions): Layer.Layer<ControllerTransport, InvalidControllerAddress | TlsFailed> =>
  Layer.effect(
    ControllerTransport,
    Effect.flatMap(Effect.promise(() => import("./internal/GrpcTransport.ts")), (transport) => transport.make(options))
  )
