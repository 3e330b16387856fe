/**
 * Where a source's events have their times, and what is known about their order: how far they may be out of order, and
 * when a part of the source that is silent no longer holds the others back. It is a value; `Watermarks` works out what
 * follows. `from` throws `RangeError` for a duration that is no whole number of milliseconds.
 *
 * @since 0.2.0
 */
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Span from "./Span.ts"

/** All durations are in milliseconds. @category models @since 0.2.0 */
export interface EventTime<in A> {
  /** In milliseconds since 1970. */
  readonly of: (event: A) => number
  readonly disorder: number
  readonly idleAfter: number
  readonly whenAllIdle: "wait" | "clock"
  /** `Infinity`: any time is believed. */
  readonly maxAhead: number
  readonly beyond: "refuse" | "late" | "clamp"
  readonly maxDrift: number
}

/** @category models @since 0.2.0 */
export interface Options {
  /**
   * How far an event's time may be below the greatest time before it, in its segment and those that it replaced, without
   * being late. It is what results wait for; default 0.
   */
  readonly disorder?: Duration.Input | undefined
  /** After how long a segment without unread events no longer holds the watermark back; default 1 minute. */
  readonly idleAfter?: Duration.Input | undefined
  /**
   * When all segments are idle: `wait` (default): the watermark stays, until something comes. `clock`: it follows the clock
   * that is recorded with each batch, less `disorder`; then what comes later with an old time is late.
   */
  readonly whenAllIdle?: "wait" | "clock" | undefined
  /**
   * How far an event's time may be ahead of the recorded clock; default: any. One event from the future would otherwise make
   * all others late.
   */
  readonly maxAhead?: Duration.Input | undefined
  /**
   * What is done with an event that is further ahead. Each one is counted. `refuse` (default): the query fails. `late`: it is
   * left out, as a late one. `clamp`: it has the time of the clock plus `maxAhead`.
   */
  readonly beyond?: "refuse" | "late" | "clamp" | undefined
  /**
   * How far planning runs ahead of the watermark in one source while another, that is not idle, has unread events; default
   * 1 hour. It bounds what a live stream beside a year's backlog puts into the state.
   */
  readonly maxDrift?: Duration.Input | undefined
}

/**
 * Takes the time out of each event.
 *
 * **Example**
 *
 * ```ts
 * import { EventTime } from "effect-pravega/flow"
 *
 * const time = EventTime.from((flight: { readonly departure: Date }) => flight.departure, { disorder: "5 minutes" })
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const from = <A>(
  time: (event: A) => number | Date | DateTime.DateTime,
  options: Options = {}
): EventTime<A> => ({
  of: (event) => millisOf(time(event)),
  disorder: Span.millis("EventTime: disorder", options.disorder ?? 0),
  idleAfter: Span.orForever("EventTime: idleAfter", options.idleAfter ?? "1 minute"),
  whenAllIdle: options.whenAllIdle ?? "wait",
  maxAhead: Span.orForever("EventTime: maxAhead", options.maxAhead ?? "Infinity"),
  beyond: options.beyond ?? "refuse",
  maxDrift: Span.orForever("EventTime: maxDrift", options.maxDrift ?? "1 hour")
})

/** Whole milliseconds: what is below one is cut off, towards the past. */
const millisOf = (time: number | Date | DateTime.DateTime): number => {
  if (typeof time === "number") return Math.floor(time)
  return time instanceof Date ? time.getTime() : time.epochMilliseconds
}
