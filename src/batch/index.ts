/**
 * One batch, exactly once: sources, sinks, pipelines, the checkpoint log and the commit protocol.
 *
 * @since 0.1.0
 */
export * as BatchRun from "./BatchRun.ts"
export * as BatchStatus from "./BatchStatus.ts"
export { CheckpointLog } from "./CheckpointLog.ts"
export type { QueryLog, SqlLogOptions, StoredRecord } from "./CheckpointLog.ts"
export * as CheckpointLogError from "./CheckpointLogError.ts"
export * as CheckpointRecord from "./CheckpointRecord.ts"
export * as Commit from "./Commit.ts"
export * as CommitError from "./CommitError.ts"
export * as DeadLetter from "./DeadLetter.ts"
export * as LogFiles from "./LogFiles.ts"
export * as LogInspection from "./LogInspection.ts"
export * as LogRepair from "./LogRepair.ts"
export * as LogState from "./LogState.ts"
export * as OwnedLog from "./OwnedLog.ts"
export * as Pipeline from "./Pipeline.ts"
export { QueryName } from "./QueryName.ts"
export * as Savepoint from "./Savepoint.ts"
export * as Sink from "./Sink.ts"
export * as Source from "./Source.ts"
export * as SourceError from "./SourceError.ts"
export * as SqliteClient from "./SqliteClient.ts"
export * as SqlSinkError from "./SqlSinkError.ts"
export { Undecodable } from "./Undecodable.ts"
