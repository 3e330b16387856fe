/**
 * Flows: what is computed of events, as a value. A flow is stateless steps, keys, windows, keyed state and joins; building
 * one does nothing. Three interpreters run the same value: `toStream`, in memory, on any Effect Stream; a `Pipeline`,
 * exactly once; and `model`, which says what it means.
 *
 * The functions in a flow must be pure, but for those of `mapEffect`. So the same events have the same outputs.
 *
 * **Gotchas**
 *
 * A step throws `RangeError` where it is written, for a duration that is no whole number of milliseconds, or that can't be
 * meant. `toStream` throws `FlowRefused` for steps that do not go together, and `Pipeline.make` throws `PipelineRefused`. For
 * flows that are made at run time, `toStreamResult` and `Pipeline.makeResult` give these as failures.
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
 */
import * as Describe from "./describe/Describe.ts"
import type { Flow, Mode, Stateful } from "./graph/Typed.ts"
import type { Event } from "./model/History.ts"
import * as Model from "./model/Model.ts"
import type { OutputOf } from "./stream/ToStream.ts"

// One import for users: they need not know which file a step is in.
export type { Effectful, Error, Flow, Keyed, Mode, Output, Services, Stateful, Step } from "./graph/Typed.ts"
export * from "./steps/Cogroup.ts"
export * from "./steps/Joins.ts"
export * from "./steps/Lookup.ts"
export * from "./steps/State.ts"
export * from "./steps/Stateless.ts"
export * from "./steps/TopN.ts"
export * from "./steps/Windows.ts"
export { type FromStream, toStream, toStreamResult } from "./stream/ToStream.ts"

/**
 * What a flow is, as data, as text, and as a flowchart in the language of Mermaid.
 *
 * **Example**
 *
 * ```ts
 * import { Flow } from "effect-pravega/flow"
 *
 * const flow = Flow.events<number>().pipe(Flow.map((n) => n + 1))
 *
 * const { text } = Flow.describe(flow) // 0 source "events", then 1 map of 0
 * ```
 *
 * @category inspection
 * @since 0.2.0
 */
export const describe = <In, A, M extends Mode, E, R>(flow: Flow<In, A, M, E, R>): Describe.Description =>
  Describe.describe(flow.node)

/** Events by source, with their times in milliseconds since 1970. @category models @since 0.2.0 */
export type TimedEvents<In> = {
  readonly [Name in keyof In]: ReadonlyArray<{ readonly time: number; readonly value: In[Name] }>
}

/**
 * What a flow means: what comes out for all these events, if none is late. It is slow, and short enough to be read: tests of
 * one's own may hold other runs of the flow to it. Outputs are in order of their times. A flow with effects has no meaning of
 * its own: it throws `TypeError`.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate, Flow, Window } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const counts = Flow.events<string>().pipe(
 *   Flow.keyBy("word", Schema.String, (word) => word),
 *   Flow.window("counts", Window.tumbling("1 second"), Aggregate.count)
 * )
 *
 * const outputs = Flow.model(counts, { events: [{ time: 10, value: "a" }, { time: 900, value: "a" }] })
 * ```
 *
 * @category running
 * @since 0.2.0
 */
export const model = <In, A, M extends Mode>(
  flow: Flow<In, A, M, never, Stateful>,
  events: TimedEvents<In>
): ReadonlyArray<OutputOf<M, A>> => {
  const placed = (source: string): ReadonlyArray<Event> =>
    Object.entries<TimedEvents<In>[keyof In]>(events).filter(([name]) => name === source).flatMap(([, all]) =>
      all.map(({ time, value }, i) => ({
        value,
        at: { time, source, segment: 0n, offset: BigInt(i), ordinal: 0 }
      }))
    )
  const { outputs } = Model.meaning(flow.node, (source) => [
    { events: placed(source), before: -Infinity, watermark: -Infinity, clock: 0 },
    { events: [], before: -Infinity, watermark: Infinity, clock: 0 }
  ])
  // Values have lost their types in the model: those of the flow say what comes out.
  return outputs.flat().map(({ value }) => value as OutputOf<M, A>)
}
