/**
 * One pass over a batch's input: partitions are read and processed in the order that keys need, and their outputs go to
 * sinks that begin when there is something for them. What events and outputs are is known down here only: the protocol
 * works on any. What is durable when is `Commit`'s.
 */
import type * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { UnfinishedBatch } from "../../log/LogState.ts"
import type { Letter } from "../../pipeline/DeadLetter.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import type { CheckpointLogError } from "../../protocol/CheckpointLogError.ts"
import { PreparedSink } from "../../protocol/CheckpointRecord.ts"
import type { CommitError } from "../../protocol/CommitError.ts"
import type { Attempt, Past, SinkSession } from "../../sink/SinkContract.ts"
import type { Partition, SourceSession } from "../../source/SourceContract.ts"
import type { Activity } from "../BatchStatus.ts"
import { Collected } from "./flow/Collected.ts"
import * as FlowInput from "./flow/FlowInput.ts"
import type { FlowRun, FlowTry, Remembered } from "./flow/FlowRun.ts"
import * as PartitionWork from "./PartitionWork.ts"
import type { Pass, Read } from "./Pass.ts"
import * as PutAsideEvents from "./PutAsideEvents.ts"

type Stops = CheckpointLogError | CommitError

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
  readonly begun: (sink: string, handle: Schema.Json) => Effect.Effect<void, Stops>
  readonly pass: Pass
  /** Which try of this owner it is. */
  readonly attempt: number
}

/** One try of a batch. @category models @since 0.2.0 */
export interface Try<out E, out R> {
  /** The sinks that have begun by now: each does so at the first output for it (rule 11). */
  readonly opened: () => ReadonlyArray<OpenSink<E>>
  /** Reads and processes the whole batch. Counts what is read. */
  readonly processAll: Effect.Effect<void, E | Stops, R>
  /** Makes durable what a flow's steps remember, when everything is processed; undefined: there are none. */
  readonly remember: Effect.Effect<Remembered | undefined, E>
}

/** A sink that has begun, and whose transaction the log names. @category models @since 0.1.0 */
export interface OpenSink<out E> {
  readonly name: string
  readonly attempt: Attempt<never, E, Schema.Json, Schema.Json>
}

/** Open sources and sinks of a pipeline, by name. @category models @since 0.2.0 */
export interface Sessions<A, B, ES, E> {
  /** In the order of their names, in which their partitions are numbered. */
  readonly sources: ReadonlyMap<string, SourceSession<A, ES>>
  readonly sinks: ReadonlyMap<string, SinkSession<B | Letter, E>>
}

/** @category constructors @since 0.2.0 */
export const make = <A, B, ES, E, R>(
  pipeline: Pipeline<A, B, ES, E, R>,
  sessions: Sessions<A, B, ES, E>,
  activity: Activity,
  flow: FlowRun<E, R> | undefined
): Processing<ES | E, R> => {
  const { each, name: query, parallelism } = pipeline

  const sinksOf = (batch: UnfinishedBatch, { begun, past, sinks }: TryOptions) =>
    Effect.forEach(pipeline.sinks.filter(({ name }) => sinks.includes(name)), ({ accepts, name }) => {
      const begin = Effect.suspend(() =>
        sessions.sinks.get(name)?.begin({ query, batch: batch.batch }, past(name)) ??
          Effect.die(new Error(`sink "${name}" is not open`))
      )
      return lazySink(name, accepts, Effect.tap(begin, ({ handle }) => begun(name, handle)))
    })

  const partitionsOf = Effect.fnUntraced(function*(batch: UnfinishedBatch, pass: Pass) {
    const all: Array<PartitionWork.Placed<A, ES>> = []
    let free = 0
    for (const [source, session] of sessions.sources) {
      const plan = batch.planned.plans[source]
      if (plan === undefined) continue
      const read: Read = { events: 0, bytes: 0 }
      pass.reads.set(source, read)
      const count = (events: number): void => {
        read.events += events
        countEvents(activity, pass.reads)
      }
      const first = free
      for (const partition of yield* session.partitions(plan)) {
        read.bytes += partition.bytes ?? 0
        const id = first + partition.id
        free = Math.max(free, id + (partition.lanes?.count ?? 1))
        const aside = PutAsideEvents.make(pipeline, batch, { partition: id, source, pass })
        all.push({
          ...partition,
          id,
          source,
          predecessors: partition.predecessors.map((before) => first + before),
          count,
          aside
        })
      }
    }
    return all
  })

  const processAll = Effect.fnUntraced(function*(
    batch: UnfinishedBatch,
    sinks: ReadonlyArray<LazySink<B | Letter, E>>,
    pass: Pass
  ) {
    const partitions = yield* partitionsOf(batch, pass)
    const work = yield* PartitionWork.make(pipeline, batch, {
      write: (id, outputs) => Effect.forEach(sinks, (sink) => sink.write(id, outputs), { discard: true }),
      flush: (id) => Effect.forEach(sinks, (sink) => sink.flush(id), { discard: true })
    })
    // A plan lists predecessors first.
    yield* each === "batch" ? work.together(partitions) : inOrder(partitions, parallelism, work.alone)
    if (pass.refused !== undefined) return yield* pass.refused
  })

  /** The partitions' events to the steps, then the steps: their outputs are numbered by slot, behind all partitions. */
  const flowAll = Effect.fnUntraced(function*(
    batch: UnfinishedBatch,
    sinks: ReadonlyArray<LazySink<B | Letter, E>>,
    pass: Pass,
    { program }: FlowRun<E, R>,
    tried: FlowTry<E>
  ) {
    const partitions = yield* partitionsOf(batch, pass)
    const writeTo = (id: number) => (outputs: ReadonlyArray<unknown>) =>
      // A flow's outputs have lost their types: its pipeline's say that they are those of the sinks.
      Effect.forEach(sinks, (sink) => sink.write(id, outputs as Arr.NonEmptyReadonlyArray<B>), { discard: true })
    const flush = (id: number) => Effect.forEach(sinks, (sink) => sink.flush(id), { discard: true })
    const read = new Map<number, Collected>()
    yield* inOrder(partitions, parallelism, (partition) =>
      Effect.gen(function*() {
        const source = pipeline.sources.find(({ name }) => name === partition.source)
        if (source === undefined) return yield* Effect.die(new Error(`no source "${partition.source}"`))
        read.set(partition.id, yield* FlowInput.read(tried.input, source, partition, writeTo(partition.id)))
        const { aside } = partition
        if (aside !== undefined) {
          yield* Stream.runForEachArray(aside.letters(partition), (letters) =>
            Effect.forEach(sinks, (sink) => sink.write(partition.id, letters), { discard: true }))
        }
        yield* flush(partition.id)
      }))
    const collected = new Collected(program.stages.length, tried.input.slotOf)
    for (const { id } of partitions) {
      const more = read.get(id)
      if (more !== undefined) collected.add(more)
    }
    const written = new Set<number>()
    // What steps fail with and need, their effects' too, is said by the pipeline's type.
    yield* tried.steps(collected, (slot, outputs) => {
      written.add(firstSlot + slot)
      return writeTo(firstSlot + slot)(outputs)
    }) as Effect.Effect<void, E | Stops, R>
    yield* Effect.forEach(written, flush, { discard: true })
    if (pass.refused !== undefined) return yield* pass.refused
  })

  return {
    begin: (batch, options) =>
      Effect.map(sinksOf(batch, options), (sinks) => {
        const opened = () => sinks.flatMap((sink) => sink.opened())
        if (flow === undefined) {
          return { opened, processAll: processAll(batch, sinks, options.pass), remember: Effect.undefined }
        }
        const tried = flow.begin(batch, options.attempt)
        return { opened, processAll: flowAll(batch, sinks, options.pass, flow, tried), remember: tried.remember }
      })
  }
}

/** Of partitions there are fewer. So a slot's outputs have the same number whatever a batch reads (F6). */
const firstSlot = 2 ** 20

/** A sink that begins at the first output for it. */
interface LazySink<in B, out E> {
  readonly opened: () => ReadonlyArray<OpenSink<E>>
  readonly write: (partition: number, outputs: Arr.NonEmptyReadonlyArray<B>) => Effect.Effect<void, E | Stops>
  readonly flush: (partition: number) => Effect.Effect<void, E>
}

const lazySink = <B, E>(
  name: string,
  accepts: (outputs: Arr.NonEmptyReadonlyArray<B>) => boolean,
  beginning: Effect.Effect<Attempt<B, E, Schema.Json, Schema.Json>, E | Stops, Scope.Scope>
): Effect.Effect<LazySink<B, E>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    let attempt: Attempt<B, E, Schema.Json, Schema.Json> | undefined
    const begin = yield* beginning.pipe(
      Effect.tap((begun) =>
        Effect.sync(() => {
          attempt = begun
        })
      ),
      Scope.provide(scope),
      Effect.cached
    )
    return {
      opened: () => attempt === undefined ? [] : [{ name, attempt }],
      write: (partition, outputs) =>
        accepts(outputs) ? Effect.flatMap(begin, (begun) => begun.write(partition, outputs)) : Effect.void,
      flush: (partition) => Effect.suspend(() => attempt?.flush(partition) ?? Effect.void)
    }
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
export const prepare = <E>({ attempt, name }: OpenSink<E>): Effect.Effect<readonly [string, PreparedSink], E> =>
  Effect.map(attempt.prepare, ({ bytes, digest, events, evidence }) => [
    name,
    new PreparedSink({ handle: attempt.handle, evidence, digest, events, bytes })
  ])
