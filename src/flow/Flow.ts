/**
 * Flows: what is computed of events, as a value. A flow is stateless steps, keys, windows, keyed state and joins; building
 * one does nothing. Three interpreters run the same value: `toStream`, in memory, on any Effect Stream; a `Pipeline`,
 * exactly once; and `model`, which says what it means.
 *
 * The functions in a flow must be pure, but for those of `mapEffect`. So the same events have the same outputs.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate, Flow, Window } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * interface Flight {
 *   readonly origin: string
 *   readonly cancelled: boolean
 * }
 *
 * const perAirport = Flow.events<Flight>().pipe(
 *   Flow.filter((flight) => !flight.cancelled),
 *   Flow.keyBy("origin", Schema.String, (flight) => flight.origin),
 *   Flow.window("hourly", Window.tumbling("1 hour"), Aggregate.count, { grace: "10 minutes" }),
 *   Flow.map(({ key, value, window }) => ({ airport: key, hour: window.start, flights: value }))
 * )
 * ```
 *
 * @since 0.2.0
 *
 * @since 0.2.0
 */
// One import for users, who need not know which file a step is in.
export type { Flow, Keyed, Mode, Output, Step } from "./graph/Typed.ts"
export * from "./steps/Joins.ts"
export * from "./steps/State.ts"
export * from "./steps/Stateless.ts"
export * from "./steps/Windows.ts"
