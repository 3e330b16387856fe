/**
 * What every home of the checkpoint log must hold. A home is given as a function that opens one query's log the way one
 * more process would, all on the same store.
 */
import { assert, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import fc from "fast-check"
import type { QueryLog } from "../../src/batch/CheckpointLog.ts"
import type { CheckpointLogError } from "../../src/batch/CheckpointLogError.ts"
import { QueryName } from "../../src/batch/QueryName.ts"

export interface Home {
  readonly open: (query: QueryName) => Effect.Effect<QueryLog, CheckpointLogError>
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

/** `fresh` makes an empty store; property tests ask for one per run. */
export const checkpointLogLaws = (name: string, fresh: Effect.Effect<Home>, options?: { readonly runs?: number }) => {
  const runs = options?.runs ?? 100
  it.effect(`${name}: reads back what was appended, in order, from any number`, () =>
    Effect.gen(function*() {
      const log = yield* (yield* fresh).open(query)
      assert.deepStrictEqual(yield* read(log), [])
      for (const value of ["a", "", "c"]) yield* log.append((yield* log.read(0)).length, text(value))
      assert.deepStrictEqual(yield* read(log), ["0:a", "1:", "2:c"])
      assert.deepStrictEqual(yield* read(log, 2), ["2:c"])
      assert.deepStrictEqual(yield* read(log, 3), [])
    }))

  it.effect(`${name}: a number is taken once, and the log has no gaps`, () =>
    Effect.gen(function*() {
      const home = yield* fresh
      const first = yield* home.open(query)
      const second = yield* home.open(query)
      yield* first.append(0, text("first"))
      assert.strictEqual(reasonOf(yield* Effect.exit(second.append(0, text("second")))), "SequenceTaken")
      assert.strictEqual(reasonOf(yield* Effect.exit(second.append(2, text("second")))), "SequenceNotNext")
      yield* second.append(1, text("second"))
      assert.deepStrictEqual(yield* read(first), ["0:first", "1:second"])
    }))

  it.effect(`${name}: a number stays taken after compaction forgot it`, () =>
    Effect.gen(function*() {
      const home = yield* fresh
      const log = yield* home.open(query)
      for (let n = 0; n < 5; n++) yield* log.append(n, text(String(n)))
      yield* log.compact(3)
      yield* log.compact(2)
      const other = yield* home.open(query)
      for (let n = 0; n < 5; n++) {
        assert.strictEqual(reasonOf(yield* Effect.exit(other.append(n, text("x")))), "SequenceTaken", String(n))
      }
      assert.deepStrictEqual(yield* read(other), ["3:3", "4:4"])
      yield* other.append(5, text("5"))
      assert.strictEqual(reasonOf(yield* Effect.exit(log.compact(7))), "SequenceNotNext")
      yield* log.compact(6)
      assert.deepStrictEqual(yield* read(log), [])
      assert.strictEqual(reasonOf(yield* Effect.exit(log.append(5, text("x")))), "SequenceTaken")
      yield* log.append(6, text("6"))
      assert.deepStrictEqual(yield* read(other), ["6:6"])
    }))

  it.effect(`${name}: queries have logs of their own`, () =>
    Effect.gen(function*() {
      const home = yield* fresh
      const one = yield* home.open(query)
      const two = yield* home.open(QueryName.make("laws.2"))
      yield* one.append(0, text("one"))
      yield* two.append(0, text("two"))
      assert.deepStrictEqual([yield* read(one), yield* read(two)], [["0:one"], ["0:two"]])
    }))

  it(`${name}: of concurrent appends at most one wins each number, and readers see the winner`, () => {
    const Action = fc.oneof(
      { weight: 8, arbitrary: fc.constant("append" as const) },
      { weight: 1, arbitrary: fc.constant("compact" as const) },
      { weight: 1, arbitrary: fc.constant("read" as const) }
    )
    return fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(Action, { maxLength: 8 }), { minLength: 2, maxLength: 4 }),
        (processes) =>
          Effect.gen(function*() {
            const home = yield* fresh
            const won = new Map<number, string>()
            let floor = 0
            yield* Effect.forEach(
              processes,
              (actions, process) =>
                Effect.gen(function*() {
                  const log = yield* home.open(query)
                  for (const [index, action] of actions.entries()) {
                    const records = yield* log.read(0)
                    const next = records.length === 0 ? 0 : records[records.length - 1]!.sequence + 1
                    if (action === "append") {
                      const reason = reasonOf(yield* Effect.exit(log.append(next, text(`${process}.${index}`))))
                      assert.include(["won", "SequenceTaken"], reason)
                      if (reason !== "won") continue
                      assert.isFalse(won.has(next), `number ${next} was won twice`)
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
            // A number that compaction overtook while it was linked is reported as taken: it need not be known as won.
            const expected = [...won].filter(([sequence]) => sequence >= floor).map(([, record]) => record).toSorted()
            assert.deepStrictEqual(seen.filter((record) => expected.includes(record)).toSorted(), expected)
          }).pipe(Effect.runPromise)
      ),
      { numRuns: runs }
    )
  })
}
