import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import fc from "fast-check"
import { CheckpointLog, type QueryLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as OwnedLog from "../../../src/batch/log/OwnedLog.ts"
import * as CheckpointRecord from "../../../src/batch/protocol/CheckpointRecord.ts"
import { Committed, Planned, Prepared, Started } from "../../../src/batch/protocol/CheckpointRecord.ts"
import { QueryName } from "../../../src/batch/protocol/QueryName.ts"
import { frame } from "../../../src/batch/protocol/RecordFrame.ts"
import { LogFiles } from "../../../src/files/LogFiles.ts"
import * as SimulatedFiles from "./SimulatedFiles.ts"

const query = QueryName.make("q")
const started = new Started({ query, version: "1", structure: null, sources: {}, batch: 0, positions: { in: 0 } })
const claim = (log: QueryLog, owner: string) =>
  OwnedLog.claim(log, { query, owner, started: Effect.succeed(started), accept: () => Effect.void })

const onDisk = (disk: SimulatedFiles.SimulatedDisk) =>
  Effect.flatMap(CheckpointLog, (logs) => logs.open(query)).pipe(
    Effect.provide(CheckpointLog.layerFiles("/logs").pipe(Layer.provide(Layer.succeed(LogFiles, disk.files))))
  )
const inMemory = Effect.flatMap(CheckpointLog, (logs) => logs.open(query)).pipe(
  Effect.provide(CheckpointLog.layerMemory)
)

const runBatch = (log: OwnedLog.OwnedLog, batch: number) =>
  Effect.gen(function*() {
    yield* log.append([new Planned({ batch, plans: { in: batch }, positions: { in: batch + 1 } })])
    yield* log.append([new Prepared({ batch, sinks: {} })])
    yield* log.append([new Committed({ batch })])
  })

/** The same log; `before` runs before each of somebody's appends to it. */
const withBefore = (log: QueryLog, before: Effect.Effect<void>): QueryLog => ({
  ...log,
  append: (sequence, bytes) => Effect.andThen(before, log.append(sequence, bytes))
})
const once = <E>(effect: Effect.Effect<unknown, E>) => {
  let isDone = false
  return Effect.suspend(() => {
    if (isDone) return Effect.void
    isDone = true
    return Effect.orDie(Effect.asVoid(effect))
  })
}

const path = (sequence: number) => `/logs/q/${String(sequence).padStart(16, "0")}.record`

describe("OwnedLog", () => {
  it.effect("an owner's next append fails when another has claimed the query", () =>
    Effect.gen(function*() {
      const log = yield* inMemory
      const first = yield* claim(log, "first")
      yield* runBatch(first, 0)
      const second = yield* claim(log, "second")
      assert.deepStrictEqual([second.state().epoch, second.state().nextBatch, second.state().positions], [2, 1, {
        in: 1
      }])
      const error = yield* Effect.flip(runBatch(first, 1))
      assert.deepStrictEqual(
        [error.reason._tag, error.message.includes("second (epoch 2)")],
        ["Fenced", true]
      )
      yield* runBatch(second, 1)
    }))

  it.effect("a torn last record is dropped, once and for all", () =>
    Effect.gen(function*() {
      for (const keep of [0, 5, 20]) {
        const disk = SimulatedFiles.make()
        const log = yield* onDisk(disk)
        yield* runBatch(yield* claim(log, "first"), 0)
        disk.corrupt(path(3), (bytes) => bytes.slice(0, keep))
        const second = yield* claim(log, "second")
        // `committed(0)` was number 3.
        assert.deepStrictEqual(second.state().unfinished.map(({ batch }) => batch), [0])
        yield* second.append([new Committed({ batch: 0 })])
        const third = yield* claim(log, "third")
        assert.deepStrictEqual(third.state().unfinished, [])
      }
    }))

  it.effect("fault 11: a bad record elsewhere stops the query, whichever bit of it was turned", () =>
    Effect.gen(function*() {
      const disk = SimulatedFiles.make()
      const log = yield* onDisk(disk)
      yield* runBatch(yield* claim(log, "first"), 0)
      for (const at of [0, 4, 8, 9, 30]) {
        const turn = (bytes: Uint8Array) => bytes.map((byte, i) => i === at ? byte ^ 1 : byte)
        disk.corrupt(path(1), turn)
        assert.strictEqual((yield* Effect.flip(claim(log, "second"))).reason._tag, "CheckpointCorrupt")
        disk.corrupt(path(1), turn)
      }
      yield* claim(log, "second")
    }))

  it.effect("a record that contradicts the log never gets into it", () =>
    Effect.gen(function*() {
      const log = yield* inMemory
      const owner = yield* claim(log, "first")
      for (const entry of [new Committed({ batch: 0 }), new Planned({ batch: 1, plans: {}, positions: {} })]) {
        assert.strictEqual((yield* Effect.flip(owner.append([entry]))).reason._tag, "CheckpointCorrupt")
      }
      assert.strictEqual((yield* log.read(0)).length, 1)
    }))

  it.effect("a compacted log says the same, and its numbers stay taken", () =>
    Effect.gen(function*() {
      const disk = SimulatedFiles.make()
      const log = yield* onDisk(disk)
      const first = yield* claim(log, "first")
      for (let batch = 0; batch < 100; batch++) yield* Effect.andThen(runBatch(first, batch), first.compact)
      assert.isBelow((yield* log.read(0)).length, 50)
      const second = yield* claim(log, "second")
      assert.deepStrictEqual([second.state().nextBatch, second.state().positions], [100, { in: 100 }])
      assert.strictEqual((yield* Effect.flip(runBatch(first, 100))).reason._tag, "Fenced")
      yield* runBatch(second, 100)
    }))

  it.effect("who loses the race for a claim is fenced by the one that won it", () =>
    Effect.gen(function*() {
      for (const isNew of [true, false]) {
        const log = yield* inMemory
        if (!isNew) yield* claim(log, "before")
        const { reason } = yield* Effect.flip(claim(withBefore(log, once(claim(log, "quicker"))), "late"))
        const epoch = isNew ? 1 : 2
        assert.deepInclude(reason, { _tag: "Fenced", query, epoch, claimedBy: "quicker", claimedEpoch: epoch })
        assert.strictEqual((yield* log.read(0)).length, epoch)
      }
    }))

  it.effect("a newcomer gets its claim in between the records of a running owner, and asks once whether it may", () =>
    Effect.gen(function*() {
      const log = yield* inMemory
      const first = yield* claim(log, "first")
      const asked: Array<Started> = []
      const second = yield* OwnedLog.claim(withBefore(log, once(first.append([]))), {
        query,
        owner: "second",
        started: Effect.die("the query has started"),
        accept: (started) => Effect.sync(() => void asked.push(started))
      })
      assert.deepStrictEqual([second.state().epoch, second.state().owner, asked], [2, "second", [started]])
      assert.strictEqual((yield* log.read(0)).length, 3)
      yield* second.append([])
      assert.deepInclude((yield* Effect.flip(first.append([]))).reason, { _tag: "Fenced", claimedBy: "second" })
    }))

  it.effect("gives up a claim when a running owner was quicker 64 times", () =>
    Effect.gen(function*() {
      const log = yield* inMemory
      const first = yield* claim(log, "first")
      const { reason } = yield* Effect.flip(claim(withBefore(log, Effect.orDie(first.append([]))), "second"))
      assert.deepInclude(reason, { _tag: "LogUnavailable", query, operation: "claim" })
      assert.include(String(reason._tag === "LogUnavailable" ? reason.cause : undefined), "was quicker 64 times")
      assert.strictEqual((yield* log.read(0)).length, 1 + 64)
      yield* first.append([])
    }))

  it.effect("who may not go on with the query takes nothing from its owner", () =>
    Effect.gen(function*() {
      const log = yield* inMemory
      const first = yield* claim(log, "first")
      const accept = () => Effect.fail("other structure" as const)
      const refused = yield* Effect.flip(
        OwnedLog.claim(log, { query, owner: "o", started: Effect.succeed(started), accept })
      )
      assert.strictEqual(refused, "other structure")
      yield* first.append([])
    }))

  it.effect("who finds its number taken by what it can't read says so, and not who has it", () =>
    Effect.gen(function*() {
      const newer = frame(JSON.stringify({ epoch: 2, owner: "later", entries: [{ _tag: "moved" }] }))
      const findings = [[newer, "NewerRecord"], [new Uint8Array(20), "CheckpointCorrupt"]] as const
      for (const [bytes, tag] of findings) {
        const log = yield* inMemory
        const owner = yield* claim(log, "first")
        yield* log.append(1, bytes)
        assert.deepInclude((yield* Effect.flip(owner.append([]))).reason, { _tag: tag, query, sequence: 1 })
      }
    }))

  it.effect("who slept until its number was forgotten is fenced, by somebody", () =>
    Effect.gen(function*() {
      const log = yield* inMemory
      const first = yield* claim(log, "first")
      const second = yield* Effect.provideService(claim(log, "second"), OwnedLog.CompactAfter, 2)
      yield* Effect.andThen(runBatch(second, 0), second.compact)
      const { reason } = yield* Effect.flip(first.append([]))
      assert.deepInclude(reason, { _tag: "Fenced", epoch: 1, claimedBy: "another process", claimedEpoch: 2 })
    }))

  it.effect("is long from the number of records on that is said, and is not compacted while a batch is unfinished", () =>
    Effect.gen(function*() {
      const log = yield* inMemory
      const claimed = (owner: string) => Effect.provideService(claim(log, owner), OwnedLog.CompactAfter, 4)
      const first = yield* claimed("first")
      const isLong: Array<boolean> = []
      for (let record = 1; record <= 5; record++) {
        isLong.push(first.isLong())
        yield* first.append([])
      }
      assert.deepStrictEqual(isLong, [false, false, false, true, true])
      yield* first.append([new Planned({ batch: 0, plans: {}, positions: { in: 1 } })])
      yield* first.compact
      assert.strictEqual((yield* log.read(0)).length, 7)
      yield* first.append([new Prepared({ batch: 0, sinks: {} })])
      yield* first.append([new Committed({ batch: 0 })])
      yield* first.compact
      assert.strictEqual((yield* log.read(0)).length, 1)
      assert.isFalse(first.isLong())
      // A successor counts from where the log begins now.
      const second = yield* claimed("second")
      assert.isFalse(second.isLong())
      yield* second.compact
      assert.strictEqual((yield* log.read(0)).length, 2)
      yield* Effect.andThen(second.append([]), second.append([]))
      assert.isTrue(second.isLong())
    }))

  it.effect("is compacted as soon as is asked for", () =>
    Effect.gen(function*() {
      const log = yield* inMemory
      const owner = yield* Effect.provideService(claim(log, "first"), OwnedLog.CompactAfter, 2)
      for (let batch = 0; batch < 3; batch++) {
        yield* Effect.andThen(runBatch(owner, batch), owner.compact)
        assert.strictEqual((yield* log.read(0)).length, 1)
      }
      assert.deepStrictEqual((yield* claim(log, "second")).state().positions, { in: 3 })
    }))
})

describe("CheckpointRecord", () => {
  it("decodes what it encodes, and nothing that was cut or changed", () =>
    fc.assert(
      fc.property(
        fc.string(),
        fc.nat(),
        fc.jsonValue(),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (owner, batch, json, at, change) => {
          const plan = JSON.parse(JSON.stringify(json))
          const record = new CheckpointRecord.CheckpointRecord({
            epoch: 1,
            owner,
            entries: [new Committed({ batch }), new Planned({ batch: batch + 1, plans: { in: plan }, positions: {} })]
          })
          const bytes = CheckpointRecord.encode(record)
          assert.deepStrictEqual(Result.getOrThrow(CheckpointRecord.decode(bytes)), record)
          const where = at % bytes.length
          assert.isTrue(Result.isFailure(CheckpointRecord.decode(bytes.subarray(0, where))))
          assert.isTrue(
            Result.isFailure(CheckpointRecord.decode(bytes.map((byte, i) => i === where ? byte ^ change : byte)))
          )
        }
      ),
      { numRuns: 300 }
    ))
})
