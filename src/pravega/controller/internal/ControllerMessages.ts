/**
 * Core values to messages of the controller protocol and back. Pure. What comes from a peer may be nonsense: the
 * functions that read replies throw then, and the caller turns that into `UnexpectedReply`.
 *
 * @internal
 */
import type { MessageInitShape } from "@bufbuild/protobuf"
import * as Duration from "effect/Duration"
import * as KeyRange from "../../../core/KeyRange.ts"
import * as RetentionPolicy from "../../../core/RetentionPolicy.ts"
import * as ScalingPolicy from "../../../core/ScalingPolicy.ts"
import { ScopedStream } from "../../../core/ScopedStream.ts"
import { ScopeName } from "../../../core/ScopeName.ts"
import { SegmentId, type SegmentWithRange } from "../../../core/Segment.ts"
import { StreamConfiguration } from "../../../core/StreamConfiguration.ts"
import { StreamCut } from "../../../core/StreamCut.ts"
import { StreamName } from "../../../core/StreamName.ts"
import * as TransactionId from "../../../core/TransactionId.ts"
import type { Successor } from "../Controller.ts"
import * as pb from "../gen/Controller_pb.ts"

/** Java's Long.MAX_VALUE: no limit. */
const unlimited = (1n << 63n) - 1n

/** Replies of 0.13.0 fill every field that is read here; a missing one is nonsense. */
const present = <A>(value: A | undefined, field: string): A => {
  if (value === undefined) throw new Error(`${field} is missing`)
  return value
}

/** @category converting @since 0.1.0 */
export const streamInfo = (stream: ScopedStream, accessOperation?: pb.StreamInfo_AccessOperation) =>
  ({
    scope: stream.scope,
    stream: stream.stream,
    ...(accessOperation === undefined ? {} : { accessOperation })
  }) satisfies MessageInitShape<typeof pb.StreamInfoSchema>

/**
 * For `getCurrentSegments` and `getSegments`: says that no delegation token is wanted. Without it 0.13.0 takes the caller
 * for an old client, makes a token for reading and writing, and refuses users that may only read.
 *
 * @category converting
 * @since 0.1.0
 */
export const streamInfoWithoutToken = (stream: ScopedStream) => streamInfo(stream, pb.StreamInfo_AccessOperation.NONE)

/** @category constructors @since 0.1.0 */
export const fromStreamInfo = (info: pb.StreamInfo): ScopedStream =>
  new ScopedStream({ scope: ScopeName.make(info.scope), stream: StreamName.make(info.stream) })

/** @category converting @since 0.1.0 */
export const segmentId = (stream: ScopedStream, id: SegmentId): MessageInitShape<typeof pb.SegmentIdSchema> => ({
  streamInfo: streamInfo(stream),
  segmentId: id
})

/** @category constructors @since 0.1.0 */
export const fromSegmentId = (message: pb.SegmentId | undefined): SegmentId =>
  SegmentId.make(present(message, "segmentId").segmentId)

/** @category constructors @since 0.1.0 */
export const fromSegmentRange = (message: pb.SegmentRange): SegmentWithRange => ({
  id: fromSegmentId(message.segmentId),
  range: KeyRange.KeyRange.make({ low: message.minKey, high: message.maxKey })
})

/** @category constructors @since 0.1.0 */
export const fromSuccessors = (message: pb.SuccessorResponse): ReadonlyArray<Successor> =>
  message.segments.map((entry) => {
    const { id, range } = fromSegmentRange(present(entry.segment, "segment"))
    return { id, range, predecessors: entry.value.map((predecessor) => SegmentId.make(predecessor)) }
  })

/** @category constructors @since 0.1.0 */
export const fromLocations = (stream: ScopedStream, message: pb.SegmentsAtTime): StreamCut =>
  new StreamCut({
    stream,
    positions: new Map(message.segments.map((location) => [fromSegmentId(location.segmentId), location.offset]))
  })

/** Whether the locations are those of the cut, neither more nor fewer. @category guards @since 0.1.0 */
export const isAt = (message: pb.SegmentsAtTime, cut: StreamCut): boolean => {
  // by plain numbers: what a peer sends need be no segment's id
  const positions: ReadonlyMap<bigint, bigint> = cut.positions
  return message.segments.length === positions.size &&
    message.segments.every(({ offset, segmentId }) =>
      segmentId !== undefined && positions.get(segmentId.segmentId) === offset
    )
}

/** protobuf-es keys a map of int64 by their text. @category converting @since 0.1.0 */
export const cutEntries = (cut: StreamCut | undefined): Record<string, bigint> =>
  Object.fromEntries(Array.from(cut?.positions ?? [], ([id, offset]) => [id.toString(), offset]))

/** @category converting @since 0.1.0 */
export const transactionId = (id: TransactionId.TransactionId): MessageInitShape<typeof pb.TxnIdSchema> => {
  const bits = TransactionId.toBits(id)
  return { highBits: bits.high, lowBits: bits.low }
}

/** @category constructors @since 0.1.0 */
export const fromTransactionId = (message: pb.TxnId | undefined): TransactionId.TransactionId => {
  const id = present(message, "txnId")
  return TransactionId.fromBits({ high: id.highBits, low: id.lowBits })
}

/** @category converting @since 0.1.0 */
export const streamConfig = (
  stream: ScopedStream,
  configuration: StreamConfiguration
): MessageInitShape<typeof pb.StreamConfigSchema> => ({
  streamInfo: streamInfo(stream),
  scalingPolicy: scalingPolicy(configuration.scaling),
  ...(configuration.retention === undefined ? {} : { retentionPolicy: retentionPolicy(configuration.retention) }),
  tags: { tag: [...configuration.tags] },
  timestampAggregationTimeout: millis(configuration.timestampAggregationTimeout),
  rolloverSizeBytes: configuration.rolloverSizeBytes
})

/** As a Java long: the largest, which stands for "for ever", is no JavaScript number and comes back as 2^63. */
const millis = (duration: Duration.Duration): bigint => {
  const value = BigInt(Duration.toMillis(duration))
  return value < unlimited ? value : unlimited
}

const scalingPolicy = (policy: ScalingPolicy.ScalingPolicy): MessageInitShape<typeof pb.ScalingPolicySchema> => {
  const Type = pb.ScalingPolicy_ScalingPolicyType
  switch (policy._tag) {
    case "Fixed":
      return { scaleType: Type.FIXED_NUM_SEGMENTS, minNumSegments: policy.segments }
    case "ByDataRate":
      return {
        scaleType: Type.BY_RATE_IN_KBYTES_PER_SEC,
        targetRate: policy.kilobytesPerSecond,
        scaleFactor: policy.scaleFactor,
        minNumSegments: policy.minimumSegments
      }
    case "ByEventRate":
      return {
        scaleType: Type.BY_RATE_IN_EVENTS_PER_SEC,
        targetRate: policy.eventsPerSecond,
        scaleFactor: policy.scaleFactor,
        minNumSegments: policy.minimumSegments
      }
  }
}

const retentionPolicy = (
  policy: RetentionPolicy.RetentionPolicy
): MessageInitShape<typeof pb.RetentionPolicySchema> => {
  const Type = pb.RetentionPolicy_RetentionPolicyType
  switch (policy._tag) {
    case "ByTime":
      return {
        retentionType: Type.TIME,
        retentionParam: millis(policy.minimum),
        retentionMax: policy.maximum === undefined ? unlimited : millis(policy.maximum)
      }
    case "BySize":
      return {
        retentionType: Type.SIZE,
        retentionParam: policy.minimumBytes,
        retentionMax: policy.maximumBytes ?? unlimited
      }
  }
}

/**
 * Throws for a configuration that another client made and ours would refuse, with a maximum below its minimum say.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromStreamConfig = (message: pb.StreamConfig): StreamConfiguration => {
  const retention = fromRetentionPolicy(message.retentionPolicy)
  return new StreamConfiguration({
    scaling: fromScalingPolicy(present(message.scalingPolicy, "scalingPolicy")),
    ...(retention === undefined ? {} : { retention }),
    // the server keeps a set: a fixed order makes configurations comparable
    tags: (message.tags?.tag ?? []).toSorted(),
    timestampAggregationTimeout: Duration.millis(Number(message.timestampAggregationTimeout)),
    rolloverSizeBytes: message.rolloverSizeBytes
  })
}

const fromScalingPolicy = (policy: pb.ScalingPolicy): ScalingPolicy.ScalingPolicy => {
  const Type = pb.ScalingPolicy_ScalingPolicyType
  const { minNumSegments: minimumSegments, scaleFactor, targetRate } = policy
  switch (policy.scaleType) {
    case Type.FIXED_NUM_SEGMENTS:
      return ScalingPolicy.fixed(minimumSegments)
    case Type.BY_RATE_IN_KBYTES_PER_SEC:
      return ScalingPolicy.byDataRate({ kilobytesPerSecond: targetRate, scaleFactor, minimumSegments })
    case Type.BY_RATE_IN_EVENTS_PER_SEC:
      return ScalingPolicy.byEventRate({ eventsPerSecond: targetRate, scaleFactor, minimumSegments })
    default:
      throw new Error(`scaling policy ${policy.scaleType} is not known`)
  }
}

const fromRetentionPolicy = (
  policy: pb.RetentionPolicy | undefined
): RetentionPolicy.RetentionPolicy | undefined => {
  const Type = pb.RetentionPolicy_RetentionPolicyType
  if (policy === undefined) return undefined
  const { retentionMax: maximum, retentionParam: minimum } = policy
  // older servers leave the maximum at 0
  const limited = maximum !== unlimited && maximum > 0n
  switch (policy.retentionType) {
    case Type.UNKNOWN:
      return undefined
    case Type.TIME:
      return RetentionPolicy.byTime(
        Duration.millis(Number(minimum)),
        limited ? { maximum: Duration.millis(Number(maximum)) } : {}
      )
    case Type.SIZE:
      return RetentionPolicy.bySize(minimum, limited ? { maximumBytes: maximum } : {})
    default:
      throw new Error(`retention policy ${policy.retentionType} is not known`)
  }
}
