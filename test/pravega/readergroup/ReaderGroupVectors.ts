/**
 * The parts of the vectors in `serialization.json` that belong to reader groups, as the library's values.
 */
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { ReaderGroupConfig } from "../../../src/core/ReaderGroupConfig.ts"
import { SegmentId } from "../../../src/core/Segment.ts"
import type { RangedPositions, Successors } from "../../../src/core/SegmentPositions.ts"
import { StreamCut } from "../../../src/core/StreamCut.ts"
import type { CheckpointState } from "../../../src/pravega/readergroup/state/CheckpointState.ts"
import type * as Update from "../../../src/pravega/readergroup/state/ReaderGroupUpdate.ts"
import { readVectors } from "../../vectors/vectors.ts"

const Long = Schema.BigIntFromString
const Range = Schema.NullOr(Schema.Tuple([Schema.Finite, Schema.Finite]))
const Offset = Schema.Struct({ segment: Schema.String, offset: Long })
const RangedOffset = Schema.Struct({ segment: Schema.String, range: Range, offset: Long })
const Offsets = Schema.Array(Offset)
export const RangedOffsets = Schema.Array(RangedOffset)

const StreamBounds = Schema.Array(Schema.Struct({
  stream: Schema.String,
  cut: Schema.Struct({ unbounded: Schema.Boolean, bytesHex: Schema.Uint8ArrayFromHex })
}))
const Config = Schema.Struct({
  groupRefreshTimeMillis: Long,
  automaticCheckpointIntervalMillis: Long,
  startingStreamCuts: StreamBounds,
  endingStreamCuts: StreamBounds,
  maxOutstandingCheckpointRequest: Schema.Int,
  retentionType: Schema.Int,
  generation: Long,
  readerGroupId: Schema.String
})
const Checkpoints = Schema.Struct({
  checkpoints: Schema.Array(Schema.String),
  uncheckpointedHosts: Schema.Array(
    Schema.Struct({ checkpoint: Schema.String, readers: Schema.Array(Schema.String) })
  ),
  checkpointPositions: Schema.Array(Schema.Struct({ checkpoint: Schema.String, positions: Offsets })),
  lastCheckpointPosition: Schema.NullOr(Offsets),
  lastCheckpointPublished: Schema.Boolean
})
const Init = Schema.Struct({
  type: Schema.Literal("ReaderGroupStateInit"),
  config: Config,
  startingSegments: RangedOffsets,
  endSegments: Offsets,
  updatingConfig: Schema.Boolean
})
const Compact = Schema.Struct({
  type: Schema.Literal("CompactReaderGroupState"),
  config: Config,
  checkpointState: Checkpoints,
  distanceToTail: Schema.Array(Schema.Struct({ reader: Schema.String, distance: Long })),
  futureSegments: Schema.Array(
    Schema.Struct({ segment: Schema.String, range: Range, requiredPredecessors: Schema.Array(Long) })
  ),
  assignedSegments: Schema.Array(Schema.Struct({ reader: Schema.String, segments: RangedOffsets })),
  unassignedSegments: RangedOffsets,
  lastReadPosition: RangedOffsets,
  endSegments: Offsets,
  updatingConfig: Schema.Boolean
})
const reader = { readerId: Schema.String }
const type = <const Name extends string>(name: Name) => ({ type: Schema.Literal(name) })
const AnyUpdate = Schema.Union([
  Init,
  Compact,
  Schema.Struct({ ...type("AddReader"), ...reader }),
  Schema.Struct({ ...type("RemoveReader"), ...reader, ownedSegments: Offsets }),
  Schema.Struct({ ...type("ReleaseSegment"), ...reader, segment: Schema.String, offset: Long }),
  Schema.Struct({ ...type("AcquireSegment"), ...reader, segment: Schema.String }),
  Schema.Struct({
    ...type("UpdateDistanceToTail"),
    ...reader,
    distanceToTail: Long,
    lastReadPositions: RangedOffsets
  }),
  Schema.Struct({
    ...type("SegmentCompleted"),
    ...reader,
    segmentCompleted: Schema.String,
    segmentCompletedRange: Range,
    successors: Schema.Array(
      Schema.Struct({ segment: Schema.String, range: Range, predecessors: Schema.Array(Long) })
    )
  }),
  Schema.Struct({ ...type("CheckpointReader"), ...reader, checkpointId: Schema.String, positions: Offsets }),
  Schema.Struct({ ...type("CreateCheckpoint"), checkpointId: Schema.String }),
  Schema.Struct({ ...type("ClearCheckpointsBefore"), clearUpToCheckpoint: Schema.String }),
  Schema.Struct({ ...type("UpdateCheckpointPublished"), published: Schema.Boolean }),
  Schema.Struct({ ...type("UpdatingConfig"), updatingConfig: Schema.Boolean }),
  Schema.Struct(type("RemoveOutstandingCheckpoints"))
])

const Bytes = Schema.Struct({ bytesHex: Schema.Uint8ArrayFromHex, byteExact: Schema.Boolean })
const withBytes = <S extends Schema.Constraint>(value: S) => Schema.Tuple([value, Bytes])
/** Reads one JSON value both as what it describes and as the bytes beside it. */
const pair = (value: unknown): unknown => [value, value]
const pairs = (values: unknown): unknown => Array.isArray(values) ? values.map(pair) : values

const After = Schema.Struct({
  readers: Schema.Record(
    Schema.String,
    Schema.Struct({
      assigned: RangedOffsets,
      relativeSize: Schema.Finite,
      nextCheckpoint: Schema.NullOr(Schema.String)
    })
  ),
  unassignedInOrder: RangedOffsets,
  futureSegments: Schema.Array(
    Schema.Struct({ segment: Schema.String, range: Range, requiredPredecessors: Schema.Array(Long) })
  ),
  lastReadPositions: RangedOffsets,
  distanceToTail: Schema.Record(Schema.String, Long),
  checkpoints: Schema.Array(Schema.Struct({
    id: Schema.String,
    silent: Schema.Boolean,
    complete: Schema.Boolean,
    positionsIfComplete: Schema.NullOr(Offsets)
  })),
  outstandingCheckpoints: Schema.Array(Schema.String),
  hasOngoingCheckpoint: Schema.Boolean,
  lastCheckpointPosition: Schema.NullOr(Offsets),
  lastCheckpointPublished: Schema.Boolean,
  isEndOfData: Schema.Boolean,
  updatingConfig: Schema.Boolean,
  generation: Long,
  numberOfSegments: Schema.Int
})

const file = Schema.decodeUnknownSync(Schema.Record(Schema.String, Schema.Unknown))(readVectors("serialization"))
const part = <S extends Schema.Constraint & { readonly DecodingServices: never }>(
  schema: S,
  name: string
): S["Type"] => Schema.decodeUnknownSync(schema)(pairs(file[name]))

export const configs = part(Schema.Array(withBytes(Config)), "readerGroupConfigs")
export const checkpointStates = part(Schema.Array(withBytes(Checkpoints)), "checkpointStates")
export const inits = part(Schema.Array(withBytes(AnyUpdate)), "readerGroupInit")
export const updates = part(Schema.Array(withBytes(AnyUpdate)), "readerGroupUpdates")
export const events = Schema.decodeUnknownSync(Schema.Array(Schema.Union([
  Schema.Struct({
    kind: Schema.Literal("init"),
    init: AnyUpdate,
    meaningfulBytes: Schema.Int,
    trailingZeros: Schema.Int,
    payloadHex: Schema.Uint8ArrayFromHex,
    byteExact: Schema.Boolean
  }),
  Schema.Struct({
    kind: Schema.Literal("updates"),
    updates: Schema.Array(AnyUpdate),
    payloadHex: Schema.Uint8ArrayFromHex,
    byteExact: Schema.Boolean
  })
])))(file["synchronizerEvents"])
export const traces = Schema.decodeUnknownSync(Schema.Array(Schema.Struct({
  name: Schema.String,
  steps: Schema.Array(Schema.Unknown)
})))(file["readerGroupStateMachine"]).map(({ name, steps }) => ({
  name,
  steps: Schema.decodeUnknownSync(
    Schema.Array(Schema.Tuple([
      AnyUpdate,
      Schema.Struct({ error: Schema.NullOr(Schema.String), after: After, ...Bytes.fields })
    ]))
  )(pairs(steps))
}))
export const releaseOrders = Schema.decodeUnknownSync(Schema.Array(Schema.Struct({
  readerId: Schema.String,
  owned: Schema.Array(
    Schema.Struct({ segment: Schema.String, position: Schema.Finite, positionBits: Schema.String })
  ),
  releasedFirst: Schema.String
})))(file["releaseOrder"])

// -----------------------------------------------------------------------------
// to the library's values
// -----------------------------------------------------------------------------

const bounds = (entries: typeof StreamBounds.Type) =>
  new Map(entries.map(({ cut, stream }) => [
    stream,
    cut.unbounded ? "unbounded" as const : Result.getOrThrow(StreamCut.fromBytes(cut.bytesHex))
  ]))

/** Exactly; the longest time there is stands for no end. */
const millis = (value: bigint): Duration.Duration => {
  if (value === 2n ** 63n - 1n) return Duration.infinity
  return BigInt.asIntN(53, value) === value
    ? Duration.millis(Number(value))
    : Duration.nanos(value * 1_000_000n)
}

export const toConfig = (config: typeof Config.Type): ReaderGroupConfig =>
  new ReaderGroupConfig({
    startingStreamCuts: bounds(config.startingStreamCuts),
    endingStreamCuts: bounds(config.endingStreamCuts),
    groupRefreshTime: millis(config.groupRefreshTimeMillis),
    automaticCheckpointInterval: config.automaticCheckpointIntervalMillis < 0n
      ? undefined
      : millis(config.automaticCheckpointIntervalMillis),
    maxOutstandingCheckpoints: config.maxOutstandingCheckpointRequest,
    retention: (["none", "manual", "automatic"] as const)[config.retentionType]!,
    generation: config.generation,
    id: config.readerGroupId
  })

export const toPositions = (offsets: typeof Offsets.Type): ReadonlyMap<string, bigint> =>
  new Map(offsets.map(({ offset, segment }) => [segment, offset]))

const toRange = (range: typeof Range.Type) => range === null ? undefined : { low: range[0], high: range[1] }

export const toRanged = (offsets: typeof RangedOffsets.Type): RangedPositions =>
  new Map(offsets.map(({ offset, range, segment }) => [segment, { offset, range: toRange(range) }]))

export const toSuccessors = (
  successors: ReadonlyArray<
    { readonly segment: string; readonly range: typeof Range.Type; readonly predecessors: ReadonlyArray<bigint> }
  >
): Successors =>
  new Map(successors.map(({ predecessors, range, segment }) => [segment, {
    range: toRange(range),
    predecessors: new Set(predecessors.map((id) => SegmentId.make(id)))
  }]))

export const toCheckpoints = (state: typeof Checkpoints.Type): CheckpointState => ({
  checkpoints: state.checkpoints,
  pending: new Map(state.uncheckpointedHosts.map(({ checkpoint, readers }) => [checkpoint, readers])),
  positions: new Map(
    state.checkpointPositions.map(({ checkpoint, positions }) => [checkpoint, toPositions(positions)])
  ),
  // none and no segments have the same bytes
  lastPositions: state.lastCheckpointPosition === null || state.lastCheckpointPosition.length === 0
    ? undefined
    : toPositions(state.lastCheckpointPosition),
  lastPublished: state.lastCheckpointPublished
})

const toCompact = (compact: typeof Compact.Type): Update.CompactReaderGroupState => ({
  _tag: "CompactReaderGroupState",
  state: {
    config: toConfig(compact.config),
    checkpoints: toCheckpoints(compact.checkpointState),
    distanceToTail: new Map(compact.distanceToTail.map(({ distance, reader }) => [reader, distance])),
    future: toSuccessors(
      compact.futureSegments.map((future) => ({ ...future, predecessors: future.requiredPredecessors }))
    ),
    assigned: new Map(compact.assignedSegments.map(({ reader, segments }) => [reader, toRanged(segments)])),
    unassigned: toRanged(compact.unassignedSegments),
    lastRead: toRanged(compact.lastReadPosition),
    endSegments: toPositions(compact.endSegments),
    updatingConfig: compact.updatingConfig
  }
})

export const toUpdate = (update: typeof AnyUpdate.Type): Update.ReaderGroupUpdate => {
  switch (update.type) {
    case "ReaderGroupStateInit":
      return {
        _tag: update.type,
        config: toConfig(update.config),
        startingSegments: toRanged(update.startingSegments),
        endSegments: toPositions(update.endSegments),
        updatingConfig: update.updatingConfig
      }
    case "CompactReaderGroupState":
      return toCompact(update)
    case "AddReader":
      return { _tag: update.type, reader: update.readerId }
    case "RemoveReader":
      return { _tag: update.type, reader: update.readerId, positions: toPositions(update.ownedSegments) }
    case "ReleaseSegment":
      return { _tag: update.type, reader: update.readerId, segment: update.segment, offset: update.offset }
    case "AcquireSegment":
      return { _tag: update.type, reader: update.readerId, segment: update.segment }
    case "UpdateDistanceToTail":
      return {
        _tag: update.type,
        reader: update.readerId,
        distance: update.distanceToTail,
        lastRead: toRanged(update.lastReadPositions)
      }
    case "SegmentCompleted":
      return {
        _tag: update.type,
        reader: update.readerId,
        segment: update.segmentCompleted,
        range: toRange(update.segmentCompletedRange),
        successors: toSuccessors(update.successors)
      }
    case "CheckpointReader":
      return {
        _tag: update.type,
        checkpoint: update.checkpointId,
        reader: update.readerId,
        positions: toPositions(update.positions)
      }
    case "CreateCheckpoint":
      return { _tag: update.type, checkpoint: update.checkpointId }
    case "ClearCheckpointsBefore":
      return { _tag: update.type, checkpoint: update.clearUpToCheckpoint }
    case "UpdateCheckpointPublished":
      return { _tag: update.type, published: update.published }
    case "UpdatingConfig":
      return { _tag: update.type, updating: update.updatingConfig }
    case "RemoveOutstandingCheckpoints":
      return { _tag: update.type }
  }
}
