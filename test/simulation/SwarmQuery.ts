/** The streams of a history, and the query that runs over them. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import type * as BatchRun from "../../src/batch/engine/BatchRun.ts"
import * as PartWorker from "../../src/batch/engine/PartWorker.ts"
import * as Savepoint from "../../src/batch/engine/Savepoint.ts"
import { local, Workers } from "../../src/batch/engine/Workers.ts"
import * as OwnedLog from "../../src/batch/log/OwnedLog.ts"
import * as DeadLetter from "../../src/batch/pipeline/DeadLetter.ts"
import * as Pipeline from "../../src/batch/pipeline/Pipeline.ts"
import { QueryName } from "../../src/batch/protocol/QueryName.ts"
import * as Sink from "../../src/batch/sink/Sink.ts"
import * as Source from "../../src/batch/source/Source.ts"
import type { SourceError } from "../../src/batch/source/SourceError.ts"
import type * as EventStream from "../../src/core/EventStream.ts"
import type { Pravega } from "../../src/pravega/Pravega.ts"
import type { EventRead } from "../../src/pravega/read/EventRead.ts"
import type { ReadError } from "../../src/pravega/read/ReadError.ts"
import * as Query from "../../src/stream/query/Query.ts"
import * as Trigger from "../../src/stream/query/Trigger.ts"
import { keylessStream, type Numbered, numberedStream } from "../numbered.ts"
import { type Bug, none, wrapSink, wrapSource } from "./SeededBugs.ts"
import { guaranteeOf, type SwarmPlan } from "./SwarmPlan.ts"
import * as SwarmState from "./SwarmState.ts"
import * as SwarmTable from "./SwarmTable.ts"

/** Each source has keys of its own. */
const sourceNames = ["swarm/source", "swarm/second"]
const sinkNames = ["swarm/one", "swarm/two", "swarm/three"]

const streamOf = ({ isKeyless }: SwarmPlan) => (name: string) => isKeyless ? keylessStream(name) : numberedStream(name)
export const sourcesOf = (plan: SwarmPlan) => sourceNames.slice(0, plan.sources).map(streamOf(plan))
export const sinksOf = (plan: SwarmPlan) => sinkNames.slice(0, plan.sinks).map(streamOf(plan))

/** Where events go that can't be used. */
export const letters = DeadLetter.letters("swarm/letters")

export const isPoison = ({ isPoisoned }: SwarmPlan, { number }: Numbered): boolean => isPoisoned && number % 4 === 1

/** What the user's Effect got, by batch: it outlives the processes that run it. */
export type Told = Map<number, ReadonlyArray<Numbered>>

/** What a sink gets for an event; numbers stay in order. */
export const outputsOf = (plan: SwarmPlan, sink: number, event: Numbered): ReadonlyArray<Numbered> => {
  if (isPoison(plan, event)) return []
  switch (plan.outputs) {
    case "same":
      return [event]
    case "two each":
      return [event, { ...event, number: event.number + 0.5 }]
    case "some":
      return event.number % 3 === sink ? [] : [event]
  }
}

const triggers = {
  availableNow: Trigger.availableNow,
  once: Trigger.once,
  asFastAsPossible: Trigger.asFastAsPossible,
  every: Trigger.every("2 seconds")
}

/** What a life is started with. */
export interface Life {
  readonly name: string
  /** Another one is another structure. */
  readonly version: string
  readonly trigger: SwarmPlan["trigger"]
  readonly resolutions: ReadonlyArray<BatchRun.Resolution>
  readonly told: Told
  /** Called when the user's Effect gets a batch again, and other outputs. */
  readonly onOther: (batch: number) => void
  /** Who works on its parts. */
  readonly workers: Workers
  /** Of a life that writes to a table. */
  readonly sql?: SqlClient
}

/** One run of the query, or of what a bug puts in its place. */
export const runQuery = (plan: SwarmPlan, bug: Bug, life: Life) => {
  const [source = numberedStream("")] = sourcesOf(plan)
  const [sink = source] = sinksOf(plan)
  return bug.algorithm === undefined
    ? queryOf(plan, bug, life).run.pipe(
      Effect.provideService(OwnedLog.CompactAfter, plan.compactAfter),
      Effect.provideService(Workers, life.workers)
    )
    : bug.algorithm({ source, sink, process: (event) => outputsOf(plan, 0, event) })
}

/** The program of its workers. */
export const workerOf = (plan: SwarmPlan, name: string) =>
  queryOf(plan, none, {
    name,
    version: name,
    trigger: plan.trigger,
    resolutions: [],
    told: new Map(),
    onOther: () => {},
    workers: local
  }).work

/** Lets the query, which has not run yet, begin where the one before it stands. */
export const upgrade = (plan: SwarmPlan, from: string, life: Life) =>
  Effect.gen(function*() {
    const savepoint = `before ${life.name}`
    yield* Savepoint.create(QueryName.make(from), savepoint)
    yield* queryOf(plan, none, life).restore(savepoint)
  })

/** What can be done with a pipeline, whatever its types are. */
const actionsOf = <A, B, ES, E, R>(
  pipeline: Pipeline.Pipeline<A, B, ES, E, R>,
  { resolutions, trigger }: Life
) => ({
  run: Query.run(pipeline, { trigger: triggers[trigger], resolve: resolutions }),
  restore: (savepoint: string) => Savepoint.restore(pipeline, savepoint),
  work: PartWorker.make(pipeline)
})

const queryOf = (plan: SwarmPlan, bug: Bug, life: Life) => {
  const { name, onOther, told, version } = life
  const [first = numberedStream(""), second = first] = sourcesOf(plan)
  const microBatch = (events: EventStream.EventStream<Numbered>) =>
    wrapSource(
      bug,
      Source.microBatch(events, {
        limit: plan.limit,
        atLeast: plan.atLeast === undefined
          ? undefined
          : { ...plan.atLeast, delay: Duration.millis(plan.atLeast.delayMillis) },
        ordering: plan.ordering,
        onTruncated: plan.onTruncated,
        ...(plan.ordering === "none" ? {} : { lanes: plan.lanes })
      })
    )
  const outputs = (event: Numbered) =>
    Array.from(
      { length: plan.sinks },
      (_, sink) => outputsOf(plan, sink, event).map((output) => [sink, output] as const)
    ).flat()
  const foreach = Sink.foreachBatch("each", ({ batch }, outputs: ReadonlyArray<Output>) =>
    Effect.sync(() => {
      const events = outputs.map(([, event]) => event)
      const before = told.get(batch)
      if (before !== undefined && JSON.stringify(before) !== JSON.stringify(events)) onOther(batch)
      told.set(batch, events)
    }))
  const own = Array.from({ length: plan.sinks }, (_, sink) => sinkOf(plan, bug, sink))
  const rest = {
    parallelism: plan.parallelism,
    sinks: [
      ...own,
      ...plan.hasForeach ? [Sink.filterMapInput(foreach, (output: Output) => toFirst(output))] : [],
      ...life.sql === undefined ? [] : [Sink.filterMapInput(SwarmTable.sink(life.sql), toFirstEvent)]
    ],
    deterministic: true,
    version
  } as const
  const over = <A, E, R>(
    source: Source.Source<A, E, R> | Source.Union<A, E, R>,
    eventOf: (input: A) => Numbered
  ) =>
    plan.isPoisoned
      ? actionsOf(
        Pipeline.make(name, {
          ...rest,
          source,
          processEach: (input: A) =>
            isPoison(plan, eventOf(input))
              ? Effect.fail("it can't be used")
              : Effect.sync(() => outputs(eventOf(input))),
          onPoison: lettersOf(plan, bug)
        }),
        life
      )
      : actionsOf(
        Pipeline.make(name, { ...rest, source, ...processing(plan, (input: A) => outputs(eventOf(input))) }),
        life
      )
  if (plan.form === "flow") {
    return flowing<unknown, Pravega | Scope.Scope, ReadError | SourceError, Pravega>(plan, {
      ...rest,
      sources: [microBatch(first), microBatch(second)],
      outputs,
      life
    })
  }
  return plan.sources === 1
    ? over(microBatch(first), ({ event }) => event)
    : over(Source.union({ first: microBatch(first), second: microBatch(second) }), ({ value }) => value.event)
}

/** The same process as a flow that remembers. */
const flowing = <E, R, ES, RS>(plan: SwarmPlan, { life, outputs, sources: [first, second], ...rest }: {
  readonly sources: readonly [
    Source.Source<EventRead<Numbered>, ES, RS>,
    Source.Source<EventRead<Numbered>, ES, RS>
  ]
  readonly outputs: (event: Numbered) => ReadonlyArray<Output>
  readonly parallelism: number
  readonly sinks: ReadonlyArray<Sink.Sink<Output, E, R>>
  readonly deterministic: true
  readonly version: string
  readonly life: Life
}) => {
  if (plan.sources === 1) {
    const flow = SwarmState.flowOf(["events"], outputs)
    return actionsOf(Pipeline.make(life.name, { ...rest, source: first, flow }), life)
  }
  const flow = SwarmState.flowOf(["first", "second"], outputs)
  return actionsOf(Pipeline.make(life.name, { ...rest, source: Source.union({ first, second }), flow }), life)
}

/** The same process, written in each of the ways that there are. */
const processing = <A, B>({ each, form }: SwarmPlan, outputs: (input: A) => ReadonlyArray<B>) => {
  switch (form) {
    case "process":
      return {
        each,
        process: <E>(inputs: Stream.Stream<A, E>) => Stream.flattenIterable(Stream.map(inputs, outputs))
      }
    case "processEach":
      return { processEach: (input: A) => Effect.sync(() => outputs(input)) }
    case "processBatch":
    // A flow is no process, and is made elsewhere.
    case "flow":
      return { processBatch: (inputs: ReadonlyArray<A>) => Effect.sync(() => inputs.flatMap(outputs)) }
  }
}

const lettersOf = ({ isOwned, leaseSeconds }: SwarmPlan, bug: Bug) =>
  DeadLetter.toSink(
    wrapSink(
      bug,
      Sink.pravega(letters, { guarantee: "exactly-once", isOwned, lease: Duration.seconds(leaseSeconds) })
    )
  )

type Output = readonly [sink: number, event: Numbered]

const toFirst = (output: Output): Output | undefined => output[0] === 0 ? output : undefined
const toFirstEvent = (output: Output): Numbered | undefined => toFirst(output)?.[1]

const sinkOf = (plan: SwarmPlan, bug: Bug, sink: number): Sink.Sink<Output, unknown, Pravega> => {
  const stream = streamOf(plan)(sinkNames[sink] ?? "")
  const guarantee = guaranteeOf(plan, sink)
  const own = (output: Output) => output[0] === sink ? output[1] : undefined
  if (guarantee === "idempotent") {
    return Sink.filterMapInput(wrapSink(bug, Sink.pravega(stream, { guarantee })), own)
  }
  const lease = Duration.seconds(plan.leaseSeconds)
  return Sink.filterMapInput(wrapSink(bug, Sink.pravega(stream, { guarantee, isOwned: plan.isOwned, lease })), own)
}
