/**
 * The checkpoints of a reader group: which exist, which readers they wait for, and the positions they hold. A part of the group's
 * state. Starting, answering and clearing checkpoints is decided elsewhere.
 *
 * Values are never changed: each step makes a new one. The order of maps and lists is that of the sender, and is kept.
 *
 * @see section "Reader groups" of Pravega 0.13.0's `CheckpointState`, whose small print this follows
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { MalformedValue } from "../../../core/MalformedValue.ts"
import * as Reading from "../../../core/Reading.ts"
import * as SegmentMaps from "../../../core/SegmentMaps.ts"
import type { Positions } from "../../../core/SegmentPositions.ts"
import * as Serialization from "../../../core/Serialization.ts"
import * as HashOrder from "./HashOrder.ts"
import { AlreadyCheckpointed, UpdateRefused } from "./UpdateRefused.ts"

/** @category models @since 0.1.0 */
export interface CheckpointState {
  /** In order of creation; the finished, and those whose outstanding part was removed, stay until they are cleared. */
  readonly checkpoints: ReadonlyArray<string>
  /** Of each unfinished checkpoint: the readers it still waits for. */
  readonly pending: ReadonlyMap<string, ReadonlyArray<string>>
  /** Of each checkpoint: what is known of its positions; all of them once nobody is pending. */
  readonly positions: ReadonlyMap<string, Positions>
  /**
   * The positions of the checkpoint completed last; undefined: none was yet. The binary form writes no position at all
   * for both "none" and "no segments"; that is read as undefined.
   */
  readonly lastPositions: Positions | undefined
  /** Whether the last completed one was reported to the controller for retention. */
  readonly lastPublished: boolean
}

/** A group without checkpoints. @category constants @since 0.1.0 */
export const empty: CheckpointState = {
  checkpoints: [],
  pending: new Map(),
  positions: new Map(),
  lastPositions: undefined,
  lastPublished: true
}

/**
 * Silent checkpoints take a stream cut of the group without telling the application: they raise no event and never become
 * the last checkpoint. Java marks them in their name.
 *
 * @category guards
 * @since 0.1.0
 */
export const isSilent = (checkpoint: string): boolean => checkpoint.includes("_SILENT_")

/** Whether there is a checkpoint of that name, finished or not: then no other one is begun. @category getters @since 0.1.0 */
export const isKnown = (state: CheckpointState, checkpoint: string): boolean => state.positions.has(checkpoint)

/** Nobody is waited for; true for a checkpoint that is unknown as well. @category getters @since 0.1.0 */
export const isComplete = (state: CheckpointState, checkpoint: string): boolean => !state.pending.has(checkpoint)

/** The positions of a checkpoint that is complete; undefined while it is not, and when it is unknown. @category getters @since 0.1.0 */
export const completedPositions = (state: CheckpointState, checkpoint: string): Positions | undefined =>
  isComplete(state, checkpoint) ? state.positions.get(checkpoint) : undefined

/** Whether any checkpoint, silent ones included, waits for a reader. @category getters @since 0.1.0 */
export const isOngoing = (state: CheckpointState): boolean => state.pending.size > 0

/** The unfinished checkpoints that are not silent: these are limited in number. @category getters @since 0.1.0 */
export const outstanding = (state: CheckpointState): ReadonlyArray<string> =>
  state.checkpoints.filter((checkpoint) => !isSilent(checkpoint) && state.pending.has(checkpoint))

/** The checkpoints that wait for a reader, in the order in which Java answers them (not that of creation). */
const pendingFor = (state: CheckpointState, reader: string): ReadonlyArray<string> =>
  HashOrder.texts(state.pending.keys()).filter((checkpoint) => state.pending.get(checkpoint)?.includes(reader) === true)

/** The checkpoint that a reader has to answer next. @category getters @since 0.1.0 */
export const nextFor = (state: CheckpointState, reader: string): string | undefined => pendingFor(state, reader)[0]

/**
 * Starts a checkpoint that waits for all given readers. Without readers it is complete at once, but does not become the
 * last one. A name that exists changes nothing.
 *
 * @category transitions
 * @since 0.1.0
 */
export const begin = (
  state: CheckpointState,
  checkpoint: string,
  readers: ReadonlyArray<string>,
  known: Positions
): CheckpointState => {
  if (isKnown(state, checkpoint)) return state
  return {
    ...state,
    checkpoints: [...state.checkpoints, checkpoint],
    pending: readers.length === 0 ? state.pending : new Map(state.pending).set(checkpoint, readers),
    positions: new Map(state.positions).set(checkpoint, known)
  }
}

/**
 * A reader's answer. With the last one the checkpoint is complete and, unless it is silent, becomes the last checkpoint,
 * not yet published. An answer to a checkpoint that waits for nobody changes nothing; one from a reader that is not waited
 * for while others are fails with `AlreadyCheckpointed`.
 *
 * @category transitions
 * @since 0.1.0
 */
export const readerCheckpointed = (
  state: CheckpointState,
  checkpoint: string,
  reader: string,
  positions: Positions
): Result.Result<CheckpointState, UpdateRefused> => {
  const waiting = state.pending.get(checkpoint)
  if (waiting === undefined) return Result.succeed(state)
  if (!waiting.includes(reader)) {
    return Result.fail(new UpdateRefused({ reason: new AlreadyCheckpointed({ checkpoint, reader }) }))
  }
  return Result.succeed(answered(state, checkpoint, waiting.filter((other) => other !== reader), positions))
}

/** A reader that leaves has answered every checkpoint that waited for it. @category transitions @since 0.1.0 */
export const removeReader = (state: CheckpointState, reader: string, positions: Positions): CheckpointState =>
  pendingFor(state, reader).reduce(
    (current, checkpoint) =>
      answered(
        current,
        checkpoint,
        (current.pending.get(checkpoint) ?? []).filter((other) => other !== reader),
        positions
      ),
    state
  )

const answered = (
  state: CheckpointState,
  checkpoint: string,
  waiting: ReadonlyArray<string>,
  answer: Positions
): CheckpointState => {
  const merged = new Map([...(state.positions.get(checkpoint) ?? []), ...answer])
  const positions = new Map(state.positions).set(checkpoint, merged)
  const pending = new Map(state.pending)
  if (waiting.length > 0) return { ...state, pending: pending.set(checkpoint, waiting), positions }
  pending.delete(checkpoint)
  return isSilent(checkpoint)
    ? { ...state, pending, positions }
    : { ...state, pending, positions, lastPositions: merged, lastPublished: false }
}

/**
 * Forgets every checkpoint created before the named one, unfinished ones too. An unknown name changes nothing.
 *
 * @category transitions
 * @since 0.1.0
 */
export const clearBefore = (state: CheckpointState, checkpoint: string): CheckpointState => {
  if (!isKnown(state, checkpoint)) return state
  // A name can be in the list twice: removed while outstanding, then created anew. Java stops at its first place.
  const at = state.checkpoints.indexOf(checkpoint)
  const kept = at < 0 ? [] : state.checkpoints.slice(at)
  return forget({ ...state, checkpoints: kept }, state.checkpoints.slice(0, at < 0 ? undefined : at))
}

/** Gives up the unfinished checkpoints that are not silent; their names stay in the list. @category transitions @since 0.1.0 */
export const removeOutstanding = (state: CheckpointState): CheckpointState => forget(state, outstanding(state))

const forget = (state: CheckpointState, checkpoints: ReadonlyArray<string>): CheckpointState => {
  if (checkpoints.length === 0) return state
  const pending = new Map(state.pending)
  const positions = new Map(state.positions)
  for (const checkpoint of checkpoints) {
    pending.delete(checkpoint)
    positions.delete(checkpoint)
  }
  return { ...state, pending, positions }
}

/** @category transitions @since 0.1.0 */
export const setPublished = (state: CheckpointState, published: boolean): CheckpointState => ({
  ...state,
  lastPublished: published
})

const version = 0

const writeTexts: Serialization.Write<ReadonlyArray<string>> = (writer, texts) =>
  Serialization.writeCollection(writer, texts, Serialization.writeUtf)

const readTexts: Serialization.Read<ReadonlyArray<string>> = (reader) =>
  Serialization.readCollection(reader, Serialization.readUtf)

/** @internal @category encoding @since 0.1.0 */
export const write: Serialization.Write<CheckpointState> = (writer, state) =>
  Serialization.writeEnvelope(writer, version, [
    (w) => {
      writeTexts(w, state.checkpoints)
      Serialization.writeMap(w, state.pending, Serialization.writeUtf, writeTexts)
      Serialization.writeMap(w, state.positions, Serialization.writeUtf, SegmentMaps.writePositions)
      SegmentMaps.writePositions(w, state.lastPositions ?? new Map())
    },
    (w) => w.bool(state.lastPublished)
  ])

/** @internal @category decoding @since 0.1.0 */
export const read: Serialization.Read<CheckpointState> = (reader) => {
  const envelope = Serialization.readEnvelope(reader, [version])
  const body = envelope.revision(0)
  const checkpoints = readTexts(body)
  const pending = Serialization.readMap(body, Serialization.readUtf, readTexts)
  const positions = Serialization.readMap(body, Serialization.readUtf, SegmentMaps.readPositions)
  const last = SegmentMaps.readPositions(body)
  return {
    checkpoints,
    pending,
    positions,
    lastPositions: last.size === 0 ? undefined : last,
    // writers before this revision didn't publish checkpoints
    lastPublished: envelope.laterRevision(1)?.bool() ?? false
  }
}

/** Java's binary form. Throws for what has none, a text above 65535 bytes for example. @category encoding @since 0.1.0 */
export const toBytes = (state: CheckpointState): Uint8Array => Serialization.toBytes(write, state)

/** Reads Java's binary form; bytes behind it are ignored. @category encoding @since 0.1.0 */
export const fromBytes = (bytes: Uint8Array): Result.Result<CheckpointState, MalformedValue> =>
  Reading.fromBytes("CheckpointState", bytes, read)
