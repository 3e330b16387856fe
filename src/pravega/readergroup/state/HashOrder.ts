/**
 * The iteration order of Java's HashMap. Java's reader groups decide some things by it (which of several checkpoints is
 * answered next, which of equal readers ranks first, in which order freed segments are). All members of a group, in any
 * language, must come to the same state.
 *
 * Approximate in one point: a Java map that once was larger keeps its larger table, which can't be known here.
 *
 * @internal
 */
import * as JavaString from "../../../core/bytes/JavaString.ts"
import * as SegmentKey from "../../../core/SegmentKey.ts"

/** Reader ids and checkpoint names. @category ordering @since 0.1.0 */
export const texts = (keys: Iterable<string>): Array<string> => ordered(keys, JavaString.hashCode)

/** Full segment names, as keys of a map of Java's `Segment`. @category ordering @since 0.1.0 */
export const segments = (keys: Iterable<string>): Array<string> => ordered(keys, SegmentKey.hash)

/** Full segment names, as keys of a map of Java's `SegmentWithRange`. @category ordering @since 0.1.0 */
export const rangedSegments = (keys: Iterable<string>): Array<string> =>
  ordered(keys, (key) => (59 + SegmentKey.hash(key)) | 0)

const smallestTable = 16

const ordered = (keys: Iterable<string>, hash: (key: string) => number): Array<string> => {
  const list = Array.from(keys)
  let table = smallestTable
  while (list.length > 0.75 * table) table *= 2
  const bucket = (key: string) => {
    const h = hash(key)
    return (h ^ (h >>> 16)) & (table - 1)
  }
  // sorting is stable: within a bucket the order of insertion stays, as in Java
  return list.map((key) => ({ key, bucket: bucket(key) })).sort((a, b) => a.bucket - b.bucket).map(({ key }) => key)
}
