/**
 * An embedded Pravega: controller and segment store in this process, which speak Pravega's protocols to clients in the
 * process without sockets, and on sockets to anybody's. In memory, or in a directory that survives a kill -9.
 *
 * One server is one cluster of one segment store. It is not replicated, and its directory is not Pravega's format. It does
 * each request in one turn, so that none may be too large: a stream has at most 10,000 segments at once, a key-value table
 * as many partitions, and a request names as many keys. All streams and open transactions together have a million segments.
 *
 * **Example**
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Embedded } from "effect-pravega/embedded"
 *
 * const program = Effect.gen(function*() {
 *   const server = yield* Embedded.make({ directory: "./data" })
 *   const { controller } = yield* server.listen({ ports: { controller: 9090 } })
 *   yield* Effect.log(`clients connect to ${controller}`)
 *   return yield* server.failure
 * }).pipe(Effect.scoped)
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import * as NumberOption from "../core/NumberOption.ts"
import { ControllerTransport } from "../pravega/controller/ControllerTransport.ts"
import * as BytePipe from "../pravega/segmentstore/BytePipe.ts"
import { ConnectionRefused } from "../pravega/segmentstore/ConnectionError.ts"
import { formatEndpoint, SegmentStoreTransport } from "../pravega/segmentstore/SegmentStoreTransport.ts"
import * as WireServer from "./connections/WireServer.ts"
import type { WireServerOptions } from "./connections/WireServerOptions.ts"
import * as AccessList from "./controller/AccessList.ts"
import type { Authorisation } from "./controller/Authentication.ts"
import * as ControllerServer from "./controller/ControllerServer.ts"
import * as DelegationTokens from "./controller/DelegationTokens.ts"
import * as InProcessTransport from "./controller/InProcessTransport.ts"
import { Refusal } from "./controller/Refusal.ts"
import { AddressUnavailable, DirectoryCorrupt, EmbeddedError, OptionInvalid } from "./EmbeddedError.ts"
import * as ContainerState from "./store/ContainerState.ts"
import * as SqliteStorage from "./store/SqliteStorage.ts"
import * as Storage from "./store/Storage.ts"

/** @category models @since 0.1.0 */
export interface EmbeddedOptions {
  /** Where the data are kept; made if it is not there. Undefined: in memory, until the server's Scope closes. */
  readonly directory?: string | undefined
  /**
   * What acknowledged data survive in the directory: the end of the process however it ends ("process", the default), or
   * also the loss of power ("power": every group of commits waits for the disk).
   */
  readonly durability?: "process" | "power" | undefined
  /**
   * How often streams with a retention policy are looked at, and truncated where the policy says so. From a second on; 30
   * minutes by default, as in Pravega.
   */
  readonly retentionPeriod?: Duration.Input | undefined
  /** Present: clients must name themselves (Pravega's Basic authentication), and stores ask for delegation tokens. */
  readonly authorization?: AuthorizationOptions | undefined
}

/** @category models @since 0.1.0 */
export interface AuthorizationOptions {
  /** By name. Who has a password only may do everything. */
  readonly users: Readonly<Record<string, string | Redacted.Redacted<string> | User>>
  /** What delegation tokens are signed with: random by default. */
  readonly signingKey?: Redacted.Redacted<string> | undefined
  /** How long a delegation token is good for: 10 minutes by default, as in Pravega. */
  readonly tokenLife?: Duration.Input | undefined
}

/** Somebody who may do some things only. @category models @since 0.1.0 */
export interface User {
  readonly password: string | Redacted.Redacted<string>
  /**
   * What the user may do, as in Pravega's password file: `prn::RESOURCE,LEVEL` separated by semicolons. LEVEL is READ or
   * READ_UPDATE; RESOURCE is `/` (all scopes as such), `/scope:market`, `/scope:market/stream:trades`, or the same with
   * `key-value-table:` or `reader-group:`, in which `*` stands for anything. The first entry that names a resource
   * decides about it. For example, who reads a stream with reader groups:
   * `prn::/scope:market,READ;prn::/scope:market/stream:trades,READ;prn::/scope:market/reader-group:*,READ`.
   */
  readonly may: string
}

/** @category models @since 0.1.0 */
export interface ListenOptions {
  /** Where to listen, and what clients are told to connect to. "127.0.0.1" by default. */
  readonly host?: string | undefined
  /** 0, the default: any that is free. */
  readonly ports?: { readonly controller?: number | undefined; readonly segmentStore?: number | undefined } | undefined
  /** In PEM form, the certificate with those that vouch for it. Present: both ports take encrypted connections only. */
  readonly tls?: { readonly certificate: string; readonly key: string | Redacted.Redacted<string> } | undefined
}

/** @category models @since 0.1.0 */
export interface Addresses {
  /** `tcp://host:port`, or `tls://host:port`: what clients are given. */
  readonly controller: string
  /** `host:port`: what the controller tells them. */
  readonly segmentStore: string
}

/** @category models @since 0.1.0 */
export interface Embedded {
  /** How clients in this process reach the server, without sockets: see `Pravega.layerTransport`. */
  readonly layerTransport: Layer.Layer<ControllerTransport | SegmentStoreTransport>
  /** Serves clients on sockets too, until the Scope closes: ports are free and connections closed after it. */
  readonly listen: (options?: ListenOptions) => Effect.Effect<Addresses, EmbeddedError, Scope.Scope>
  /**
   * Waits for the end of a server whose directory can no longer be written to or read, and fails with the reason. From
   * then on the server acknowledges nothing and refuses clients.
   */
  readonly failure: Effect.Effect<never, EmbeddedError>
}

/**
 * Starts a server, which stops with the Scope. Its clock is Effect's: leases, retention and waiting reads move with a
 * test's clock too.
 *
 * Leases, the memory of transactions and retention by time go by the time that the server runs, over all its lives: a
 * clock that is set, or a machine that sleeps, ends none of them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: EmbeddedOptions = {}): Effect.Effect<Embedded, EmbeddedError, Scope.Scope> =>
  Effect.gen(function*() {
    const retention = yield* retentionPeriod(options)
    const clock = yield* Clock.Clock
    const now = () => clock.currentTimeMillisUnsafe()
    const monotonic = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
    const failure = yield* Deferred.make<never, EmbeddedError>()
    const health: Health = { error: undefined }
    const storage = yield* openStorage(options, (error) => {
      health.error = error
      Deferred.doneUnsafe(failure, Effect.fail(error))
    })
    const state = storage.load()
    const container = yield* Effect.sync(() => ContainerState.open({ storage, state, now, monotonic })).pipe(
      Effect.catchDefect(corruptRecord(options.directory))
    )
    const authorisation = authorisationOf(options.authorization)
    const wire = WireServer.make({
      container,
      now,
      verifyToken: authorisation && tokenCheck(authorisation, now),
      randomDigits: () => randomBytes(16).toString("hex")
    })
    yield* Effect.addFinalizer(() => Effect.sync(wire.closeAll))
    yield* Effect.forkScoped(
      Effect.forever(Effect.andThen(Effect.sleep("1 second"), Effect.sync(container.expirePolls)))
    )
    // nobody connects to it before the server listens
    const place = { host: "embedded", port: 12_345 }
    const controller = yield* ControllerServer.make({
      container,
      storage,
      records: state.records,
      endpoint: () => place,
      authorisation,
      intervals: { retention }
    }).pipe(Effect.catchDefect(corruptRecord(options.directory)))
    const server: Server = { accept: wire.accept, handle: refuseWhenFailed(controller.handle, health), health, place }
    yield* Effect.forkScoped(Effect.ignore(Effect.tapError(Deferred.await(failure), () => Effect.sync(wire.closeAll))))
    return {
      layerTransport: inProcess(server),
      listen: (where) => listen(server, where),
      failure: Deferred.await(failure)
    }
  })

/**
 * The transports to a server of their own, which lives as long as the layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTransport = (
  options: EmbeddedOptions = {}
): Layer.Layer<ControllerTransport | SegmentStoreTransport, EmbeddedError> =>
  Layer.unwrap(Effect.map(make(options), (server) => server.layerTransport))

/** Why the server answers no more, if so. */
interface Health {
  error: EmbeddedError | undefined
}

/** What the ways to the server share. */
interface Server {
  readonly accept: WireServer.WireServer["accept"]
  readonly handle: ControllerServer.ControllerServer["handle"]
  readonly health: Health
  /** Where clients are told to find the segments. */
  readonly place: { host: string; port: number }
}

const retentionPeriod = (
  { retentionPeriod: period = ControllerServer.defaultIntervals.retention }: EmbeddedOptions
): Effect.Effect<Duration.Duration, EmbeddedError> => {
  const millis = Option.map(Duration.fromInput(period), Duration.toMillis)
  return Option.isSome(millis) && millis.value >= 1_000 && millis.value <= periodMaximum
    ? Effect.succeed(Duration.millis(millis.value))
    : Effect.fail(
      new EmbeddedError({
        reason: new OptionInvalid({ option: "retentionPeriod", expected: "a duration of a second to 20 days" })
      })
    )
}

/** Node's timers take no more; in milliseconds. */
const periodMaximum = 20 * 86_400_000

const openStorage = (
  { directory, durability }: EmbeddedOptions,
  onFailure: (error: EmbeddedError) => void
): Effect.Effect<Storage.Storage, EmbeddedError, Scope.Scope> =>
  directory === undefined
    ? Effect.acquireRelease(Effect.sync(Storage.makeMemory), (storage) => Effect.sync(storage.close))
    : SqliteStorage.open({ directory, durability, onFailure })

/** A record that can't be read is damage of the directory; any other defect is one. */
const corruptRecord = (directory: string | undefined) => (cause: unknown): Effect.Effect<never, EmbeddedError> =>
  directory !== undefined && Schema.isSchemaError(cause)
    ? Effect.fail(new EmbeddedError({ reason: new DirectoryCorrupt({ directory, cause }) }))
    : Effect.die(cause)

const refuseWhenFailed = (
  handle: ControllerServer.ControllerServer["handle"],
  health: Health
): ControllerServer.ControllerServer["handle"] =>
(method, request, metadata, reply) => {
  const { error } = health
  if (error === undefined) return handle(method, request, metadata, reply)
  queueMicrotask(() => reply(new Refusal({ code: "UNAVAILABLE", details: error.message })))
}

const inProcess = (server: Server): Embedded["layerTransport"] =>
  Layer.merge(
    Layer.succeed(ControllerTransport, InProcessTransport.make(server)),
    SegmentStoreTransport.layerMemory((endpoint) =>
      Effect.suspend(() => {
        const { error } = server.health
        if (error !== undefined) {
          return Effect.fail(new ConnectionRefused({ endpoint: formatEndpoint(endpoint), cause: error }))
        }
        const [client, served] = BytePipe.makePair()
        server.accept(served)
        return Effect.succeed(client)
      })
    )
  )

const listen = (
  server: Server,
  { host = "127.0.0.1", ports = {}, tls: encryption }: ListenOptions = {}
): Effect.Effect<Addresses, EmbeddedError, Scope.Scope> =>
  Effect.gen(function*() {
    const unavailable = (port: number) => ({ cause }: { readonly cause: unknown }) =>
      new EmbeddedError({ reason: new AddressUnavailable({ host, port, cause }) })
    // loaded here: who has clients in the process only needs neither sockets nor gRPC
    const [SocketServer, GrpcServer] = yield* Effect.promise(() =>
      Promise.all([import("./connections/SocketServer.ts"), import("./controller/GrpcServer.ts")])
    )
    const controller = portOf("ports.controller", ports.controller)
    const segmentStore = portOf("ports.segmentStore", ports.segmentStore)
    const tls = encryption && { chain: encryption.certificate, key: revealed(encryption.key) }
    const storePort = yield* SocketServer.listen({
      host,
      port: segmentStore,
      tls,
      accept: (pipe) => server.health.error === undefined ? server.accept(pipe) : pipe.close()
    }).pipe(Effect.mapError(unavailable(segmentStore)))
    Object.assign(server.place, { host, port: storePort })
    const controllerPort = yield* GrpcServer.listen(server, { host, port: controller, tls }).pipe(
      Effect.mapError(unavailable(controller))
    )
    return {
      controller: `${tls === undefined ? "tcp" : "tls"}://${formatEndpoint({ host, port: controllerPort })}`,
      segmentStore: formatEndpoint({ host, port: storePort })
    }
  })

const authorisationOf = (options: AuthorizationOptions | undefined): Authorisation | undefined =>
  options && {
    users: new Map(
      Object.entries(options.users).map(([name, user]) => [
        name,
        typeof user === "string" || Redacted.isRedacted(user)
          ? { password: revealed(user), may: AccessList.everything }
          : { password: revealed(user.password), may: AccessList.parse(user.may) }
      ])
    ),
    signingKey: options.signingKey === undefined ? randomBytes(32).toString("hex") : Redacted.value(options.signingKey),
    life: Duration.toMillis(Duration.fromInputUnsafe(options.tokenLife ?? Duration.minutes(10)))
  }

const revealed = (password: string | Redacted.Redacted<string>): string =>
  typeof password === "string" ? password : Redacted.value(password)

const tokenCheck =
  (authorisation: Authorisation, now: () => number): NonNullable<WireServerOptions["verifyToken"]> =>
  (segments, token, access) => {
    switch (DelegationTokens.check(authorisation, token, segments, access, now())) {
      case "allowed":
        return { _tag: "Ok", expiresAt: DelegationTokens.expiresAt(authorisation, token) }
      case "expired":
        return { _tag: "Expired" }
      case "refused":
        return { _tag: "Failed" }
    }
  }

/** 0: a free one. */
const portOf = (name: string, port: number | undefined): number =>
  NumberOption.check(name, port, { least: 0, most: 65_535, otherwise: 0 })
