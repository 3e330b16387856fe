/**
 * The root service: one client of one Pravega cluster (or of the embedded server). The modules that users call
 * require it, and a program provides it at its edge. It holds no state of its own.
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { EmbeddedOptions } from "../embedded/Embedded.ts"
import type { EmbeddedError } from "../embedded/EmbeddedError.ts"
import { Controller, type ControllerOptions, type StoreEndpoint } from "./controller/Controller.ts"
import * as ControllerAddress from "./controller/ControllerAddress.ts"
import * as ControllerLayers from "./controller/ControllerLayers.ts"
import type { ControllerTransport, TlsOptions } from "./controller/ControllerTransport.ts"
import type { TlsFailed } from "./controller/TlsFailed.ts"
import * as SegmentRequests from "./segmentstore/SegmentRequests.ts"
import { Segments } from "./segmentstore/Segments.ts"
import { SegmentStores, type SegmentStoresOptions } from "./segmentstore/SegmentStores.ts"
import { SegmentStoreTransport } from "./segmentstore/SegmentStoreTransport.ts"

/** @category models @since 0.1.0 */
export interface PravegaOptions extends ControllerOptions {
  /**
   * `tcp://host:port`, or several of them separated by commas. `tls://` encrypts the connections to the controller and to
   * the segment stores.
   */
  readonly controller: string
  /** Which certificates to trust, for `tls://`. Default: the authorities that Node trusts. */
  readonly tls?: TlsOptions | undefined
  /** How long connecting to a segment store may take. Default: 5 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /**
   * Where to connect to for a segment store, by the address that the controller names it with: for stores behind a proxy
   * or in a container, whose own addresses can't be reached from here. With `tls://` the certificate must be that of the
   * host connected to. Default: the address itself.
   *
   * **Example**
   *
   * ```ts
   * import { Pravega } from "effect-pravega"
   *
   * const Tunnelled = Pravega.layer({
   *   controller: "tcp://localhost:9090",
   *   resolveStore: ({ port }) => ({ host: "localhost", port })
   * })
   * ```
   */
  readonly resolveStore?: ((endpoint: StoreEndpoint) => StoreEndpoint) | undefined
  readonly stores?: SegmentStoresOptions | undefined
}

/** The options of a client without sockets. @category models @since 0.1.0 */
export type ClientOptions = Omit<PravegaOptions, "controller" | "tls" | "connectTimeout" | "resolveStore">

/**
 * A client. What it can do is in the modules that require one: `Admin`, `EventWriter`, `BatchReader` and the others.
 *
 * @category models
 * @since 0.2.0
 */
export interface PravegaClient {
  /** @internal */
  readonly controller: Controller["Service"]
  /** @internal */
  readonly segments: Segments["Service"]
  /** @internal */
  readonly stores: SegmentStores["Service"]
}

/** @category services @since 0.1.0 */
export class Pravega extends Context.Service<Pravega, PravegaClient>()("effect-pravega/Pravega") {
  /** A client over the transports that are provided. Embedded servers and tests use it in place of sockets. */
  static readonly layerTransport = (
    options: ClientOptions = {}
  ): Layer.Layer<Pravega, never, ControllerTransport | SegmentStoreTransport> => {
    // a client of its own also inside of another one's, whose segments would be taken for this one's
    const parts = Layer.fresh(SegmentRequests.layer).pipe(
      Layer.provideMerge(Layer.merge(ControllerLayers.client(options), SegmentStores.layer(options.stores)))
    )
    return Layer.effect(
      Pravega,
      Effect.gen(function*() {
        return { controller: yield* Controller, segments: yield* Segments, stores: yield* SegmentStores }
      })
    ).pipe(Layer.provide(parts))
  }

  /**
   * A client of the cluster that the address names. Building it connects to nothing; connections are opened when they
   * are needed, and closed with the layer's Scope.
   *
   * **Example**
   *
   * ```ts
   * import { Pravega } from "effect-pravega"
   *
   * const Live = Pravega.layer({ controller: "tcp://localhost:9090" })
   * ```
   */
  static readonly layer = (
    options: PravegaOptions
  ): Layer.Layer<Pravega, ControllerAddress.InvalidControllerAddress | TlsFailed> =>
    Layer.unwrap(Effect.gen(function*() {
      const { secure } = yield* Effect.fromResult(ControllerAddress.parse(options.controller))
      return Pravega.layerTransport(options).pipe(
        Layer.provide(Layer.merge(
          ControllerLayers.grpc({ controller: options.controller, tls: options.tls }),
          SegmentStoreTransport.layerSocket({
            connectTimeout: options.connectTimeout,
            resolve: options.resolveStore,
            tls: secure ? options.tls ?? {} : undefined
          })
        ))
      )
    }))

  /**
   * A client with a server of its own in this process. There are no sockets, and nothing to install or to start.
   *
   * **Details**
   *
   * With a directory the server keeps what it acknowledged, also through a `kill -9`. Without one everything is gone when the
   * layer's Scope closes. For clients in other processes, see `effect-pravega/embedded`, which has the server on sockets.
   *
   * **Example**
   *
   * ```ts
   * import { Pravega } from "effect-pravega"
   *
   * const Live = Pravega.layerEmbedded({ directory: "./data" })
   * ```
   */
  static readonly layerEmbedded = (
    options: EmbeddedOptions & ClientOptions = {}
  ): Layer.Layer<Pravega, EmbeddedError> =>
    // loaded here, not at import: a client of a cluster needs no server
    Layer.unwrap(Effect.map(
      Effect.promise(() => import("../embedded/Embedded.ts")),
      (Embedded) => Layer.provide(Pravega.layerTransport(options), Embedded.layerTransport(options))
    ))

  /**
   * A client of a cluster, configured from outside: `PRAVEGA_CONTROLLER` (the address, `tcp://localhost:9090` if unset),
   * `PRAVEGA_USER` and `PRAVEGA_PASSWORD` (basic authentication: both or neither), `PRAVEGA_TLS_CA` (trusted certificates,
   * PEM text). What is given here is not asked for outside.
   *
   * **Example**
   *
   * ```ts
   * import { Pravega } from "effect-pravega"
   *
   * const Live = Pravega.layerConfig({ attempts: 20 })
   * ```
   */
  static readonly layerConfig = (
    options: Omit<PravegaOptions, "controller"> & { readonly controller?: string | undefined } = {}
  ): Layer.Layer<Pravega, Config.ConfigError | ControllerAddress.InvalidControllerAddress | TlsFailed> =>
    // loaded here, not at import: Config and what it needs are a twentieth of it
    Layer.unwrap(
      Effect.promise(() => import("./PravegaConfig.ts")).pipe(
        Effect.flatMap(({ settings }) => settings),
        Effect.map(({ ca, controller, credentials }) =>
          Pravega.layer({
            ...options,
            controller: options.controller ?? controller,
            credentials: options.credentials ?? credentials,
            tls: ca === undefined ? options.tls : { ca, ...options.tls }
          })
        )
      )
    )
}
