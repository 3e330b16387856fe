/**
 * The events of the main job: flights as they are read, delays as they are written.
 */
import { EventStream } from "effect-pravega"
import * as Schema from "effect/Schema"

/** One flight of the US flights of 2001; `row` is its place in the data set, and what the audit goes by. */
export class Flight extends Schema.Opaque<Flight>()(Schema.Struct({
  row: Schema.Natural,
  /** Local time of departure, kept as if it were UTC, as the data set does. */
  departure: Schema.Date,
  delayMinutes: Schema.Int,
  distanceMiles: Schema.Int,
  origin: Schema.String,
  destination: Schema.String
})) {}

/** What happened at an airport in an hour: the result of one window. */
export class Delays extends Schema.Opaque<Delays>()(Schema.Struct({
  airport: Schema.String,
  /** When the hour began. */
  start: Schema.Date,
  flights: Schema.Natural,
  /** Flights that left more than 15 minutes late. */
  delayed: Schema.Natural,
  delayMinutes: Schema.Int,
  /** The sum of a hash of each flight's row: tells a flight counted for another from the right one. */
  rows: Schema.Natural
})) {}

/** Flights of one airport keep their order: the origin is the routing key. */
export const flights = (scope: string) =>
  EventStream.make(`${scope}/flights`, { schema: Flight, routingKey: (flight) => flight.origin })

export const delays = (scope: string) =>
  EventStream.make(`${scope}/delays`, { schema: Delays, routingKey: (hour) => hour.airport })
