/**
 * What has no end: readers of reader groups, and streaming queries: pipelines that run, batch after batch.
 *
 * @since 0.1.0
 */

// events as a reader group's readers get them
export * as EventReader from "../pravega/readergroup/EventReader.ts"
export type { GroupMark, GroupRead, GroupRun } from "../pravega/readergroup/GroupRead.ts"

// queries
export * as Query from "./query/Query.ts"
export * as QueryMetrics from "./query/QueryMetrics.ts"
export type * as Shutdown from "./query/Shutdown.ts"
export * as Trigger from "./query/Trigger.ts"
