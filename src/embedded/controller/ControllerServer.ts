/**
 * The embedded server's controller: answers the protocol's methods, and does by itself what a real controller does in
 * time (leases, retention, watermarks, scaling on load). It has no socket: `GrpcServer` and `InProcessTransport` lead to
 * it.
 *
 * Every request is handled in one turn. Its answer leaves when all that it could have seen is durable.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ControllerMethod } from "../../pravega/controller/Controller.ts"
import * as pb from "../../pravega/controller/gen/Controller_pb.ts"
import type { SegmentContainer } from "../store/SegmentContainer.ts"
import { allows } from "./AccessList.ts"
import { authenticate, type Authorisation } from "./Authentication.ts"
import * as DelegationTokens from "./DelegationTokens.ts"
import { requirements } from "./internal/Permissions.ts"
import { type RpcContext, rpcs } from "./internal/Rpcs.ts"
import { every, makeLeases, makeQueue, runningTime } from "./internal/Timers.ts"
import { AutoScaling } from "./model/AutoScaling.ts"
import { ControllerState, type StreamState } from "./model/ControllerState.ts"
import type { RecordStorage } from "./model/RecordTable.ts"
import * as Retention from "./model/Retention.ts"
import * as Scopes from "./model/Scopes.ts"
import * as Transactions from "./model/Transactions.ts"
import * as WriterTimes from "./model/WriterTimes.ts"
import { Refusal } from "./Refusal.ts"
import { defaultLimits, findStream, internal, type Limits, type World } from "./World.ts"

/**
 * How often the controller looks after its streams; the defaults are a real controller's.
 *
 * @category models
 * @since 0.1.0
 */
export interface Intervals {
  /** Retention: 30 minutes. */
  readonly retention: Duration.Input
  /** Forgetting completed transactions: 30 minutes. */
  readonly forgetting: Duration.Input
  /** Watermarks: 10 seconds. */
  readonly watermarks: Duration.Input
  /** Measuring the load, for streams that scale with it: 10 seconds. */
  readonly scaling: Duration.Input
}

/** @category constants @since 0.1.0 */
export const defaultIntervals: Intervals = {
  retention: Duration.minutes(30),
  forgetting: Duration.minutes(30),
  watermarks: Duration.seconds(10),
  scaling: Duration.seconds(10)
}

/** @category models @since 0.1.0 */
export interface ControllerServerOptions {
  readonly container: SegmentContainer
  /** The container's storage: what both change in one turn is one unit. */
  readonly storage: RecordStorage
  /** All records that the storage held when it was opened; other parts' are passed over. */
  readonly records: Iterable<readonly [key: string, text: string]>
  /** Where clients find the segments; asked for every answer. */
  readonly endpoint: () => { readonly host: string; readonly port: number }
  /** Undefined: everybody may do everything. */
  readonly authorisation?: Authorisation | undefined
  readonly limits?: Partial<Limits> | undefined
  readonly intervals?: Partial<Intervals> | undefined
  /** A UUID for a reader group that came without; random by default. */
  readonly newId?: (() => string) | undefined
}

/** Names are in lower case. @category models @since 0.1.0 */
export type Metadata = Readonly<Record<string, string | undefined>>

/** @category models @since 0.1.0 */
export interface ControllerServer {
  /** Calls back once, never from within, when the answer may be told. Never throws. */
  readonly handle: (
    method: string,
    request: Uint8Array,
    metadata: Metadata,
    reply: (answer: Uint8Array | Refusal) => void
  ) => void
  /** Ends an open transaction's lease now. False: there is no such transaction. */
  readonly expireLease: (scope: string, stream: string, transaction: string) => boolean
  /** Does what is done by itself in time, now. */
  readonly runRetention: () => void
  readonly runWatermarks: () => void
  readonly runScaling: () => void
}

/** What is done afterwards: as long as a real controller takes for it, about. */
const afterwardsPause = Duration.millis(250)

/** Restores what the records say; the timers stop with the Scope. @category constructors @since 0.1.0 */
export const make = (options: ControllerServerOptions): Effect.Effect<ControllerServer, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const commit = () => options.container.commit(() => {})
    const defer = yield* makeQueue(Effect.yieldNow, commit)
    const afterwards = yield* makeQueue(Effect.sleep(afterwardsPause), commit)
    const state = new ControllerState(options.storage, options.records)
    const wallTime = () => clock.currentTimeMillisUnsafe()
    // goes on where the last life noted a time
    const now = runningTime(clock, state.latestTime ?? wallTime())
    const leases = makeLeases(now)
    const world: World = {
      state,
      container: options.container,
      limits: { ...defaultLimits, ...options.limits },
      now,
      wallTime,
      defer,
      afterwards,
      newId: options.newId ?? (() => crypto.randomUUID()),
      leaseEnds: leases.endsAt
    }
    Scopes.createSystem(world)
    for (const stream of allStreams(world)) Transactions.resume(world, stream)
    Transactions.dropLeftovers(world)
    commitOwn(world)
    const scaling = new AutoScaling()
    const server: ControllerServer = {
      handle: handler(world, options),
      expireLease: (scope, stream, transaction) => {
        const state = findStream(world, scope, stream)
        const isEnded = state !== undefined && Transactions.expireNow(world, state, transaction)
        commitOwn(world)
        return isEnded
      },
      runRetention: forEachStream(world, (state) => Retention.run(world, state)),
      runWatermarks: forEachStream(world, (state) => WriterTimes.advance(world, state)),
      runScaling: () => {
        scaling.run(world)
        commitOwn(world)
      }
    }
    const intervals = { ...defaultIntervals, ...options.intervals }
    yield* Effect.forkScoped(leases.run((late) => {
      let next: number | undefined
      for (const stream of allStreams(world)) {
        const ends = Transactions.expire(world, stream, late)
        if (ends !== undefined && (next === undefined || ends < next)) next = ends
      }
      commitOwn(world)
      return next
    }))
    yield* every(intervals.retention, server.runRetention)
    yield* every(intervals.forgetting, forEachStream(world, (stream) => Transactions.trim(world, stream)))
    yield* every(intervals.watermarks, server.runWatermarks)
    yield* every(intervals.scaling, server.runScaling)
    return server
  })

const handler = (world: World, options: ControllerServerOptions): ControllerServer["handle"] => {
  const { authorisation, container, endpoint } = options
  const context: RpcContext = { world, endpoint, token: issuer(world, authorisation), mayRead: () => true }
  const contextOf = (method: ControllerMethod, request: Uint8Array, metadata: Metadata): RpcContext => {
    if (authorisation === undefined) return context
    const { may } = authenticate(authorisation, metadata)
    const required = requirements[method](request)
    if (required !== undefined && !allows(may, required.resource, required.level)) {
      throw new Refusal({ code: "PERMISSION_DENIED", details: "Authorization failed" })
    }
    return { ...context, mayRead: (resource) => allows(may, resource, "READ") }
  }
  const answer = (method: string, request: Uint8Array, metadata: Metadata): Uint8Array | Refusal => {
    try {
      if (!isMethod(method)) return new Refusal({ code: "UNIMPLEMENTED", details: `Method not found: ${method}` })
      return rpcs[method](contextOf(method, request, metadata), request)
    } catch (cause) {
      // anything else is a mistake of this server, which the caller should see and others survive
      return cause instanceof Refusal ? cause : internal(`Internal exception occurred: ${String(cause)}`)
    }
  }
  return (method, request, metadata, reply) => {
    const result = answer(method, request, metadata)
    container.commit(() => reply(result))
  }
}

const isMethod = (name: string): name is ControllerMethod => Object.hasOwn(rpcs, name)

const issuer = (world: World, authorisation: Authorisation | undefined): RpcContext["token"] => {
  const Access = pb.StreamInfo_AccessOperation
  const permissions: Readonly<Record<pb.StreamInfo_AccessOperation, DelegationTokens.Permission | undefined>> = {
    [Access.UNSPECIFIED]: "READ_UPDATE",
    [Access.NONE]: "NONE",
    [Access.ANY]: undefined,
    [Access.READ]: "READ",
    [Access.WRITE]: "READ_UPDATE",
    [Access.READ_WRITE]: "READ_UPDATE"
  }
  return (stream, access) => {
    if (authorisation === undefined) return ""
    const permission = permissions[access]
    if (permission === undefined) throw internal()
    return DelegationTokens.issue(authorisation, stream, permission, world.wallTime())
  }
}

function* allStreams(world: World): Generator<StreamState> {
  for (const { streams } of world.state.scopes.values()) yield* streams.values()
}

/** What the controller does by itself becomes durable too; nobody waits for it. */
const commitOwn = ({ container }: World): void => container.commit(() => {})

const forEachStream = (world: World, task: (state: StreamState) => void) => (): void => {
  for (const state of allStreams(world)) task(state)
  commitOwn(world)
}
