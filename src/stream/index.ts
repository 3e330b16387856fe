/**
 * Streaming queries: pipelines that run, batch after batch.
 *
 * @since 0.1.0
 */
export * as Query from "./Query.ts"
export * as QueryMetrics from "./QueryMetrics.ts"
export * as Trigger from "./Trigger.ts"
