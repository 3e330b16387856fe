/** The streams of a history, and the query that runs over them. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as BatchRun from "../../src/batch/engine/BatchRun.ts"
import * as OwnedLog from "../../src/batch/log/OwnedLog.ts"
import * as Pipeline from "../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../src/batch/sink/Sink.ts"
import * as Source from "../../src/batch/source/Source.ts"
import type * as EventStream from "../../src/core/EventStream.ts"
import type { Pravega } from "../../src/pravega/Pravega.ts"
import * as Query from "../../src/stream/query/Query.ts"
import * as Trigger from "../../src/stream/query/Trigger.ts"
import { type Numbered, numberedStream } from "../numbered.ts"
import { type Bug, wrapSink, wrapSource } from "./SeededBugs.ts"
import type { SwarmPlan } from "./SwarmPlan.ts"

/** Each source has keys of its own. */
const [first, second] = [numberedStream("swarm/source"), numberedStream("swarm/second")]
const allSinks = ["one", "two", "three"].map((name) => numberedStream(`swarm/${name}`))

export const sourcesOf = ({ sources }: SwarmPlan) => [first, second].slice(0, sources)
export const sinksOf = ({ sinks }: SwarmPlan) => allSinks.slice(0, sinks)

/** What a sink gets for an event; numbers stay in order. */
export const outputsOf = ({ outputs }: SwarmPlan, sink: number, event: Numbered): ReadonlyArray<Numbered> => {
  switch (outputs) {
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

/** One run of the query, or of what a bug puts in its place. */
export const runQuery = (
  plan: SwarmPlan,
  bug: Bug,
  trigger: SwarmPlan["trigger"],
  resolutions: ReadonlyArray<BatchRun.Resolution>
) => {
  if (bug.algorithm !== undefined) {
    return bug.algorithm({ source: first, sink: allSinks[0]!, process: (event) => outputsOf(plan, 0, event) })
  }
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
  const rest = {
    parallelism: plan.parallelism,
    sinks: Array.from({ length: plan.sinks }, (_, sink) => sinkOf(plan, bug, sink)),
    deterministic: true
  } as const
  const options = { trigger: triggers[trigger], resolve: resolutions }
  const running = plan.sources === 1
    ? Query.run(
      Pipeline.make("swarm", {
        ...rest,
        source: microBatch(first),
        ...processing(plan, ({ event }: { readonly event: Numbered }) => outputs(event))
      }),
      options
    )
    : Query.run(
      Pipeline.make("swarm", {
        ...rest,
        source: Source.union({ first: microBatch(first), second: microBatch(second) }),
        ...processing(plan, ({ value }: { readonly value: { readonly event: Numbered } }) => outputs(value.event))
      }),
      options
    )
  return Effect.provideService(running, OwnedLog.CompactAfter, plan.compactAfter)
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
      return { processBatch: (inputs: ReadonlyArray<A>) => Effect.sync(() => inputs.flatMap(outputs)) }
  }
}

const sinkOf = (
  { guarantee, isOwned, leaseSeconds }: SwarmPlan,
  bug: Bug,
  sink: number
): Sink.Sink<readonly [sink: number, event: Numbered], unknown, Pravega> => {
  const stream = allSinks[sink]!
  const own = (output: readonly [sink: number, event: Numbered]) => output[0] === sink ? output[1] : undefined
  if (guarantee === "idempotent") {
    return Sink.filterMapInput(wrapSink(bug, Sink.pravega(stream, { guarantee })), own)
  }
  const lease = Duration.seconds(leaseSeconds)
  return Sink.filterMapInput(wrapSink(bug, Sink.pravega(stream, { guarantee, isOwned, lease })), own)
}
