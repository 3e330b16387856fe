/** Rule 2: an append whose outcome is unknown is settled, or said to be unknown; never guessed. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import type { QueryLog, StoredRecord } from "../../../src/batch/log/LogContract.ts"
import * as SettledAppend from "../../../src/batch/log/SettledAppend.ts"
import {
  CheckpointLogError,
  LogUnavailable,
  OutcomeUnknown,
  SequenceNotNext,
  SequenceTaken
} from "../../../src/batch/protocol/CheckpointLogError.ts"
import { QueryName } from "../../../src/batch/protocol/QueryName.ts"

const query = QueryName.make("q")
const ours = Uint8Array.of(1, 2, 3)
const others = Uint8Array.of(1, 2, 4)
const sequence = 7

const cause = new Error("a fault of the log")
const failures = {
  taken: new SequenceTaken({ query, sequence }),
  unknown: new OutcomeUnknown({ query, sequence, cause: new Error("the first answer") }),
  "unknown again": new OutcomeUnknown({ query, sequence, cause }),
  unavailable: new LogUnavailable({ query, operation: "append", cause }),
  "not next": new SequenceNotNext({ query, sequence, next: 5 })
}
type Answer = "done" | keyof typeof failures

const answer = (what: Answer) =>
  what === "done" ? Effect.void : Effect.fail(new CheckpointLogError({ reason: failures[what] }))

/** A log that answers as it is told, the last answer from then on; it notes when it was asked to append. */
const scripted = (appends: ReadonlyArray<Answer>, read: ReadonlyArray<StoredRecord> | Answer = []) => {
  const sent: Array<{ readonly sequence: number; readonly bytes: Uint8Array; readonly at: number }> = []
  const log: QueryLog = {
    append: (number, bytes) =>
      Effect.clockWith((clock) => {
        sent.push({ sequence: number, bytes, at: clock.currentTimeMillisUnsafe() })
        return answer(appends[Math.min(sent.length, appends.length) - 1]!)
      }),
    read: (from) =>
      typeof read === "string"
        ? Effect.andThen(answer(read), Effect.succeed([]))
        : Effect.succeed(read.filter((record) => record.sequence >= from)),
    compact: () => Effect.die("nobody compacts")
  }
  return { log, sent }
}

/** What becomes of an append, an hour later. */
const settled = Effect.fnUntraced(function*(log: QueryLog) {
  const fiber = yield* Effect.forkChild(Effect.result(SettledAppend.settle(log, query, sequence, ours)))
  yield* TestClock.adjust("1 hour")
  return yield* Fiber.join(fiber)
})

const reasonOf = Effect.fnUntraced(function*(log: QueryLog) {
  const result = yield* settled(log)
  if (result._tag === "Success") assert.fail(`it is ${result.success._tag}`)
  return result.failure.reason
})

const successOf = Effect.fnUntraced(function*(log: QueryLog) {
  const result = yield* settled(log)
  if (result._tag === "Failure") assert.fail(result.failure.message)
  return result.success
})

describe("SettledAppend", () => {
  it.effect("what is stored at once is appended once", () =>
    Effect.gen(function*() {
      const { log, sent } = scripted(["done"])
      assert.deepStrictEqual(yield* successOf(log), { _tag: "appended" })
      assert.deepStrictEqual(sent, [{ sequence, bytes: ours, at: 0 }])
    }))

  it.effect("what is known to have failed is sent once", () =>
    Effect.gen(function*() {
      for (const failure of ["unavailable", "not next"] as const) {
        const { log, sent } = scripted([failure, "done"])
        assert.strictEqual(yield* reasonOf(log), failures[failure])
        assert.strictEqual(sent.length, 1)
      }
    }))

  it.effect("an unknown outcome is settled by the same bytes under the same number", () =>
    Effect.gen(function*() {
      for (const between of [[], ["unavailable"], ["unknown again", "unavailable"]] as const) {
        const { log, sent } = scripted(["unknown", ...between, "done"])
        assert.deepStrictEqual(yield* successOf(log), { _tag: "appended" })
        assert.deepStrictEqual(
          sent.map((append) => [append.sequence, append.bytes]),
          Array.from({ length: between.length + 2 }, () => [sequence, ours])
        )
      }
    }))

  it.effect("a taken number that holds these very bytes is success, and another record is named", () =>
    Effect.gen(function*() {
      const before = { sequence: sequence - 1, bytes: ours }
      const after = { sequence: sequence + 1, bytes: ours }
      for (const answers of [["taken"], ["unknown", "taken"]] as const) {
        const mine = scripted(answers, [before, { sequence, bytes: ours.slice() }, after])
        assert.deepStrictEqual(yield* successOf(mine.log), { _tag: "appended" })
        const theirs = scripted(answers, [before, { sequence, bytes: others }, after])
        assert.deepStrictEqual(yield* successOf(theirs.log), { _tag: "taken", by: others })
        const forgotten = scripted(answers, [after])
        assert.deepStrictEqual(yield* successOf(forgotten.log), { _tag: "taken", by: undefined })
      }
    }))

  it.effect("a taken number whose record is missing stops the query, with the number", () =>
    Effect.gen(function*() {
      const { log } = scripted(["taken"], [{ sequence, bytes: new Uint8Array(), isMissing: true }])
      const reason = yield* reasonOf(log)
      if (reason._tag !== "CheckpointCorrupt") assert.fail(reason._tag)
      assert.deepStrictEqual([reason.query, reason.sequence, reason.detail], ["q", sequence, "the record is missing"])
    }))

  it.effect("a taken number that can't be read is unknown, and read again", () =>
    Effect.gen(function*() {
      const { log, sent } = scripted(["taken"], "unavailable")
      const reason = yield* reasonOf(log)
      if (reason._tag !== "OutcomeUnknown") assert.fail(reason._tag)
      assert.deepStrictEqual([reason.query, reason.sequence, reason.cause], ["q", sequence, cause])
      assert.isAbove(sent.length, 2)
      const broken = scripted(["taken"], "not next")
      assert.strictEqual(yield* reasonOf(broken.log), failures["not next"])
    }))

  it.effect("a log that is away for longer than half a minute leaves the outcome unknown, whatever it says last", () =>
    Effect.gen(function*() {
      const away = scripted(["unknown", "unavailable"])
      assert.strictEqual(yield* reasonOf(away.log), failures.unknown)
      const silent = scripted(["unknown", "unknown again"])
      assert.strictEqual(yield* reasonOf(silent.log), failures["unknown again"])
      for (const { sent } of [away, silent]) {
        const waits = sent.slice(1).map(({ at }, place) => at - sent[place]!.at)
        assert.deepStrictEqual(waits.slice(0, 8), [0, 50, 100, 200, 400, 800, 1600, 2000])
        assert.strictEqual(Math.max(...waits), 2000)
        const last = sent.at(-1)!.at - sent[0]!.at
        assert.isTrue(last >= 28_000 && last <= 34_000, `asked for ${last} ms`)
      }
    }))

  it.effect("what another try can't mend ends the search", () =>
    Effect.gen(function*() {
      const { log, sent } = scripted(["unknown", "not next", "done"])
      assert.strictEqual(yield* reasonOf(log), failures["not next"])
      assert.strictEqual(sent.length, 2)
    }))

  it.effect("can't be interrupted while the outcome is unknown", () =>
    Effect.gen(function*() {
      const { log, sent } = scripted(["unknown", "unavailable", "done"])
      const fiber = yield* Effect.forkChild(SettledAppend.settle(log, query, sequence, ours))
      yield* TestClock.adjust("10 millis")
      const interrupting = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* TestClock.adjust(Duration.minutes(1))
      yield* Fiber.join(interrupting)
      assert.strictEqual(sent.length, 3)
    }))
})
