/**
 * What the controller's parts share: its state, the segments it commands, the time, and its settings.
 *
 * @internal
 */
import type { ScopedStream } from "../../core/ScopedStream.ts"
import { name as segmentName, type SegmentWithRange } from "../../core/Segment.ts"
import * as SegmentAttribute from "../../pravega/wire/SegmentAttribute.ts"
import type { SegmentContainer } from "../store/SegmentContainer.ts"
import type { ControllerState, ScopeState, StreamState } from "./model/ControllerState.ts"
import { Refusal } from "./Refusal.ts"

/**
 * Times in milliseconds. The defaults are those of a real server 0.13.0, where it has such a setting.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  /** The bounds of a transaction's lease: 10 seconds and 10 minutes. */
  readonly minimumLease: number
  readonly maximumLease: number
  /** No transaction lives longer, however often it is pinged: a day. */
  readonly maximumExecution: number
  /** How long completed transactions are remembered: a day. */
  readonly completedTransactionLife: number
  /** So many of each stream, the last ones, are remembered however old they are; a real server forgets them too. */
  readonly completedTransactionsKept: number
  /**
   * The segments that a stream may have at once, and the partitions of a key-value table: each request is done in one
   * turn, and others wait meanwhile. A real server has no such limit.
   */
  readonly segments: number
  /**
   * The segments of all streams, tables and transactions together: a request of a few bytes may ask for thousands, of half
   * a KiB each. A real server has no such limit.
   */
  readonly allSegments: number
  /** How many of a stream's completed transactions are remembered at most; a real server has no such limit. */
  readonly completedTransactions: number
}

/** @category constants @since 0.1.0 */
export const defaultLimits: Limits = {
  minimumLease: 10_000,
  maximumLease: 600_000,
  maximumExecution: 86_400_000,
  completedTransactionLife: 86_400_000,
  completedTransactionsKept: 100,
  completedTransactions: 100_000,
  segments: 10_000,
  allSegments: 1_000_000
}

/** @category models @since 0.1.0 */
export interface World {
  readonly state: ControllerState
  readonly container: SegmentContainer
  readonly limits: Limits
  /**
   * The time that the server has been running, in all its lives, in milliseconds from the day of the first: what leases,
   * memory and retention go by. Nobody sets it: a machine's clock that is set, or a machine that sleeps, ends nothing.
   */
  readonly now: () => number
  /** Milliseconds since 1970, on the machine's clock: what others are told. */
  readonly wallTime: () => number
  /** Does something in a later turn, soon. */
  readonly defer: (task: () => void) => void
  /** Does something a moment later, which a server that dies before it does when it starts again. */
  readonly afterwards: (task: () => void) => void
  /** A UUID for a reader group that came without. */
  readonly newId: () => string
  /** Some transaction's lease ends at this time. */
  readonly leaseEnds: (at: number) => void
}

/** What a real server answers where it throws something it has no status for. @category errors @since 0.1.0 */
export const internal = (details = "Internal exception occurred"): Refusal => new Refusal({ code: "INTERNAL", details })

/** @category getters @since 0.1.0 */
export const findStream = (world: World, scope: string, stream: string): StreamState | undefined =>
  world.state.scopes.get(scope)?.streams.get(stream)

/** @category getters @since 0.1.0 */
export const scopeOrRefuse = (world: World, scope: string): ScopeState => {
  const found = world.state.scopes.get(scope)
  if (found === undefined) throw new Refusal({ code: "NOT_FOUND", details: `scope ${scope} does not exist` })
  return found
}

/** @category getters @since 0.1.0 */
export const streamOrRefuse = (world: World, scope: string, stream: string): StreamState => {
  const found = findStream(world, scope, stream)
  if (found === undefined) throw new Refusal({ code: "NOT_FOUND", details: `stream ${scope}/${stream} does not exist` })
  return found
}

// -----------------------------------------------------------------------------
// segments
// -----------------------------------------------------------------------------

/** To be called before any of them is made. @category getters @since 0.2.0 */
export const refuseTooMany = ({ container, limits }: World, count: number): void => {
  if (count > limits.segments) {
    const details = `${count} segments: an embedded server's streams and tables have at most ${limits.segments}`
    throw new Refusal({ code: "INVALID_ARGUMENT", details })
  }
  if (container.count() + count > limits.allSegments) {
    const details =
      `an embedded server has at most ${limits.allSegments} segments, those of open transactions included: ` +
      "end transactions, or delete streams"
    throw new Refusal({ code: "RESOURCE_EXHAUSTED", details })
  }
}

/**
 * Creates segments of a stream in the store, with what the stream's policy says of them.
 *
 * @category transitions
 * @since 0.1.0
 */
export const createSegments = (
  world: World,
  name: ScopedStream,
  { rolloverSizeBytes, scaling }: StreamState["record"]["settings"],
  segments: ReadonlyArray<SegmentWithRange>
): void => {
  const attributes = [
    [SegmentAttribute.scalePolicyType, BigInt(scaling.scaleType)],
    [SegmentAttribute.scalePolicyRate, BigInt(scaling.targetRate)],
    [SegmentAttribute.rolloverSize, rolloverSizeBytes]
  ] as const
  for (const { id } of segments) world.container.create(segmentName(name, id), { attributes })
}

/**
 * Seals segments that may be sealed or gone already; all their bytes, truncated ones included.
 *
 * @category transitions
 * @since 0.1.0
 */
export const sealSegments = (world: World, name: ScopedStream, segments: ReadonlyArray<SegmentWithRange>): number =>
  segments.reduce((bytes, { id }) => {
    const segment = segmentName(name, id)
    world.container.seal(segment)
    return bytes + (world.container.info(segment)?.length ?? 0)
  }, 0)
