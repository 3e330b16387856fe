/**
 * What every transactional sink must hold, as laws that can be run against a sink of one's own: nothing is visible before
 * the commit, all of it is visible after it, once, whichever process commits or recovers and wherever processes die in between.
 *
 * ```ts
 * import { it } from "@effect/vitest"
 * import { Sink } from "effect-pravega/batch"
 * import { SinkLaws } from "effect-pravega/testing"
 * import * as Effect from "effect/Effect"
 *
 * const fresh = Effect.sync(() => {
 *   const sink = Sink.memory<string>()
 *   return { sink, visible: sink.committed, output: String }
 * })
 *
 * for (const law of SinkLaws.laws(fresh)) it.live(law.name, () => law.check)
 * ```
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type { Arbitrary, default as FastCheck } from "fast-check"
import * as Assert from "node:assert/strict"
import { PreparedSink } from "../../batch/protocol/CheckpointRecord.ts"
import type { Sink } from "../../batch/sink/SinkContract.ts"
import type { Attempt, BatchId, Outcome, SinkSession } from "../../batch/sink/SinkContract.ts"
import { property } from "./internal/Property.ts"

/** A sink on a store of its own. @category models @since 0.1.0 */
export interface Subject<B, E, R> {
  readonly sink: Sink<B, E, R>
  /** What a reader of the store sees now. */
  readonly visible: Effect.Effect<ReadonlyArray<B>, E, R>
  /** An output; different numbers give different ones, and the same number the same one. */
  readonly output: (number: number) => B
}

/** `check` dies with an `AssertionError` when the law does not hold; of a property, with its seed. @category models @since 0.1.0 */
export interface Law<out E, out R> {
  readonly name: string
  readonly check: Effect.Effect<void, E, R>
}

/** @category models @since 0.1.0 */
export interface Options {
  /** How many random histories the property is tried with; default 100. */
  readonly runs?: number | undefined
  /** Repeats the histories of a failed run. */
  readonly seed?: number | undefined
  /**
   * What the sink keeps until the commit outlives its process. Default true; false: `recover` may answer `lost` in another
   * process, and then the batch is written again, also if its outputs were visible already.
   */
  readonly outlivesProcess?: boolean | undefined
}

/** Where a process dies in a batch: before the step. "none": it does not. */
const steps = ["begun", "half written", "written", "flushed", "prepared", "kept", "committed", "none"] as const
type Step = typeof steps[number]

/**
 * The laws. `fresh` makes a sink on an empty store; a property asks for one per history, and closes its Scope after it.
 * They run on the real clock.
 *
 * @category laws
 * @since 0.1.0
 */
export const laws = <B, E, R, EF, RF>(
  fresh: Effect.Effect<Subject<B, E, R>, EF, RF>,
  options: Options = {}
) =>
  [
    law("nothing is visible before the commit, everything after it, in order", fresh, showsNothingEarly),
    law("a commit may be repeated, and recover then says that it is committed", fresh, commitsRepeatedly),
    law("an abort may be repeated, and what it ended is never visible", fresh, abortsRepeatedly),
    law("a try ends with its Scope, unless it was kept", fresh, endsWithItsScope),
    law("the digest is that of the outputs, however they come in pieces, and of no others", fresh, digestsOutputs),
    {
      name: "whatever steps processes die at, every batch is visible once, its partitions in order",
      check: property(options, histories, (history) =>
        Effect.flatMap(fresh, (subject) =>
          survivesDeaths(subject, history, options.outlivesProcess !== false)))
    }
  ] satisfies ReadonlyArray<Law<unknown, unknown>>

const law = <B, E, R, EF, RF, EL, RL>(
  name: string,
  fresh: Effect.Effect<Subject<B, E, R>, EF, RF>,
  check: (subject: Subject<B, E, R>) => Effect.Effect<void, EL, RL>
) => ({ name, check: Effect.scoped(Effect.flatMap(fresh, check)) })

// -----------------------------------------------------------------------------
// one batch
// -----------------------------------------------------------------------------

const showsNothingEarly = Effect.fnUntraced(function*<B, E, R>(subject: Subject<B, E, R>) {
  const { process, visible, write } = world(subject)
  const session = yield* process
  const attempt = yield* begin(session, 0)
  yield* write(attempt, 0, [1, 2, 3])
  yield* write(attempt, 0, [4])
  yield* attempt.flush(0)
  Assert.deepEqual(yield* visible, [])
  const prepared = yield* prepare(attempt)
  Assert.equal(prepared.events, 4)
  yield* attempt.keep
  Assert.deepEqual(yield* visible, [])
  yield* session.commit(id(0), prepared)
  Assert.deepEqual(yield* visible, [1, 2, 3, 4].map(subject.output))
})

const commitsRepeatedly = Effect.fnUntraced(function*<B, E, R>(subject: Subject<B, E, R>) {
  const { process, visible, write } = world(subject)
  const session = yield* process
  const attempt = yield* begin(session, 0)
  yield* write(attempt, 0, [1])
  const prepared = yield* prepare(attempt)
  yield* attempt.keep
  Assert.equal((yield* session.recover(id(0), prepared))._tag, "committable")
  for (let times = 0; times < 3; times++) {
    yield* session.commit(id(0), prepared)
    Assert.deepEqual(yield* session.recover(id(0), prepared), { _tag: "committed" } satisfies Outcome)
    Assert.equal(yield* session.abort(prepared.handle), "committed")
  }
  Assert.deepEqual(yield* visible, [subject.output(1)])
})

const abortsRepeatedly = Effect.fnUntraced(function*<B, E, R>(subject: Subject<B, E, R>) {
  const { process, visible, write } = world(subject)
  const session = yield* process
  const attempt = yield* begin(session, 0)
  yield* write(attempt, 0, [1, 2])
  yield* attempt.flush(0)
  yield* attempt.keep
  for (let times = 0; times < 2; times++) {
    Assert.equal(yield* session.abort(json(attempt.handle)), "aborted")
  }
  const other = yield* process
  Assert.equal(yield* other.abort(json(attempt.handle)), "aborted")
  Assert.deepEqual(yield* visible, [])
})

const endsWithItsScope = Effect.fnUntraced(function*<B, E, R>(subject: Subject<B, E, R>) {
  const { process, visible, write } = world(subject)
  const session = yield* process
  const ended = yield* Effect.scoped(Effect.gen(function*() {
    const attempt = yield* session.begin(id(0))
    yield* write(attempt, 0, [1])
    yield* attempt.flush(0)
    return json(attempt.handle)
  }))
  Assert.equal(yield* session.abort(ended), "aborted")
  const prepared = yield* Effect.scoped(Effect.gen(function*() {
    const attempt = yield* session.begin(id(0))
    yield* write(attempt, 0, [2])
    const written = yield* prepare(attempt)
    yield* attempt.keep
    return written
  }))
  yield* session.commit(id(0), prepared)
  Assert.deepEqual(yield* visible, [subject.output(2)])
})

const digestsOutputs = Effect.fnUntraced(function*<B, E, R>(subject: Subject<B, E, R>) {
  const { process, write } = world(subject)
  const session = yield* process
  const digest = (pieces: ReadonlyArray<ReadonlyArray<number>>) =>
    Effect.scoped(Effect.gen(function*() {
      const attempt = yield* session.begin(id(0))
      for (const piece of pieces) {
        yield* write(attempt, 0, piece)
      }
      return (yield* prepare(attempt)).digest
    }))
  Assert.equal(yield* digest([[1, 2, 3]]), yield* digest([[1], [2, 3]]))
  Assert.notEqual(yield* digest([[1, 2, 3]]), yield* digest([[1, 2, 4]]))
  Assert.notEqual(yield* digest([[1, 2, 3]]), yield* digest([[1, 2]]))
})

// -----------------------------------------------------------------------------
// histories
// -----------------------------------------------------------------------------

/** One batch of a history: outputs per partition, and where each process that tries it dies; the last one does not. */
interface Batch {
  readonly partitions: ReadonlyArray<number>
  readonly deaths: ReadonlyArray<Step>
}

const histories = (fc: typeof FastCheck): Arbitrary<ReadonlyArray<Batch>> =>
  fc.array(
    fc.record({
      partitions: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
      deaths: fc.array(fc.constantFrom(...steps), { maxLength: 3 })
    }),
    { minLength: 1, maxLength: 4 }
  )

const numberOf = (batch: number, partition: number, n: number): number => batch * 100 + partition * 10 + n

const query = "laws"
const id = (batch: number): BatchId => ({ query, batch })

/** As the checkpoint log has it. */
const json = (value: Schema.Json): Schema.Json => JSON.parse(JSON.stringify(value))

type Try<B, E> = Attempt<B, E, Schema.Json, Schema.Json>

/** A try that lives as long as the Scope around: that of a process. */
const begin = <B, E>(session: SinkSession<B, E>, batch: number) => session.begin(id(batch))

const prepare = <B, E>({ handle, prepare }: Try<B, E>): Effect.Effect<PreparedSink, E> =>
  Effect.map(
    prepare,
    ({ bytes, digest, events, evidence }) =>
      new PreparedSink({ handle: json(handle), evidence: json(evidence), digest, events, bytes })
  )

const world = <B, E, R>({ output, sink, visible }: Subject<B, E, R>) => ({
  visible,
  /** One more process. */
  process: sink.open,
  write: (attempt: Try<B, E>, partition: number, numbers: ReadonlyArray<number>) => {
    const outputs = numbers.map(output)
    return Arr.isReadonlyArrayNonEmpty(outputs) ? attempt.write(partition, outputs) : Effect.void
  }
})

const survivesDeaths = Effect.fnUntraced(function*<B, E, R>(
  subject: Subject<B, E, R>,
  history: ReadonlyArray<Batch>,
  outlivesProcess: boolean
) {
  yield* runHistory(subject, history, outlivesProcess)
  const text = (output: B) => JSON.stringify(output)
  const seen = (yield* subject.visible).map(text)
  const expected = history.map(({ partitions }, batch) =>
    partitions.map((count, partition) =>
      Array.from({ length: count }, (_, n) => text(subject.output(numberOf(batch, partition, n))))
    )
  )
  Assert.deepEqual(seen.toSorted(), expected.flat(2).toSorted())
  for (const outputs of expected.flat()) {
    const places = outputs.map((output) => seen.indexOf(output))
    Assert.deepEqual(places, places.toSorted((a, b) => a - b), "out of order")
  }
})

/** The commit protocol, with processes that die: the next one goes on from what is recorded. */
const runHistory = Effect.fnUntraced(function*<B, E, R>(
  subject: Subject<B, E, R>,
  history: ReadonlyArray<Batch>,
  outlivesProcess: boolean
) {
  const scope = yield* Effect.scope
  const { process, write } = world(subject)
  for (const [batch, { deaths, partitions }] of history.entries()) {
    let begun: Array<Schema.Json> = []
    let prepared: PreparedSink | undefined
    const once = Effect.fnUntraced(function*(dies: Step) {
      // A process that died does nothing any more, not even close: its Scope is closed with the whole history.
      const own = yield* Scope.fork(scope)
      const session = yield* Scope.provide(process, own)
      for (const handle of begun) Assert.equal(yield* session.abort(handle), "aborted", "never prepared, and committed")
      begun = []
      if (prepared !== undefined) {
        const outcome = yield* session.recover(id(batch), prepared)
        if (outcome._tag === "committed") return true
        if (outcome._tag === "committable") {
          yield* session.commit(id(batch), prepared)
          return true
        }
        Assert.ok(outcome._tag === "lost" && !outlivesProcess, `recover says ${outcome._tag}`)
      }
      const attempt = yield* Scope.provide(session.begin(id(batch)), own)
      if (dies === "begun") return false
      begun.push(json(attempt.handle))
      for (const [partition, count] of partitions.entries()) {
        if (dies === "half written" && partition > 0) return false
        const numbers = Array.from({ length: count }, (_, n) => numberOf(batch, partition, n))
        yield* write(attempt, partition, numbers.slice(0, 1))
        yield* write(attempt, partition, numbers.slice(1))
      }
      if (dies === "half written" || dies === "written") return false
      yield* Effect.forEach(partitions.keys(), attempt.flush)
      if (dies === "flushed") return false
      const written = yield* prepare(attempt)
      Assert.equal(written.events, partitions.reduce((sum, count) => sum + count, 0))
      if (dies === "prepared") return false
      yield* attempt.keep
      prepared = written
      begun = []
      if (dies === "kept") return false
      yield* session.commit(id(batch), written)
      if (dies === "committed") return false
      yield* Scope.close(own, Exit.void)
      return true
    })
    // A batch that was visible is written again if its process died before it could say so, where nothing outlives it.
    const possible = outlivesProcess ? deaths : deaths.filter((step) => step !== "committed")
    for (const dies of [...possible, "none" as const]) if (yield* once(dies)) break
  }
})
