/**
 * What a flow in memory fails with because of the times of its events.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"

/** Events came too late for a step that was made with `late: "fail"`. @category errors @since 0.2.0 */
export class LateEvents extends Schema.TaggedError<LateEvents>()("LateEvents", {
  step: Schema.String,
  count: Schema.Int,
  /** Of the first of them, in milliseconds since 1970. */
  time: Schema.Number,
  /** What was known of time: nothing earlier was to come. */
  watermark: Schema.Number
}) {
  override get message(): string {
    return `${this.count} event(s) came too late for step "${this.step}": the first has the time ${this.time}, and the ` +
      `watermark was ${this.watermark}. Allow for more disorder or grace, or give late events an output (late: "output")`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** An event's time is further ahead of the clock than `maxAhead`. @category errors @since 0.2.0 */
export class FutureEvent extends Schema.TaggedError<FutureEvent>()("FutureEvent", {
  /** In milliseconds since 1970. */
  time: Schema.Number,
  clock: Schema.Number,
  maxAhead: Schema.Number
}) {
  override get message(): string {
    return `an event has the time ${this.time}, which is ${this.time - this.clock} ms ahead of the clock. At most ` +
      `${this.maxAhead} ms are allowed (maxAhead). Leave such events out (beyond: "late"), or take them as earlier ` +
      `(beyond: "clamp")`
  }
  get isRetryable(): boolean {
    return false
  }
}
