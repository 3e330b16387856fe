/**
 * Flows with lanes, several sinks, sinks whose outputs are seen early, and events that are put aside: in the end what the
 * model says of the others, whatever was crashed.
 */
import { assert, describe, it } from "@effect/vitest"
import { Aggregate, EventTime, Flow, Window } from "effect-pravega/flow"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import fc from "fast-check"
import { CheckpointLog } from "../../../../src/batch/log/CheckpointLog.ts"
import * as DeadLetter from "../../../../src/batch/pipeline/DeadLetter.ts"
import * as Pipeline from "../../../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../../../src/batch/sink/Sink.ts"
import * as Source from "../../../../src/batch/source/Source.ts"
import * as EventCodec from "../../../../src/core/EventCodec.ts"
import * as EventStream from "../../../../src/core/EventStream.ts"
import * as Admin from "../../../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../../../src/pravega/Pravega.ts"
import * as BatchReader from "../../../../src/pravega/read/BatchReader.ts"
import * as EventWriter from "../../../../src/pravega/write/EventWriter.ts"
import { StateStore } from "../../../../src/state/StateStore.ts"
import * as Query from "../../../../src/stream/query/Query.ts"
import * as PipelineLaws from "../../../../src/testing/laws/PipelineLaws.ts"

const Click = Schema.Struct({ page: Schema.String, at: Schema.Int })
type Click = typeof Click.Type
const text = (name: string) =>
  EventStream.make(`web/${name}`, { schema: Schema.String, routingKey: (text) => text.slice(0, 1) })
const clicks = EventStream.make("web/clicks", { schema: Click, routingKey: ({ page }) => page })
/** The same stream, for events that are none. */
const raw = EventStream.make("web/clicks", { codec: EventCodec.utf8, routingKey: (event) => event })
const [some, others, rejected] = [text("some"), text("others"), "web/rejected"]

const isBad = ({ at }: Click) => at % 7 === 3
const flow = Flow.events<Click>().pipe(
  Flow.map((click) => {
    if (isBad(click)) throw new Error(`${click.at} is bad`)
    return click
  }),
  Flow.keyBy("page", Schema.String, ({ page }) => page),
  Flow.window("tens", Window.tumbling(10), Aggregate.count),
  Flow.map(({ key, value, window }) => `${key} ${window.start}: ${value}`)
)
/** None of its events is bad. */
const sound = Flow.events<Click>().pipe(
  Flow.keyBy("page", Schema.String, ({ page }) => page),
  Flow.window("tens", Window.tumbling(10), Aggregate.count),
  Flow.map(({ key, value, window }) => `${key} ${window.start}: ${value}`)
)

const source = Source.microBatch(clicks, {
  lanes: 3,
  limit: { events: 5 },
  time: EventTime.from(({ at }) => at, { disorder: 100 })
})
const exactly = { guarantee: "exactly-once" } as const
const isSome = (text: string) => text.startsWith("a")
const sinks = [
  Sink.filterMapInput(Sink.pravega(some, exactly), (text: string) => isSome(text) ? text : undefined),
  Sink.filterMapInput(Sink.pravega(others, exactly), (text: string) => isSome(text) ? undefined : text)
]
const tolerant = Pipeline.make("tolerant", { source, flow, sinks, onPoison: DeadLetter.to(rejected) })

const events: fc.Arbitrary<ReadonlyArray<Click>> = fc.array(
  fc.record({ page: fc.constantFrom("a", "b", "c"), at: fc.integer({ min: 0, max: 40 }) }),
  { minLength: 6, maxLength: 12 }
)
const all = <A>(stream: EventStream.EventStream<A>) =>
  Effect.map(Stream.runCollect(BatchReader.stream(stream)), (reads) => reads.map(({ event }) => event))

describe("Flows with sinks of all kinds", () => {
  it.live("several, lanes, and events that are put aside: what the model says of the others, and a letter of each", () =>
    Effect.gen(function*() {
      for (const { name } of [clicks, some, others]) {
        yield* Admin.ensureStream(name, { scaling: { _tag: "Fixed", segments: 2 } })
      }
      yield* Admin.ensureStream(rejected, { scaling: { _tag: "Fixed", segments: 1 } })
      const written = Array.from({ length: 60 }, (_, n): Click => ({ page: "abc"[n % 3]!, at: n * 37 % 91 }))
      for (const [n, click] of written.entries()) {
        yield* Effect.scoped(Effect.flatMap(EventWriter.make(clicks), (writer) => writer.writeAll([click])))
        if (n % 9 !== 4) continue
        yield* Effect.scoped(Effect.flatMap(EventWriter.make(raw), (writer) => writer.writeAll([`no click ${n}`])))
      }
      yield* Admin.sealStream(clicks.name)
      yield* Query.run(tolerant)
      const good = written.filter((click) => !isBad(click)).map((value) => ({ time: value.at, value }))
      const expected = Flow.model(flow, { events: good }).toSorted()
      assert.deepStrictEqual((yield* all(some)).toSorted(), expected.filter(isSome))
      assert.deepStrictEqual((yield* all(others)).toSorted(), expected.filter((text) => !isSome(text)))
      const letters = yield* all(DeadLetter.letters(rejected))
      const texts = letters.map(({ event }) => new TextDecoder().decode(event)).toSorted()
      const bad = written.filter(isBad).map((click) => JSON.stringify(click))
      const none = written.flatMap((_, n) => n % 9 === 4 ? [`no click ${n}`] : [])
      assert.deepStrictEqual(texts, [...bad, ...none].toSorted())
    }).pipe(
      Effect.provide(Layer.mergeAll(Pravega.layerEmbedded(), CheckpointLog.layerMemory, StateStore.layerMemory()))
    ))

  const options = { source: clicks, events, runs: 1, crashes: 40 }

  it.live("F1: crashed anywhere, with several sinks, lanes, and events that are put aside", () => {
    // of some events alone, each may be for no sink
    const enough = events.map((events) => [{ page: "a", at: 0 }, { page: "b", at: 0 }, ...events])
    return PipelineLaws.exactlyOnce(withLetters, { ...options, events: enough, sinks: [some, others] })
  }, { timeout: 120_000 })

  it.live("F1: crashed anywhere, with a sink whose outputs are seen before they are committed", () => {
    const sink = Sink.pravega(some, { guarantee: "idempotent" })
    const pipeline = Pipeline.make("idempotent", { source, flow: sound, sink })
    return PipelineLaws.exactlyOnce(pipeline, { ...options, sinks: [some] })
  }, { timeout: 120_000 })
})

/** Letters name batches, which follow from cuts: they go where nobody compares them. */
const withLetters = Pipeline.make("letters", {
  source,
  flow,
  sinks,
  onPoison: DeadLetter.toSink(Sink.foreachBatch("letters", () => Effect.void))
})
