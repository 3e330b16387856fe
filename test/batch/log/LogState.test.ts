/** What the fold of a log's records says, record by record, and the words in which it refuses what contradicts it. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as LogState from "../../../src/batch/log/LogState.ts"
import {
  Begun,
  CheckpointRecord,
  Claimed,
  Committed,
  CommittedSink,
  CommittedSinks,
  encode,
  type Entry,
  FlowHead,
  Planned,
  Prepared,
  PreparedSink,
  Started
} from "../../../src/batch/protocol/CheckpointRecord.ts"
import { frame } from "../../../src/batch/protocol/RecordFrame.ts"

const head = (name: string) => new FlowHead({ head: name, digest: `of ${name}`, watermark: 7 })
const started = (more: Partial<ConstructorParameters<typeof Started>[0]> = {}) =>
  new Started({ query: "q", version: "1", structure: null, sources: {}, batch: 0, positions: {}, ...more })
const planned = (batch: number) => new Planned({ batch, plans: {}, positions: { in: batch + 1 } })
const begun = (batch: number, sinks: Record<string, string>) => new Begun({ batch, sinks })
const output = (handle: string) =>
  new PreparedSink({ handle, evidence: `before ${handle}`, digest: `of ${handle}`, events: 1, bytes: 1 })
const prepared = (
  batch: number,
  sinks: Record<string, string | null> = {},
  more: Partial<ConstructorParameters<typeof Prepared>[0]> = {}
) =>
  new Prepared({
    batch,
    sinks: Object.fromEntries(
      Object.entries(sinks).map(([name, handle]) => [name, handle === null ? null : output(handle)])
    ),
    ...more
  })
const committed = (batch: number, state?: FlowHead) => new Committed({ batch, ...state === undefined ? {} : { state } })

interface Written {
  readonly epoch?: number
  readonly owner?: string
  readonly entries: ReadonlyArray<Entry>
}
const by = (epoch: number, owner: string, ...entries: ReadonlyArray<Entry>): Written => ({ epoch, owner, entries })
const record = ({ entries, epoch = 1, owner = "one" }: Written) => new CheckpointRecord({ epoch, owner, entries })
const written = (...entries: ReadonlyArray<Entry>): Written => ({ entries })
const stored = (records: ReadonlyArray<Written | Uint8Array | "missing">, from = 0) =>
  records.map((one, i) => {
    const sequence = from + i
    if (one === "missing") return { sequence, bytes: new Uint8Array(), isMissing: true }
    return { sequence, bytes: one instanceof Uint8Array ? one : encode(record(one)) }
  })

const begin = written(new Claimed({}), started())
const torn = encode(record(begin)).subarray(0, 20)
const newer = frame(JSON.stringify({ epoch: 2, owner: "later", entries: [{ _tag: "moved" }] }))

const contradictionOf = (records: Parameters<typeof stored>[0]) => {
  const { contradiction, read } = LogState.fold(stored(records))
  return { at: contradiction?.sequence, detail: contradiction?.detail, isNewer: contradiction?.isNewer, read }
}
const stateOf = (records: Parameters<typeof stored>[0]) => {
  const { state } = Result.getOrThrow(LogState.fromRecords(stored(records)))
  if (state === undefined) throw new Error("the log is empty")
  return state
}

/** What contradicts a log, the record at which it is noticed, and the words for it. */
const contradictions: ReadonlyArray<readonly [Parameters<typeof stored>[0], number, string]> = [
  [[begin, by(1, "two", planned(0))], 1, "it is two's (epoch 1), but the log is one's (epoch 1)"],
  [[begin, by(2, "one", planned(0))], 1, "it is one's (epoch 2), but the log is one's (epoch 1)"],
  [[written(planned(0))], 0, `"planned" before "started"`],
  [[written(new Claimed({})), written(committed(0))], 1, `"committed" before "started"`],
  [[begin, by(1, "two", new Claimed({}))], 1, "epoch 1 was claimed after epoch 1"],
  [[begin, by(3, "two", new Claimed({})), by(2, "x", new Claimed({}))], 2, "epoch 2 was claimed after epoch 3"],
  [[begin, written(planned(1))], 1, "batch 1 is planned, the next one is 0"],
  [[begin, written(planned(0)), written(planned(0))], 2, "batch 0 is planned, the next one is 1"],
  [[begin, written(begun(0, {}))], 1, "batch 0 is not planned, or is committed"],
  [[begin, written(planned(0)), written(prepared(1))], 2, "batch 1 is not planned, or is committed"],
  [[begin, written(committed(0))], 1, "batch 0 is committed, which is not the oldest prepared one"],
  [
    [begin, written(planned(0)), written(committed(0))],
    2,
    "batch 0 is committed, which is not the oldest prepared one"
  ],
  [
    [begin, written(planned(0), planned(1)), written(prepared(0), prepared(1)), written(committed(1))],
    3,
    "batch 1 is committed, which is not the oldest prepared one"
  ],
  [
    [begin, written(planned(0), prepared(0, {}, { state: head("a") })), written(committed(0, head("b")))],
    2,
    "batch 0 is committed with state b, but left a"
  ],
  [
    [begin, written(planned(0), prepared(0)), written(committed(0, head("b")))],
    2,
    "batch 0 is committed with state b, but left none"
  ],
  [[begin, written(started({ batch: 1 }))], 1, "it restates the query at batch 1, which is not where it stands"],
  [
    [begin, written(planned(0)), written(started({ batch: 1 }))],
    2,
    "it restates the query at batch 1, which is not where it stands"
  ],
  [[begin, written(started({ state: head("a") }))], 1, "it restates the query with state a, which has none"],
  [
    [written(new Claimed({}), started({ state: head("a") })), written(started())],
    1,
    "it restates the query with state none, which has a"
  ],
  [[begin, "missing"], 1, "the record is missing"],
  [[begin, by(2, "two", new Claimed({ drops: 0 }))], 1, "it drops record 0, which is whole"],
  [[begin, torn, by(2, "two", new Claimed({}))], 1, "12 bytes where 159 were written"],
  [[begin, torn, torn], 1, "12 bytes where 159 were written"],
  [[begin, new Uint8Array(8), written(planned(0))], 1, "8 bytes, too short for a record"]
]

describe("LogState", () => {
  for (const [records, at, detail] of contradictions) {
    it(`a log that contradicts itself at record ${at}: ${detail}`, () => {
      const found = contradictionOf(records)
      const expected = detail.replace("159", String(encode(record(begin)).length - 8))
      assert.deepStrictEqual([found.at, found.detail, found.isNewer], [at, expected, false])
      const { read: before } = LogState.fold(stored(records.slice(0, at)))
      // What was said before it, and the numbers that are taken.
      assert.deepStrictEqual(found.read, { ...before, torn: undefined, next: records.length })
      assert.isTrue(Result.isFailure(LogState.fromRecords(stored(records))))
    })
  }

  it("a torn record at the end is told by its number, and changes nothing", () => {
    for (
      const bytes of [
        torn,
        new Uint8Array(8),
        new Uint8Array(),
        frame("nonsense").map((b, i) => i === 12 ? 0 : b)
      ]
    ) {
      const read = Result.getOrThrow(LogState.fromRecords(stored([begin, bytes])))
      const before = Result.getOrThrow(LogState.fromRecords(stored([begin])))
      assert.deepStrictEqual(read, { ...before, next: 2, torn: 1 })
      const after = Result.getOrThrow(
        LogState.fromRecords(stored([begin, bytes, by(2, "two", new Claimed({ drops: 1 }))]))
      )
      assert.deepStrictEqual([after.torn, after.next, after.state?.owner, after.state?.epoch], [undefined, 3, "two", 2])
    }
  })

  it("a record of a newer version is told from damage, wherever it stands", () => {
    for (const records of [[begin, newer], [begin, newer, written(planned(0))]]) {
      const { at, isNewer } = contradictionOf(records)
      assert.deepStrictEqual([at, isNewer], [1, true])
    }
    assert.isFalse(contradictionOf([begin, "missing"]).isNewer)
  })

  it("a log begins where it was last restated", () => {
    const base = (records: Parameters<typeof stored>[0], from = 0) =>
      Result.getOrThrow(LogState.fromRecords(stored(records, from))).base
    assert.strictEqual(base([begin, written(planned(0))]), 0)
    assert.strictEqual(base([begin, by(1, "one", started())]), 1)
    // A record that says something besides.
    assert.strictEqual(base([begin, by(1, "one", started(), planned(0)), written(begun(0, {}))]), 1)
    // Compacted.
    assert.strictEqual(base([begin, written(planned(0))], 40), 40)
    assert.strictEqual(base([]), 0)
    assert.deepStrictEqual(Result.getOrThrow(LogState.fromRecords([])), {
      state: undefined,
      next: 0,
      torn: undefined,
      base: 0
    })
  })

  it("an owner's claim may come with more, and others write only as who they are", () => {
    const state = stateOf([begin, by(2, "two", new Claimed({}), planned(0)), by(2, "two", begun(0, { out: "t" }))])
    assert.deepStrictEqual([state.epoch, state.owner, state.nextBatch], [2, "two", 1])
    // The claim must not hide whose the other entries are: they are those of who claims.
    assert.isTrue(Result.isFailure(LogState.fromRecords(stored([begin, by(1, "two", planned(0), new Claimed({}))]))))
  })

  it("keeps every transaction that was begun since its sink was last prepared (rule 3)", () => {
    const records = [
      begin,
      written(planned(0)),
      written(begun(0, { out: "a", other: "x" })),
      written(begun(0, { out: "b" }))
    ]
    const handles = (records: Parameters<typeof stored>[0]) =>
      Object.fromEntries(stateOf(records).unfinished[0]?.begun ?? [])
    assert.deepStrictEqual(handles(records), { out: ["a", "b"], other: ["x"] })
    assert.deepStrictEqual(handles([...records, written(prepared(0, { out: "b" }))]), { other: ["x"] })
    assert.deepStrictEqual(handles([...records, written(prepared(0, { out: null }))]), { other: ["x"] })
  })

  it("prepared is sticky: a later one replaces the sinks that it names, and no time, state or sink besides (rule 5)", () => {
    const first = prepared(0, { one: "a", two: "b" }, {
      at: 5,
      state: head("s"),
      aside: [{ partition: 0, place: 1, error: "e" }]
    })
    const records = [begin, written(planned(0)), written(first)]
    const batch = (records: Parameters<typeof stored>[0]) => {
      const { aside, head, prepared, preparedAt } = stateOf(records).unfinished[0] ?? assert.fail("no batch")
      return [Object.fromEntries(prepared ?? []), preparedAt, head?.head, aside.length]
    }
    assert.deepStrictEqual(batch(records), [{ one: output("a"), two: output("b") }, 5, "s", 1])
    assert.deepStrictEqual(batch([...records, written(prepared(0, { two: "c" }, { at: 9 }))]), [
      { one: output("a"), two: output("c") },
      5,
      "s",
      0
    ])
    assert.deepStrictEqual(batch([...records, written(prepared(0, { two: null }, { at: 9 }))])[0], { one: output("a") })
    assert.deepStrictEqual(
      batch([begin, written(planned(0)), written(prepared(0, {}, { at: 0 })), written(prepared(0, {}, { at: 9 }))]),
      [
        {},
        0,
        undefined,
        0
      ]
    )
    // Nothing is put aside before it is said.
    assert.deepStrictEqual(stateOf([begin, written(planned(0))]).unfinished[0]?.aside, [])
    // Another batch's is not touched.
    const two = stateOf([begin, written(planned(0), planned(1)), written(prepared(0, { one: "a" }))])
    assert.deepStrictEqual(two.unfinished.map(({ prepared }) => prepared?.size), [1, undefined])
  })

  it("a batch whose state is not named leaves the query's as it was", () => {
    const records = [written(new Claimed({}), started({ state: head("s") })), written(planned(0), prepared(0))]
    assert.strictEqual(stateOf([...records, written(committed(0, head("s")))]).head?.head, "s")
    assert.strictEqual(stateOf([...records, written(committed(0))]).head?.head, "s")
  })

  it("knows what each sink has committed last, that one has nothing, and that it does not know", () => {
    const of = (handle: string, batch: number) => new CommittedSink({ batch, handle, evidence: `before ${handle}` })
    const records = [
      begin,
      written(planned(0), prepared(0, { one: "a", two: "b" })),
      written(committed(0), planned(1)),
      written(prepared(1, { one: "c" })),
      written(committed(1))
    ]
    const state = stateOf(records)
    assert.deepStrictEqual(LogState.lastCommitted(state, "one"), of("c", 1))
    assert.deepStrictEqual(LogState.lastCommitted(state, "two"), of("b", 0))
    assert.isNull(LogState.lastCommitted(state, "three"))
    // As version 0.1 restated a log.
    const forgotten = stateOf([...records, written(started({ batch: 2, positions: { in: 2 } })), written(planned(2))])
    assert.isUndefined(LogState.lastCommitted(forgotten, "one"))
    assert.deepStrictEqual(forgotten.positions, { in: 3 })
    const sinks = new CommittedSinks({ isWhole: true, last: { one: of("c", 1) } })
    const restated = stateOf([...records, written(started({ batch: 2, sinks }))])
    assert.deepStrictEqual([LogState.lastCommitted(restated, "one"), LogState.lastCommitted(restated, "two")], [
      of("c", 1),
      null
    ])
    assert.isFalse(stateOf([written(new Claimed({}), started({ batch: 4 }))]).sinks.isWhole)
  })
})
