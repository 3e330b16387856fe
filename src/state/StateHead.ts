/**
 * How the log's records name a version of the state.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"

/**
 * A snapshot that is durable: all rows at a version, under a name that no other one has.
 *
 * @category schemas
 * @since 0.2.0
 */
export const SnapshotName = Schema.Struct({
  /** The last batch of which it has something. */
  version: Schema.Int,
  epoch: Schema.Int,
  attempt: Schema.Int,
  /** Of its bytes: 32 hexadecimal digits. */
  checksum: Schema.String
})
/** @category models @since 0.2.0 */
export type SnapshotName = typeof SnapshotName.Type

/**
 * A version of the state, as the log's records name it: a delta that is durable, and by its digest all those before it. Its
 * name is (log, version, epoch, attempt), so that no two tries write the same one.
 *
 * @category schemas
 * @since 0.2.0
 */
export const StateHead = Schema.Struct({
  /** The name that the log has of its own: that of its first record. */
  log: Schema.String,
  /** The batch that made it. A batch that changed no row has the head of the one before. */
  version: Schema.Int,
  epoch: Schema.Int,
  attempt: Schema.Int,
  /** The sum, over all slots, of what changed: the same however the work was spread. 32 hexadecimal digits. */
  digest: Schema.String,
  /**
   * The snapshot from which it is read, with the deltas after it: what lies before was given up by the record that says so.
   * Absent: it is read from the first delta.
   */
  base: Schema.optionalKey(SnapshotName)
})
/** @category models @since 0.2.0 */
export type StateHead = typeof StateHead.Type
