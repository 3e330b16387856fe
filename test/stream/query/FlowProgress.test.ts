/** What a query says of its flow while it runs, and what its log says of it afterwards. */
import { assert, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as LogInspection from "../../../src/batch/log/LogInspection.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import { QueryName } from "../../../src/batch/protocol/QueryName.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Source from "../../../src/batch/source/Source.ts"
import * as Aggregate from "../../../src/flow/aggregate/Aggregate.ts"
import * as Flow from "../../../src/flow/Flow.ts"
import * as EventTime from "../../../src/flow/time/EventTime.ts"
import * as Window from "../../../src/flow/time/Window.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as EventWriter from "../../../src/pravega/write/EventWriter.ts"
import { StateStore } from "../../../src/state/StateStore.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as QueryMetrics from "../../../src/stream/query/QueryMetrics.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import { type Numbered, numberedStream } from "../../numbered.ts"

const events = numberedStream("progress/events")

const counted = Flow.events<Numbered>().pipe(
  Flow.keyBy("key", Schema.String, ({ key, number }) => `${key} ${number}`),
  Flow.deduplicate("once", { within: "10 millis" }),
  Flow.keyBy("key", Schema.String, ({ key }) => key),
  Flow.window("tens", Window.tumbling("10 millis"), Aggregate.count)
)

const layers = Layer.mergeAll(Pravega.layerEmbedded(), CheckpointLog.layerMemory, StateStore.layerMemory())

it.live("says how far time is, what came late, twice or from the future, and what is remembered", () =>
  Effect.gen(function*() {
    yield* Admin.ensureStream(events.name, { scaling: { _tag: "Fixed", segments: 1 } })
    const pipeline = Pipeline.make("progress", {
      source: Source.microBatch(events, {
        time: EventTime.from(({ number }) => number, { maxAhead: "1 hour", beyond: "late" })
      }),
      flow: counted,
      sink: Sink.memory<Flow.Output<typeof counted>>()
    })
    const reports: Array<Query.BatchReport> = []
    const spans: Array<string> = []
    const tracer = Tracer.make({
      span: (options) => {
        spans.push(options.name)
        return new Tracer.NativeSpan(options)
      }
    })
    const future = (yield* Clock.currentTimeMillis) + 1e9
    const writer = yield* EventWriter.make(events)
    const run = (...numbers: ReadonlyArray<number>) =>
      writer.writeAll(numbers.map((number) => ({ key: "k", number }))).pipe(
        Effect.andThen(Query.run(pipeline, {
          trigger: Trigger.availableNow,
          onBatch: (report) => Effect.sync(() => reports.push(report))
        })),
        Effect.withTracer(tracer)
      )
    yield* run(1, 2, 3, 3, 25)
    yield* run(26, 4, future)

    const [first, second] = reports.map(({ flow }) => flow)
    assert.deepStrictEqual(
      [first, second].map((flow) => flow && [flow.watermark, [...flow.late], [...flow.dropped], flow.future]),
      [[25, [], [["once", 1]], 0], [26, [["once", 1]], [], 1]]
    )
    assert.isAbove(second?.state.rows ?? 0, 0)
    assert.isAbove(second?.state.bytes ?? 0, second?.state.rows ?? 0)
    assert.strictEqual(spans.filter((name) => name === "Query.state").length, 2)

    const of = <A>(metric: Metric.Metric<A, unknown>, attributes: Record<string, string> = {}) =>
      Metric.value(Metric.withAttributes(metric, { query: "progress", ...attributes }))
    assert.deepInclude(yield* of(QueryMetrics.lateEvents, { step: "once" }), { count: 1 })
    assert.deepInclude(yield* of(QueryMetrics.droppedEvents, { step: "once" }), { count: 1 })
    assert.deepInclude(yield* of(QueryMetrics.futureEvents), { count: 1 })
    assert.deepInclude(yield* of(QueryMetrics.watermarkMillis), { value: 26 })
    assert.deepInclude(yield* of(QueryMetrics.stateRows), { value: second?.state.rows })
    assert.deepInclude(yield* of(QueryMetrics.stateBytes), { value: second?.state.bytes })
    assert.deepInclude(yield* of(QueryMetrics.stateMillis), { count: 2 })

    const text = LogInspection.format(yield* LogInspection.inspect(QueryName.make("progress")))
    assert.match(text, / {2}\d+ {2}planned 1 at [^,]*, reads progress\/events part 0 to \d+ of \d+ \(/)
    assert.match(text, /prepared 1 at .*; state 1 \(epoch \d+, try \d+\), watermark 1970-01-01T00:00:00.026Z/)
    assert.match(text, /^ {2}state 1 \(epoch \d+, try \d+\), watermark 1970-01-01T00:00:00.026Z$/m)
    assert.match(
      text,
      /^ {4}source "progress\/events", part 0: watermark 1970-01-01T00:00:00.026Z, its end the same since /m
    )
    assert.match(text, /^ {4}step "once": input 1970-01-01T00:00:00.026Z, output 1970-01-01T00:00:00.026Z$/m)
  }).pipe(Effect.provide(layers), Effect.scoped))
