/**
 * An embedded Pravega to whom things happen: killed and started again from what it had made durable, paused, its leases
 * expired, its segments moved, its container restarted. In process, without sockets or timers of its own: it lives by the
 * clock and the scheduler of the fiber that makes it.
 *
 * Faults of the network between it and a client are `Faults`, given to `client`.
 *
 * @since 0.1.0
 */
import { fromBinary } from "@bufbuild/protobuf"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as EventFrame from "../../core/bytes/EventFrame.ts"
import * as TransactionId from "../../core/TransactionId.ts"
import * as Uuid from "../../core/Uuid.ts"
import * as WireServer from "../../embedded/connections/WireServer.ts"
import * as ControllerServer from "../../embedded/controller/ControllerServer.ts"
import type { Limits } from "../../embedded/controller/World.ts"
import type { EmbeddedError } from "../../embedded/EmbeddedError.ts"
import * as ContainerState from "../../embedded/store/ContainerState.ts"
import type { SegmentContainer } from "../../embedded/store/SegmentContainer.ts"
import * as SqliteStorage from "../../embedded/store/SqliteStorage.ts"
import type { Storage } from "../../embedded/store/Storage.ts"
import { ControllerTransport, TransportError } from "../../pravega/controller/ControllerTransport.ts"
import * as pb from "../../pravega/controller/gen/Controller_pb.ts"
import type { ClientOptions, Pravega } from "../../pravega/Pravega.ts"
import { ConnectionRefused } from "../../pravega/segmentstore/ConnectionError.ts"
import { formatEndpoint, SegmentStoreTransport } from "../../pravega/segmentstore/SegmentStoreTransport.ts"
import * as Seeded from "../seeded/Seeded.ts"
import * as Turns from "../seeded/Turns.ts"
import { Disk } from "./DiskStorage.ts"
import * as Faults from "./Faults.ts"
import * as SimulatedClient from "./SimulatedClient.ts"

/** @category models @since 0.1.0 */
export interface Options {
  /** The data's folder. Default: none. Then the data are in memory, outlive the server's deaths, and go with the Scope. */
  readonly directory?: string | undefined
  /** It decides whether what was about to become durable when the server died did become so. Default: 0. */
  readonly seed?: number | undefined
  /** How long completed transactions are remembered. Default: a day, as in Pravega. */
  readonly transactionMemory?: Duration.Input | undefined
  /** Is called with each call that the controller is about to do. */
  readonly onCall?: ((call: Call) => void) | undefined
  /** Is called with each change of what the server keeps, in memory only: that of a directory is not seen. @internal */
  readonly onChange?: (() => void) | undefined
}

/** A call that reached the controller. @category models @since 0.1.0 */
export interface Call {
  readonly method: string
  /** The transaction, if the call is about one. */
  readonly transaction?: { readonly stream: string; readonly id: TransactionId.TransactionId } | undefined
}

/** @category models @since 0.1.0 */
export interface FaultyServer {
  /** A client of the server, through these faults or none. It belongs to the process that builds it. */
  readonly client: (faults?: Faults.Faults, options?: ClientOptions) => Layer.Layer<Pravega>
  /** The transports of such a client. */
  readonly layerTransport: (faults?: Faults.Faults) => Layer.Layer<ControllerTransport | SegmentStoreTransport>
  /** Does something to the server's streams that no fault disturbs: `server.undisturbed(Admin.sealStream(name))`. */
  readonly undisturbed: <A, E>(effect: Effect.Effect<A, E, Pravega>) => Effect.Effect<A, E>
  /**
   * As kill -9: what it had not made durable is gone, or not (drawn from the seed, in memory as in a directory), and all
   * connections break.
   */
  readonly kill: Effect.Effect<void>
  /** Starts the server on what is durable. Does nothing if it runs. */
  readonly start: Effect.Effect<void, EmbeddedError>
  /** `kill` and `start`. */
  readonly restart: Effect.Effect<void, EmbeddedError>
  /** The server hears and says nothing until it is resumed. Connections stay. */
  readonly pause: () => void
  readonly resume: () => void
  readonly isRunning: () => boolean
  /** Segments live elsewhere for a while: every request for one is answered with `WrongHost`. */
  readonly moveSegments: (duration: Duration.Input) => Effect.Effect<void>
  /** The store's connections break, and for a while it owns no segment. The controller goes on. */
  readonly restartContainer: (duration: Duration.Input) => Effect.Effect<void>
  /**
   * What its segments hold of a stream at this moment, event by event, as no client could see it: at once. Nothing while
   * it is down.
   */
  readonly peek: (stream: string) => ReadonlyArray<Uint8Array>
  /** Ends the leases of the transactions that are open now, of all streams or of one. Returns how many they are. */
  readonly expireLeases: (stream?: string) => number
}

/**
 * Starts one; it stops with the Scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<FaultyServer, EmbeddedError, Scope.Scope> =>
  Effect.gen(function*() {
    const server = new Server(options, yield* Turns.make, yield* Clock.Clock, yield* Effect.scope)
    yield* Effect.addFinalizer(() => server.kill)
    yield* server.start
    return server
  })

/** What runs from a start to a death. */
interface Life {
  readonly scope: Scope.Closeable
  readonly container: SegmentContainer
  readonly wire: WireServer.WireServer
  readonly controller: ControllerServer.ControllerServer
  /** Closes the storage; what is about to become durable becomes so, or not. */
  readonly end: (isWritten: boolean) => void
}

const place = { host: "simulated", port: 12_345 }

/** Nobody looks at watermarks or load more often than it matters; retention as on a real server. */
const intervals = { retention: Duration.minutes(30), watermarks: Duration.minutes(1), scaling: Duration.minutes(1) }

type Answer = (answer: Effect.Effect<Uint8Array, TransportError>) => void

class Server implements FaultyServer {
  private readonly options: Options
  private readonly clock: Clock.Clock
  private readonly scope: Scope.Scope
  private readonly seeded: Seeded.Seeded
  private readonly uuids: Uuid.Uuids
  private readonly disk = new Disk()
  private readonly turns: Turns.Turns
  private life: Life | undefined = undefined
  private isPaused = false
  private held: Array<() => void> = []
  /** Callers that wait for an answer. */
  private readonly callers = new Set<Answer>()
  /** Where every transaction belongs that was begun, by its id. */
  private readonly begun = new Map<TransactionId.TransactionId, { readonly scope: string; readonly stream: string }>()
  /** No segment is owned before this time. */
  private ownsFrom = 0

  constructor(options: Options, turns: Turns.Turns, clock: Clock.Clock, scope: Scope.Scope) {
    this.scope = scope
    this.options = options
    if (options.onChange !== undefined) this.disk.onChange = options.onChange
    this.clock = clock
    this.seeded = Seeded.make(options.seed ?? 0).fork("server")
    const ids = this.seeded.fork("ids")
    this.uuids = Uuid.fromNumbers(() => ids.between(0, 0xFFFFFFFF))
    const unlessPaused = (task: () => void) => () => {
      if (this.isPaused) this.held.push(task)
      else task()
    }
    this.turns = {
      later: (task) => turns.later(unlessPaused(task)),
      after: (millis, task) => turns.after(millis, unlessPaused(task))
    }
  }

  readonly start: Effect.Effect<void, EmbeddedError> = Effect.suspend(() =>
    this.life === undefined ? this.begin : Effect.void
  )

  private get begin(): Effect.Effect<void, EmbeddedError> {
    return Effect.gen({ self: this }, function*() {
      const scope = yield* Scope.make()
      const now = () => this.clock.currentTimeMillisUnsafe()
      const { abandon, storage } = yield* Scope.provide(this.storage, scope)
      const end = (isWritten: boolean) => isWritten ? storage.close() : abandon()
      const state = storage.load()
      const monotonic = () => Number(this.clock.monotonicTimeNanosUnsafe() / 1_000_000n)
      const container = ContainerState.open({ storage, state, now, monotonic })
      const wire = WireServer.make({
        container,
        now,
        owns: () => now() >= this.ownsFrom,
        randomDigits: () =>
          Array.from({ length: 4 }, () => this.seeded.between(0, 0xFFFFFFFF).toString(16).padStart(8, "0")).join("")
      })
      const { transactionMemory } = this.options
      const controller = yield* Scope.provide(
        ControllerServer.make({
          container,
          storage,
          records: state.records,
          endpoint: () => place,
          intervals,
          newId: this.uuids.nextUnsafe,
          // As Pravega, and other than the embedded server, it forgets by age alone.
          limits: {
            completedTransactionsKept: 0,
            ...transactionMemory === undefined
              ? {}
              : { completedTransactionLife: Duration.toMillis(Duration.fromInputUnsafe(transactionMemory)) }
          } satisfies Partial<Limits>
        }),
        scope
      )
      yield* Scope.provide(
        Effect.forkScoped(
          Effect.forever(Effect.andThen(Effect.sleep("10 seconds"), Effect.sync(container.expirePolls)))
        ),
        scope
      )
      this.life = { scope, container, wire, controller, end }
    })
  }

  private get storage(): Effect.Effect<
    { readonly storage: Storage; readonly abandon: () => void },
    EmbeddedError,
    Scope.Scope
  > {
    const { directory } = this.options
    if (directory === undefined) {
      return Effect.sync(() => ({ storage: this.disk.open(this.turns), abandon: this.disk.lose }))
    }
    return Effect.map(
      SqliteStorage.open({ directory, durability: "process", onFailure: () => {} }),
      (storage) => ({ storage, abandon: storage.abandon })
    )
  }

  readonly kill: Effect.Effect<void> = Effect.suspend(() => {
    const { life } = this
    if (life === undefined) return Effect.void
    this.life = undefined
    this.resume()
    life.end(this.seeded.chance(0.5))
    life.wire.closeAll()
    for (const caller of Array.from(this.callers)) caller(Effect.fail(unavailable("the server died", true)))
    return Scope.close(life.scope, Exit.void)
  })

  readonly restart: Effect.Effect<void, EmbeddedError> = Effect.andThen(this.kill, this.start)

  readonly isRunning = (): boolean => this.life !== undefined

  readonly pause = (): void => {
    this.isPaused = true
  }

  readonly resume = (): void => {
    if (!this.isPaused) return
    this.isPaused = false
    const { held } = this
    this.held = []
    for (const task of held) this.turns.later(task)
  }

  readonly moveSegments = (duration: Duration.Input): Effect.Effect<void> =>
    Effect.sync(() => {
      this.ownsFrom = this.clock.currentTimeMillisUnsafe() + Duration.toMillis(Duration.fromInputUnsafe(duration))
    })

  readonly restartContainer = (duration: Duration.Input): Effect.Effect<void> =>
    Effect.andThen(this.moveSegments(duration), Effect.sync(() => this.life?.wire.closeAll()))

  readonly expireLeases = (stream?: string): number => {
    let expired = 0
    for (const [id, owner] of this.begun) {
      if (stream !== undefined && stream !== `${owner.scope}/${owner.stream}`) continue
      if (this.life?.controller.expireLease(owner.scope, owner.stream, id) === true) expired++
    }
    return expired
  }

  readonly peek = (stream: string): ReadonlyArray<Uint8Array> => {
    const container = this.life?.container
    if (container === undefined) return []
    const found: Array<Uint8Array> = []
    for (const name of container.names()) {
      if (name.startsWith(`${stream}/`) && isStreamSegment(name)) eventsOf(container, name, found)
    }
    return found
  }

  readonly client = (faults?: Faults.Faults, options: ClientOptions = {}): Layer.Layer<Pravega> =>
    Layer.provide(SimulatedClient.layer(options), this.layerTransport(faults))

  readonly layerTransport = (faults?: Faults.Faults): Layer.Layer<ControllerTransport | SegmentStoreTransport> =>
    Layer.unwrap(Effect.map(Turns.make, (turns) => {
      const network = faults?.[Faults.network] ?? new Faults.Network({}, turns)
      return Layer.merge(
        Layer.succeed(ControllerTransport, {
          unary: network.calls((method, request, { metadata }) =>
            Effect.callback((resume) => {
              const answer: Answer = (reply) => {
                this.callers.delete(answer)
                turns.later(() => resume(reply))
              }
              this.callers.add(answer)
              this.turns.later(() => {
                if (!network.isCutOff) this.call(method, request, metadata, answer)
              })
            })
          )
        }),
        Layer.succeed(SegmentStoreTransport, {
          open: (endpoint) =>
            Effect.andThen(
              network.refusal(formatEndpoint(endpoint)),
              Effect.acquireRelease(
                Effect.suspend(() => {
                  const { life } = this
                  if (life === undefined) {
                    const cause = new Error("the server is down")
                    return Effect.fail(new ConnectionRefused({ endpoint: formatEndpoint(endpoint), cause }))
                  }
                  const link = network.link(this.turns)
                  life.wire.accept(link.server)
                  return Effect.succeed(link.client)
                }),
                (end) => Effect.sync(() => end.close())
              )
            )
        })
      )
    }))

  readonly undisturbed = <A, E>(effect: Effect.Effect<A, E, Pravega>): Effect.Effect<A, E> =>
    Effect.flatMap(this.ownClient, (context) => Effect.provideContext(effect, context))

  /** One for all that nothing disturbs. */
  private readonly ownClient = Effect.suspend(() =>
    this.ownContext === undefined
      ? Effect.tap(Layer.buildWithScope(this.client(), this.scope), (context) =>
        Effect.sync(() => {
          this.ownContext = context
        }))
      : Effect.succeed(this.ownContext)
  )
  private ownContext: Context.Context<Pravega> | undefined = undefined

  private call(method: string, request: Uint8Array, metadata: Readonly<Record<string, string>>, answer: Answer): void {
    const { life } = this
    if (life === undefined) return answer(Effect.fail(unavailable("the server is down", false)))
    this.options.onCall?.({ method, ...transactionOf(method, request) })
    life.controller.handle(method, request, metadata, (reply) => {
      if (this.life !== life || !this.callers.has(answer)) return
      if (!(reply instanceof Uint8Array)) {
        return answer(Effect.fail(new TransportError({ code: reply.code, details: reply.details, sent: true })))
      }
      if (method === "createTransaction") this.remember(request, reply)
      answer(Effect.succeed(reply))
    })
  }

  private remember(request: Uint8Array, reply: Uint8Array): void {
    const { streamInfo } = fromBinary(pb.CreateTxnRequestSchema, request)
    const { txnId } = fromBinary(pb.CreateTxnResponseSchema, reply)
    if (streamInfo === undefined || txnId === undefined) return
    this.begun.set(idOf(txnId), { scope: streamInfo.scope, stream: streamInfo.stream })
  }
}

const isStreamSegment = (name: string): boolean => !name.includes("#transaction.") && !ContainerState.isTransient(name)

/** Reads a segment from its start to its end. */
const eventsOf = (container: SegmentContainer, name: string, found: Array<Uint8Array>): void => {
  const info = container.info(name)
  if (info === undefined) return
  const bytes = new Uint8Array(info.length - info.startOffset)
  for (let at = 0; at < bytes.length;) {
    const read = container.read(name, info.startOffset + at, bytes.length - at, () => {})
    if (read._tag !== "ReadData" || read.data.length === 0) return
    bytes.set(read.data, at)
    at += read.data.length
  }
  EventFrame.forEach(bytes, (data) => found.push(data))
}

const idOf = ({ highBits, lowBits }: pb.TxnId): TransactionId.TransactionId =>
  TransactionId.fromBits({ high: highBits, low: lowBits })

const transactionOf = (method: string, request: Uint8Array): Pick<Call, "transaction"> => {
  if (!ofTransactions.has(method)) return {}
  const { streamInfo, txnId } = fromBinary(pb.TxnRequestSchema, request)
  if (streamInfo === undefined || txnId === undefined) return {}
  return { transaction: { stream: `${streamInfo.scope}/${streamInfo.stream}`, id: idOf(txnId) } }
}

/** Calls whose request is a `TxnRequest`. */
const ofTransactions: ReadonlySet<string> = new Set(["commitTransaction", "abortTransaction", "checkTransactionState"])

const unavailable = (details: string, sent: boolean): TransportError =>
  new TransportError({ code: "UNAVAILABLE", details, sent })
