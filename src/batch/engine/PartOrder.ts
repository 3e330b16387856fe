/**
 * What a worker in another process is told of a part of a batch, and what it answers. All of it goes over a wire. Data do not:
 * they go from the source to the worker, and from the worker into the sinks' transactions.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import { PutAside } from "../protocol/CheckpointRecord.ts"
import { Share } from "../sink/SinkContract.ts"

/** One part of one try of a batch. @category schemas @since 0.2.0 */
export class PartOrder extends Schema.Class<PartOrder>("effect-pravega/PartOrder")({
  query: Schema.String,
  /** The pipeline's. A worker with another one refuses. */
  version: Schema.String,
  structure: Schema.Json,
  batch: Schema.Natural,
  /** From 1, per owner of the log. */
  attempt: Schema.Natural,
  /** When the batch was planned, in milliseconds since 1970. */
  at: Schema.optionalKey(Schema.Int),
  /** Its place in the batch, over all sources. */
  part: Schema.Natural,
  source: Schema.String,
  /** What the batch reads of its source. */
  plan: Schema.Json,
  /** The place of its source's first part in the batch. */
  first: Schema.Natural,
  /** Per sink, the transaction that this try has begun. */
  sinks: Schema.Record(Schema.String, Schema.Json),
  /** What an earlier try put aside of this part, and no more may be. Absent: nothing is decided yet. */
  decided: Schema.optionalKey(Schema.Array(PutAside))
}) {}

/** What was done: read, written and acknowledged. @category schemas @since 0.2.0 */
export class PartAnswer extends Schema.Class<PartAnswer>("effect-pravega/PartAnswer")({
  events: Schema.Natural,
  /** The part's events that were put aside by this try. */
  aside: Schema.Array(PutAside),
  /** Per sink that got something. */
  shares: Schema.Record(Schema.String, Share)
}) {}
