/**
 * The metrics of queries. Each has the attribute `query`; those of sources `source`, those of sinks `sink`, those of a
 * batch's steps `step` (plan, process, prepare, commit) too; what steps of a flow left out has `step`, the step's name.
 *
 * | name | type | unit | what |
 * | --- | --- | --- | --- |
 * | `pravega_query_batches` | counter | batches | committed |
 * | `pravega_query_attempts` | counter | tries | batches processed; more than batches: some were tried again |
 * | `pravega_query_events_in`, `_bytes_in` | counter | events, bytes | read, per source; headers of events included |
 * | `pravega_query_events_out`, `_bytes_out` | counter | events, bytes | written, per sink |
 * | `pravega_query_batch_millis` | histogram | ms | from plan to committed |
 * | `pravega_query_step_millis` | histogram | ms | per step |
 * | `pravega_query_dead_letters` | counter | events | put aside |
 * | `pravega_query_gaps`, `_gap_bytes` | counter | gaps, bytes | truncated and skipped, per source; bytes as far as known |
 * | `pravega_query_lag_bytes` | gauge | bytes | left to read when the last batch was planned, per source |
 * | `pravega_query_lag_segment_bytes` | gauge | bytes | the same per segment (attribute `segment`); 0: read to its end, gone, or not read any more |
 * | `pravega_query_late_events` | counter | events | too late for a step of the flow |
 * | `pravega_query_dropped_events` | counter | events | seen before by a step of the flow, or timers set at the end of time |
 * | `pravega_query_future_events` | counter | events | with times further ahead than was to be believed |
 * | `pravega_query_watermark_millis` | gauge | ms since 1970 | how far event time is, once that is known |
 * | `pravega_query_state_rows`, `_state_bytes` | gauge | rows, bytes | what the flow remembers |
 * | `pravega_query_state_millis` | histogram | ms | until what a batch changed of it was durable |
 * | `pravega_query_stalled` | gauge | 0 or 1 | there is something to do and nothing comes of it; 0 when the query has ended |
 * | `pravega_query_stalls` | counter | stalls | how often that was noticed |
 * | `pravega_query_prepared_age_millis` | gauge | ms | age of a batch whose outcome is fixed and has not come true; 0: none, or the query has ended |
 *
 * Spans: `Query.batch` per batch, in it `Query.process`, `Query.prepare` (in it `Query.state`, of a flow that remembers),
 * `Query.commit`; with `query` and `batch`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { BatchReport, FlowReport } from "../../batch/engine/BatchReport.ts"

const counter = (name: string, description: string) =>
  Metric.counter(`pravega_query_${name}`, { description, incremental: true })

const gauge = (name: string, description: string) => Metric.gauge(`pravega_query_${name}`, { description })

/** 1 ms to about 1 minute. */
const boundaries = Metric.exponentialBoundaries({ start: 1, factor: 2, count: 16 })

const histogram = (name: string, description: string) =>
  Metric.histogram(`pravega_query_${name}`, { description, boundaries })

/** @category metrics @since 0.1.0 */
export const batches = counter("batches", "batches committed")
/** @category metrics @since 0.1.0 */
export const attempts = counter("attempts", "batches processed, each try")
/** @category metrics @since 0.1.0 */
export const eventsIn = counter("events_in", "events read")
/** @category metrics @since 0.1.0 */
export const bytesIn = counter("bytes_in", "bytes read, headers of events included")
/** @category metrics @since 0.1.0 */
export const eventsOut = counter("events_out", "events written")
/** @category metrics @since 0.1.0 */
export const bytesOut = counter("bytes_out", "bytes written")
/** @category metrics @since 0.1.0 */
export const batchMillis = histogram("batch_millis", "milliseconds from plan to committed")
/** @category metrics @since 0.1.0 */
export const stepMillis = histogram("step_millis", "milliseconds per step of a batch")
/** @category metrics @since 0.1.0 */
export const deadLetters = counter("dead_letters", "events put aside")
/** @category metrics @since 0.1.0 */
export const gaps = counter("gaps", "runs of truncated events that were skipped")
/** @category metrics @since 0.1.0 */
export const gapBytes = counter("gap_bytes", "truncated bytes that were skipped, as far as known")
/** @category metrics @since 0.1.0 */
export const lagBytes = gauge("lag_bytes", "bytes left to read when the last batch was planned")
/** @category metrics @since 0.1.0 */
export const lagSegmentBytes = gauge("lag_segment_bytes", "bytes left to read of a segment")
/** @category metrics @since 0.2.0 */
export const lateEvents = counter("late_events", "events that came too late for a step of the flow")
/** @category metrics @since 0.2.0 */
export const droppedEvents = counter(
  "dropped_events",
  "events that a step of the flow had seen before, and timers set at the end of time"
)
/** @category metrics @since 0.2.0 */
export const futureEvents = counter("future_events", "events with times further ahead than was to be believed")
/** @category metrics @since 0.2.0 */
export const watermarkMillis = gauge("watermark_millis", "how far event time is, milliseconds since 1970")
/** @category metrics @since 0.2.0 */
export const stateRows = gauge("state_rows", "rows that the flow remembers")
/** @category metrics @since 0.2.0 */
export const stateBytes = gauge("state_bytes", "bytes of keys and values that the flow remembers")
/** @category metrics @since 0.2.0 */
export const stateMillis = histogram("state_millis", "milliseconds until what a batch changed of the state was durable")
/** @category metrics @since 0.1.0 */
export const stalled = gauge("stalled", "1: there is something to do, and nothing comes of it")
/** @category metrics @since 0.1.0 */
export const stalls = counter("stalls", "how often a query was seen to stall")
/** @category metrics @since 0.1.0 */
export const preparedAgeMillis = gauge("prepared_age_millis", "age of a batch that is prepared and not committed")

/** Updates a metric of a query. @internal @category metrics @since 0.1.0 */
export const update = <Input, State>(
  metric: Metric.Metric<Input, State>,
  attributes: Readonly<Record<string, string>>,
  input: Input
): Effect.Effect<void> => Metric.update(Metric.withAttributes(metric, attributes), input)

/** Counts the batches of a query. @internal @category models @since 0.1.0 */
export interface Recorder {
  readonly record: (report: BatchReport) => Effect.Effect<void>
  /** The query has ended: what is said of the present holds no more. */
  readonly end: Effect.Effect<void>
}

/** For one run of a query. @internal @category metrics @since 0.1.0 */
export const recorder = (query: string): Recorder => {
  /** Per source: the segments that were said to have something left. */
  const behind = new Map<string, ReadonlyArray<string>>()
  const upToDate = (source: string, segment: string) => update(lagSegmentBytes, { query, source, segment }, 0)
  return {
    record: (report) =>
      Effect.suspend(() => {
        const updates = counts(query, report)
        for (const [source, { lag }] of report.sources) {
          if (lag === undefined) continue
          for (const segment of behind.get(source) ?? []) {
            if (lag.parts[segment] === undefined) updates.push(upToDate(source, segment))
          }
          behind.set(source, Object.keys(lag.parts))
        }
        return Effect.all(updates, { discard: true })
      }),
    end: Effect.suspend(() =>
      Effect.all([
        update(stalled, { query }, 0),
        update(preparedAgeMillis, { query }, 0),
        ...Array.from(behind).flatMap(([source, segments]) => segments.map((segment) => upToDate(source, segment)))
      ], { discard: true })
    )
  }
}

const ofFlow = (
  query: string,
  { dropped, future, late, state, stateMillis: millis, watermark }: FlowReport
): Array<Effect.Effect<void>> => [
  ...Array.from(late, ([step, events]) => update(lateEvents, { query, step }, events)),
  ...Array.from(dropped, ([step, events]) => update(droppedEvents, { query, step }, events)),
  update(futureEvents, { query }, future),
  update(stateRows, { query }, state.rows),
  update(stateBytes, { query }, state.bytes),
  update(stateMillis, { query }, millis),
  // Before anything is known, and at the end of time, there is no number that others could draw.
  ...Number.isFinite(watermark) ? [update(watermarkMillis, { query }, watermark)] : []
]

const counts = (query: string, report: BatchReport): Array<Effect.Effect<void>> => {
  const updates = [
    update(batches, { query }, 1),
    update(attempts, { query }, report.attempts),
    update(deadLetters, { query }, report.deadLetters),
    update(batchMillis, { query }, Object.values(report.took).reduce((sum, millis) => sum + millis, 0)),
    ...report.flow === undefined ? [] : ofFlow(query, report.flow)
  ]
  for (const [step, millis] of Object.entries(report.took)) updates.push(update(stepMillis, { query, step }, millis))
  for (const [source, { bytes, events, lag, skipped }] of report.sources) {
    if (skipped.length > 0) {
      const lost = skipped.reduce((sum, { end, start }) => sum + (end === undefined ? 0 : Number(end - start)), 0)
      const parts = skipped.map(({ end, part, start }) =>
        `${part} from ${start}${end === undefined ? "" : ` to ${end}`}`
      )
      updates.push(
        update(gaps, { query, source }, skipped.length),
        update(gapBytes, { query, source }, lost),
        Effect.logWarning(`query "${query}", batch ${report.batch}: truncated events were skipped`, { source, parts })
      )
    }
    updates.push(update(eventsIn, { query, source }, events), update(bytesIn, { query, source }, bytes))
    if (lag === undefined) continue
    updates.push(update(lagBytes, { query, source }, lag.bytes))
    for (const [segment, left] of Object.entries(lag.parts)) {
      updates.push(update(lagSegmentBytes, { query, source, segment }, left))
    }
  }
  for (const [sink, { bytes, events }] of report.sinks) {
    updates.push(update(eventsOut, { query, sink }, events), update(bytesOut, { query, sink }, bytes))
  }
  return updates
}
