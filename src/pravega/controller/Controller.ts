/**
 * The controller client: Pravega's controller protocol as typed Effects. It retries what may be retried, reads back what
 * a lost reply left open, and maps every status to a value or a tagged error. It opens no segment store connection and
 * caches nothing.
 *
 * @since 0.1.0
 */
import type { MessageInitShape, MessageShape } from "@bufbuild/protobuf"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { KeyRange } from "../../core/KeyRange.ts"
import type { ReaderGroupConfig } from "../../core/ReaderGroupConfig.ts"
import type { ReaderGroupName } from "../../core/ReaderGroupName.ts"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import type { ScopeName } from "../../core/ScopeName.ts"
import type { SegmentId, SegmentWithRange } from "../../core/Segment.ts"
import type { StreamConfiguration } from "../../core/StreamConfiguration.ts"
import type { StreamCut } from "../../core/StreamCut.ts"
import type { TransactionId } from "../../core/TransactionId.ts"
import type { WriterId } from "../../core/WriterId.ts"
import type { ControllerError } from "./ControllerError.ts"
import type { Credentials } from "./Credentials.ts"
import type { ControllerService } from "./gen/Controller_pb.ts"

/** Where a segment lives. @category models @since 0.1.0 */
export interface StoreEndpoint {
  readonly host: string
  readonly port: number
}

/** A successor of a sealed segment, with all the segments that it follows. @category models @since 0.1.0 */
export interface Successor extends SegmentWithRange {
  readonly predecessors: ReadonlyArray<SegmentId>
}

/** A reader group, by its scope and its name in the scope. @category models @since 0.1.0 */
export interface ReaderGroupRef {
  readonly scope: ScopeName
  readonly name: ReaderGroupName
}

/** @category models @since 0.1.0 */
export type TransactionState = "open" | "committing" | "committed" | "aborting" | "aborted" | "unknown"

/** @category models @since 0.1.0 */
export type PingStatus =
  | "ok"
  | "lease-too-large"
  | "max-execution-time-exceeded"
  | "scale-grace-time-exceeded"
  | "disconnected"
  | "committed"
  | "aborted"
  | "unknown"

/** What a delegation token allows. @category models @since 0.1.0 */
export type AccessOperation = "read" | "write" | "read-write"

/** @category models @since 0.1.0 */
export interface ControllerOptions {
  readonly credentials?: Credentials | undefined
  /**
   * The bounds of transaction leases, as the server is configured: 10 seconds and 10 minutes by default. They are
   * checked here because the server answers a lease out of bounds with a status that looks like its own trouble.
   */
  readonly lease?: {
    readonly minimum?: Duration.Input | undefined
    readonly maximum?: Duration.Input | undefined
  } | undefined
  /**
   * How long one attempt may take, 30 seconds by default; methods that make the server work (creating, scaling,
   * sealing and so on) are given 2 minutes, whatever this says.
   */
  readonly timeout?: Duration.Input | undefined
  /**
   * Attempts at most while the controller can't be reached, 12 by default, with back-off from 50 ms to 3 s: about 20
   * seconds. Statuses that waiting seldom mends are given fewer.
   */
  readonly attempts?: number | undefined
}

/** The names of the protocol's methods. @category models @since 0.1.0 */
export type ControllerMethod = keyof typeof ControllerService.method
/** What a method takes: the message's fields, those left out at their defaults. @category models @since 0.1.0 */
export type ControllerRequest<M extends ControllerMethod> = MessageInitShape<
  (typeof ControllerService.method)[M]["input"]
>
/** @category models @since 0.1.0 */
export type ControllerReply<M extends ControllerMethod> = MessageShape<(typeof ControllerService.method)[M]["output"]>

type Call<A> = Effect.Effect<A, ControllerError>

/** @category services @since 0.1.0 */
export class Controller extends Context.Service<Controller, {
  // scopes
  /**
   * true: created; false: it existed already. Looks before it sends, so that after a lost reply a scope that is there is
   * this call's (or that of another one made in the same moment).
   */
  readonly createScope: (scope: ScopeName) => Call<boolean>
  readonly scopeExists: (scope: ScopeName) => Call<boolean>
  readonly listScopes: Stream.Stream<ScopeName, ControllerError>
  /**
   * true: deleted; false: there was none. Fails with `ScopeNotEmpty`, unless `recursive`: then the server seals and
   * deletes all streams, reader groups and tables in it, which may take minutes.
   */
  readonly deleteScope: (scope: ScopeName, options?: { readonly recursive?: boolean | undefined }) => Call<boolean>
  // streams
  /**
   * true: created; false: it existed already (whatever its configuration). Looks before it sends: after a lost reply, a
   * stream that is there with this configuration is this call's.
   */
  readonly createStream: (stream: ScopedStream, configuration: StreamConfiguration) => Call<boolean>
  readonly streamExists: (stream: ScopedStream) => Call<boolean>
  /**
   * Replaces the whole configuration. The server scales the stream before it answers: to the number of segments of a
   * fixed policy, up to the minimum of an automatic one. For some numbers it tries without end; `Admin.updateStream`
   * knows them.
   */
  readonly updateStream: (stream: ScopedStream, configuration: StreamConfiguration) => Call<void>
  readonly streamConfiguration: (stream: ScopedStream) => Call<StreamConfiguration>
  /** Pravega's own streams (a leading underscore) included. */
  readonly listStreams: (
    scope: ScopeName,
    options?: { readonly tag?: string }
  ) => Stream.Stream<ScopedStream, ControllerError>
  /**
   * Deletes what lies before the cut. Fails with `InvalidStreamCut`, also for a cut before the present head. An offset
   * beyond its segment's end is not refused by the server (0.13.0): check it first, as `Admin.truncateStream` does.
   */
  readonly truncateStream: (cut: StreamCut) => Call<void>
  /** For ever. Aborts the open transactions. Sealing a sealed stream succeeds. */
  readonly sealStream: (stream: ScopedStream) => Call<void>
  /** true: deleted; false: there was none. Fails with `StreamNotSealed`. */
  readonly deleteStream: (stream: ScopedStream) => Call<boolean>
  // segments
  /** The active segments; none when the stream is sealed. */
  readonly currentSegments: (stream: ScopedStream) => Call<ReadonlyArray<SegmentWithRange>>
  readonly epochSegments: (stream: ScopedStream, epoch: number) => Call<ReadonlyArray<SegmentWithRange>>
  /** The first readable segments with their offsets. */
  readonly head: (stream: ScopedStream) => Call<StreamCut>
  /** Empty while the segment is not sealed, and when the stream is sealed. */
  readonly successors: (stream: ScopedStream, segment: SegmentId) => Call<ReadonlyArray<Successor>>
  /** All segments that a reader passes between two cuts; `to` undefined: up to the current ones. */
  readonly segmentsBetween: (
    stream: ScopedStream,
    from: StreamCut | undefined,
    to: StreamCut | undefined
  ) => Call<ReadonlyArray<SegmentId>>
  /** The store that owns a segment; the controller never checks that the segment exists. For a transaction segment: its parent's id in the transaction's epoch. */
  readonly endpoint: (stream: ScopedStream, segment: SegmentId) => Call<StoreEndpoint>
  readonly isStreamCutValid: (cut: StreamCut) => Call<boolean>
  /**
   * Starts a scale: replaces segments by new ones that cover the same key ranges. Returns the epoch to ask `checkScale`
   * about, which is the one before the scale. Fails with `ScalePreconditionFailed` and `InvalidScale`.
   */
  readonly startScale: (
    stream: ScopedStream,
    options: { readonly seal: ReadonlyArray<SegmentId>; readonly create: ReadonlyArray<KeyRange> }
  ) => Call<{ readonly epoch: number; readonly segments: ReadonlyArray<SegmentWithRange> }>
  /** true: done. */
  readonly checkScale: (stream: ScopedStream, epoch: number) => Call<boolean>
  // transactions
  /** Fails with `LeaseOutOfBounds`. A lost reply may leave a second transaction open, which its lease ends. */
  readonly createTransaction: (
    stream: ScopedStream,
    options: { readonly lease: Duration.Duration }
  ) => Call<{ readonly id: TransactionId; readonly segments: ReadonlyArray<SegmentWithRange> }>
  readonly pingTransaction: (
    stream: ScopedStream,
    id: TransactionId,
    options: { readonly lease: Duration.Duration }
  ) => Call<PingStatus>
  /** Records the decision: the answer is that it will be committed. Fails with `TransactionNotOpen` when it can't be. */
  readonly commitTransaction: (
    stream: ScopedStream,
    id: TransactionId,
    options?: { readonly writerId?: string; readonly timestamp?: bigint }
  ) => Call<void>
  /** Repeating it succeeds. Fails with `TransactionNotOpen` when the transaction is committed, or not known. */
  readonly abortTransaction: (stream: ScopedStream, id: TransactionId) => Call<void>
  readonly transactionState: (stream: ScopedStream, id: TransactionId) => Call<TransactionState>
  /** Unreliable on the server: it may answer an empty list seconds after a commit. Nothing in this package relies on it. */
  readonly listCompletedTransactions: (
    stream: ScopedStream
  ) => Call<ReadonlyArray<{ readonly id: TransactionId; readonly state: "committed" | "aborted" }>>
  // writers' times
  /**
   * Notes that all events that the writer wrote before the cut have times up to `time`, and those after it none below.
   * May be repeated. Fails with `Outdated` when the time is below an earlier one of this writer.
   */
  readonly noteTime: (
    position: StreamCut,
    note: { readonly writerId: WriterId; readonly time: bigint }
  ) => Call<void>
  /** The writer will note no more: watermarks don't wait for it. true: removed; false: it never noted a time. */
  readonly removeWriter: (stream: ScopedStream, writerId: WriterId) => Call<boolean>
  // reader groups
  /**
   * Answers the group's configuration, with its id and generation. An existing group keeps both. So a
   * caller that sends an id of its own sees whether it made the group.
   */
  readonly createReaderGroup: (group: ReaderGroupRef, configuration: ReaderGroupConfig) => Call<ReaderGroupConfig>
  readonly readerGroupConfig: (group: ReaderGroupRef) => Call<ReaderGroupConfig>
  /**
   * Replaces the configuration that has the given one's id and generation; answers the new generation. Fails with
   * `Outdated` when somebody else has replaced it.
   */
  readonly updateReaderGroup: (group: ReaderGroupRef, configuration: ReaderGroupConfig) => Call<bigint>
  /** true: deleted; false: there was none of this id. */
  readonly deleteReaderGroup: (group: ReaderGroupRef, id: string) => Call<boolean>
  /** The groups that a stream's retention waits for, as `scope/group`. */
  readonly subscribers: (stream: ScopedStream) => Call<ReadonlyArray<string>>
  /** How far a group has read a stream; never back. Fails with `Outdated` and `InvalidStreamCut`. */
  readonly updateSubscriber: (
    group: ReaderGroupRef,
    options: { readonly id: string; readonly generation: bigint; readonly cut: StreamCut }
  ) => Call<void>
  // authorisation
  /** The empty string when the server has authorisation off. */
  readonly delegationToken: (stream: ScopedStream, access: AccessOperation) => Call<string>
  // everything else
  /**
   * Any method of the protocol, with its messages as they are: statuses inside the reply are the caller's to read.
   * Methods that read, or that the server lets repeat, are retried like the others; the rest are sent once, and a lost
   * reply is `OutcomeUnknown`.
   */
  readonly call: <M extends ControllerMethod>(method: M, request: ControllerRequest<M>) => Call<ControllerReply<M>>
}>()("effect-pravega/pravega/Controller") {}
