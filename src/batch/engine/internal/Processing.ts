/**
 * One pass over a batch's input: partitions are read and processed in the order that keys need, and their outputs go to
 * sinks that begin when there is something for them. What events and outputs are is known down here only: the protocol
 * works on any. What is durable when is `Commit`'s.
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { UnfinishedBatch } from "../../log/LogState.ts"
import type { Letter } from "../../pipeline/Letter.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import { PreparedSink } from "../../protocol/CheckpointRecord.ts"
import type { Past } from "../../sink/SinkContract.ts"
import type { Activity } from "../BatchStatus.ts"
import { type Part, type Remote, Workers } from "../Workers.ts"
import type * as FlowBatch from "./flow/FlowBatch.ts"
import type { FlowRun, Remembered } from "./flow/FlowRun.ts"
import * as LazySink from "./LazySink.ts"
import * as PartitionWork from "./PartitionWork.ts"
import type { Pass } from "./Pass.ts"
import * as PlacedPartitions from "./PlacedPartitions.ts"
import * as RemoteParts from "./RemoteParts.ts"
import type { Sessions } from "./Sessions.ts"

/** What a pipeline does with a batch, whatever its events are. @category models @since 0.2.0 */
export interface Processing<out E, out R> {
  /** Begins a try, in the Scope around; nothing is read or written yet. */
  readonly begin: (batch: UnfinishedBatch, options: TryOptions) => Effect.Effect<Try<E, R>, never, Scope.Scope>
}

/** @category options @since 0.2.0 */
export interface TryOptions {
  /** The names of those that are written to. */
  readonly sinks: ReadonlyArray<string>
  /** What a sink is told of the tries before. */
  readonly past: (sink: string) => Past<Schema.Json>
  /** Records a sink's transaction, before anything is written into it. */
  readonly begun: (sink: string, handle: Schema.Json) => Effect.Effect<void, LazySink.Stops>
  readonly pass: Pass
  /** Which try of this owner it is. */
  readonly attempt: number
}

/** One try of a batch. @category models @since 0.2.0 */
export interface Try<out E, out R> {
  /** The sinks that have begun by now: each does so at the first output for it (rule 11). */
  readonly opened: () => ReadonlyArray<LazySink.OpenSink<E>>
  /** Reads and processes the whole batch. Counts what is read. */
  readonly processAll: Effect.Effect<void, E | LazySink.Stops, R>
  /** Makes durable what a flow's steps remember, when everything is processed; undefined: there are none. */
  readonly remember: Effect.Effect<Remembered | undefined, E>
}

/** A flow, and how a try of its batches is run. @category models @since 0.2.0 */
export interface Flowing<out E, out R> {
  readonly run: FlowRun<E, R>
  readonly runBatch: typeof FlowBatch.run
}

/** @category constructors @since 0.2.0 */
export const make = <A, B, ES, E, R>(
  pipeline: Pipeline<A, B, ES, E, R>,
  sessions: Sessions<A, B, ES, E>,
  activity: Activity,
  flow: Flowing<E, R> | undefined
): Processing<ES | E, R> => {
  const { each, name: query } = pipeline

  const sinksOf = (batch: UnfinishedBatch, { begun, past, sinks }: TryOptions) =>
    Effect.forEach(pipeline.sinks.filter(({ name }) => sinks.includes(name)), ({ accepts, name }) => {
      const begin = Effect.suspend(() =>
        sessions.sinks.get(name)?.begin({ query, batch: batch.batch }, past(name)) ??
          Effect.die(new Error(`sink "${name}" is not open`))
      )
      return LazySink.make(name, accepts, Effect.tap(begin, ({ handle }) => begun(name, handle)))
    })

  const partitionsOf = ({ batch, planned: { plans } }: UnfinishedBatch, pass: Pass) =>
    PlacedPartitions.of(pipeline, sessions.sources, batch, {
      plans,
      pass,
      onRead: (events) => noteRead(activity, events)
    })

  const processAll = Effect.fnUntraced(function*(
    batch: UnfinishedBatch,
    sinks: ReadonlyArray<LazySink.LazySink<B | Letter, E>>,
    options: TryOptions
  ) {
    const { pass } = options
    const partitions = yield* partitionsOf(batch, pass)
    const work = yield* PartitionWork.make(pipeline, { batch: batch.batch, at: batch.planned.at }, {
      write: (id, outputs) => Effect.forEach(sinks, (sink) => sink.write(id, outputs), { discard: true }),
      flush: (id) => Effect.forEach(sinks, (sink) => sink.flush(id), { discard: true })
    })
    // A plan lists predecessors first.
    yield* each === "batch"
      ? work.together(partitions)
      : spread(pipeline, batch, options)(
        partitions,
        work.alone,
        RemoteParts.make(pipeline, sessions, batch, { ...options, sinks })
      )
    if (pass.refused !== undefined) return yield* pass.refused
  })

  return {
    begin: (batch, options) =>
      Effect.map(sinksOf(batch, options), (sinks) => {
        const opened = () => sinks.flatMap((sink) => sink.opened())
        if (flow === undefined) {
          return { opened, processAll: processAll(batch, sinks, options), remember: Effect.undefined }
        }
        const { run, runBatch } = flow
        const tried = run.begin(batch, options.attempt)
        const { pass } = options
        const flowing = Effect.flatMap(
          partitionsOf(batch, pass),
          (partitions) =>
            runBatch(pipeline, run.program, tried, {
              partitions,
              sinks,
              pass,
              spread: spread(pipeline, batch, options)
            })
        )
        return { opened, processAll: flowing, remember: tried.remember }
      })
  }
}

const noteRead = (activity: Activity, events: number): void => {
  activity.events = Math.max(activity.events, events)
}

/** Has partitions processed: by whom, and in which order, is the workers'. */
const spread = (
  { name: query, parallelism }: { readonly name: string; readonly parallelism: number },
  { batch }: UnfinishedBatch,
  { attempt }: TryOptions
) =>
<P extends Part, E, R>(
  parts: ReadonlyArray<P>,
  process: (part: P) => Effect.Effect<void, E, R>,
  remote?: Remote<P, E>
) =>
  Effect.flatMap(
    Workers,
    (workers) => workers.processAll({ query, batch, attempt, parts, parallelism, process, remote })
  )

/** Makes a sink's outputs safe, as the log will name them. @category running @since 0.1.0 */
export const prepare = <E>(
  { attempt, name }: LazySink.OpenSink<E>
): Effect.Effect<readonly [string, PreparedSink], E> =>
  Effect.map(attempt.prepare, ({ bytes, digest, events, evidence }) => [
    name,
    new PreparedSink({ handle: attempt.handle, evidence, digest, events, bytes })
  ])
