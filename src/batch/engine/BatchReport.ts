/**
 * What one batch did: made by the commit protocol when the batch is committed, read by progress streams, metrics, pages and
 * programs. By their Schemas reports cross a process's border.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import { PreparedSink } from "../protocol/CheckpointRecord.ts"
import { Lag, Skipped } from "../source/SourceContract.ts"
import { BatchStep } from "./BatchStatus.ts"

/** What one batch did with one source. @category schemas @since 0.1.0 */
export const SourceReport = Schema.Struct({
  /** Where the next batch starts; `Source.streamCut` reads it if the source is a Pravega stream. */
  position: Schema.Json,
  /** Read in this step; 0 when a prepared batch only had to be committed. */
  events: Schema.Int,
  /** Headers included; 0 where a source does not say. */
  bytes: Schema.Int,
  /** What was left when the source was last asked; undefined if it can't tell. */
  lag: Schema.UndefinedOr(Lag),
  /** What was gone when it was to be read, and was left out, as the user chose. */
  skipped: Schema.Array(Skipped)
})
/** @category models @since 0.1.0 */
export type SourceReport = typeof SourceReport.Type

const PerName = Schema.ReadonlyMap(Schema.String, Schema.Int)

/** Infinite where nothing is known, and at the end. */
const EventTime = Schema.Number.check(Schema.makeFilter((at) => !Number.isNaN(at), { expected: "a time" }))

/** What one batch did with a flow that remembers: its time, what it left out, its state. @category schemas @since 0.2.0 */
export const FlowReport = Schema.Struct({
  /**
   * How far event time is after the batch: nothing earlier was to come. Milliseconds since 1970; `-Infinity` before anything
   * is known, `Infinity` at the end of time.
   */
  watermark: EventTime,
  /** Per step of the flow that had some: events that came too late for it. None when a prepared batch only had to be committed. */
  late: PerName,
  /** Per step that had some: events that it had seen before, and timers that were set at the end of time. */
  dropped: PerName,
  /** Events with times further ahead than was to be believed, which were left out or given another time. */
  future: Schema.Int,
  /** What all its steps remember after the batch: rows, and bytes of their keys and values. */
  state: Schema.Struct({ rows: Schema.Int, bytes: Schema.Int }),
  /** Milliseconds until what the batch changed was durable; part of the time of `prepare`. */
  stateMillis: Schema.Finite
})
/** @category models @since 0.2.0 */
export type FlowReport = typeof FlowReport.Type

/** What one batch did. @category schemas @since 0.1.0 */
export const BatchReport = Schema.Struct({
  batch: Schema.Int,
  /** The log had the batch already when this step came to it. */
  wasPlanned: Schema.Boolean,
  /** Per source: where the next batch starts. */
  positions: Schema.Record(Schema.String, Schema.Json),
  sources: Schema.ReadonlyMap(Schema.String, SourceReport),
  /** Events read in this step; 0 when a prepared batch only had to be committed. */
  eventsIn: Schema.Int,
  bytesIn: Schema.Int,
  /** Written to all sinks together. */
  eventsOut: Schema.Int,
  bytesOut: Schema.Int,
  /** Per sink with output: what was prepared. */
  sinks: Schema.ReadonlyMap(Schema.String, PreparedSink),
  /** How often the batch was processed in this step. */
  attempts: Schema.Int,
  /** Events that were put aside in this step. */
  deadLetters: Schema.Int,
  /** Undefined: the pipeline has no flow that remembers. */
  flow: Schema.UndefinedOr(FlowReport),
  /**
   * Milliseconds per step of the protocol. A plan that was found ahead of time takes the time of its record only, or none:
   * one that is recorded with the end of the batch before belongs to that batch's commit.
   */
  took: Schema.Record(BatchStep, Schema.Finite),
  /** When planning began, and when the steps of the protocol were done; milliseconds since 1970. */
  times: Schema.Struct({
    begun: Schema.Int,
    planned: Schema.Int,
    prepared: Schema.Int,
    committed: Schema.Int
  })
})
/** @category models @since 0.1.0 */
export type BatchReport = typeof BatchReport.Type
