import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as LogInspection from "../../../src/batch/log/LogInspection.ts"
import * as LogRepair from "../../../src/batch/log/LogRepair.ts"
import * as LogState from "../../../src/batch/log/LogState.ts"
import * as OwnedLog from "../../../src/batch/log/OwnedLog.ts"
import {
  CheckpointRecord,
  Claimed,
  Committed,
  decode,
  encode,
  type Entry,
  FlowHead,
  Planned,
  Prepared,
  Started
} from "../../../src/batch/protocol/CheckpointRecord.ts"
import { QueryName } from "../../../src/batch/protocol/QueryName.ts"
import { frame } from "../../../src/batch/protocol/RecordFrame.ts"

const query = QueryName.make("q")
const head = (name: string) => new FlowHead({ head: name, digest: `of ${name}`, watermark: 7 })
const started = (state?: FlowHead) =>
  new Started({
    query,
    version: "1",
    structure: null,
    sources: {},
    batch: 0,
    positions: {},
    ...state === undefined ? {} : { state }
  })
const planned = (batch: number) => new Planned({ batch, plans: {}, positions: { in: batch + 1 } })
const prepared = (batch: number, state?: FlowHead) =>
  new Prepared({ batch, sinks: {}, ...state === undefined ? {} : { state } })
const committed = (batch: number, state?: FlowHead) => new Committed({ batch, ...state === undefined ? {} : { state } })
const record = (...entries: ReadonlyArray<Entry>) => new CheckpointRecord({ epoch: 1, owner: "o", entries })
const stored = (...records: ReadonlyArray<ReadonlyArray<Entry>>) =>
  records.map((entries, sequence) => ({ sequence, bytes: encode(record(...entries)) }))
const formatOf = (bytes: Uint8Array) => bytes[8]

function crc32c(bytes: Uint8Array): number {
  let crc = ~0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

/** Whole, of a format that there is not. */
const ofVersion = (version: number): Uint8Array => {
  const bytes = frame("{}", 2)
  bytes[8] = version
  new DataView(bytes.buffer).setUint32(4, crc32c(bytes.subarray(8)))
  return bytes
}

const claimOfTheFuture = { epoch: 2, owner: "later", entries: [{ _tag: "claimed", lease: 5 }] }
const sink = { handle: 1, evidence: 1, digest: "", events: 1, bytes: 1, seal: 1 }
const preparedOfTheFuture = { epoch: 1, owner: "o", entries: [{ _tag: "prepared", batch: 0, sinks: { out: sink } }] }

/** What a version of the future may write: whole, and more than this one knows. */
const future = {
  "a format of the future": ofVersion(4),
  "a field of the future": frame(JSON.stringify(claimOfTheFuture)),
  "a field of the future, further inside": frame(JSON.stringify(preparedOfTheFuture)),
  "an entry of the future": frame(JSON.stringify({ epoch: 1, owner: "o", entries: [{ _tag: "moved", batch: 0 }] }))
}

describe("CheckpointRecord", () => {
  it("has a higher format where state is named, so that a version that knows none refuses it", () => {
    assert.strictEqual(formatOf(encode(record(new Claimed({}), started()))), 1)
    assert.strictEqual(formatOf(encode(record(planned(0)))), 1)
    for (const entry of [started(head("a")), prepared(0, head("a")), committed(0, head("a"))]) {
      const bytes = encode(record(entry))
      assert.strictEqual(formatOf(bytes), 2)
      assert.deepStrictEqual(Result.getOrThrow(decode(bytes)), record(entry))
    }
  })

  it("has a higher format where sources that stay are left out, so that no version takes them for gone", () => {
    const partial = new Planned({ batch: 1, plans: { in: 1 }, positions: { in: 2 }, isPartial: true })
    for (const one of [record(partial), record(committed(0, head("a")), partial)]) {
      assert.strictEqual(formatOf(encode(one)), 3)
      assert.deepStrictEqual(Result.getOrThrow(decode(encode(one))), one)
    }
    const whole = new Planned({ batch: 1, plans: { in: 1 }, positions: { other: 5, in: 2 } })
    assert.deepStrictEqual(partial.whole({ other: 5, in: 1 }), whole)
    assert.strictEqual(whole.whole({ other: 4, in: 1 }), whole)
  })

  for (const [name, bytes] of Object.entries(future)) {
    it.effect(`${name} is refused, and never passed over, dropped or repaired`, () =>
      Effect.gen(function*() {
        const read = decode(bytes)
        assert.strictEqual(Result.isFailure(read) ? read.failure.kind : "read", "newer")
        const log = yield* (yield* CheckpointLog).open(query)
        yield* log.append(0, encode(record(new Claimed({}), started())))
        yield* log.append(1, encode(record(planned(0))))
        yield* log.append(2, bytes)
        const claim = OwnedLog.claim(log, {
          query,
          owner: "us",
          started: Effect.succeed(started()),
          accept: () => Effect.void
        })
        const error = yield* Effect.flip(claim)
        assert.strictEqual(error.reason._tag, "NewerRecord")
        assert.include(error.message, "newer version of effect-pravega")
        assert.isFalse(error.isRetryable)
        const refused = yield* Effect.flip(LogRepair.repair(query))
        assert.include(refused.message, "is not damaged")
        const inspection = yield* LogInspection.inspect(query)
        assert.isTrue(inspection.problem?.isNewer)
        assert.include(LogInspection.format(inspection), "newer version of effect-pravega")
        assert.strictEqual((yield* log.read(0)).length, 3)
      }).pipe(Effect.provide(CheckpointLog.layerMemory)))
  }

  it("says how bytes are no record", () => {
    const bad = (bytes: Uint8Array) => {
      const read = decode(bytes)
      return Result.isFailure(read) ? read.failure : assert.fail("it was read")
    }
    const bytes = encode(record(planned(0)))
    assert.deepStrictEqual(bad(bytes.subarray(0, 8)), { kind: "torn", detail: "8 bytes, too short for a record" })
    const cut = { kind: "torn" as const, detail: `${bytes.length - 9} bytes where ${bytes.length - 8} were written` }
    assert.deepStrictEqual(bad(bytes.subarray(0, -1)), cut)
    assert.deepStrictEqual(bad(bytes.with(12, 0)), { kind: "torn", detail: "the checksum does not match" })
    assert.deepStrictEqual(bad(ofVersion(0)), { kind: "unreadable", detail: "there is no format version 0" })
    assert.deepStrictEqual(bad(ofVersion(4)), {
      kind: "newer",
      detail: "its format is version 4, this one reads 3 at most"
    })
    // Whole, and empty.
    assert.strictEqual(bad(frame("")).kind, "unreadable")
  })

  it("what is whole and no version writes is damage", () => {
    const read = decode(frame(JSON.stringify({ epoch: -1, owner: "o", entries: [] })))
    assert.strictEqual(Result.isFailure(read) ? read.failure.kind : "read", "unreadable")
  })

  it("a batch's state is the query's when it is committed, and compaction keeps it", () => {
    const records = stored(
      [new Claimed({}), started(head("s"))],
      [planned(0)],
      [prepared(0, head("a"))],
      [committed(0, head("a"))],
      [planned(1)],
      [prepared(1)],
      [committed(1)],
      [planned(2)],
      [prepared(2, head("c"))]
    )
    const heads = records.map((_, last) =>
      Result.getOrThrow(LogState.fromRecords(records.slice(0, last + 1))).state?.head?.head
    )
    assert.deepStrictEqual(heads, ["s", "s", "s", "a", "a", "a", "a", "a", "a"])
    const state = Result.getOrThrow(LogState.fromRecords(records)).state
    assert.deepStrictEqual(state?.unfinished[0]?.head, head("c"))
    const restated = started(head("s")).restated(2, { in: 2 }, head("a"))
    assert.deepStrictEqual(restated.state, head("a"))
  })

  it("a log that names another state where one is committed, or restated, contradicts itself", () => {
    const begin = [[new Claimed({}), started(head("s"))], [planned(0)], [prepared(0, head("a"))]] as const
    assert.isTrue(Result.isFailure(LogState.fromRecords(stored(...begin, [committed(0, head("b"))]))))
    const forgotten = started().restated(1, { in: 1 }, undefined)
    assert.isTrue(Result.isFailure(LogState.fromRecords(stored(...begin, [committed(0)], [forgotten]))))
  })

  it("repair refuses where nothing says which state a batch left", () => {
    const records = stored(
      [new Claimed({}), started(head("s"))],
      [planned(0)],
      [prepared(0, head("a"))],
      [committed(0), planned(1)],
      [prepared(1)],
      [committed(1)]
    ).map((stored) => stored.sequence === 2 ? { ...stored, bytes: new Uint8Array(20) } : stored)
    const plan = LogRepair.plan(records)
    assert.include(Result.isFailure(plan) ? plan.failure.detail : "", "nothing else says which state")
  })
})
