/**
 * A snapshot's head: which rows of which slot belong to it, and as of which version each slot is. The rows of a slot are kept
 * as a delta is that builds upon nothing. A slot in which nothing changed keeps those of the snapshot before.
 */
import * as Schema from "effect/Schema"
import { type SnapshotName, StateHead } from "../StateHead.ts"
import { Malformed, readFramed, writeFramed } from "./Delta.ts"
import { checksum } from "./Digest.ts"

/** The rows of a slot. @category schemas @since 0.2.0 */
export const SlotRows = Schema.Struct({
  /** They are those of this version: deltas up to it say nothing more of the slot. */
  asOf: Schema.Int,
  rows: StateHead
})
/** @category models @since 0.2.0 */
export type SlotRows = typeof SlotRows.Type

/** @category schemas @since 0.2.0 */
export const Snapshot = Schema.Struct({
  format: Schema.Literal(1),
  log: Schema.String,
  version: Schema.Int,
  epoch: Schema.Int,
  attempt: Schema.Int,
  /** No slot is of a version before: deltas up to this one are needed no more. */
  floor: Schema.Int,
  /** Slots that are not named had no rows at the floor. */
  slots: Schema.Record(Schema.String, SlotRows)
})
/** @category models @since 0.2.0 */
export type Snapshot = typeof Snapshot.Type

const encode = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(Snapshot)))
const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.toCodecJson(Snapshot)))

const magic = "EPN1"

/** @category encoding @since 0.2.0 */
export const write = (snapshot: Snapshot): { readonly name: SnapshotName; readonly object: Uint8Array } => {
  const object = writeFramed(magic, Buffer.from(encode(snapshot)))
  const { attempt, epoch, version } = snapshot
  return { name: { version, epoch, attempt, checksum: checksum(object) }, object }
}

/** Throws `Malformed`. @category decoding @since 0.2.0 */
export const read = (object: Uint8Array, name: SnapshotName): Snapshot => {
  const json = readFramed(magic, object, "no snapshot")
  if (checksum(object) !== name.checksum) throw new Malformed("it is another one than the log names")
  try {
    return decode(json.toString("utf8"))
  } catch (cause) {
    throw new Malformed("it can't be read: was it written by a later version?", { cause })
  }
}
