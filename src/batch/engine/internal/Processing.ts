/**
 * One pass over a batch's input: partitions are read and processed in the order that keys need, and their outputs go to
 * sinks that begin when there is something for them. What is durable when is `Commit`'s.
 */
import type * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { UnfinishedBatch } from "../../log/LogState.ts"
import type { Letter } from "../../pipeline/DeadLetter.ts"
import { PreparedSink } from "../../protocol/CheckpointRecord.ts"
import type { Attempt } from "../../sink/SinkContract.ts"
import type { Partition } from "../../source/SourceContract.ts"
import type { Run } from "../BatchRun.ts"
import type { Activity } from "../BatchStatus.ts"
import * as PartitionWork from "./PartitionWork.ts"
import type { Pass } from "./Pass.ts"
import * as PutAsideEvents from "./PutAsideEvents.ts"
import type { Read } from "./Reporting.ts"

type OpenAttempt<B, E> = Attempt<B, E, Schema.Json, Schema.Json>

/** A sink that has begun, and whose transaction the log names. @category models @since 0.1.0 */
export interface OpenSink<in B, out E> {
  readonly name: string
  readonly attempt: OpenAttempt<B, E>
}

/** A sink that begins at the first output for it (rule 11). @category models @since 0.1.0 */
export interface LazySink<in B, out E, out EL> {
  readonly opened: () => ReadonlyArray<OpenSink<B, E>>
  readonly write: (partition: number, outputs: Arr.NonEmptyReadonlyArray<B>) => Effect.Effect<void, E | EL>
  readonly flush: (partition: number) => Effect.Effect<void, E>
}

/**
 * Begins in the Scope around; writes nothing before `begun` has recorded the transaction.
 *
 * @category running
 * @since 0.1.0
 */
export const lazySink = Effect.fnUntraced(function*<A, B, ES, E, R, EL>(
  run: Run<A, B, ES, E, R>,
  name: string,
  steps: {
    readonly begin: Effect.Effect<OpenAttempt<B | Letter, E>, E | EL, Scope.Scope>
    readonly begun: (handle: Schema.Json) => Effect.Effect<void, EL>
  }
) {
  const scope = yield* Effect.scope
  const accepts = run.pipeline.sinks.find((sink) => sink.name === name)?.accepts ?? (() => true)
  let opened: ReadonlyArray<OpenSink<B | Letter, E>> = []
  const begin = yield* steps.begin.pipe(
    Effect.tap((attempt) => steps.begun(attempt.handle)),
    Effect.tap((attempt) =>
      Effect.sync(() => {
        opened = [{ name, attempt }]
      })
    ),
    Scope.provide(scope),
    Effect.cached
  )
  const sink: LazySink<B | Letter, E, EL> = {
    opened: () => opened,
    write: (partition, outputs) =>
      accepts(outputs) ? Effect.flatMap(begin, (attempt) => attempt.write(partition, outputs)) : Effect.void,
    flush: (partition) => Effect.suspend(() => opened[0]?.attempt.flush(partition) ?? Effect.void)
  }
  return sink
})

/** Reads and processes the whole batch. Counts what is read. @category running @since 0.1.0 */
export const processAll = Effect.fnUntraced(function*<A, B, ES, E, R, EL>(
  run: Run<A, B, ES, E, R>,
  batch: UnfinishedBatch,
  sinks: ReadonlyArray<LazySink<B | Letter, E, EL>>,
  pass: Pass
) {
  const { each, parallelism } = run.pipeline
  const partitions = yield* partitionsOf(run, batch, pass)
  const write = (id: number, outputs: Arr.NonEmptyReadonlyArray<B | Letter>) =>
    Effect.forEach(sinks, (sink) => sink.write(id, outputs), { discard: true })
  const flush = (id: number) => Effect.forEach(sinks, (sink) => sink.flush(id), { discard: true })
  const work = yield* PartitionWork.make(run, batch, { write, flush })
  // A plan lists predecessors first.
  yield* each === "batch" ? work.together(partitions) : inOrder(partitions, parallelism, work.alone)
  if (pass.refused !== undefined) return yield* pass.refused
})

/** The partitions of all sources, numbered one source after the other; what is read of them is counted. */
const partitionsOf = Effect.fnUntraced(function*<A, B, ES, E, R>(
  run: Run<A, B, ES, E, R>,
  batch: UnfinishedBatch,
  pass: Pass
) {
  const all: Array<PartitionWork.Placed<A, ES>> = []
  let free = 0
  for (const [name, session] of run.sources) {
    const plan = batch.planned.plans[name]
    if (plan === undefined) continue
    const read: Read = { events: 0, bytes: 0 }
    pass.reads.set(name, read)
    const count = (events: number): void => {
      read.events += events
      countEvents(run.activity, pass.reads)
    }
    const first = free
    for (const partition of yield* session.partitions(plan)) {
      read.bytes += partition.bytes ?? 0
      const id = first + partition.id
      free = Math.max(free, id + (partition.lanes?.count ?? 1))
      const aside = PutAsideEvents.make(run, batch, { partition: id, source: name, pass })
      all.push({ ...partition, id, predecessors: partition.predecessors.map((before) => first + before), count, aside })
    }
  }
  return all
})

const countEvents = (activity: Activity, reads: ReadonlyMap<string, Read>): void => {
  let events = 0
  for (const read of reads.values()) events += read.events
  activity.events = Math.max(activity.events, events)
}

/** Runs partitions at the same time, each when its predecessors are done, their outputs acknowledged (rule 7). */
const inOrder = <P extends Pick<Partition<unknown, unknown>, "id" | "predecessors">, E, R>(
  partitions: ReadonlyArray<P>,
  parallelism: number,
  run: (partition: P) => Effect.Effect<void, E, R>
): Effect.Effect<void, E, R> => {
  const permits = Semaphore.makeUnsafe(parallelism)
  const done = new Map(partitions.map(({ id }) => [id, Deferred.makeUnsafe<void>()] as const))
  return Effect.forEach(partitions, (partition) => {
    const before = partition.predecessors.flatMap((id) => done.get(id) ?? [])
    const finished = done.get(partition.id)
    return Effect.forEach(before, (predecessor) => Deferred.await(predecessor), { discard: true }).pipe(
      Effect.andThen(permits.withPermit(run(partition))),
      Effect.andThen(finished === undefined ? Effect.void : Deferred.succeed(finished, undefined))
    )
  }, { concurrency: "unbounded", discard: true })
}

/** Makes a sink's outputs safe, as the log will name them. @category running @since 0.1.0 */
export const prepare = <B, E>({ attempt, name }: OpenSink<B, E>): Effect.Effect<readonly [string, PreparedSink], E> =>
  Effect.map(attempt.prepare, ({ bytes, digest, events, evidence }) => [
    name,
    new PreparedSink({ handle: attempt.handle, evidence, digest, events, bytes })
  ])
