/**
 * What the compiler says of common mistakes with pipelines and queries: a sentence that a user can go by, whatever else it
 * prints. Of queries too: the compiler is asked once for both.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Compiler from "../../Compiler.ts"

const head = `
import { EventCodec, EventStream, Pravega } from "effect-pravega"
import { CheckpointLog, DeadLetter, Pipeline, Sink, Source } from "effect-pravega/batch"
import { Flow } from "effect-pravega/flow"
import { Query, Trigger } from "effect-pravega/stream"
import { Effect, Schema, Stream } from "effect"
const lines = EventStream.make("a/lines", { codec: EventCodec.utf8 })
const source = Source.microBatch(lines)
type Read = { readonly event: string }
const process = <E>(reads: Stream.Stream<Read, E>) => Stream.map(reads, ({ event }) => event)
const processEach = ({ event }: Read) => Effect.succeed([event])
const ofNumbersToo = (numbers: Stream.Stream<number, unknown>) => Stream.map(numbers, String)
const [sink, other] = [Sink.memory<string>("one"), Sink.memory<string>("two")]
const ofNumbers = Sink.memory<number>("numbers")
const idempotent = Sink.pravega(lines, { guarantee: "idempotent" })
const mail = Sink.foreachBatch("mail", (_, all: ReadonlyArray<string>) => Effect.void)
const letters = DeadLetter.to("a/letters")
declare const typed: Omit<Sink.TypedSink<string, never, never, string, string>, "needsDeterministic" | "mayBeSeenEarly">
const own = Sink.make(typed)
const ownEarly = Sink.make({ ...typed, mayBeSeenEarly: true, needsDeterministic: true })
const flow = Flow.events<string>()
const keyed = flow.pipe(Flow.keyBy("line", Schema.String, (line) => line))
const asking = flow.pipe(Flow.mapEffect("asked", (line) => Effect.succeed(line)))
const once = asking.pipe(
  Flow.keyBy("line", Schema.String, (line) => line),
  Flow.deduplicate("once", { within: "1 hour" })
)
const shorter = (line: string) => line.slice(1)
const both = Source.union({ a: source, b: source })
const from = Flow.sources<{ a: string; b: string }>()
const pipeline = Pipeline.make("p", { source, flow, sink })
const run = Effect.runPromise
`

/** Options of a pipeline, and what is said of them; undefined: they are right. */
const pipelines: ReadonlyArray<readonly [options: string, says: string | undefined]> = [
  [`{ source, process, sink }`, undefined],
  [`{ source, process, sinks: [sink, other], deterministic: true }`, undefined],
  [`{ source, processEach, sink, onPoison: letters, deterministic: true }`, undefined],
  [`{ source, process, sink: idempotent, deterministic: true }`, undefined],
  [`{ source, process, sinks: [sink, other] }`, "several sinks need deterministic: true"],
  [`{ source, process, sinks: [sink, other], deterministic: false }`, "several sinks need deterministic: true"],
  [`{ source, processEach, sink, onPoison: letters }`, "onPoison needs deterministic: true"],
  [`{ source, process, sink: idempotent }`, "an idempotent sink needs deterministic: true"],
  [
    `{ source, process, sink: idempotent.pipe(Sink.filterMapInput(shorter)) }`,
    "an idempotent sink needs deterministic: true"
  ],
  [`{ source, process, sink: idempotent.pipe(Sink.filterMapInput(shorter)), deterministic: true }`, undefined],
  [`{ source, process, sink: own }`, undefined],
  [`{ source, process, sink: ownEarly, deterministic: true }`, undefined],
  [`{ source, process, sink: ownEarly }`, "an idempotent sink needs deterministic: true"],
  [
    `{ source, processEach, sink: idempotent, onPoison: letters, deterministic: true }`,
    "dead letters do not go with an idempotent sink"
  ],
  [
    `{ source, processEach, sinks: [sink, idempotent], onPoison: letters, deterministic: true }`,
    "dead letters do not go with an idempotent sink"
  ],
  [`{ source, sink }`, "a pipeline needs one of process, processEach, processBatch and flow"],
  [`{ process, sink }`, "a pipeline needs a source"],
  [`{ source, process }`, "a pipeline needs a sink, or sinks"],
  [`{ source, process, sink: ofNumbers }`, "or gives other outputs"],
  [`{ source, process: ofNumbersToo, sink }`, "Type 'EventRead<string, EventRun>' is not assignable to type 'number'"],
  [`{ source, process, sink, parallelism: "many" }`, "an option has another type"],
  // with functions that are written here, of which the compiler knows nothing until it knows that all is right
  [`{ source, process: (reads) => Stream.map(reads, ({ event }) => event), sink }`, undefined],
  [
    `{ source, process: (reads) => Stream.map(reads, ({ event }) => event), sinks: [sink, other] }`,
    "several sinks need deterministic: true"
  ],
  [
    `{ source: both, process: (reads) => Stream.map(reads, ({ value }) => value.event), sinks: [sink, other] }`,
    "several sinks need deterministic: true"
  ],
  [
    `{ source, processEach: ({ event }) => Effect.succeed([event]), sink, onPoison: letters }`,
    "onPoison needs deterministic: true"
  ],
  [
    `{ source, processBatch: (reads) => Effect.succeed(reads.map(({ event }) => event)), sink: idempotent }`,
    "an idempotent sink needs deterministic: true"
  ],
  [`{ source, process: (reads) => Stream.map(reads, ({ event }) => event) }`, "a pipeline needs a sink, or sinks"],
  [`{ process: (reads) => reads, sink }`, "a pipeline needs a source"],
  [
    `{ source, process: (reads) => Stream.map(reads, ({ event }) => event.length), sink }`,
    "a sink takes other outputs than the process gives"
  ],
  // of a flow
  [`{ source, flow, sinks: [sink, mail], onPoison: letters }`, undefined],
  [`{ source, flow: once, sink }`, undefined],
  [`{ source, flow: once, sink: mail, deterministic: true }`, undefined],
  [`{ source, flow: asking, sink: mail }`, undefined],
  [`{ source: both, flow: Flow.merge([from("a"), from("b")]), sink }`, undefined],
  [`{ source, flow: flow.pipe(Flow.map((line) => line.length)), sink: ofNumbers }`, undefined],
  [`{ source, flow, sink: idempotent, onPoison: "fail" }`, undefined],
  [`{ source, flow, sink, onPoison: letters }`, undefined],
  [`{ source, flow, sink: idempotent, onPoison: letters }`, "dead letters do not go with an idempotent sink"],
  [
    `{ source, flow: once, sink: ownEarly }`,
    "this flow remembers and has effects (Flow.mapEffect), and its sink may show"
  ],
  [`{ source, flow: once, sink: mail }`, "this flow remembers and has effects (Flow.mapEffect), and its sink may show"],
  [
    `{ source, flow: once, sink: Sink.filterMapInput(mail, shorter) }`,
    "this flow remembers and has effects (Flow.mapEffect), and its sink may show"
  ],
  [`{ source, flow: asking, sink: idempotent }`, "an idempotent sink needs deterministic: true beside Flow.mapEffect"],
  [`{ source, flow: asking, sinks: [sink, other] }`, "several sinks need deterministic: true beside Flow.mapEffect"],
  [`{ source, flow: asking, sink, onPoison: letters }`, "onPoison needs deterministic: true beside Flow.mapEffect"],
  [`{ source, flow: Flow.events<number>(), sink: ofNumbers }`, "the flow is of other events than the source reads"],
  [`{ source, flow: Flow.events().pipe(Flow.map((line) => line.length)), sink: ofNumbers }`, "on type 'Unsaid'"],
  [`{ source, flow: Flow.map((line) => line.length), sink: ofNumbers }`, "must say its events: Flow.events<Event>()"],
  [`{ source, flow, sink: ofNumbers }`, "a sink takes other outputs than the flow gives"],
  [`{ source, flow: keyed, sink }`, "a flow does not end with its keys"],
  [`{ source: both, flow, sink }`, "the flow reads other sources, or other events, than Source.union gives"],
  [`{ source: lines, flow, sink }`, "source is one of Source.microBatch, Source.union and Source.make"],
  [`{ source, flow, sink, parallelism: "many" }`, "an option has another type, or is none of a pipeline with a flow"]
]

/** Statements of an Effect, and what is said of them. */
const queries: ReadonlyArray<readonly [statement: string, says: string | undefined]> = [
  [`run(Query.run(pipeline).pipe(Effect.provide([CheckpointLog.layerMemory, Pravega.layerConfig()])))`, undefined],
  [`pipeline.pipe(Query.run(), Effect.asVoid)`, undefined],
  [`pipeline.pipe(Query.start({ trigger: Trigger.every("1 second") }))`, undefined],
  [`run(Query.run(pipeline))`, "Type 'CheckpointLog | Pravega' is not assignable to type 'never'"],
  [
    `run(Effect.provide(Query.start(pipeline), [CheckpointLog.layerMemory, Pravega.layerConfig()]))`,
    "Type 'Scope' is not assignable to type 'never'"
  ],
  [`run(Query.run())`, "'RunsPipeline<unknown>' is not assignable to parameter of type 'Effect<"],
  [
    `Effect.gen(function*() { yield* Query.start({ trigger: Trigger.once }) })`,
    "Type 'StartsPipeline<unknown>' must have a '[Symbol.iterator]()'"
  ],
  [`pipeline.pipe(Query.run)`, "a query runs a pipeline, which Pipeline.make makes: Query.run(pipeline), or in a pipe"],
  [`Query.run(flow)`, "a flow has no source and no sink yet: Pipeline.make(name, { source, flow, sink })"],
  [`Query.run({ source, flow, sink })`, "Pipeline.make(name, { source, ... }) makes one of these options"],
  [`Query.run(Pipeline.makeResult("p", { source, flow, sink }))`, "Pipeline.makeResult gives a Result"],
  [`Query.run(Effect.succeed(pipeline))`, "a query runs a pipeline, and this is an Effect"],
  [`Query.run("p")`, "a query runs a pipeline, which Pipeline.make makes"],
  [`Query.run(pipeline, { trigger: "once" })`, "Type 'string' is not assignable to type 'Trigger | undefined'"],
  [`Query.run(pipeline, { trigger: Trigger.every })`, "is not assignable to type 'Trigger | undefined'"],
  [`Query.run(pipeline, Trigger.once)`, "'Trigger' is not assignable to parameter of type 'RunOptions<"],
  [`Query.run({ trigger: "once" })`, "trigger is one of Trigger.once, Trigger.availableNow, Trigger.asFastAsPossible"],
  [`Query.start({ stallAfter: "soon" })`, "an option has another type than Query.Options says"]
]

const cases = [
  ...pipelines.map(([options, says], i) => [`Pipeline.make("p${i}", ${options})`, says] as const),
  ...queries
]

describe("Pipeline.make and Query.run, wrongly", () => {
  it.live("the compiler says in a sentence what is wrong", () =>
    Effect.gen(function*() {
      const said = yield* Compiler.said(head, cases.map(([statement]) => statement))
      for (const [i, [statement, says]] of cases.entries()) {
        if (says === undefined) assert.strictEqual(said[i], "", statement)
        else assert.include(said[i], says, statement)
      }
    }))
})
