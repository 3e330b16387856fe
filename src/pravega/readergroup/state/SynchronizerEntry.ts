/**
 * The entries that a reader group's state is replayed from: the payloads of the events in the single segment of the
 * group's stream. Only their form, and how they are folded into a state; reading, appending and truncating the segment is
 * done elsewhere.
 *
 * ```
 * i32 1, initial state, zeros (Java writes its whole buffer)
 * i32 2, one or more of: i32 length, update
 * ```
 *
 * @see `StateSynchronizerImpl` and `UpdateOrInitSerializer` of Pravega 0.13.0
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { ByteReader } from "../../../core/bytes/ByteReader.ts"
import { MalformedBytes } from "../../../core/bytes/MalformedBytes.ts"
import type { MalformedValue } from "../../../core/MalformedValue.ts"
import * as Reading from "../../../core/Reading.ts"
import * as Serialization from "../../../core/Serialization.ts"
import * as SegmentAttribute from "../../wire/SegmentAttribute.ts"
import type { ReaderGroupState } from "./ReaderGroupState.ts"
import * as ReaderGroupTransition from "./ReaderGroupTransition.ts"
import type { InitialUpdate, ReaderGroupUpdate } from "./ReaderGroupUpdate.ts"
import * as ReaderGroupUpdateCodec from "./ReaderGroupUpdateCodec.ts"
import type { UpdateRefused } from "./UpdateRefused.ts"

/** A whole state, from which replaying can begin. @category models @since 0.1.0 */
export interface Init {
  readonly _tag: "Init"
  readonly init: InitialUpdate
}

/** Updates that take effect together, in order. @category models @since 0.1.0 */
export interface Updates {
  readonly _tag: "Updates"
  readonly updates: ReadonlyArray<ReaderGroupUpdate>
}

/** @category models @since 0.1.0 */
export type SynchronizerEntry = Init | Updates

/**
 * The attribute of the group's segment that holds the offset to start replaying at, as a UUID; unset reads as -2^63.
 *
 * @category constants
 * @since 0.1.0
 */
export const markAttribute = SegmentAttribute.replayMark

const initEntry = 1
const updatesEntry = 2

/** The payload of an event, without its 8-byte header. Throws for what has no bytes. @category encoding @since 0.1.0 */
export const toBytes = (entry: SynchronizerEntry): Uint8Array => Serialization.toBytes(write, entry)

/** Reads the payload of an event, without its 8-byte header. @category encoding @since 0.1.0 */
export const fromBytes = (payload: Uint8Array): Result.Result<SynchronizerEntry, MalformedValue> =>
  Reading.fromBytes("SynchronizerEntry", payload, read)

const write: Serialization.Write<SynchronizerEntry> = (writer, entry) => {
  switch (entry._tag) {
    case "Init":
      return ReaderGroupUpdateCodec.write(writer.i32(initEntry), entry.init)
    case "Updates":
      writer.i32(updatesEntry)
      for (const update of entry.updates) {
        writer.bytes32(Serialization.toBytes(ReaderGroupUpdateCodec.write, update))
      }
  }
}

const read: Serialization.Read<SynchronizerEntry> = (reader) => {
  const kind = reader.i32()
  switch (kind) {
    case initEntry: {
      const init = ReaderGroupUpdateCodec.read(reader)
      if (init._tag !== "ReaderGroupStateInit" && init._tag !== "CompactReaderGroupState") {
        throw new MalformedBytes(`${init._tag} as an initial state`)
      }
      return { _tag: "Init", init }
    }
    case updatesEntry:
      return { _tag: "Updates", updates: readUpdates(reader) }
    default:
      throw new MalformedBytes(`neither an initial state nor updates, but kind ${kind}`)
  }
}

const readUpdates = (reader: ByteReader): ReadonlyArray<ReaderGroupUpdate> => {
  const updates: Array<ReaderGroupUpdate> = []
  while (reader.remaining > 0) updates.push(ReaderGroupUpdateCodec.read(new ByteReader(reader.bytes32())))
  return updates
}

/**
 * The state after an entry; undefined while there is none. An initial state replaces whatever was there. Updates before
 * the first initial state are skipped: they belong to a state from before the point that replaying began at.
 *
 * @category transitions
 * @since 0.1.0
 */
export const replay = (
  state: ReaderGroupState | undefined,
  entry: SynchronizerEntry
): Result.Result<ReaderGroupState | undefined, UpdateRefused> => {
  switch (entry._tag) {
    case "Init":
      return ReaderGroupTransition.apply(state, entry.init)
    case "Updates":
      return state === undefined ? Result.succeed(state) : ReaderGroupTransition.applyAll(state, entry.updates)
  }
}
