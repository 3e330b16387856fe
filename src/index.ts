/**
 * A client of Pravega as Effects: the vocabulary, and what runs on a `Pravega` layer. Micro-batches are in
 * `effect-pravega/batch`, readers of reader groups and streaming queries in `effect-pravega/stream`.
 *
 * A module that is one value (a class, a service, a schema) is exported as that value; a module of functions is exported
 * as a namespace.
 *
 * @since 0.1.0
 */

// what runs on a Pravega
export * as Admin from "./pravega/admin/Admin.ts"
export * as Outage from "./pravega/Outage.ts"
export * as BatchReader from "./pravega/read/BatchReader.ts"
export * as ReaderGroup from "./pravega/readergroup/ReaderGroup.ts"
export * as RevisionedStream from "./pravega/synchronizer/RevisionedStream.ts"
export * as StateSynchronizer from "./pravega/synchronizer/StateSynchronizer.ts"
export * as Transaction from "./pravega/transaction/Transaction.ts"
export type {
  TransactionWriter,
  TransactionWriterOptions,
  WrittenSegment
} from "./pravega/transaction/TransactionWriter.ts"
export * as EventWriter from "./pravega/write/EventWriter.ts"

// a client, and how it is connected
export type { ControllerOptions, StoreEndpoint } from "./pravega/controller/Controller.ts"
export { InvalidControllerAddress } from "./pravega/controller/ControllerAddress.ts"
export {
  type ControllerConnector,
  ControllerTransport,
  type TlsOptions
} from "./pravega/controller/ControllerTransport.ts"
export * as Credentials from "./pravega/controller/Credentials.ts"
export { type ClientOptions, Pravega, type PravegaClient, type PravegaOptions } from "./pravega/Pravega.ts"
export type { SegmentStoresOptions } from "./pravega/segmentstore/SegmentStores.ts"
export { SegmentStoreTransport, type StoreConnector } from "./pravega/segmentstore/SegmentStoreTransport.ts"

// what can go wrong
export * as ControllerError from "./pravega/controller/ControllerError.ts"
export * as ReadError from "./pravega/read/ReadError.ts"
export * as ReaderGroupError from "./pravega/readergroup/ReaderGroupError.ts"
export * as SegmentError from "./pravega/segmentstore/SegmentError.ts"
export * as TransactionError from "./pravega/transaction/TransactionError.ts"
export * as WriterError from "./pravega/write/WriterError.ts"

// events, how they are encoded, and what is read of them
export * as EventCodec from "./core/EventCodec.ts"
export * as EventStream from "./core/EventStream.ts"
export { EventRead, type EventRun } from "./pravega/read/EventRead.ts"
export type { OnTruncated } from "./pravega/read/OnTruncated.ts"
export { SegmentRange } from "./pravega/read/SegmentRange.ts"

// streams, their segments and their configuration
export * as KeyRange from "./core/KeyRange.ts"
export * as RetentionPolicy from "./core/RetentionPolicy.ts"
export * as RoutingKey from "./core/RoutingKey.ts"
export * as ScalingPolicy from "./core/ScalingPolicy.ts"
export { ScopedStream, ScopedStreamFromText } from "./core/ScopedStream.ts"
export { ScopeName, UserScopeName } from "./core/ScopeName.ts"
export * as Segment from "./core/Segment.ts"
export { StreamConfiguration } from "./core/StreamConfiguration.ts"
export { StreamName, UserStreamName } from "./core/StreamName.ts"

// positions
export { Checkpoint } from "./core/Checkpoint.ts"
export { EndPosition } from "./core/EndPosition.ts"
export { EventPointer } from "./core/EventPointer.ts"
export { MalformedValue } from "./core/MalformedValue.ts"
export { Position, SegmentPosition } from "./core/Position.ts"
export { StartPosition } from "./core/StartPosition.ts"
export { StreamCut, StreamCutFromText, type Unbounded } from "./core/StreamCut.ts"
export * as StreamCutOrder from "./core/StreamCutOrder.ts"
export * as TimeWindow from "./core/TimeWindow.ts"
export { Watermark } from "./core/Watermark.ts"

// who writes and who reads
export { ReaderGroupBound, ReaderGroupConfig, ReaderGroupRetention } from "./core/ReaderGroupConfig.ts"
export { ReaderGroupName } from "./core/ReaderGroupName.ts"
export { ReaderId } from "./core/ReaderId.ts"
export * as TransactionId from "./core/TransactionId.ts"
export { WriterId } from "./core/WriterId.ts"
export type { TransactionState } from "./pravega/controller/Controller.ts"

// of compilers' sentences
export type { Says } from "./core/Says.ts"
