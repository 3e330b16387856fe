/**
 * Requests on segments by name: finds the store that owns a segment, adds the delegation token, retries what may be
 * retried (a moved segment, a lost connection of an idempotent request, an expired token).
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import type { SegmentId } from "../../core/Segment.ts"
import type { TransactionId } from "../../core/TransactionId.ts"
import type { AccessOperation } from "../controller/Controller.ts"
import type { ControllerError } from "../controller/ControllerError.ts"
import type { ConnectionLost, ConnectionRefused } from "./ConnectionError.ts"
import type { SegmentConnection } from "./SegmentConnection.ts"
import type { SegmentError } from "./SegmentError.ts"

/** A segment, or the part of a transaction that goes to it. @category models @since 0.1.0 */
export interface SegmentRef {
  readonly stream: ScopedStream
  readonly id: SegmentId
  /** Present: the transaction's segment; `id` then carries the transaction's epoch (as createTransaction gave it). */
  readonly transaction?: TransactionId | undefined
}

/** @category models @since 0.1.0 */
export interface SegmentInfo {
  readonly isSealed: boolean
  /** The first readable offset. */
  readonly startOffset: bigint
  /** The segment's length, truncated bytes included. */
  readonly length: bigint
}

/** @category models @since 0.1.0 */
export interface SegmentRead {
  /** View into a buffer that is written once and never rewritten. May be shorter than asked. */
  readonly data: Uint8Array
  readonly atTail: boolean
  /**
   * The segment is sealed and nothing follows `data`. 0.13.0 may say so together with the last bytes, or only in the
   * answer to a read at the end, whose data is empty: be ready for both.
   */
  readonly endOfSegment: boolean
}

/** @category services @since 0.1.0 */
export class Segments extends Context.Service<Segments, {
  readonly info: (segment: SegmentRef) => Effect.Effect<SegmentInfo, SegmentError | ControllerError>
  /** One read; waits (long poll) at the tail of an open segment. `length` in bytes, at most 2 MiB are returned. */
  readonly read: (
    segment: SegmentRef,
    options: { readonly offset: bigint; readonly length: number }
  ) => Effect.Effect<SegmentRead, SegmentError | ControllerError>
  /**
   * An attribute's value, by its id (a UUID in lower case); undefined: not set. Pravega's own are in `SegmentAttribute`.
   */
  readonly attribute: (
    segment: SegmentRef,
    attribute: string
  ) => Effect.Effect<bigint | undefined, SegmentError | ControllerError>
  /**
   * Sets an attribute (undefined: clears it) if it has the expected value. True: it has the new value, also if
   * another process set it. False: it has another one.
   */
  readonly setAttribute: (
    segment: SegmentRef,
    attribute: string,
    options: { readonly expected: bigint | undefined; readonly value: bigint | undefined }
  ) => Effect.Effect<boolean, SegmentError | ControllerError>
  /** Deletes the bytes before an offset, which must be an event boundary. Nothing happens if they are gone already. */
  readonly truncate: (segment: SegmentRef, offset: bigint) => Effect.Effect<void, SegmentError | ControllerError>
  /** A connection for appends to the segment's present owner, in the given lane; one try, the caller retries. */
  readonly appends: (
    segment: SegmentRef,
    lane: number
  ) => Effect.Effect<SegmentConnection, ConnectionRefused | ConnectionLost | ControllerError, Scope.Scope>
  /** Forget where a segment lives (after WrongHost or a lost connection): the next use asks the controller. */
  readonly forget: (segment: SegmentRef) => Effect.Effect<void>
  /** The delegation token for a stream, cached and renewed before it expires; empty when authorisation is off. */
  readonly token: (stream: ScopedStream, access: AccessOperation) => Effect.Effect<string, ControllerError>
  /** Drop a token that a store refused, so that the next `token` asks for a new one. */
  readonly forgetToken: (stream: ScopedStream) => Effect.Effect<void>
}>()("effect-pravega/pravega/Segments") {}
