/**
 * What a home of checkpoint logs gives: an append-only sequence of records per query, with a conditional append. Every home
 * gives it in the same way, and `CheckpointLogLaws` says what it must hold. A home stores bytes. What records mean, who wrote
 * them and whether they are whole is decided above it (`CheckpointRecord`, `OwnedLog`). Which homes there are is listed by
 * `CheckpointLog`.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { CheckpointLogError } from "../protocol/CheckpointLogError.ts"
import type { QueryName } from "../protocol/QueryName.ts"

/** A record as its home has it. @category models @since 0.1.0 */
export interface StoredRecord {
  readonly sequence: number
  readonly bytes: Uint8Array
  /** The home should have this record and has not. Then `bytes` is empty. Of a gap in the numbers, the first one is so marked. */
  readonly isMissing?: boolean | undefined
}

/**
 * The log of one query. Numbers start at 0 and have no gaps.
 *
 * @category models
 * @since 0.1.0
 */
export interface QueryLog {
  /**
   * Stores a record under `sequence`, atomically and durably, if that is the next number and was never taken. It fails with
   * `SequenceTaken` (also for numbers that compaction forgot), `SequenceNotNext`, `LogUnavailable` (nothing was stored), or
   * `OutcomeUnknown`.
   */
  readonly append: (sequence: number, bytes: Uint8Array) => Effect.Effect<void, CheckpointLogError>
  /**
   * The records from `from` on that are not forgotten, in order. What is returned is durable. A record that is not there,
   * though compaction has not forgotten it, is returned as missing, and never left out.
   */
  readonly read: (from: number) => Effect.Effect<ReadonlyArray<StoredRecord>, CheckpointLogError>
  /** Forgets the records before `before`. Their numbers stay taken for ever. */
  readonly compact: (before: number) => Effect.Effect<void, CheckpointLogError>
}

/**
 * Where the logs of queries are kept.
 *
 * @category models
 * @since 0.2.0
 */
export interface LogHome {
  /** The log of a query. A query that was never seen before has an empty one. */
  readonly open: (query: QueryName) => Effect.Effect<QueryLog, CheckpointLogError>
  /** Whether the query has a log: whether a record was ever appended to it. It makes nothing that is not there. */
  readonly exists: (query: QueryName) => Effect.Effect<boolean, CheckpointLogError>
  /** The names under which there are logs, in order: those of queries, and that of the savepoints. It makes nothing. */
  readonly list: Effect.Effect<ReadonlyArray<QueryName>, CheckpointLogError>
}
