/**
 * Whether another try may end better, after an error: the source or sink that failed with it says so, or else the error
 * itself (`isRetryable`), as errors of this library do. What says nothing is tried again. How often is the run's Schedule's.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { CommitError } from "../protocol/CommitError.ts"
import type { SinkSession } from "../sink/SinkContract.ts"
import type { Partition, SourceSession } from "../source/SourceContract.ts"

/** What sources and sinks said of the errors that they failed with. @category models @since 0.2.0 */
export interface Verdicts {
  readonly isRetryable: (error: unknown) => boolean
  /** The same; what it fails with is asked about: how a source or sink is opened. */
  readonly of: <A, E, R>(judge: Judge<E>, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** The same session; what it fails with is asked about. */
  readonly ofSink: <B, E>(sink: Judge<E>, session: SinkSession<B, E>) => SinkSession<B, E>
  /** The same session; what it, or a Stream of its events, fails with is asked about. */
  readonly ofSource: <A, E>(source: Judge<E>, session: SourceSession<A, E>) => SourceSession<A, E>
}

/** A source or a sink, as far as it is asked here. @category models @since 0.2.0 */
export interface Judge<E> {
  isRetryable?(this: void, error: E): boolean
}

/** @category constructors @since 0.2.0 */
export const make = (): Verdicts => {
  const said = new WeakMap<object, boolean>()
  // Of texts and numbers, which nothing keeps apart.
  let last: { readonly error: unknown; readonly verdict: boolean } | undefined

  const noted = <E>(judge: (error: E) => boolean) => (error: E | CommitError): Effect.Effect<void> =>
    Effect.sync(() => {
      // Sessions add it to the errors of the sink: what is in the log can't be read.
      if (error instanceof CommitError) return
      const verdict = judge(error)
      if (typeof error === "object" && error !== null) said.set(error, verdict)
      else last = { error, verdict }
    })

  return {
    isRetryable: (error) => {
      if (typeof error === "object" && error !== null) return said.get(error) ?? saysSo(error)
      return last !== undefined && last.error === error ? last.verdict : true
    },
    of: (judge, effect) => judge.isRetryable === undefined ? effect : Effect.tapError(effect, noted(judge.isRetryable)),
    ofSink: (sink, session) => sink.isRetryable === undefined ? session : heardSink(session, noted(sink.isRetryable)),
    ofSource: (source, session) =>
      source.isRetryable === undefined ? session : heardSource(session, noted(source.isRetryable))
  }
}

type Note<E> = (error: E | CommitError) => Effect.Effect<void>

const heardSink = <B, E>(session: SinkSession<B, E>, note: Note<E>): SinkSession<B, E> => {
  const of = <A, F extends E | CommitError, R>(effect: Effect.Effect<A, F, R>): Effect.Effect<A, F, R> =>
    Effect.tapError(effect, note)
  const { compare, join } = session
  return {
    ...session,
    compare: compare && ((query, last) => of(compare(query, last))),
    begin: (batch, past) =>
      Effect.map(of(session.begin(batch, past)), (attempt) => ({
        ...attempt,
        write: (partition, outputs) => of(attempt.write(partition, outputs)),
        flush: (partition) => of(attempt.flush(partition)),
        absorb: attempt.absorb && ((share) => of(attempt.absorb?.(share) ?? Effect.void)),
        prepare: of(attempt.prepare)
      })),
    join: join && ((handle) =>
      Effect.map(of(join(handle)), ({ flush, write, written }) => ({
        write: (partition, outputs) => of(write(partition, outputs)),
        flush: (partition) => of(flush(partition)),
        written: of(written)
      }))),
    commit: (batch, prepared) => of(session.commit(batch, prepared)),
    abort: (handle) => of(session.abort(handle)),
    recover: (batch, prepared) => of(session.recover(batch, prepared))
  }
}

const heardSource = <A, E>(session: SourceSession<A, E>, note: Note<E>): SourceSession<A, E> => ({
  ...session,
  start: Effect.tapError(session.start, note),
  resume: (started) => Effect.tapError(session.resume(started), note),
  latest: Effect.tapError(session.latest, note),
  plan: (from, ends) => Effect.tapError(session.plan(from, ends), note),
  partitions: (plan) =>
    Effect.map(
      Effect.tapError(session.partitions(plan), note),
      (all) => all.map((partition) => heardPartition(partition, note))
    )
})

const heardPartition = <A, E>(partition: Partition<A, E>, note: Note<E>): Partition<A, E> => {
  const { events, lanes, raw, tolerant } = partition
  const of = <B>(stream: Stream.Stream<B, E>) => Stream.tapError(stream, note)
  return {
    ...partition,
    events: of(events),
    tolerant: tolerant === undefined ? undefined : of(tolerant),
    raw: raw === undefined ? undefined : of(raw),
    lanes: lanes === undefined ? undefined : { ...lanes, events: of(lanes.events), tolerant: of(lanes.tolerant) }
  }
}

const saysSo = (error: object): boolean => !("isRetryable" in error && error.isRetryable === false)
