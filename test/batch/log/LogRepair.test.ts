import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { CheckpointLog, type StoredRecord } from "../../../src/batch/log/CheckpointLog.ts"
import { marked } from "../../../src/batch/log/internal/Gaps.ts"
import * as LogInspection from "../../../src/batch/log/LogInspection.ts"
import * as LogRepair from "../../../src/batch/log/LogRepair.ts"
import * as LogState from "../../../src/batch/log/LogState.ts"
import * as OwnedLog from "../../../src/batch/log/OwnedLog.ts"
import {
  CheckpointCorrupt,
  CheckpointLogError,
  OutcomeUnknown
} from "../../../src/batch/protocol/CheckpointLogError.ts"
import {
  Begun,
  CheckpointRecord,
  Claimed,
  Committed,
  encode,
  type Entry,
  Planned,
  Prepared,
  PreparedSink,
  Started
} from "../../../src/batch/protocol/CheckpointRecord.ts"
import { QueryName } from "../../../src/batch/protocol/QueryName.ts"

const query = QueryName.make("q")
const started = (batch: number) =>
  new Started({ query, version: "1", structure: null, sources: {}, batch, positions: positionsOf(batch) })
/** Where a batch starts: one source moves with each of them, the other one seldom. */
const positionsOf = (batch: number) => ({ in: batch, seldom: Math.floor(batch / 3) })
const planned = (batch: number) => {
  const before = positionsOf(batch)
  const positions = positionsOf(batch + 1)
  if (batch % 4 === 0 || before.seldom !== positions.seldom) {
    return new Planned({ batch, plans: { in: batch }, positions })
  }
  return new Planned({ batch, plans: { in: batch }, positions: { in: positions.in }, isPartial: true })
}
const begun = (batch: number, handle: string) => new Begun({ batch, sinks: { out: handle } })
const prepared = (batch: number, handle: string) =>
  new Prepared({
    batch,
    at: 1000,
    sinks: { out: new PreparedSink({ handle, evidence: null, digest: "", events: 1, bytes: 10 }) }
  })
const committed = (batch: number) => new Committed({ batch })

/** What happens to a query, record by record: as a run would write it, with owners that come and go. */
const happenings = ["batch", "batch that is tried twice", "claim", "restate", "stop in a batch"] as const

const history = (steps: ReadonlyArray<typeof happenings[number]>, last: number): ReadonlyArray<StoredRecord> => {
  const records: Array<StoredRecord> = []
  let epoch = 1
  const write = (...entries: ReadonlyArray<Entry>) => {
    const record = new CheckpointRecord({ epoch, owner: `owner ${epoch}`, entries })
    records.push({ sequence: records.length, bytes: encode(record) })
  }
  write(new Claimed({}), started(0))
  let batch = 0
  let isPlanned = false
  const plan = () => {
    if (!isPlanned) write(planned(batch))
    isPlanned = true
  }
  for (const step of steps) {
    if (step === "claim") {
      epoch++
      write(new Claimed({}))
      continue
    }
    if (step === "restate" && !isPlanned) {
      write(started(batch))
      continue
    }
    plan()
    if (step === "stop in a batch") {
      write(begun(batch, `lost ${records.length}`))
      epoch++
      write(new Claimed({}))
      continue
    }
    if (step === "batch that is tried twice") {
      write(begun(batch, `first ${batch}`))
      write(prepared(batch, `first ${batch}`))
    }
    write(begun(batch, `second ${batch}`))
    write(prepared(batch, `second ${batch}`))
    isPlanned = batch % 2 === 0
    write(committed(batch), ...isPlanned ? [planned(batch + 1)] : [])
    batch++
  }
  // A last batch, cut off somewhere.
  plan()
  const tail = [begun(batch, "last"), prepared(batch, "last"), committed(batch)]
  for (const entry of tail.slice(0, last)) write(entry)
  return records
}

const stateOf = (records: ReadonlyArray<StoredRecord>) => Result.getOrThrow(LogState.fromRecords(records)).state

/** What a query does from a state: which batches it commits, which it plans anew, from where. */
const meaning = (state: LogState.LogState | undefined) => ({
  nextBatch: state?.nextBatch,
  positions: state?.positions,
  unfinished: state?.unfinished.map(({ batch, planned, prepared }) => ({
    batch,
    plans: planned.plans,
    prepared: [...prepared ?? []].map(([sink, { handle }]) => [sink, handle])
  }))
})

describe("LogRepair", () => {
  it("whatever record is damaged or missing, a log that can be repaired says what it said before", () => {
    let repaired = 0
    let refused = 0
    let repairedGaps = 0
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...happenings), { maxLength: 8 }),
        fc.nat(3),
        fc.nat(),
        fc.nat(),
        fc.constantFrom(0, 1, 2),
        (steps, last, which, at, gap) => {
          const whole = history(steps, last)
          const truth = stateOf(whole)
          // A last one that is damaged is torn, which is no damage; where a home knows that one is missing, it is.
          const damaged = which % (gap > 0 ? whole.length : Math.max(1, whole.length - 1))
          const without = whole.filter(({ sequence }) => sequence < damaged || sequence >= damaged + gap)
          const records = gap > 0 ?
            marked(without, { first: 0, next: whole.length }) :
            whole.map((record, index) =>
              index === damaged
                ? { ...record, bytes: record.bytes.map((byte, i) => i === at % record.bytes.length ? byte ^ 1 : byte) }
                : record
            )
          const plan = LogRepair.plan(records)
          if (Result.isFailure(plan)) {
            refused++
            assert.strictEqual(plan.failure.sequence, damaged)
            return
          }
          repaired++
          if (gap > 0) repairedGaps++
          const { success } = plan
          assert.notStrictEqual(success._tag, "nothing")
          const state = success._tag === "forget"
            ? stateOf(records.filter(({ sequence }) => sequence >= success.before))
            : success._tag === "restate"
            ? Result.getOrThrow(
              LogState.apply(
                undefined,
                new CheckpointRecord({ epoch: success.epoch, owner: "x", entries: success.entries })
              )
            )
            : undefined
          if (success._tag === "restate") {
            assert.isAbove(success.epoch, truth?.epoch ?? 0)
            assert.isBelow(gap, 2, "several records are missing")
          }
          const ended = truth?.unfinished.at(-1)
          const isPlanLost = state?.nextBatch !== truth?.nextBatch
          if (!isPlanLost) return assert.deepStrictEqual(meaning(state), meaning(truth))
          // A plan of which nothing was begun can be made again.
          assert.deepStrictEqual([ended?.begun.size, ended?.prepared], [0, undefined])
          assert.strictEqual(state?.nextBatch, ended?.batch)
        }
      ),
      { numRuns: 3000 }
    )
    assert.isAbove(repaired, 100)
    assert.isAbove(repairedGaps, 50)
    assert.isAbove(refused, 100)
  })

  it("a log that is not damaged, or torn at its end, needs no repair", () =>
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...happenings), { maxLength: 6 }),
        fc.nat(3),
        fc.nat(),
        (steps, last, cut) => {
          const whole = history(steps, last)
          const torn = whole.map((record, index) =>
            index === whole.length - 1
              ? { ...record, bytes: record.bytes.subarray(0, cut % record.bytes.length) }
              : record
          )
          for (const records of [whole, torn]) {
            assert.deepStrictEqual(LogRepair.plan(records), Result.succeed<LogRepair.Plan>({ _tag: "nothing" }))
          }
        }
      )
    ))

  const damage = (records: ReadonlyArray<StoredRecord>, sequence: number) =>
    Effect.gen(function*() {
      const log = yield* Effect.flatMap(CheckpointLog, (logs) => logs.open(query))
      for (const { bytes, sequence: number } of records) {
        yield* log.append(number, number === sequence ? bytes.map((byte) => byte ^ 1) : bytes)
      }
      return log
    })
  const claim = Effect.gen(function*() {
    const log = yield* Effect.flatMap(CheckpointLog, (logs) => logs.open(query))
    return yield* OwnedLog.claim(log, {
      query,
      owner: "next",
      started: Effect.die("it has started before"),
      accept: () => Effect.void
    })
  })

  it.effect("repairs a log in its home, after which the query goes on", () =>
    Effect.gen(function*() {
      const records = history(["batch", "batch", "batch"], 2)
      yield* damage(records, 3)
      assert.strictEqual((yield* Effect.flip(claim)).reason._tag, "CheckpointCorrupt")
      const done = yield* LogRepair.repair(query)
      assert.strictEqual(done._tag, "restate")
      assert.deepStrictEqual(yield* LogRepair.repair(query), { _tag: "nothing" })
      const owned = yield* claim
      assert.deepStrictEqual(meaning(owned.state()), meaning(stateOf(records)))
      yield* owned.append([committed(3)])
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("knows its own record when the reply to it was lost", () =>
    Effect.gen(function*() {
      yield* damage(history(["batch", "batch", "batch"], 2), 3)
      const logs = yield* CheckpointLog
      let isLost = false
      const losesReply: CheckpointLog["Service"] = {
        ...logs,
        open: (query) =>
          Effect.map(logs.open(query), (log) => ({
            ...log,
            append: (sequence, bytes) =>
              Effect.tap(log.append(sequence, bytes), () => {
                if (isLost) return Effect.void
                isLost = true
                const reason = new OutcomeUnknown({ query, sequence, cause: "the reply was lost" })
                return Effect.fail(new CheckpointLogError({ reason }))
              })
          }))
      }
      const done = yield* Effect.provideService(LogRepair.repair(query), CheckpointLog, losesReply)
      assert.deepStrictEqual([done._tag, isLost], ["restate", true])
      assert.deepStrictEqual(yield* LogRepair.repair(query), { _tag: "nothing" })
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("of a log that can't be read at all says so in its own words, and shows that there is nothing to show", () =>
    Effect.gen(function*() {
      const reason = new CheckpointCorrupt({ query, sequence: 2, detail: "entry 3 stands in its place" })
      const unreadable: CheckpointLog["Service"] = {
        open: () =>
          Effect.succeed({
            append: () => Effect.die("nothing is written"),
            compact: () => Effect.die("nothing is forgotten"),
            read: () => Effect.fail(new CheckpointLogError({ reason }))
          }),
        exists: () => Effect.succeed(true),
        list: Effect.succeed([query])
      }
      const refused = yield* Effect.flip(Effect.provideService(LogRepair.repair(query), CheckpointLog, unreadable))
      assert.strictEqual(refused._tag, "RepairRefused")
      assert.include(refused.message, "it can't be read from record 2 on (entry 3 stands in its place)")
      assert.notInclude(refused.message, "LogRepair")
      const inspection = yield* Effect.provideService(LogInspection.inspect(query), CheckpointLog, unreadable)
      assert.deepStrictEqual(inspection.problem, {
        sequence: 2,
        detail: "entry 3 stands in its place",
        isNewer: false
      })
    }))

  it.effect("refuses what it can't know, and changes nothing", () =>
    Effect.gen(function*() {
      const records = history(["batch"], 2)
      // What the batch that is not committed has prepared.
      const log = yield* damage(records, records.length - 2)
      const refused = yield* Effect.flip(LogRepair.repair(query))
      assert.strictEqual(refused._tag, "RepairRefused")
      assert.strictEqual((yield* log.read(0)).length, records.length)
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))
})

describe("LogInspection", () => {
  const inspected = (records: ReadonlyArray<StoredRecord>) =>
    Effect.gen(function*() {
      const log = yield* Effect.flatMap(CheckpointLog, (logs) => logs.open(query))
      for (const { bytes, sequence } of records) yield* log.append(sequence, bytes)
      return yield* LogInspection.inspect(query)
    }).pipe(Effect.provide(CheckpointLog.layerMemory))

  it.effect("says what the log says, and how long a batch is prepared", () =>
    Effect.gen(function*() {
      yield* TestClock.adjust("61 seconds")
      const inspection = yield* inspected(history(["batch"], 2))
      assert.deepStrictEqual([inspection.problem, inspection.torn], [undefined, undefined])
      assert.deepStrictEqual(inspection.awaiting, { batch: 1, age: Duration.minutes(1) })
      assert.strictEqual(
        LogInspection.format(inspection).replaceAll(/, \d+ bytes/g, ""),
        [
          "query \"q\": 6 records",
          "  0  claimed; started at batch 0, version \"1\", sources  (epoch 1, owner owner 1)",
          "  1  planned 0 (epoch 1, owner owner 1)",
          "  2  begun 0: out \"second 0\" (epoch 1, owner owner 1)",
          "  3  prepared 0 at 1970-01-01T00:00:01.000Z: out 1 events, \"second 0\" (epoch 1, owner owner 1)",
          "  4  committed 0; planned 1 (epoch 1, owner owner 1)",
          "  5  begun 1: out \"last\" (epoch 1, owner owner 1)",
          "  6  prepared 1 at 1970-01-01T00:00:01.000Z: out 1 events, \"last\" (epoch 1, owner owner 1)",
          "epoch 1 of owner owner 1, version \"1\", next batch 2",
          "  source \"in\" goes on at 2",
          "  source \"seldom\" goes on at 0",
          "  batch 1 is prepared and not committed",
          "    out 1 events, \"last\"",
          "batch 1 is prepared, and waits for its commits to be recorded, for 1m by now"
        ].join("\n").replace("6 records", "7 records")
      )
    }))

  it.effect("shows a torn record, and a damaged one with what came before it", () =>
    Effect.gen(function*() {
      const records = history(["batch"], 1)
      const cut = (at: number) =>
        records.map((record) => record.sequence === at ? { ...record, bytes: record.bytes.subarray(0, 20) } : record)
      const torn = yield* inspected(cut(records.length - 1))
      assert.deepStrictEqual([torn.torn, torn.problem], [records.length - 1, undefined])
      assert.include(LogInspection.format(torn), "is torn: the next start of the query drops it")
      const damaged = yield* inspected(cut(3))
      assert.strictEqual(damaged.problem?.sequence, 3)
      assert.strictEqual(damaged.state?.unfinished[0]?.batch, 0)
      assert.include(LogInspection.format(damaged), "damaged: record 3")
      const empty = yield* inspected([])
      assert.include(LogInspection.format(empty), "nothing is known of the query")
    }))
})
