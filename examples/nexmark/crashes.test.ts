/**
 * Some of the queries as pipelines between streams, crashed at many points of their runs and again while they recover: nothing
 * is lost, nothing repeated. On a Pravega in this process, in simulated time. More with NEXMARK_CRASHES.
 */
import { it } from "@effect/vitest"
import { EventStream } from "effect-pravega"
import { Pipeline, Sink, Source } from "effect-pravega/batch"
import { EventTime } from "effect-pravega/flow"
import { PipelineLaws } from "effect-pravega/testing"
import * as Schema from "effect/Schema"
import fc from "fast-check"
import { Event } from "./Event.ts"
import * as Generator from "./Generator.ts"
import { oracle } from "./Oracle.ts"
import { queries } from "./Queries.ts"

const input = EventStream.make("nexmark/events", { schema: Event, routingKey: ({ dateTime }) => String(dateTime) })
const results = EventStream.make("nexmark/results", { schema: Schema.Json })

const event = Generator.make({ eventsPerSecond: 5 })
/** Twenty seconds of the house: windows and auctions close in between. Of some, a query has nothing to say. */
const historiesOf = (name: "q5" | "q9" | "q11") =>
  fc.nat(5000).map((from) => Array.from({ length: 100 }, (_, i) => event(from + i)))
    .filter((events) => oracle(name, events).length > 0)

const crashes = Number(process.env["NEXMARK_CRASHES"] ?? 8)

// sliding windows and windows of their results; timers; sessions
for (const name of ["q5", "q9", "q11"] as const) {
  const pipeline = Pipeline.make(name, {
    source: Source.microBatch(input, {
      start: "earliest",
      limit: { events: 30 },
      time: EventTime.from(({ dateTime }) => dateTime, { disorder: "4 seconds" })
    }),
    flow: queries[name],
    sink: Sink.pravega(results, { guarantee: "exactly-once" })
  })
  it.live(
    `${name} loses and repeats nothing, wherever it is killed`,
    () =>
      PipelineLaws.exactlyOnce(pipeline, {
        source: input,
        events: historiesOf(name),
        sinks: [results],
        runs: 1,
        crashes
      }),
    { timeout: 900_000 }
  )
}
