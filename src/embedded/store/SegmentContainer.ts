/**
 * All segments of an embedded server: what may be appended, read, sealed, truncated, merged and deleted, with the results
 * that a real segment store would give. It knows no connection, no frame and no stream.
 *
 * Plain and synchronous: every call changes the state at once, and stages the change in the storage. Nothing may be
 * told to anybody before a `commit` that followed it has called back. `ContainerState.ts` implements it.
 *
 * Facts: Pravega 0.13.
 *
 * @internal
 */
import type { Done, NoSuchSegment, Sealed, Truncated, Unsupported } from "./ContainerAnswer.ts"
import type { Storage, StoredState } from "./Storage.ts"
import type { TableContainer } from "./TableContainer.ts"

/** Offsets and lengths in bytes. @category models @since 0.1.0 */
export interface SegmentInfo {
  readonly name: string
  readonly isTable: boolean
  readonly startOffset: number
  readonly length: number
  readonly isSealed: boolean
  /** Milliseconds since 1970. */
  readonly lastModified: number
}

/**
 * 0 set, 1 replace, 2 replace if greater, 3 accumulate, 4 replace if equal: as on the wire.
 *
 * @category models
 * @since 0.1.0
 */
export interface AttributeUpdate {
  readonly attributeId: string
  readonly attributeUpdateType: number
  readonly newValue: bigint
  readonly oldValue: bigint
}
/** An attribute has another value than the update requires. @category models @since 0.1.0 */
export interface BadAttribute {
  readonly _tag: "BadAttribute"
  readonly attributeId: string
}
/** A transient segment holds no more than 16 attributes of clients. @category models @since 0.1.0 */
export interface TooManyAttributes {
  readonly _tag: "TooManyAttributes"
}

/** @category models @since 0.1.0 */
export interface CreateOptions {
  /** Attributes to start with, by id (a UUID in lower case); the creation time is set anyway. */
  readonly attributes?: ReadonlyArray<readonly [id: string, value: bigint]> | undefined
  /** Makes it a table segment: the length of every key, or 0 for any. */
  readonly tableKeyLength?: number | undefined
}

/** @category models @since 0.1.0 */
export interface AppendRequest {
  readonly segment: string
  readonly writerId: string
  /** What becomes the writer's attribute, if that still holds `previousEventNumber`. */
  readonly eventNumber: bigint
  readonly previousEventNumber: bigint
  readonly eventCount: number
  /** The length that the segment must have; undefined: any. */
  readonly expectedOffset: number | undefined
  /** Kept as it is: must not change. Nobody else has it, if it came from `ReadBuffers`. */
  readonly data: Uint8Array
}
/** @category models @since 0.1.0 */
export interface Appended {
  readonly _tag: "Appended"
  /** The segment's length after it. */
  readonly length: number
}
/** @category models @since 0.1.0 */
export interface BadOffset {
  readonly _tag: "BadOffset"
  readonly length: number
}
/** @category models @since 0.1.0 */
export type AppendResult =
  | Appended
  | NoSuchSegment
  | Sealed
  | BadAttribute
  | BadOffset
  | TooManyAttributes
  | Unsupported

/** @category models @since 0.1.0 */
export interface ReadData {
  readonly _tag: "ReadData"
  readonly offset: number
  readonly atTail: boolean
  readonly endOfSegment: boolean
  /** A view: nobody may write to it. It may be given to `ReadBuffers`. */
  readonly data: Uint8Array
}
/** The offset is below 0, or beyond the end of a sealed segment. @category models @since 0.1.0 */
export interface OutOfRange {
  readonly _tag: "OutOfRange"
}
/**
 * The storage can't be read any more: the server's end, which nobody is told in the protocol.
 *
 * @category models
 * @since 0.1.0
 */
export interface StorageFailed {
  readonly _tag: "StorageFailed"
}
/** @category models @since 0.1.0 */
export type ReadResult = ReadData | NoSuchSegment | Sealed | Truncated | OutOfRange | StorageFailed

/** @category models @since 0.1.0 */
export interface Merged {
  readonly _tag: "Merged"
  /** The target's length after it. */
  readonly length: number
}

/** @category models @since 0.1.0 */
export interface SegmentContainer {
  /** Large appends come best in buffers of `ReadBuffers`. */
  readonly reusesAppends: boolean
  /** "exists": as it was, whatever the options say. */
  readonly create: (name: string, options?: CreateOptions) => "created" | "exists"
  readonly info: (name: string) => SegmentInfo | undefined
  readonly names: () => Iterable<string>
  readonly count: () => number

  readonly append: (request: AppendRequest) => AppendResult
  /** Bytes from the server itself (watermarks): without writer, counts as `eventCount` events. */
  readonly appendOwn: (segment: string, data: Uint8Array, eventCount: number) => AppendResult

  /**
   * What is there at `offset`, at most `length` bytes (at least 8 and at most 2 MiB). Undefined: nothing is there yet,
   * and `later` is called once, when something is, or when the segment is sealed or deleted, or 60 seconds or more from
   * now with no data (see `expirePolls`). `cancel` forgets it. Who has no room by then is given as little as there can
   * be: many reads that wait for the same bytes would be answered at once.
   */
  readonly read: (
    name: string,
    offset: number,
    length: number,
    later: (result: ReadResult) => void,
    hasRoom?: () => boolean
  ) => ReadResult | Poll

  /** All of the segment's attributes, as they are now. */
  readonly attributes: (name: string) => ReadonlyMap<string, bigint> | undefined
  /** All of the updates are made, or none. */
  readonly updateAttributes: (
    name: string,
    updates: ReadonlyArray<AttributeUpdate>
  ) => Done | NoSuchSegment | Sealed | BadAttribute | TooManyAttributes

  /** Tells the reads that wait for data of the segment. */
  readonly seal: (name: string) => Done | NoSuchSegment | Sealed
  readonly truncate: (name: string, offset: number) => Done | NoSuchSegment | Truncated
  readonly delete: (name: string) => Done | NoSuchSegment
  /**
   * Appends all bytes of the source to the target in one step, and deletes the source, which is sealed by that. The
   * error names the source, whichever of the two is missing, as a real store's does.
   */
  readonly merge: (
    target: string,
    source: string,
    attributeUpdates?: ReadonlyArray<AttributeUpdate>
  ) => Merged | NoSuchSegment | Sealed | BadAttribute | TooManyAttributes
  /**
   * One after the other, in order; a source that is not there counts as merged before. Yields the target's length after
   * each. Here the error names the target.
   */
  readonly mergeBatch: (
    target: string,
    sources: ReadonlyArray<string>
  ) => { readonly _tag: "MergedBatch"; readonly lengths: ReadonlyArray<number> } | NoSuchSegment | Sealed

  readonly tables: TableContainer

  /** Answers reads that have waited for 60 seconds or more. To be called every few seconds, on the server's clock. */
  readonly expirePolls: () => void
  /** Calls back when all that was changed before is durable: later, never from within. */
  readonly commit: (done: () => void) => void
}

/** A read that waits. @category models @since 0.1.0 */
export interface Poll {
  readonly _tag: "Poll"
  /** Forgets the read; what it was to call is not called any more. */
  readonly cancel: () => void
}

/** @category models @since 0.1.0 */
export interface ContainerOptions {
  readonly storage: Storage
  /** What `storage` held when it was opened; by default this loads it. */
  readonly state?: StoredState | undefined
  /** Milliseconds since 1970, on the machine's clock. */
  readonly now: () => number
  /** Milliseconds on a clock that nobody sets: reads wait by it. By default `now`. */
  readonly monotonic?: (() => number) | undefined
}
