/**
 * The connections of a client to its segment stores: few per store, shared, reads and requests apart from appends.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { StoreEndpoint } from "../controller/Controller.ts"
import type { ConnectionRefused } from "./ConnectionError.ts"
import type { SegmentConnection } from "./SegmentConnection.ts"

/** @category services */
export class SegmentStores extends Context.Service<SegmentStores, {
  /** A shared connection for reads and requests; returned to the pool when the Scope closes, reopened if it was lost. */
  readonly requests: (endpoint: StoreEndpoint) => Effect.Effect<SegmentConnection, ConnectionRefused, Scope.Scope>
  /**
   * A connection for appends. The store closes it when appends in flight meet a sealed segment, so it is shared only
   * by users of the same `lane` (one lane per writer, from `lane()`), of which there is a bounded number per store.
   */
  readonly appends: (
    endpoint: StoreEndpoint,
    lane: number
  ) => Effect.Effect<SegmentConnection, ConnectionRefused, Scope.Scope>
  /** The lane that the fewest writers use now, held until the Scope closes. */
  readonly lane: Effect.Effect<number, never, Scope.Scope>
}>()("effect-pravega/pravega/SegmentStores") {}
