/**
 * Runs a flow in the batch engine: batch by batch, with a log and a state store in memory that outlive the processes that
 * come and go. What each batch read, at which watermark, is taken from the log.
 */
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as BatchRun from "../../../../src/batch/engine/BatchRun.ts"
import * as Commit from "../../../../src/batch/engine/Commit.ts"
import * as FlowProgress from "../../../../src/batch/engine/internal/flow/FlowProgress.ts"
import { CheckpointLog } from "../../../../src/batch/log/CheckpointLog.ts"
import type { FlowPart } from "../../../../src/batch/pipeline/FlowPart.ts"
import * as Pipeline from "../../../../src/batch/pipeline/Pipeline.ts"
import { decode, type Entry, type Planned } from "../../../../src/batch/protocol/CheckpointRecord.ts"
import { QueryName } from "../../../../src/batch/protocol/QueryName.ts"
import type { TimeState } from "../../../../src/batch/protocol/TimeRecord.ts"
import * as Sink from "../../../../src/batch/sink/Sink.ts"
import * as Source from "../../../../src/batch/source/Source.ts"
import type * as Flow from "../../../../src/flow/Flow.ts"
import * as Machine from "../../../../src/flow/machine/Machine.ts"
import * as EventTime from "../../../../src/flow/time/EventTime.ts"
import type * as StateHead from "../../../../src/state/StateHead.ts"
import { StateStore } from "../../../../src/state/StateStore.ts"
import type { Moment, Outcome, SourceEvent } from "../../../flow/Interpreter.ts"
import { type AnyFlow, bySource } from "../../../flow/randomFlows.ts"
import { eventsOf, type Segment, segmentsSource } from "./segmentsSource.ts"

export const query = QueryName.make("flow")

export interface Input {
  readonly segments: Readonly<Record<string, ReadonlyArray<Segment>>>
  readonly takes: ReadonlyArray<number>
  readonly disorder: number
  /** In milliseconds; default 1 hour. */
  readonly maxDrift?: number
}

export interface Options {
  readonly parallelism?: number
  /** After how many batches the process is stopped and another one started: the next one each time. */
  readonly stops?: ReadonlyArray<number>
  readonly ahead?: boolean
  readonly chunk?: number
  /** What each process runs with, by its number. */
  readonly part?: (part: FlowPart<unknown, StateStore>, life: number) => FlowPart<unknown, StateStore>
  readonly source?: (source: FlowSource) => FlowSource
  readonly log?: (log: CheckpointLog["Service"]) => CheckpointLog["Service"]
}

export type FlowSource = Source.Source<SourceEvent, never, never>

export type FlowPipeline = Pipeline.Pipeline<SourceEvent, unknown, never, unknown, StateStore>

/** What a batch was: what it read, and what came of it. */
export interface Told {
  readonly moments: ReadonlyArray<Moment>
  readonly outcomes: ReadonlyArray<Outcome>
  readonly states: ReadonlyArray<StateHead.StateHead | undefined>
}

/** The log and the state that processes share. */
export const services = Effect.scoped(
  Layer.build(Layer.mergeAll(CheckpointLog.layerMemory, StateStore.layerMemory()))
)

export const entriesOf = Effect.fnUntraced(function*(log: CheckpointLog["Service"]) {
  const records = yield* (yield* log.open(query)).read(0)
  return records.flatMap(({ bytes }): ReadonlyArray<Entry> => {
    const record = decode(bytes)
    return Result.isSuccess(record) ? record.success.entries : []
  })
})

const pipelineOf = (
  flow: AnyFlow,
  { disorder, maxDrift, segments, takes }: Input,
  sink: Sink.Memory<unknown>,
  options: Options,
  life: number
) => {
  const time = EventTime.from((event: SourceEvent) => event.at.time, { disorder, idleAfter: "Infinity", maxDrift })
  const sources = Object.fromEntries(
    Machine.compile(flow.node).sources.map((name) => [
      name,
      (options.source ?? identity)(
        segmentsSource({ name, segments: segments[name] ?? [], takes, time, chunk: options.chunk })
      )
    ])
  )
  const pipeline = Pipeline.make(query, {
    source: Source.union(sources),
    // What a random flow reads is known when it runs.
    flow: flow as unknown as Flow.Flow<Record<string, SourceEvent>, unknown, Flow.Mode, never, Flow.Stateful>,
    sink,
    parallelism: options.parallelism
  }) as unknown as FlowPipeline
  return pipeline.flow === undefined ? pipeline : { ...pipeline, flow: (options.part ?? identity)(pipeline.flow, life) }
}

/** Runs it to the end of its sources. */
export const run = Effect.fnUntraced(function*(flow: AnyFlow, input: Input, options: Options = {}) {
  const built = yield* services
  const shared = Context.add(built, CheckpointLog, (options.log ?? identity)(Context.get(built, CheckpointLog)))
  const sink = Sink.memory<unknown>()
  const late: Array<Outcome["late"]> = []
  const counts: Array<number> = []
  let life = 0
  let isEnded = false
  while (!isEnded) {
    const stop = options.stops?.[life % options.stops.length] ?? Infinity
    isEnded = yield* oneLife(
      pipelineOf(flow, input, sink, options, life++),
      stop,
      options.ahead ?? true,
      (batch, lateOf) =>
        Effect.map(sink.committed, ({ length }) => {
          late[batch] = lateOf
          counts[batch] = length
          assert.isBelow(batch, 500, "it does not end")
        })
    ).pipe(Effect.provide(shared))
  }
  return yield* told(input, Context.get(shared, CheckpointLog), yield* sink.committed, counts, late)
})

const oneLife = (
  pipeline: FlowPipeline,
  stop: number,
  more: boolean,
  done: (batch: number, late: Outcome["late"]) => Effect.Effect<void>
) =>
  Effect.scoped(Effect.gen(function*() {
    const run = yield* BatchRun.open(pipeline, { retry: Schedule.recurs(3) })
    for (let batches = 0; batches < stop; batches++) {
      const step = yield* Commit.step(run, { until: undefined, more })
      if (step._tag !== "done") return step._tag === "ended"
      yield* done(step.report.batch, Object.fromEntries(run.flow?.report()?.late ?? []))
    }
    return false
  }))

const told = Effect.fnUntraced(function*(
  { segments }: Input,
  log: CheckpointLog["Service"],
  outputs: ReadonlyArray<unknown>,
  counts: ReadonlyArray<number>,
  late: ReadonlyArray<Outcome["late"]>
) {
  const planned = new Map<number, Planned>()
  const times = new Map<number, TimeState>()
  const states: Array<StateHead.StateHead | undefined> = []
  for (const entry of yield* entriesOf(log)) {
    if (entry._tag === "planned") planned.set(entry.batch, entry)
    if (entry._tag !== "committed") continue
    const progress = yield* FlowProgress.decode(entry.state)
    if (progress.time !== undefined) times.set(entry.batch, progress.time)
    states[entry.batch] = progress.state
  }
  const moments = [...planned].map(([batch, { at, plans }]): Moment => ({
    events: Object.entries(plans).flatMap(([name, plan]) => eventsOf({ segments: segments[name] ?? [] }, plan))
      .toSorted(bySource),
    watermark: times.get(batch)?.watermark ?? Number.NaN,
    clock: at ?? 0
  }))
  const outcomes = moments.map((_, n): Outcome => ({
    outputs: outputs.slice(counts[n - 1] ?? 0, counts[n]).map((value) => ({ value, at: nowhere })),
    late: late[n] ?? {}
  }))
  return { moments, outcomes, states } satisfies Told
})

/** Where outputs came from is not told. */
export const nowhere = { time: 0, source: "", segment: 0n, offset: 0n, ordinal: 0 }
