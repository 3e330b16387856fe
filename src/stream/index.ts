/**
 * What has no end: readers of reader groups, and streaming queries: pipelines that run, batch after batch.
 *
 * @since 0.1.0
 */
export * as EventReader from "../pravega/readergroup/EventReader.ts"
export type { GroupRead } from "../pravega/readergroup/GroupRead.ts"
export * as Query from "./query/Query.ts"
export * as QueryMetrics from "./query/QueryMetrics.ts"
export type * as Shutdown from "./query/Shutdown.ts"
export * as Trigger from "./query/Trigger.ts"
