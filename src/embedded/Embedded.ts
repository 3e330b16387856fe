/**
 * An embedded Pravega: a controller and a segment store in this process. Clients in the process reach them without sockets.
 * Any client of Pravega reaches them on sockets.
 *
 * **When to use**
 *
 * Use it for tests, for development, and for a program on one machine that wants streams without a cluster. Data are kept in
 * memory, or in a directory that survives a `kill -9`.
 *
 * **Details**
 *
 * One server is a cluster of one segment store. It does each request in one turn, so that none may be too large. A stream has
 * at most 10,000 segments at once, a key-value table as many partitions, and a request names as many keys. All streams and
 * open transactions together have at most a million segments.
 *
 * **Gotchas**
 *
 * It is not replicated. Its directory is not in Pravega's format.
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

/** Where a server keeps its data, and who may use it. @category models @since 0.1.0 */
export interface EmbeddedOptions {
  /** Where the data are kept. It is made if it is not there. Default: in memory, until the server's Scope closes. */
  readonly directory?: string | undefined
  /**
   * What acknowledged data survive in the directory. With "process", the default, they survive the end of the process, however
   * it ends. With "power" they also survive the loss of power: every group of commits waits for the disk.
   */
  readonly durability?: "process" | "power" | undefined
  /**
   * How often streams with a retention policy are looked at, and truncated where the policy says so. It is a second at least.
   * Default: 30 minutes, as in Pravega.
   */
  readonly retentionPeriod?: Duration.Input | undefined
  /**
   * Who may use the server. Clients must then name themselves, by Pravega's Basic authentication, and the segment store asks
   * for delegation tokens. Default: everybody may do everything.
   */
  readonly authorization?: AuthorizationOptions | undefined
}

/** Who may do what. @category models @since 0.1.0 */
export interface AuthorizationOptions {
  /** Users by their names. One that has only a password may do everything. */
  readonly users: Readonly<Record<string, string | Redacted.Redacted<string> | User>>
  /** What delegation tokens are signed with. Default: a random key. */
  readonly signingKey?: Redacted.Redacted<string> | undefined
  /** How long a delegation token is good for. Default: 10 minutes, as in Pravega. */
  readonly tokenLife?: Duration.Input | undefined
}

/** A user who may do some things only. @category models @since 0.1.0 */
export interface User {
  readonly password: string | Redacted.Redacted<string>
  /**
   * What the user may do, as in Pravega's password file: entries `prn::RESOURCE,LEVEL`, separated by semicolons. LEVEL is READ
   * or READ_UPDATE. RESOURCE is `/` (all scopes as such), `/scope:market`, `/scope:market/stream:trades`, or the same with
   * `key-value-table:` or `reader-group:`. In it, `*` stands for anything. The first entry that names a resource decides.
   *
   * To read a stream with reader groups takes, for example,
   * `prn::/scope:market,READ;prn::/scope:market/stream:trades,READ;prn::/scope:market/reader-group:*,READ`.
   */
  readonly may: string
}

/** Where a server listens, and how. @category models @since 0.1.0 */
export interface ListenOptions {
  /** Where to listen, and what clients are told to connect to. Default: "127.0.0.1". */
  readonly host?: string | undefined
  /** The ports. Default: 0, which takes a free one. */
  readonly ports?: { readonly controller?: number | undefined; readonly segmentStore?: number | undefined } | undefined
  /**
   * The server's certificate, with those that vouch for it, and its key, in PEM form. Both ports then take encrypted
   * connections only. Default: connections are not encrypted.
   */
  readonly tls?: { readonly certificate: string; readonly key: string | Redacted.Redacted<string> } | undefined
}

/** Where a server can be reached. @category models @since 0.1.0 */
export interface Addresses {
  /** What clients are given: `tcp://host:port`, or `tls://host:port`. */
  readonly controller: string
  /** What the controller tells them: `host:port`. */
  readonly segmentStore: string
}

/** A server that runs. @category models @since 0.1.0 */
export interface Embedded {
  /** How clients in this process reach the server, without sockets. It is given to `Pravega.layerTransport`. */
  readonly layerTransport: Layer.Layer<ControllerTransport | SegmentStoreTransport>
  /**
   * Serves clients on sockets too, until the Scope closes. After that, the ports are free and the connections closed. It fails
   * with `AddressUnavailable` when a port is taken.
   */
  readonly listen: (options?: ListenOptions) => Effect.Effect<Addresses, EmbeddedError, Scope.Scope>
  /**
   * Waits until the directory can no longer be written to or read, and fails with the reason. From then on the server
   * acknowledges nothing and refuses clients.
   */
  readonly failure: Effect.Effect<never, EmbeddedError>
}

/**
 * Starts a server, which stops with the Scope.
 *
 * **Details**
 *
 * Its clock is Effect's. So leases, retention and waiting reads move with a test's clock too. Leases, the memory of
 * transactions and retention by time go by the time that the server runs, over all its lives. A clock that is set, or a
 * machine that sleeps, ends none of them.
 *
 * It fails with `DirectoryHeld`, `DirectoryUnavailable`, `DirectoryCorrupt` or `DirectoryFormat` when it can't use the
 * directory, and with `OptionInvalid`.
 *
 * **Example**
 *
 * ```ts
 * import { Admin, Pravega } from "effect-pravega"
 * import { Embedded } from "effect-pravega/embedded"
 * import { Effect, Layer } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const { layerTransport } = yield* Embedded.make()
 *   yield* Effect.provide(Admin.createScope("market"), Pravega.layerTransport().pipe(Layer.provide(layerTransport)))
 * }).pipe(Effect.scoped)
 * ```
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
 * The transports to a server of their own. The server lives as long as the layer.
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
    // loaded here: a server for clients in its process only needs neither sockets nor gRPC
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
