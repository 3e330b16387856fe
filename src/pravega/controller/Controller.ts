/**
 * The controller client: Pravega's controller protocol as typed Effects. It retries what may be retried, reads back what
 * a lost reply left open, and maps every status to a value or a tagged error. It opens no segment store connection and
 * caches nothing.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { KeyRange } from "../../core/KeyRange.ts"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import type { ScopeName } from "../../core/ScopeName.ts"
import type { SegmentId, SegmentWithRange } from "../../core/Segment.ts"
import type { StreamConfiguration } from "../../core/StreamConfiguration.ts"
import type { StreamCut } from "../../core/StreamCut.ts"
import type { TransactionId } from "../../core/TransactionId.ts"
import type { ControllerError } from "./ControllerError.ts"

/** Where a segment lives. @category models */
export interface StoreEndpoint {
  readonly host: string
  readonly port: number
}

/** A successor of a sealed segment, with all the segments that it follows. @category models */
export interface Successor extends SegmentWithRange {
  readonly predecessors: ReadonlyArray<SegmentId>
}

/** @category models */
export type TransactionState = "open" | "committing" | "committed" | "aborting" | "aborted" | "unknown"

/** @category models */
export type PingStatus =
  | "ok"
  | "lease-too-large"
  | "max-execution-time-exceeded"
  | "scale-grace-time-exceeded"
  | "disconnected"
  | "committed"
  | "aborted"
  | "unknown"

/** What a delegation token allows. @category models */
export type AccessOperation = "read" | "write" | "read-write"

type Call<A> = Effect.Effect<A, ControllerError>

/** @category services */
export class Controller extends Context.Service<Controller, {
  // scopes
  /** true: created; false: it existed already. */
  readonly createScope: (scope: ScopeName) => Call<boolean>
  readonly scopeExists: (scope: ScopeName) => Call<boolean>
  readonly listScopes: Stream.Stream<ScopeName, ControllerError>
  /** true: deleted; false: there was none. Fails with `ScopeNotEmpty`. */
  readonly deleteScope: (scope: ScopeName) => Call<boolean>
  // streams
  /** true: created; false: it existed already (whatever its configuration). */
  readonly createStream: (stream: ScopedStream, configuration: StreamConfiguration) => Call<boolean>
  readonly streamExists: (stream: ScopedStream) => Call<boolean>
  readonly updateStream: (stream: ScopedStream, configuration: StreamConfiguration) => Call<void>
  readonly streamConfiguration: (stream: ScopedStream) => Call<StreamConfiguration>
  /** Pravega's own streams (a leading underscore) included. */
  readonly listStreams: (
    scope: ScopeName,
    options?: { readonly tag?: string }
  ) => Stream.Stream<ScopedStream, ControllerError>
  readonly truncateStream: (cut: StreamCut) => Call<void>
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
  /** Starts a scale and returns the epoch to ask `checkScale` about. */
  readonly startScale: (
    stream: ScopedStream,
    options: { readonly seal: ReadonlyArray<SegmentId>; readonly create: ReadonlyArray<KeyRange> }
  ) => Call<{ readonly epoch: number; readonly segments: ReadonlyArray<SegmentWithRange> }>
  /** true: done. */
  readonly checkScale: (stream: ScopedStream, epoch: number) => Call<boolean>
  // transactions
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
  readonly abortTransaction: (stream: ScopedStream, id: TransactionId) => Call<void>
  readonly transactionState: (stream: ScopedStream, id: TransactionId) => Call<TransactionState>
  /** Unreliable on the server: it may answer an empty list seconds after a commit. Nothing in this package relies on it. */
  readonly listCompletedTransactions: (
    stream: ScopedStream
  ) => Call<ReadonlyArray<{ readonly id: TransactionId; readonly state: "committed" | "aborted" }>>
  // authorisation
  /** The empty string when the server has authorisation off. */
  readonly delegationToken: (stream: ScopedStream, access: AccessOperation) => Call<string>
}>()("effect-pravega/pravega/Controller") {}
