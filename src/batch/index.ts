/**
 * Batches, exactly once: sources, sinks, pipelines, and the checkpoint log with its tools. What runs a pipeline is
 * `Query` of `effect-pravega/stream`; the commit protocol below it is not for users.
 *
 * @since 0.1.0
 */

// pipelines: where events come from, what is made of them, where it goes
export * as DeadLetter from "./pipeline/DeadLetter.ts"
export * as Pipeline from "./pipeline/Pipeline.ts"
export * as Sink from "./sink/Sink.ts"
export * as Source from "./source/Source.ts"
export { Undecodable } from "./source/Undecodable.ts"

// the checkpoint log, and what is done with it from outside
export * as LogFiles from "../files/LogFiles.ts"
export * as Savepoint from "./engine/Savepoint.ts"
export * as StateQuery from "./engine/StateQuery.ts"
export {
  CheckpointLog,
  type LogHome,
  type QueryLog,
  type SqlLogOptions,
  type StoredRecord
} from "./log/CheckpointLog.ts"
export * as LogInspection from "./log/LogInspection.ts"
export * as LogRepair from "./log/LogRepair.ts"
export type { Contradiction, LogState, UnfinishedBatch } from "./log/LogState.ts"
export * as CheckpointRecord from "./protocol/CheckpointRecord.ts"
export { QueryName } from "./protocol/QueryName.ts"
export * as SqliteClient from "./sql/SqliteClient.ts"

// what can go wrong
export * as CheckpointLogError from "./protocol/CheckpointLogError.ts"
export * as CommitError from "./protocol/CommitError.ts"
export * as SqlSinkError from "./sink/SqlSinkError.ts"
export * as SourceError from "./source/SourceError.ts"
