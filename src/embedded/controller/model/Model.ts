/**
 * What the controller keeps, as values: each is one record of the storage. What they mean and how they change is told in
 * the file of each concept.
 *
 * @internal
 */
import * as Schema from "effect/Schema"
import { TransactionId } from "../../../core/TransactionId.ts"
import type { Epochs } from "./Epochs.ts"

const Cut = Schema.ReadonlyMap(Schema.BigInt, Schema.BigInt)
/** In milliseconds, of the time that the server ran: see `World.now`. */
const Time = Schema.Finite

/** All there is to know of a scope is that it is there. @category schemas @since 0.1.0 */
export const ScopeRecord = Schema.Struct({})

/** As the protocol numbers them: fixed, by kilobytes, by events; none, by time, by size. */
const PolicyType = Schema.Literals([0, 1, 2])
/** @category models @since 0.1.0 */
export type PolicyType = typeof PolicyType.Type
/** @category schemas @since 0.1.0 */
export const isPolicyType = Schema.is(PolicyType)

/**
 * A stream's configuration as the protocol carries it, whatever a client put into it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const StreamSettings = Schema.Struct({
  scaling: Schema.Struct({
    scaleType: PolicyType,
    targetRate: Schema.Int,
    scaleFactor: Schema.Int,
    minNumSegments: Schema.Int
  }),
  retention: Schema.optionalKey(Schema.Struct({
    retentionType: PolicyType,
    retentionParam: Schema.BigInt,
    retentionMax: Schema.BigInt
  })),
  tags: Schema.Array(Schema.String),
  timestampAggregationTimeout: Schema.BigInt,
  rolloverSizeBytes: Schema.BigInt
})
/** @category models @since 0.1.0 */
export type StreamSettings = typeof StreamSettings.Type

/**
 * A stream but for its epochs, which are records of their own: they never change, and grow in number.
 *
 * @category schemas
 * @since 0.1.0
 */
export const StreamHeader = Schema.Struct({
  settings: StreamSettings,
  isSealed: Schema.Boolean,
  /** Where the stream begins since it was truncated; absent: with epoch 0. */
  head: Schema.optionalKey(Cut),
  /** The bytes of all segments sealed so far, those truncated since included. */
  sealedBytes: Schema.Finite
})
/** @category models @since 0.1.0 */
export type StreamHeader = typeof StreamHeader.Type

/** Only the last epoch is ever added. @category models @since 0.1.0 */
export interface StreamRecord extends StreamHeader {
  readonly epochs: Epochs
}

/** A stream that is gone: one of the same name numbers its segments from here on. @category schemas @since 0.1.0 */
export const FormerStream = Schema.Struct({ nextNumber: Schema.Int })
/** @category models @since 0.1.0 */
export type FormerStream = typeof FormerStream.Type

/** A transaction that is not decided, or decided and not yet merged. @category schemas @since 0.1.0 */
export const OpenTransaction = Schema.Struct({
  id: TransactionId,
  created: Time,
  lease: Schema.Finite,
  /** No ping extends its life beyond this. */
  lastDeadline: Time,
  /** Once it is to be committed: its place in the order, and what the writer says about time. */
  commit: Schema.optionalKey(Schema.Struct({
    order: Schema.Int,
    writer: Schema.String,
    timestamp: Schema.optionalKey(Schema.BigInt)
  }))
})
/** @category models @since 0.1.0 */
export type OpenTransaction = typeof OpenTransaction.Type

/** @category schemas @since 0.1.0 */
export const CompletedTransaction = Schema.Struct({
  outcome: Schema.Literals(["committed", "aborted"]),
  completed: Time
})
/** @category models @since 0.1.0 */
export type CompletedTransaction = typeof CompletedTransaction.Type

const NamedCut = Schema.Struct({ scope: Schema.String, stream: Schema.String, cut: Cut })

/** @category schemas @since 0.1.0 */
export const ReaderGroup = Schema.Struct({
  id: Schema.String,
  generation: Schema.BigInt,
  groupRefreshTimeMillis: Schema.BigInt,
  automaticCheckpointIntervalMillis: Schema.BigInt,
  maxOutstandingCheckpointRequest: Schema.Int,
  retentionType: Schema.Int,
  rolloverSizeBytes: Schema.BigInt,
  starts: Schema.Array(NamedCut),
  ends: Schema.Array(NamedCut)
})
/** @category models @since 0.1.0 */
export type ReaderGroup = typeof ReaderGroup.Type

/** A reader group whose reading a stream's retention waits for. @category schemas @since 0.1.0 */
export const Subscriber = Schema.Struct({ generation: Schema.BigInt, cut: Cut })
/** @category models @since 0.1.0 */
export type Subscriber = typeof Subscriber.Type

/** @category schemas @since 0.1.0 */
export const KeyValueTable = Schema.Struct({
  partitionCount: Schema.Int,
  primaryKeyLength: Schema.Int,
  secondaryKeyLength: Schema.Int,
  rolloverSizeBytes: Schema.BigInt
})
/** @category models @since 0.1.0 */
export type KeyValueTable = typeof KeyValueTable.Type

/** What a writer last said about its time, and when it said so. @category schemas @since 0.1.0 */
export const WriterMark = Schema.Struct({
  timestamp: Schema.BigInt,
  position: Cut,
  noted: Time,
  /** It was removed. */
  isGone: Schema.optionalKey(Schema.Boolean)
})
/** @category models @since 0.1.0 */
export type WriterMark = typeof WriterMark.Type

/** The last watermark of a stream. @category schemas @since 0.1.0 */
export const LastWatermark = Schema.Struct({ lowerTime: Schema.BigInt, upperTime: Schema.BigInt, position: Cut })
/** @category models @since 0.1.0 */
export type LastWatermark = typeof LastWatermark.Type

/**
 * Tails that retention may truncate to, oldest first; `bytes`: all that was ever written before the cut.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RecordedTails = Schema.Array(Schema.Struct({ recorded: Time, bytes: Schema.Finite, cut: Cut }))
/** @category models @since 0.1.0 */
export type RecordedTails = typeof RecordedTails.Type

/** Numbers that must not come twice, also after a crash: those below are taken. @category schemas @since 0.1.0 */
export const Counters = Schema.Struct({ transaction: Schema.Int })
export type Counters = typeof Counters.Type
