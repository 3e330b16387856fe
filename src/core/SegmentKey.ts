/**
 * Full segment names as map keys: their canonical form, and what Java computes from them.
 *
 * @internal
 */
import * as JavaString from "./bytes/JavaString.ts"
import * as Reading from "./Reading.ts"
import * as Segment from "./Segment.ts"

/**
 * Two names of one segment (old ones have no epoch) become the same. Throws `MalformedBytes` for what is no name.
 *
 * @category getters
 * @since 0.1.0
 */
export const canonical = (name: string): string => {
  const { id, stream } = Reading.segment(name)
  return Segment.name(stream, id)
}

/** @category getters @since 0.1.0 */
export const id = (name: string): Segment.SegmentId => Reading.segment(name).id

/**
 * `Segment.hashCode`, as Lombok generates it for 0.13.0: scope, stream name, id, each times 59.
 *
 * @category hashing
 * @since 0.1.0
 */
export const hash = (name: string): number => {
  const { id, stream } = Reading.segment(name)
  const idHash = Number(BigInt.asIntN(32, (id >> 32n) ^ id))
  return [JavaString.hashCode(stream.scope), JavaString.hashCode(stream.stream), idHash].reduce(
    (hash, part) => (Math.imul(hash, 59) + part) | 0,
    1
  )
}
