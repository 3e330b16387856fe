/**
 * How the segments of a group are shared out: what a reader reads off the common state to decide whether to acquire or to
 * release. Pure and without a clock; when a reader looks is decided elsewhere.
 *
 * All members must decide alike, so this is Java's arithmetic, wrap-around included.
 *
 * @see `ReaderGroupState.getRelativeSizes` and `ReaderGroupStateManager` of Pravega 0.13.0
 * @since 0.1.0
 */
import * as JavaString from "../../../core/bytes/JavaString.ts"
import * as KeyHash from "../../../core/KeyHash.ts"
import * as HashOrder from "./HashOrder.ts"
import * as ReaderGroupState from "./ReaderGroupState.ts"
import { assumedLagMillis } from "./ReaderGroupTransition.ts"

type State = ReaderGroupState.ReaderGroupState

/**
 * How much each online reader has to do: segments times distance, in parts of the largest distance of a reader that owns
 * segments; 0 for those that own none.
 *
 * Java multiplies in 64 bits, and the distance is 2^63 - 1 until a reader first reports one: a reader that has just
 * acquired two segments has a size of about -2e-19.
 *
 * @category getters
 * @since 0.1.0
 */
export const relativeSizes = (state: State): ReadonlyMap<string, number> => {
  const owners = Array.from(state.assigned).filter(([, segments]) => segments.size > 0)
  const largest = owners.reduce((max, [reader]) => larger(max, distance(state, reader)), assumedLagMillis)
  return new Map(
    Array.from(state.assigned, ([reader, segments]) => {
      const product = BigInt.asIntN(64, BigInt(segments.size) * distance(state, reader))
      return [reader, segments.size === 0 ? 0 : Number(product) / Number(largest)] as const
    })
  )
}

/**
 * The place of a reader among those online, the one with the largest relative size first, counted from 0; undefined when
 * it is not online. Among equals Java's hash order decides, so that all members see the same ranking.
 *
 * @category getters
 * @since 0.1.0
 */
export const ranking = (state: State, reader: string): number | undefined => {
  const sizes = relativeSizes(state)
  const ranked = HashOrder.texts(sizes.keys()).sort((a, b) => (sizes.get(b) ?? 0) - (sizes.get(a) ?? 0))
  const place = ranked.indexOf(reader)
  return place < 0 ? undefined : place
}

/**
 * How many segments a reader whose turn it is acquires at once: its fair share, at least one; none when nothing is
 * unassigned, or when it is not online.
 *
 * @category getters
 * @since 0.1.0
 */
export const segmentsToAcquire = (state: State, reader: string): number => {
  const owned = state.assigned.get(reader)
  const unassigned = state.unassigned.size
  const readers = state.assigned.size
  if (owned === undefined || unassigned === 0) return 0
  const equalShare = Math.floor(unassigned / readers)
  const missing = Math.round(ReaderGroupState.numberOfSegments(state) / readers) - owned.size
  return Math.max(1, equalShare, Math.min(unassigned, missing))
}

/**
 * Whether a reader should give a segment up: it owns several, and more than the smallest share by one segment, or by as
 * many as are unassigned.
 *
 * @category guards
 * @since 0.1.0
 */
export const ownsTooMuch = (state: State, reader: string): boolean => {
  const owned = state.assigned.get(reader)
  if (owned === undefined || owned.size <= 1) return false
  const sizes = relativeSizes(state)
  return (sizes.get(reader) ?? 0) > Math.min(...sizes.values()) + Math.max(1, state.unassigned.size)
}

/**
 * A segment's place, in [0, 1), in the order in which a reader releases segments. It differs from reader to reader.
 *
 * @category getters
 * @since 0.1.0
 */
export const releasePosition = (reader: string, segment: string): number =>
  KeyHash.toPosition(KeyHash.ofText(segment, JavaString.hashCode(reader)))

/** Segments by full name, the one to release first at the front. @category getters @since 0.1.0 */
export const releaseOrder = (reader: string, segments: Iterable<string>): ReadonlyArray<string> =>
  Array.from(segments, (segment) => ({ segment, position: releasePosition(reader, segment) }))
    .sort((a, b) => b.position - a.position)
    .map(({ segment }) => segment)

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b)

/** A reader whose distance is unknown counts as little behind. */
const distance = (state: State, reader: string): bigint =>
  larger(assumedLagMillis, state.distanceToTail.get(reader) ?? assumedLagMillis)
