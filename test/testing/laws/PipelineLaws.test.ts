import { assert, describe, it } from "@effect/vitest"
import { Aggregate, EventTime, Flow, Window } from "effect-pravega/flow"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import fc from "fast-check"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Source from "../../../src/batch/source/Source.ts"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as PipelineLaws from "../../../src/testing/laws/PipelineLaws.ts"

const Click = Schema.Struct({ page: Schema.String, at: Schema.Int })
type Click = typeof Click.Type

const keyed = (name: string) =>
  EventStream.make(`texts/${name}`, { codec: EventCodec.utf8, routingKey: (text) => text.slice(0, 1) })
const lines = keyed("lines")
const words = keyed("words")
const others = keyed("others")

const some = fc.array(fc.stringMatching(/^[abc]( [abc]\d){0,3}$/), { minLength: 1, maxLength: 6 })
/** Under the line's key: words of several keys would come in one order or another, as the batches fall. */
const split = (line: string): ReadonlyArray<string> => line.split(" ").map((word) => `${line.slice(0, 1)}${word}`)

const pipeline = Pipeline.make("words", {
  source: Source.microBatch(lines, { limit: { events: 4 } }),
  process: (reads) => Stream.flattenIterable(Stream.map(reads, ({ event }) => split(event))),
  sink: Sink.pravega(words, { guarantee: "exactly-once" })
})

const plain = Pipeline.make("plain", {
  source: Source.microBatch(lines),
  process: (reads) => Stream.map(reads, ({ event }) => event),
  sink: Sink.pravega(words, { guarantee: "at-least-once" })
})

/** The report of a law that must not hold. */
const reportOf = <R>(law: Effect.Effect<void, never, R>): Effect.Effect<string, never, R> =>
  Effect.map(Effect.exit(law), (exit) => Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "it holds")

const withoutStack = (report: string): string => report.replaceAll(/^ +at .*$/gm, "")

describe("PipelineLaws.exactlyOnce", () => {
  it.live(
    "holds for a pipeline of a user's, in one line",
    () => PipelineLaws.exactlyOnce(pipeline, { source: lines, events: some, sinks: [words], runs: 1 })
  )

  it.live("holds for several sinks, and a process that needs services", () => {
    class Suffix extends Context.Service<Suffix, { readonly text: string }>()("effect-pravega/test/Suffix") {}
    const to = (sink: EventStream.EventStream<string>, isFor: (word: string) => boolean) =>
      Sink.filterMapInput(
        Sink.pravega(sink, { guarantee: "exactly-once" }),
        (word: string) => isFor(word) ? word : undefined
      )
    const several = Pipeline.make("several", {
      source: Source.microBatch(lines),
      process: (reads) => Stream.mapEffect(reads, ({ event }) => Effect.map(Suffix, ({ text }) => `${event}${text}`)),
      sinks: [to(words, (word) => word.startsWith("a")), to(others, (word) => !word.startsWith("b"))],
      deterministic: true
    })
    return PipelineLaws.exactlyOnce(several, {
      source: lines,
      events: some.map((events) => ["a", ...events]), // of some alone, each may be for no sink
      sinks: [words, others],
      runs: 1,
      crashes: 60
    }).pipe(Effect.provideService(Suffix, { text: "!" }))
  })

  describe("with flows", () => {
    const clicks = EventStream.make("web/clicks", { schema: Click, routingKey: ({ page }) => page })
    const counts = EventStream.make("web/counts", { schema: Schema.String, routingKey: (text) => text.slice(0, 1) })
    const source = Source.microBatch(clicks, {
      limit: { events: 3 },
      time: EventTime.from(({ at }) => at, { disorder: 100 })
    })
    const perPage = Flow.events<Click>().pipe(Flow.keyBy("page", Schema.String, ({ page }) => page))
    const events = fc.array(
      fc.record({ page: fc.constantFrom("a", "b", "c"), at: fc.integer({ min: 0, max: 100 }) }),
      { minLength: 4, maxLength: 8 }
    )
    const options = { source: clicks, events, sinks: [counts], runs: 1, crashes: 40 }

    it.live("holds, killed between delta, prepared and commit, too", () => {
      const flow = perPage.pipe(
        Flow.window("tens", Window.tumbling(10), Aggregate.count),
        Flow.map(({ key, value, window }) => `${key} ${window.start}: ${value}`)
      )
      const pipeline = Pipeline.make("counts", {
        source,
        flow,
        sink: Sink.pravega(counts, { guarantee: "exactly-once" })
      })
      return PipelineLaws.exactlyOnce(pipeline, options)
    }, { timeout: 60_000 })

    it.live("says so where results depend on how the events fall into batches", () =>
      Effect.gen(function*() {
        const flow = perPage.pipe(
          Flow.aggregate("sums", Aggregate.count),
          Flow.map(({ key, value }) => `${key}: ${value}`)
        )
        const pipeline = Pipeline.make("sums", {
          source,
          flow,
          sink: Sink.pravega(counts, { guarantee: "exactly-once" })
        })
        // of one page: wherever a batch has more than one of them, only one count is seen
        const ofOnePage = fc.array(fc.record({ page: fc.constant("a"), at: fc.constant(1) }), {
          minLength: 4,
          maxLength: 8
        })
        const report = yield* reportOf(PipelineLaws.exactlyOnce(pipeline, { ...options, events: ofOnePage }))
        assert.include(report, "NotDeterministic")
      }), { timeout: 60_000 })
  })

  it.live("holds beside a sink that is none of its streams, and not looked at", () => {
    const beside = Pipeline.make("beside", {
      source: Source.microBatch(lines),
      process: (reads) => Stream.map(reads, ({ event }) => event),
      sinks: [Sink.pravega(words, { guarantee: "exactly-once" }), Sink.memory<string>()],
      deterministic: true
    })
    return PipelineLaws.exactlyOnce(beside, { source: lines, events: some, sinks: [words], runs: 1, crashes: 20 })
  })

  it.live("is broken by at-least-once: says where the pipeline was crashed, and what happened", () =>
    Effect.gen(function*() {
      const report = yield* reportOf(
        PipelineLaws.exactlyOnce(plain, { source: lines, events: fc.constant(["a", "b"]), sinks: [words], runs: 1 })
      )
      assert.match(report, /pipeline "plain", crashed at step \d+.* of \d+, down for/)
      assert.match(report, /VIOLATED I1: repeated or invented: texts\/words has besides [ab]/)
      assert.match(report, /L life 1 +\d: planned\(0\)/)
      assert.match(report, /! life 1 +crashes/)
    }))

  it.live("says of a pipeline whose outputs are others each time that it is not deterministic, not that events are lost", () =>
    Effect.gen(function*() {
      const drawn = {
        chance: Effect.sync(() => String(Math.random())),
        random: Effect.map(Random.nextInt, String),
        time: Effect.map(Clock.currentTimeMillis, String)
      }
      for (const [name, suffix] of Object.entries(drawn)) {
        const other = Pipeline.make(name, {
          source: Source.microBatch(lines),
          process: (reads) => Stream.mapEffect(reads, ({ event }) => Effect.map(suffix, (text) => `${event}${text}`)),
          sink: Sink.pravega(words, { guarantee: "exactly-once" })
        })
        const law = PipelineLaws.exactlyOnce(other, {
          source: lines,
          events: fc.constant(["a"]),
          sinks: [words],
          runs: 1
        })
        const report = yield* reportOf(law)
        assert.match(report, new RegExp(`NotDeterministic: pipeline "${name}" is not deterministic`))
        assert.match(report, /the second run: texts\/words has besides a/)
        assert.notMatch(report, /lost/)
      }
    }))

  it.live("says the same of outputs that depend on how the events fall into batches", () =>
    Effect.gen(function*() {
      const counted = Pipeline.make("counted", {
        source: Source.microBatch(lines, { limit: { events: 3 } }),
        processBatch: (reads) => Effect.succeed([`${reads[0]?.event.slice(0, 1)}${reads.length}`]),
        sink: Sink.pravega(words, { guarantee: "exactly-once" })
      })
      const events = fc.constant(["a1", "a2", "a3", "a4"])
      const law = PipelineLaws.exactlyOnce(counted, { source: lines, events, sinks: [words], runs: 1 })
      assert.match(yield* reportOf(law), /NotDeterministic: pipeline "counted" .*\n.*has not a1, a3/)
    }))

  it.live("checks the simulated world, also where there is a Pravega and a checkpoint log already", () =>
    Effect.gen(function*() {
      for (const stream of [lines, words]) {
        yield* Admin.ensureStream(stream.name, { scaling: { _tag: "Fixed", segments: 1 } })
      }
      const report = yield* reportOf(
        PipelineLaws.exactlyOnce(plain, { source: lines, events: fc.constant(["a", "b"]), sinks: [words], runs: 1 })
      )
      assert.match(report, /VIOLATED I1: repeated or invented/)
    }).pipe(Effect.provide([Pravega.layerEmbedded(), CheckpointLog.layerMemory])))

  it.effect("lets simulated time pass, also where a test's clock stands still", () => {
    const slow = Pipeline.make("slow", {
      source: Source.microBatch(lines),
      process: (reads) => Stream.mapEffect(reads, ({ event }) => Effect.as(Effect.sleep("1 second"), event)),
      sink: Sink.pravega(words, { guarantee: "exactly-once" })
    })
    return PipelineLaws.exactlyOnce(slow, {
      source: lines,
      events: fc.constant(["a", "b"]),
      sinks: [words],
      runs: 1,
      crashes: 20
    })
  })

  it.live("says so when nothing was checked: no output, or no input either", () =>
    Effect.gen(function*() {
      const silent = Pipeline.make("silent", {
        source: Source.microBatch(lines),
        process: (reads) => Stream.drain(Stream.map(reads, ({ event }) => event)),
        sink: Sink.pravega(words, { guarantee: "exactly-once" })
      })
      const briefly = { source: lines, sinks: [words], runs: 2, crashes: 2 }
      const nothing = reportOf(PipelineLaws.exactlyOnce(silent, { ...briefly, events: fc.constant(["a b"]) }))
      assert.match(yield* nothing, /nothing was checked: pipeline "silent" wrote nothing to texts\/words/)
      const none = reportOf(PipelineLaws.exactlyOnce(pipeline, { ...briefly, events: fc.constant([]) }))
      assert.match(yield* none, /nothing was checked: pipeline "words" wrote nothing to texts\/words/)
      const sometimes = fc.array(fc.constant("a"), { maxLength: 2 })
      yield* PipelineLaws.exactlyOnce(pipeline, {
        source: lines,
        events: sometimes,
        sinks: [words],
        seed: 1,
        crashes: 2
      })
    }))

  it.live("repeats a failed run by the seed in its report", () =>
    Effect.gen(function*() {
      const drawn = Pipeline.make("drawn", {
        source: Source.microBatch(lines),
        process: (reads) => Stream.mapEffect(reads, ({ event }) => Effect.map(Random.next, (n) => `${event}${n}`)),
        sink: Sink.pravega(words, { guarantee: "exactly-once" })
      })
      const law = (seed?: number) =>
        reportOf(PipelineLaws.exactlyOnce(drawn, { source: lines, events: some, sinks: [words], seed }))
      const report = yield* law()
      assert.match(report, /the second run: texts\/words has not [abc]/)
      const seed = Number(/seed: (-?\d+)/.exec(report)?.[1])
      assert.strictEqual(withoutStack(yield* law(seed)), withoutStack(report))
    }))
})
