/**
 * What has no end: readers of reader groups, and streaming queries: pipelines that run, batch after batch.
 *
 * @since 0.1.0
 */
export * as EventReader from "./EventReader.ts"
export * as Query from "./Query.ts"
export * as QueryMetrics from "./QueryMetrics.ts"
export * as Trigger from "./Trigger.ts"
