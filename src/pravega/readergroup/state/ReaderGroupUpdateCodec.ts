/**
 * The binary form of a reader group's updates: Java's, byte for byte. The events that hold them are in
 * `SynchronizerEntry`.
 *
 * @see the `Serializer` classes in `ReaderGroupState` of Pravega 0.13.0
 * @since 0.1.0
 */
import type * as Result from "effect/Result"
import { ByteReader } from "../../../core/bytes/ByteReader.ts"
import type { ByteWriter } from "../../../core/bytes/ByteWriter.ts"
import { MalformedBytes } from "../../../core/bytes/MalformedBytes.ts"
import type { KeyRange } from "../../../core/KeyRange.ts"
import type { MalformedValue } from "../../../core/MalformedValue.ts"
import * as ReaderGroupConfig from "../../../core/ReaderGroupConfig.ts"
import * as Reading from "../../../core/Reading.ts"
import type { SegmentId } from "../../../core/Segment.ts"
import * as SegmentMaps from "../../../core/SegmentMaps.ts"
import type { Successor, Successors } from "../../../core/SegmentPositions.ts"
import * as Serialization from "../../../core/Serialization.ts"
import * as CheckpointState from "./CheckpointState.ts"
import * as HashOrder from "./HashOrder.ts"
import type { ReaderGroupState } from "./ReaderGroupState.ts"
import type * as Update from "./ReaderGroupUpdate.ts"

/** Java's numbers of the types. */
const typeIds = {
  ReaderGroupStateInit: 0,
  CompactReaderGroupState: 1,
  AddReader: 2,
  RemoveReader: 3,
  ReleaseSegment: 4,
  AcquireSegment: 5,
  UpdateDistanceToTail: 6,
  SegmentCompleted: 7,
  CheckpointReader: 8,
  CreateCheckpoint: 9,
  ClearCheckpointsBefore: 10,
  UpdateCheckpointPublished: 11,
  UpdatingConfig: 12,
  RemoveOutstandingCheckpoints: 13
} as const satisfies Record<Update.ReaderGroupUpdate["_tag"], number>

/** All types are at their first version; what was added later came as revisions. */
const version = 0

/** Java's binary form. Throws for what has none, a text above 65535 bytes for example. @category encoding @since 0.1.0 */
export const toBytes = (update: Update.ReaderGroupUpdate): Uint8Array => Serialization.toBytes(write, update)

/** Reads Java's binary form; bytes behind it are ignored. @category encoding @since 0.1.0 */
export const fromBytes = (bytes: Uint8Array): Result.Result<Update.ReaderGroupUpdate, MalformedValue> =>
  Reading.fromBytes("ReaderGroupUpdate", bytes, read)

/** @internal @category encoding @since 0.1.0 */
export const write: Serialization.Write<Update.ReaderGroupUpdate> = (writer, update) =>
  Serialization.writeTypedEnvelope(writer, typeIds[update._tag], version, revisionsOf(update))

/** @internal @category decoding @since 0.1.0 */
export const read: Serialization.Read<Update.ReaderGroupUpdate> = (reader) => {
  const { envelope, typeId } = Serialization.readTypedEnvelope(reader, () => [version])
  return readRevisions(typeId, envelope)
}

type Revisions = ReadonlyArray<(writer: ByteWriter) => void>

const revisionsOf = (update: Update.ReaderGroupUpdate): Revisions => {
  switch (update._tag) {
    case "ReaderGroupStateInit":
      return initRevisions(update)
    case "CompactReaderGroupState":
      return stateRevisions(update.state)
    case "AddReader":
      return [(w) => w.utf(update.reader)]
    case "RemoveReader":
      return [(w) => SegmentMaps.writePositions(w.utf(update.reader), update.positions)]
    case "ReleaseSegment":
      return [(w) => SegmentMaps.writeI64(w.utf(update.reader).utf(update.segment), update.offset)]
    case "AcquireSegment":
      return [(w) => w.utf(update.reader).utf(update.segment)]
    case "UpdateDistanceToTail":
      return [
        (w) => SegmentMaps.writeI64(w.utf(update.reader), update.distance),
        (w) => SegmentMaps.writeRangedPositions(w, update.lastRead)
      ]
    case "SegmentCompleted":
      return completedRevisions(update)
    case "CheckpointReader":
      return [(w) => SegmentMaps.writePositions(w.utf(update.checkpoint).utf(update.reader), update.positions)]
    case "CreateCheckpoint":
    case "ClearCheckpointsBefore":
      return [(w) => w.utf(update.checkpoint)]
    case "UpdateCheckpointPublished":
      return [(w) => w.bool(update.published)]
    case "UpdatingConfig":
      return [(w) => w.bool(update.updating)]
    case "RemoveOutstandingCheckpoints":
      return [() => undefined]
  }
}

const readRevisions = (typeId: number, envelope: Serialization.Envelope): Update.ReaderGroupUpdate => {
  const body = envelope.revision(0)
  switch (typeId) {
    case typeIds.ReaderGroupStateInit:
      return readInit(envelope)
    case typeIds.CompactReaderGroupState:
      return { _tag: "CompactReaderGroupState", state: readState(envelope) }
    case typeIds.AddReader:
      return { _tag: "AddReader", reader: body.utf() }
    case typeIds.RemoveReader:
      return { _tag: "RemoveReader", reader: body.utf(), positions: SegmentMaps.readPositions(body) }
    case typeIds.ReleaseSegment: {
      const reader = body.utf()
      const segment = SegmentMaps.readSegment(body)
      return { _tag: "ReleaseSegment", reader, segment, offset: body.i64() }
    }
    case typeIds.AcquireSegment:
      return { _tag: "AcquireSegment", reader: body.utf(), segment: SegmentMaps.readSegment(body) }
    case typeIds.UpdateDistanceToTail:
      return readDistance(envelope)
    case typeIds.SegmentCompleted:
      return readCompleted(envelope)
    case typeIds.CheckpointReader: {
      const checkpoint = body.utf()
      const reader = body.utf()
      return { _tag: "CheckpointReader", checkpoint, reader, positions: SegmentMaps.readPositions(body) }
    }
    case typeIds.CreateCheckpoint:
      return { _tag: "CreateCheckpoint", checkpoint: body.utf() }
    case typeIds.ClearCheckpointsBefore:
      return { _tag: "ClearCheckpointsBefore", checkpoint: body.utf() }
    case typeIds.UpdateCheckpointPublished:
      return { _tag: "UpdateCheckpointPublished", published: body.bool() }
    case typeIds.UpdatingConfig:
      return { _tag: "UpdatingConfig", updating: body.bool() }
    case typeIds.RemoveOutstandingCheckpoints:
      return { _tag: "RemoveOutstandingCheckpoints" }
    default:
      throw new MalformedBytes(`unknown type ${typeId}`)
  }
}

// -----------------------------------------------------------------------------
// values inside other values: an array that holds a whole envelope
// -----------------------------------------------------------------------------

const writeNested = <A>(writer: ByteWriter, value: A, write: Serialization.Write<A>): void =>
  Serialization.writeArray(writer, Serialization.toBytes(write, value))

const readNested = <A>(reader: ByteReader, read: Serialization.Read<A>): A =>
  read(new ByteReader(Serialization.readArray(reader)))

// -----------------------------------------------------------------------------
// ReaderGroupStateInit
// -----------------------------------------------------------------------------

const initRevisions = (update: Update.ReaderGroupStateInit): Revisions => [
  (w) => {
    writeNested(w, update.config, ReaderGroupConfig.write)
    SegmentMaps.writeOffsets(w, update.startingSegments)
    SegmentMaps.writePositions(w, update.endSegments)
  },
  (w) => SegmentMaps.writeRangedPositions(w, update.startingSegments),
  (w) => w.bool(update.updatingConfig)
]

const readInit = (envelope: Serialization.Envelope): Update.ReaderGroupStateInit => {
  const body = envelope.revision(0)
  const config = readNested(body, ReaderGroupConfig.read)
  const offsets = SegmentMaps.readPositions(body)
  const endSegments = SegmentMaps.readPositions(body)
  const ranged = envelope.laterRevision(1)
  return {
    _tag: "ReaderGroupStateInit",
    config,
    startingSegments: ranged === undefined
      ? SegmentMaps.withRanges(offsets, SegmentMaps.noRanges)
      : SegmentMaps.readRangedPositions(ranged),
    endSegments,
    updatingConfig: envelope.laterRevision(2)?.bool() ?? false
  }
}

// -----------------------------------------------------------------------------
// CompactReaderGroupState
// -----------------------------------------------------------------------------

const writePredecessors: Serialization.Write<Successor> = (writer, { predecessors }) =>
  Serialization.writeCollection(writer, Array.from(predecessors), SegmentMaps.writeI64)

const readPredecessors: Serialization.Read<ReadonlySet<SegmentId>> = (reader) =>
  new Set(Serialization.readCollection(reader, readSegmentId))

const readSegmentId: Serialization.Read<SegmentId> = (reader) => Reading.segmentId(reader.i64())

const stateRevisions = (state: ReaderGroupState): Revisions => [
  (w) => {
    writeNested(w, state.config, ReaderGroupConfig.write)
    writeNested(w, state.checkpoints, CheckpointState.write)
    Serialization.writeMap(w, state.distanceToTail, Serialization.writeUtf, SegmentMaps.writeI64)
    Serialization.writeMap(w, state.future, Serialization.writeUtf, writePredecessors)
    Serialization.writeMap(w, state.assigned, Serialization.writeUtf, SegmentMaps.writeOffsets)
    SegmentMaps.writeOffsets(w, state.unassigned)
    SegmentMaps.writePositions(w, state.endSegments)
  },
  (w) => {
    SegmentMaps.writeOffsets(w, state.lastRead)
    SegmentMaps.writeRanges(w, rangesOf(state))
  },
  (w) => w.bool(state.updatingConfig)
]

/** Later places win, as in Java: the ranges of one segment are the same everywhere, or unknown. */
const rangesOf = (state: ReaderGroupState): SegmentMaps.Ranges => {
  const ranges = new Map<string, KeyRange | undefined>()
  const places: ReadonlyArray<ReadonlyMap<string, { readonly range: KeyRange | undefined }>> = [
    state.future,
    ...state.assigned.values(),
    state.unassigned,
    state.lastRead
  ]
  for (const segments of places) {
    for (const [segment, { range }] of segments) ranges.set(segment, range)
  }
  return ranges
}

const readState = (envelope: Serialization.Envelope): ReaderGroupState => {
  const body = envelope.revision(0)
  const config = readNested(body, ReaderGroupConfig.read)
  const checkpoints = readNested(body, CheckpointState.read)
  const distanceToTail = Serialization.readMap(body, Serialization.readUtf, Serialization.readI64)
  const future = Serialization.readMap(body, SegmentMaps.readSegment, readPredecessors)
  const assigned = Serialization.readMap(body, Serialization.readUtf, SegmentMaps.readPositions)
  const unassigned = SegmentMaps.readPositions(body)
  const endSegments = SegmentMaps.readPositions(body)
  const second = envelope.laterRevision(1)
  const lastRead = second === undefined ? new Map<string, bigint>() : SegmentMaps.readPositions(second)
  const ranges = second === undefined ? SegmentMaps.noRanges : SegmentMaps.readRanges(second)
  return {
    config,
    checkpoints,
    distanceToTail,
    future: withPredecessors(future, ranges),
    assigned: new Map(
      Array.from(assigned, ([reader, segments]) => [reader, SegmentMaps.withRanges(segments, ranges)] as const)
    ),
    unassigned: SegmentMaps.withRanges(unassigned, ranges),
    lastRead: SegmentMaps.withRanges(lastRead, ranges),
    endSegments,
    updatingConfig: envelope.laterRevision(2)?.bool() ?? false
  }
}

const withPredecessors = (
  segments: ReadonlyMap<string, ReadonlySet<SegmentId>>,
  ranges: SegmentMaps.Ranges
): Successors =>
  new Map(
    Array.from(segments, ([name, predecessors]) => [name, { predecessors, range: ranges.get(name) }] as const)
  )

// -----------------------------------------------------------------------------
// UpdateDistanceToTail, SegmentCompleted
// -----------------------------------------------------------------------------

const readDistance = (envelope: Serialization.Envelope): Update.UpdateDistanceToTail => {
  const body = envelope.revision(0)
  const reader = body.utf()
  const distance = body.i64()
  const second = envelope.laterRevision(1)
  return {
    _tag: "UpdateDistanceToTail",
    reader,
    distance,
    lastRead: second === undefined ? new Map() : SegmentMaps.readRangedPositions(second)
  }
}

const completedRevisions = (update: Update.SegmentCompleted): Revisions => [
  (w) => {
    w.utf(update.reader).utf(update.segment)
    Serialization.writeMap(w, update.successors, Serialization.writeUtf, writePredecessors)
  },
  (w) => {
    const ranges = new Map<string, KeyRange | undefined>([[update.segment, update.range]])
    for (const [segment, { range }] of update.successors) ranges.set(segment, range)
    // Java collects these in a HashMap; its order makes the bytes the same
    SegmentMaps.writeRanges(
      w,
      new Map(HashOrder.segments(ranges.keys()).map((segment) => [segment, ranges.get(segment)] as const))
    )
  }
]

const readCompleted = (envelope: Serialization.Envelope): Update.SegmentCompleted => {
  const body = envelope.revision(0)
  const reader = body.utf()
  const segment = SegmentMaps.readSegment(body)
  const successors = Serialization.readMap(body, SegmentMaps.readSegment, readPredecessors)
  const second = envelope.laterRevision(1)
  const ranges = second === undefined ? SegmentMaps.noRanges : SegmentMaps.readRanges(second)
  return {
    _tag: "SegmentCompleted",
    reader,
    segment,
    range: ranges.get(segment),
    successors: withPredecessors(successors, ranges)
  }
}
