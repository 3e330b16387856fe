/**
 * What every home of the checkpoint log must hold, as laws that can be run against a home of one's own. A home is given
 * as a function that opens one query's log the way one more process would, all on the same store.
 *
 * ```ts
 * import { it } from "@effect/vitest"
 * import { CheckpointLog } from "effect-pravega/batch"
 * import { CheckpointLogLaws } from "effect-pravega/testing"
 * import * as Effect from "effect/Effect"
 *
 * const fresh = CheckpointLog.pipe(Effect.provide(CheckpointLog.layerMemory))
 *
 * for (const law of CheckpointLogLaws.laws(fresh)) it.live(law.name, () => law.check)
 * ```
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Arbitrary, default as FastCheck } from "fast-check"
import * as Assert from "node:assert/strict"
import type { LogHome, QueryLog } from "../../batch/log/CheckpointLog.ts"
import type { CheckpointLogError } from "../../batch/protocol/CheckpointLogError.ts"
import { QueryName } from "../../batch/protocol/QueryName.ts"
import { property } from "./internal/Property.ts"

export { QueryName } from "../../batch/protocol/QueryName.ts"

/** A place where logs are kept. @category models @since 0.1.0 */
export interface Home extends LogHome {}

/** `check` dies with an `AssertionError` when the law does not hold; of a property, with its seed. @category models @since 0.1.0 */
export interface Law<out E, out R> {
  readonly name: string
  readonly check: Effect.Effect<void, CheckpointLogError | E, R>
}

/** @category models @since 0.1.0 */
export interface Options {
  /** How many random histories a property is tried with; default 100. */
  readonly runs?: number | undefined
  /** Repeats the histories of a failed run. */
  readonly seed?: number | undefined
}

const query = QueryName.make("laws")
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const read = (log: QueryLog, from = 0): Effect.Effect<ReadonlyArray<string>, CheckpointLogError> =>
  Effect.map(
    log.read(from),
    (records) => records.map((record) => `${record.sequence}:${new TextDecoder().decode(record.bytes)}`)
  )

const reasonOf = (exit: Exit.Exit<void, CheckpointLogError>): string =>
  Exit.isSuccess(exit)
    ? "won"
    : Option.match(Cause.findErrorOption(exit.cause), { onNone: () => "died", onSome: (error) => error.reason._tag })

const appending = (log: QueryLog, sequence: number, value = "x") =>
  Effect.map(Effect.exit(log.append(sequence, text(value))), reasonOf)

const nextOf = (log: QueryLog): Effect.Effect<number, CheckpointLogError> =>
  Effect.map(log.read(0), (records) => (records.at(-1)?.sequence ?? -1) + 1)

/**
 * The laws. `fresh` makes an empty store; a property asks for one per history, and closes its Scope after it. They run on
 * the real clock.
 *
 * @category laws
 * @since 0.1.0
 */
export const laws = <E, R>(
  fresh: Effect.Effect<Home, E, R>,
  options: Options = {}
): ReadonlyArray<Law<E, Exclude<R, Scope.Scope>>> => [
  law("reads back what was appended, in order, from any number", fresh, readsBack),
  law("keeps every byte, of records small and large", fresh, keepsBytes),
  law("a number is taken once, and the log has no gaps", fresh, takesOnce),
  law("a number stays taken after compaction forgot it", fresh, staysTaken),
  law("queries have logs of their own", fresh, separates),
  law("a query has a log from its first record on, whatever is forgotten; who looks makes none", fresh, tells),
  {
    name: "of concurrent appends at most one wins each number, and readers see the winner",
    check: property(options, races, (processes) => Effect.flatMap(fresh, (home) => hasOneWinner(home, processes)))
  },
  {
    name: "an append that is interrupted was made or was not; what was acknowledged stays, and the log goes on",
    check: property(options, interruptions, (cuts) => Effect.flatMap(fresh, (home) => survivesCuts(home, cuts)))
  }
]

const law = <E, R>(
  name: string,
  fresh: Effect.Effect<Home, E, R>,
  check: (home: Home) => Effect.Effect<void, CheckpointLogError>
) => ({ name, check: Effect.scoped(Effect.flatMap(fresh, check)) })

const readsBack = Effect.fnUntraced(function*(home: Home) {
  const log = yield* home.open(query)
  Assert.deepEqual(yield* read(log), [])
  for (const value of ["a", "", "c"]) yield* log.append((yield* log.read(0)).length, text(value))
  Assert.deepEqual(yield* read(log), ["0:a", "1:", "2:c"])
  Assert.deepEqual(yield* read(log, 2), ["2:c"])
  Assert.deepEqual(yield* read(log, 3), [])
})

const keepsBytes = Effect.fnUntraced(function*(home: Home) {
  const log = yield* home.open(query)
  const records = [1, 255, 256, 70_000, 1_500_000].map((size) =>
    Uint8Array.from({ length: size }, (_, i) => (i * 31) % 256)
  )
  for (const [sequence, bytes] of records.entries()) yield* log.append(sequence, bytes)
  for (const { bytes, sequence } of yield* log.read(0)) {
    Assert.ok(Buffer.from(bytes).equals(records[sequence] ?? new Uint8Array(0)), `record ${sequence} changed`)
  }
  Assert.equal((yield* log.read(0)).length, records.length)
})

const takesOnce = Effect.fnUntraced(function*(home: Home) {
  const first = yield* home.open(query)
  const second = yield* home.open(query)
  yield* first.append(0, text("first"))
  Assert.equal(yield* appending(second, 0), "SequenceTaken")
  Assert.equal(yield* appending(second, 2), "SequenceNotNext")
  yield* second.append(1, text("second"))
  Assert.deepEqual(yield* read(first), ["0:first", "1:second"])
})

const staysTaken = Effect.fnUntraced(function*(home: Home) {
  const log = yield* home.open(query)
  for (let n = 0; n < 5; n++) yield* log.append(n, text(String(n)))
  yield* log.compact(3)
  yield* log.compact(2)
  const other = yield* home.open(query)
  for (let n = 0; n < 5; n++) Assert.equal(yield* appending(other, n), "SequenceTaken", String(n))
  Assert.deepEqual(yield* read(other), ["3:3", "4:4"])
  yield* other.append(5, text("5"))
  Assert.equal(reasonOf(yield* Effect.exit(log.compact(7))), "SequenceNotNext")
  yield* log.compact(6)
  Assert.deepEqual(yield* read(log), [])
  Assert.equal(yield* appending(log, 5), "SequenceTaken")
  Assert.equal(yield* appending(yield* home.open(query), 0), "SequenceTaken")
  yield* log.append(6, text("6"))
  Assert.deepEqual(yield* read(other), ["6:6"])
  Assert.deepEqual(yield* read(yield* home.open(query)), ["6:6"])
})

const tells = Effect.fnUntraced(function*(home: Home) {
  const names = ["laws", "a.b", "a_b", "a-b", "Z"].map((name) => QueryName.make(name))
  const existing = Effect.filter(names, home.exists)
  Assert.deepEqual([yield* home.list, yield* existing], [[], []])
  // As long as nothing is in it, a log that was opened is as good as none.
  for (const name of names) yield* home.open(name)
  Assert.deepEqual([yield* home.list, yield* existing], [[], []])
  const begun: Array<QueryName> = []
  for (const name of names) {
    yield* (yield* home.open(name)).append(0, text("a"))
    begun.push(name)
    Assert.deepEqual(yield* home.list, begun.toSorted())
    Assert.deepEqual(yield* existing, begun)
  }
  yield* (yield* home.open(query)).compact(1)
  Assert.deepEqual(yield* home.list, begun.toSorted())
  Assert.equal(yield* home.exists(query), true)
})

const separates = Effect.fnUntraced(function*(home: Home) {
  const one = yield* home.open(query)
  const two = yield* home.open(QueryName.make("laws.2"))
  yield* one.append(0, text("one"))
  yield* two.append(0, text("two"))
  Assert.deepEqual([yield* read(one), yield* read(two)], [["0:one"], ["0:two"]])
})

type Action = "append" | "compact" | "read"

/** What each of some processes does, all at once. */
const races = (fc: typeof FastCheck): Arbitrary<ReadonlyArray<ReadonlyArray<Action>>> =>
  fc.array(fc.array(action(fc), { maxLength: 8 }), { minLength: 2, maxLength: 4 })

const action = (fc: typeof FastCheck): Arbitrary<Action> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constant("append" as const) },
    { weight: 1, arbitrary: fc.constant("compact" as const) },
    { weight: 1, arbitrary: fc.constant("read" as const) }
  )

const hasOneWinner = Effect.fnUntraced(function*(home: Home, processes: ReadonlyArray<ReadonlyArray<Action>>) {
  const won = new Map<number, string>()
  let floor = 0
  yield* Effect.forEach(
    processes.entries(),
    ([process, actions]) =>
      Effect.gen(function*() {
        const log = yield* home.open(query)
        for (const [index, action] of actions.entries()) {
          const next = yield* nextOf(log)
          if (action === "append") {
            const reason = yield* appending(log, next, `${process}.${index}`)
            Assert.ok(["won", "SequenceTaken"].includes(reason), reason)
            if (reason !== "won") continue
            Assert.ok(!won.has(next), `number ${next} was won twice`)
            won.set(next, `${next}:${process}.${index}`)
          } else if (action === "compact" && next > 1) {
            floor = Math.max(floor, next - 1)
            yield* log.compact(next - 1)
          }
        }
      }),
    { concurrency: "unbounded", discard: true }
  )
  const seen = yield* read(yield* home.open(query))
  // A number that compaction overtook while it was written is reported as taken: it need not be known as won.
  const expected = [...won].filter(([sequence]) => sequence >= floor).map(([, record]) => record).toSorted()
  Assert.deepEqual(seen.filter((record) => expected.includes(record)).toSorted(), expected)
})

/** An owner that appends, and after how many turns of the loop it is interrupted. */
interface Cut {
  readonly turns: number
  readonly compacts: boolean
}

const interruptions = (fc: typeof FastCheck): Arbitrary<ReadonlyArray<Cut>> =>
  fc.array(fc.record({ turns: fc.nat(30), compacts: fc.boolean() }), { minLength: 1, maxLength: 6 })

const survivesCuts = Effect.fnUntraced(function*(home: Home, cuts: ReadonlyArray<Cut>) {
  const acknowledged = new Map<number, string>()
  let floor = 0
  for (const [index, { compacts, turns }] of cuts.entries()) {
    const log = yield* home.open(query)
    const owner = Effect.gen(function*() {
      for (let next = yield* nextOf(log);; next++) {
        yield* log.append(next, text(`${index}`))
        acknowledged.set(next, `${next}:${index}`)
        yield* turnOfTheLoop
        if (!compacts || next === 0) continue
        floor = next
        yield* log.compact(next)
      }
    })
    const fiber = yield* Effect.forkDetach(owner, { startImmediately: true })
    for (let turn = 0; turn < turns; turn++) yield* turnOfTheLoop
    yield* Fiber.interrupt(fiber)
  }
  const log = yield* home.open(query)
  const seen = yield* read(log)
  const kept = [...acknowledged].filter(([sequence]) => sequence >= floor).map(([, record]) => record)
  Assert.deepEqual(kept.filter((record) => !seen.includes(record)), [], "an acknowledged record is gone")
  const next = yield* nextOf(log)
  for (let n = 0; n < next; n++) Assert.equal(yield* appending(log, n), "SequenceTaken", String(n))
  yield* log.append(next, text("after"))
})

/** Sockets and files answer between two turns of the event loop. */
const turnOfTheLoop = Effect.callback<void>((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})
