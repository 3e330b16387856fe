/**
 * The events of the main job: flights as they are read, delays as they are written.
 */
import { EventStream } from "effect-pravega"
import * as Schema from "effect/Schema"

/** One flight of the US flights of 2001; `row` is its place in the data set, and what the audit goes by. */
export const Flight = Schema.Struct({
  row: Schema.Natural,
  /** Local time of departure, kept as if it were UTC, as the data set does. */
  departure: Schema.Date,
  delayMinutes: Schema.Int,
  distanceMiles: Schema.Int,
  origin: Schema.String,
  destination: Schema.String
})
export type Flight = typeof Flight.Type

/** What one partition of one micro-batch found out about an airport in an hour of the day. Such parts add up. */
export const Delays = Schema.Struct({
  airport: Schema.String,
  hour: Schema.Natural,
  flights: Schema.Natural,
  /** Flights that left more than 15 minutes late. */
  delayed: Schema.Natural,
  delayMinutes: Schema.Int,
  /** The sum of a hash of each flight's row, modulo 2^32: tells a flight counted for another from the right one. */
  rows: Schema.Natural
})
export type Delays = typeof Delays.Type

/** Flights of one airport keep their order: the origin is the routing key. */
export const flights = (scope: string) =>
  EventStream.make(`${scope}/flights`, { schema: Flight, routingKey: (flight) => flight.origin })

export const delays = (scope: string) =>
  EventStream.make(`${scope}/delays`, { schema: Delays, routingKey: (part) => part.airport })
