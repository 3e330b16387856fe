/**
 * One batch, exactly once: sources, sinks, pipelines, the checkpoint log and the commit protocol.
 *
 * @since 0.1.0
 */
export * as LogFiles from "../files/LogFiles.ts"
export * as BatchRun from "./engine/BatchRun.ts"
export * as BatchStatus from "./engine/BatchStatus.ts"
export * as Commit from "./engine/Commit.ts"
export * as Savepoint from "./engine/Savepoint.ts"
export { CheckpointLog } from "./log/CheckpointLog.ts"
export type { QueryLog, SqlLogOptions, StoredRecord } from "./log/CheckpointLog.ts"
export * as LogInspection from "./log/LogInspection.ts"
export * as LogRepair from "./log/LogRepair.ts"
export * as LogState from "./log/LogState.ts"
export * as OwnedLog from "./log/OwnedLog.ts"
export * as DeadLetter from "./pipeline/DeadLetter.ts"
export * as Pipeline from "./pipeline/Pipeline.ts"
export * as CheckpointLogError from "./protocol/CheckpointLogError.ts"
export * as CheckpointRecord from "./protocol/CheckpointRecord.ts"
export * as CommitError from "./protocol/CommitError.ts"
export { QueryName } from "./protocol/QueryName.ts"
export * as Sink from "./sink/Sink.ts"
export * as SqlSinkError from "./sink/SqlSinkError.ts"
export * as Source from "./source/Source.ts"
export * as SourceError from "./source/SourceError.ts"
export { Undecodable } from "./source/Undecodable.ts"
export * as SqliteClient from "./sql/SqliteClient.ts"
