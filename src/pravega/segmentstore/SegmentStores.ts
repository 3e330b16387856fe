/**
 * The connections of a client to its segment stores: few per store, shared, reads and requests apart from appends. It
 * opens and keeps them; what is said on them, and what is tried again, is its users' business.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RcMap from "effect/RcMap"
import * as Scope from "effect/Scope"
import * as NumberOption from "../../core/NumberOption.ts"
import type { StoreEndpoint } from "../controller/Controller.ts"
import type { ConnectionRefused } from "./ConnectionError.ts"
import * as SegmentConnection from "./SegmentConnection.ts"
import { SegmentStoreTransport } from "./SegmentStoreTransport.ts"

/** @category models @since 0.1.0 */
export interface SegmentStoresOptions extends SegmentConnection.ConnectionOptions {
  /** The most connections for appends per store, 8 by default: the number of lanes. */
  readonly appendConnections?: number | undefined
  /** The connections for reads and requests per store, 2 by default, used in turn. */
  readonly requestConnections?: number | undefined
  /** How long a connection that nobody uses is kept. 10 seconds by default. */
  readonly idleTimeToLive?: Duration.Input | undefined
}

/** @category services @since 0.1.0 */
export class SegmentStores extends Context.Service<SegmentStores, {
  /** A shared connection for reads and requests; returned to the pool when the Scope closes, reopened if it was lost. */
  readonly requests: (
    endpoint: StoreEndpoint
  ) => Effect.Effect<SegmentConnection.SegmentConnection, ConnectionRefused, Scope.Scope>
  /**
   * A connection for appends. The store closes it when appends in flight meet a sealed segment, so it is shared only
   * by users of the same `lane` (one lane per writer, from `lane()`), of which there is a bounded number per store.
   */
  readonly appends: (
    endpoint: StoreEndpoint,
    lane: number
  ) => Effect.Effect<SegmentConnection.SegmentConnection, ConnectionRefused, Scope.Scope>
  /** The lane that the fewest writers use now, held until the Scope closes. */
  readonly lane: Effect.Effect<number, never, Scope.Scope>
}>()("effect-pravega/pravega/SegmentStores") {
  /** All connections are closed with the layer's Scope. */
  static readonly layer = (
    options: SegmentStoresOptions = {}
  ): Layer.Layer<SegmentStores, never, SegmentStoreTransport> => Layer.effect(SegmentStores, make(options))
}

interface Key {
  readonly kind: "requests" | "appends"
  readonly host: string
  readonly port: number
  readonly lane: number
}

/** One key for each connection there may be, which the map below then need not compare by its parts. */
const makeKeys = () => {
  const keys = new Map<string, Key>()
  return (kind: Key["kind"], { host, port }: StoreEndpoint, lane: number): Key => {
    const name = `${kind} ${lane} ${port} ${host}`
    const known = keys.get(name)
    if (known !== undefined) return known
    const key = { kind, host, port, lane }
    keys.set(name, key)
    return key
  }
}

const make = Effect.fnUntraced(function*(options: SegmentStoresOptions) {
  const transport = yield* SegmentStoreTransport
  const requestConnections = connectionCount("requestConnections", options.requestConnections, 2)
  const lanes = Array.from({ length: connectionCount("appendConnections", options.appendConnections, 8) }, () => 0)
  const connections = yield* RcMap.make({
    lookup: (key: Key) => Effect.provideService(SegmentConnection.make(key, options), SegmentStoreTransport, transport),
    idleTimeToLive: options.idleTimeToLive ?? Duration.seconds(10)
  })
  const get = makeGet(connections)
  const keyOf = makeKeys()
  let turn = 0
  return SegmentStores.of({
    requests: (endpoint) => Effect.suspend(() => get(keyOf("requests", endpoint, turn++ % requestConnections))),
    appends: (endpoint, lane) => get(keyOf("appends", endpoint, lane % lanes.length)),
    lane: Effect.acquireRelease(
      Effect.sync(() => {
        const lane = lanes.indexOf(Math.min(...lanes))
        lanes[lane]!++
        return lane
      }),
      (lane) => Effect.sync(() => lanes[lane]!--)
    )
  })
})

/**
 * The map keeps what it was given, also a connection that is lost and the error of one that was refused. The first user
 * that meets such a one drops it: only the first, as the others would drop what was opened since.
 */
const makeGet = (connections: RcMap.RcMap<Key, SegmentConnection.SegmentConnection, ConnectionRefused>) => {
  const dropped = new WeakSet<object>()
  const drop = (key: Key, entry: object) =>
    Effect.suspend(() => {
      if (dropped.has(entry)) return Effect.void
      dropped.add(entry)
      return RcMap.invalidate(connections, key)
    })
  /** Looks in a scope of its own, so that nobody's Scope collects connections that were dead when it got them. */
  const getLiving = (key: Key, scope: Scope.Scope) =>
    Effect.scoped(Effect.gen(function*() {
      const connection = yield* RcMap.get(connections, key).pipe(Effect.tapError((refused) => drop(key, refused)))
      if (!connection.isLost()) return yield* Scope.provide(RcMap.get(connections, key), scope)
      yield* drop(key, connection)
      return undefined
    }))
  return Effect.fnUntraced(function*(
    key: Key
  ): Effect.fn.Return<SegmentConnection.SegmentConnection, ConnectionRefused, Scope.Scope> {
    const living = yield* getLiving(key, yield* Effect.scope)
    if (living !== undefined) return living
    // It died in the pool. A store that ends connections as soon as they are open is not hammered: the user gets the
    // next one as it is, and with it the reason.
    return yield* RcMap.get(connections, key).pipe(Effect.tapError((refused) => drop(key, refused)))
  })
}

/** More than a store lets one client have is of no use. */
const connectionCount = (name: string, count: number | undefined, otherwise: number): number =>
  NumberOption.check(name, count, { least: 1, most: 1000, otherwise })
