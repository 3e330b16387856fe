/**
 * The two pipelines, and running them side by side.
 */
import { Admin } from "effect-pravega"
import { Pipeline, Sink, Source } from "effect-pravega/batch"
import { Aggregate, EventTime, Flow, Window } from "effect-pravega/flow"
import { Query, Trigger } from "effect-pravega/stream"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as DelayTable from "./DelayTable.ts"
import { type Delays, delays, type Flight, flights } from "./Flight.ts"
import * as FlightSource from "./FlightSource.ts"
import type { JobState } from "./JobState.ts"

const perBatch = 20_000

/** From the data set into the stream of flights. */
const load = ({ count, scope }: JobState) =>
  Pipeline.make("load", {
    source: FlightSource.make(count, perBatch),
    process: (events) => events,
    sink: Sink.pravega(flights(scope), { guarantee: "exactly-once" })
  })

/** What flights add up to, per airport and hour, by the times of the flights themselves. */
const hourly = Flow.events<Flight>().pipe(
  Flow.keyBy("airport", Schema.String, (flight) => flight.origin),
  Flow.window(
    "hourly",
    Window.tumbling("1 hour"),
    Aggregate.struct({
      flights: Aggregate.count,
      delayed: Aggregate.sum((flight: Flight) => DelayTable.isDelayed(flight) ? 1 : 0),
      delayMinutes: Aggregate.sum((flight: Flight) => flight.delayMinutes),
      rows: Aggregate.sum((flight: Flight) => DelayTable.mix(flight.row))
    })
  ),
  Flow.map(({ key, value, window }): Delays => ({ airport: key, start: new Date(window.start), ...value }))
)

/** From the stream of flights into the stream of delays. Flights are in the order of departure. */
const workOut = ({ scope }: JobState) =>
  Pipeline.make("delays", {
    source: Source.microBatch(flights(scope), {
      start: "earliest",
      limit: { events: perBatch },
      // while the job does not run, nothing comes: that must not make late what comes afterwards
      time: EventTime.from((flight) => flight.departure, { idleAfter: "Infinity" })
    }),
    flow: hourly,
    sink: Sink.pravega(delays(scope), { guarantee: "exactly-once" })
  })

/** Runs both to their end: the stream is sealed when all is loaded, which is the end of what reads it. */
export const run = Effect.fnUntraced(function*(state: JobState) {
  // All of it since this start.
  const progress = { loaded: 0, loadBatches: 0, worked: 0, delayBatches: 0, openHours: 0, late: 0, upTo: -Infinity }
  const line = Effect.suspend(() => {
    const number = (count: number) => count.toLocaleString("en")
    const batches = (count: number) => count === 1 ? "1 batch" : `${count} batches`
    return Console.log(
      [
        `  loaded ${number(progress.loaded)} flights in ${batches(progress.loadBatches)}`,
        `worked out ${number(progress.worked)} in ${batches(progress.delayBatches)}, ${untilWords(progress.upTo)}`,
        `${number(progress.openHours)} hours open, ${number(progress.late)} flights late`
      ].join("; ")
    )
  })
  const ticker = yield* Effect.forkChild(Effect.repeat(Effect.delay(line, "1 second"), Schedule.forever))
  const loading = Query.run(load(state), {
    trigger: Trigger.asFastAsPossible,
    onBatch: ({ eventsIn }) =>
      Effect.sync(() => {
        progress.loaded += eventsIn
        progress.loadBatches++
      })
  }).pipe(Effect.andThen(Admin.sealStream(flights(state.scope).name)))
  const working = Query.run(workOut(state), {
    trigger: Trigger.asFastAsPossible,
    onBatch: ({ eventsIn, flow }) =>
      Effect.sync(() => {
        progress.worked += eventsIn
        progress.delayBatches++
        progress.openHours = flow?.state.rows ?? 0
        progress.late += flow?.late.get("hourly") ?? 0
        progress.upTo = flow?.watermark ?? progress.upTo
      })
  })
  yield* Effect.all([loading, working], { concurrency: 2, discard: true })
  yield* Fiber.interrupt(ticker)
  yield* line
  return progress
})

/** How far event time is: all flights that departed before have come. */
const untilWords = (watermark: number): string => {
  if (watermark === Infinity) return "to the end of time"
  return watermark === -Infinity
    ? "nothing known of time"
    : `up to ${new Date(watermark).toISOString().slice(0, 16).replace("T", " ")}`
}
