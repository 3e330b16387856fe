/**
 * Why a query stops because of its flow. The flow is pure, so none of these is worth another try: the same batch would end
 * the same way.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import * as CauseText from "../../core/CauseText.ts"

/** A function of the flow threw. @category errors @since 0.2.0 */
export class FlowFailed extends Schema.TaggedError<FlowFailed>()("FlowFailed", {
  query: Schema.String,
  batch: Schema.Natural,
  /** The step whose functions, or those after it, threw; of what comes before all steps, the source. */
  step: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    const problem = CauseText.of(this.cause)
    return `query "${this.query}", batch ${this.batch}: a function of the flow threw, at or after step "${this.step}": ${problem}. ` +
      "Correct it and give the pipeline a new version, or put the events aside for which it throws (onPoison)"
  }
}

/** An event came too late for a step whose late events must not be lost. @category errors @since 0.2.0 */
export class LateEvent extends Schema.TaggedError<LateEvent>()("LateEvent", {
  query: Schema.String,
  batch: Schema.Natural,
  step: Schema.String,
  /** Source, segment and offset of the first one. */
  place: Schema.String,
  /** Its time, milliseconds since 1970. */
  time: Schema.Number
}) {
  override get message(): string {
    return `query "${this.query}", batch ${this.batch}: the event at ${this.place}, of time ${this.time}, came too late for ` +
      `step "${this.step}". Allow for more disorder or grace, or give late events an output (late: "output")`
  }
}

/** An event's time is further ahead than the source believes. @category errors @since 0.2.0 */
export class EventFromFuture extends Schema.TaggedError<EventFromFuture>()("EventFromFuture", {
  query: Schema.String,
  batch: Schema.Natural,
  /** Source, segment and offset. */
  place: Schema.String,
  /** Its time, and that of the batch's plan; milliseconds since 1970. */
  time: Schema.Number,
  planned: Schema.Number
}) {
  override get message(): string {
    return `query "${this.query}", batch ${this.batch}: the event at ${this.place} has the time ${this.time}, which is ` +
      `further ahead of the clock (${this.planned}) than maxAhead allows. To go on with such events, leave them out (beyond: ` +
      `"late"), or take them as earlier (beyond: "clamp")`
  }
}

/** An event's time is no time. @category errors @since 0.2.0 */
export class InvalidEventTime extends Schema.TaggedError<InvalidEventTime>()("InvalidEventTime", {
  query: Schema.String,
  batch: Schema.Natural,
  place: Schema.String,
  time: Schema.Number
}) {
  override get message(): string {
    return `query "${this.query}", batch ${this.batch}: the event at ${this.place} has the time ${this.time}, which is no ` +
      "whole number of milliseconds since 1970. Correct EventTime.from, or put such events aside (onPoison)"
  }
}
