/**
 * The controller's values as messages of the protocol, and back. Pure.
 *
 * @internal
 */
import type { MessageInitShape } from "@bufbuild/protobuf"
import { type SegmentWithRange } from "../../../core/Segment.ts"
import * as TransactionId from "../../../core/TransactionId.ts"
import type * as pb from "../../../pravega/controller/gen/Controller_pb.ts"
import type { Cut } from "../model/Cuts.ts"
import {
  isPolicyType,
  type KeyValueTable,
  type PolicyType,
  type ReaderGroup,
  type StreamSettings
} from "../model/Model.ts"
import { internal } from "../World.ts"

/** @category models @since 0.1.0 */
export interface Name {
  readonly scope: string
  readonly stream: string
}

/** A message without it names nothing. @category converting @since 0.1.0 */
export const nameOf = (info: pb.StreamInfo | undefined): Name => ({
  scope: info?.scope ?? "",
  stream: info?.stream ?? ""
})

/** @category converting @since 0.1.0 */
export const streamInfo = ({ scope, stream }: Name) =>
  ({ scope, stream }) satisfies MessageInitShape<typeof pb.StreamInfoSchema>

/** @category converting @since 0.1.0 */
export const cutOf = (cut: Readonly<Record<string, bigint>>): Cut =>
  new Map(Object.entries(cut).map(([id, offset]) => [BigInt(id), offset]))

/** @category converting @since 0.1.0 */
export const cut = (positions: Cut): Record<string, bigint> =>
  Object.fromEntries(Array.from(positions, ([id, offset]) => [String(id), offset]))

/** @category converting @since 0.1.0 */
export const segmentId = (name: Name, id: bigint) =>
  ({ streamInfo: streamInfo(name), segmentId: id }) satisfies MessageInitShape<typeof pb.SegmentIdSchema>

/** @category converting @since 0.1.0 */
export const segmentRange = (name: Name, { id, range }: SegmentWithRange) =>
  ({
    segmentId: segmentId(name, id),
    minKey: range.low,
    maxKey: range.high
  }) satisfies MessageInitShape<typeof pb.SegmentRangeSchema>

/** @category converting @since 0.1.0 */
export const transactionId = (id: TransactionId.TransactionId) => {
  const { high, low } = TransactionId.toBits(id)
  return { highBits: high, lowBits: low } satisfies MessageInitShape<typeof pb.TxnIdSchema>
}

/** @category converting @since 0.1.0 */
export const transactionIdOf = (id: pb.TxnId | undefined): TransactionId.TransactionId =>
  TransactionId.fromBits({ high: id?.highBits ?? 0n, low: id?.lowBits ?? 0n })

/** @category converting @since 0.1.0 */
export const settingsOf = (config: pb.StreamConfig): StreamSettings => {
  const { retentionPolicy: retention, rolloverSizeBytes, scalingPolicy, tags, timestampAggregationTimeout } = config
  return {
    scaling: {
      scaleType: policyType(scalingPolicy?.scaleType ?? 0),
      targetRate: scalingPolicy?.targetRate ?? 0,
      scaleFactor: scalingPolicy?.scaleFactor ?? 0,
      minNumSegments: scalingPolicy?.minNumSegments ?? 0
    },
    ...(retention === undefined ? {} : {
      retention: {
        retentionType: policyType(retention.retentionType),
        retentionParam: retention.retentionParam,
        retentionMax: retention.retentionMax
      }
    }),
    tags: [...new Set(tags?.tag)].toSorted(),
    timestampAggregationTimeout,
    rolloverSizeBytes
  }
}

/** Both kinds of policies have these three; a later protocol's are not understood. */
const policyType = (type: number): PolicyType => {
  if (!isPolicyType(type)) throw internal(`a policy of type ${type}`)
  return type
}

/** @category converting @since 0.1.0 */
export const streamConfig = (
  name: Name,
  { retention, scaling, ...settings }: StreamSettings
): MessageInitShape<typeof pb.StreamConfigSchema> => ({
  streamInfo: streamInfo(name),
  scalingPolicy: scaling,
  ...(retention === undefined ? {} : { retentionPolicy: retention }),
  tags: { tag: [...settings.tags] },
  timestampAggregationTimeout: settings.timestampAggregationTimeout,
  rolloverSizeBytes: settings.rolloverSizeBytes
})

/** @category converting @since 0.1.0 */
export const readerGroupOf = (config: pb.ReaderGroupConfiguration): ReaderGroup => {
  const namedCut = (message: pb.StreamCut) => ({ ...nameOf(message.streamInfo), cut: cutOf(message.cut) })
  return {
    id: config.readerGroupId,
    generation: config.generation,
    groupRefreshTimeMillis: config.groupRefreshTimeMillis,
    automaticCheckpointIntervalMillis: config.automaticCheckpointIntervalMillis,
    maxOutstandingCheckpointRequest: config.maxOutstandingCheckpointRequest,
    retentionType: config.retentionType,
    rolloverSizeBytes: config.rolloverSizeBytes,
    starts: config.startingStreamCuts.map(namedCut),
    ends: config.endingStreamCuts.map(namedCut)
  }
}

/** @category converting @since 0.1.0 */
export const readerGroup = (
  scope: string,
  name: string,
  { ends, id, starts, ...group }: ReaderGroup
): MessageInitShape<typeof pb.ReaderGroupConfigurationSchema> => {
  const streamCut = (entry: ReaderGroup["starts"][number]) => ({ streamInfo: streamInfo(entry), cut: cut(entry.cut) })
  return {
    ...group,
    scope,
    readerGroupName: name,
    readerGroupId: id,
    startingStreamCuts: starts.map(streamCut),
    endingStreamCuts: ends.map(streamCut)
  }
}

/** @category converting @since 0.1.0 */
export const tableConfig = (
  scope: string,
  kvtName: string,
  { partitionCount, primaryKeyLength, rolloverSizeBytes, secondaryKeyLength }: KeyValueTable
): MessageInitShape<typeof pb.KeyValueTableConfigSchema> => ({
  scope,
  kvtName,
  partitionCount,
  primaryKeyLength,
  secondaryKeyLength,
  rolloverSizeBytes
})
