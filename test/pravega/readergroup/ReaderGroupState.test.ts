import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as ReaderGroupConfig from "../../../src/core/ReaderGroupConfig.ts"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import { makeId } from "../../../src/core/Segment.ts"
import { StreamCut } from "../../../src/core/StreamCut.ts"
import * as ReaderGroupBalance from "../../../src/pravega/readergroup/state/ReaderGroupBalance.ts"
import * as ReaderGroupState from "../../../src/pravega/readergroup/state/ReaderGroupState.ts"
import * as ReaderGroupTransition from "../../../src/pravega/readergroup/state/ReaderGroupTransition.ts"
import * as SynchronizerEntry from "../../../src/pravega/readergroup/state/SynchronizerEntry.ts"

const cut = (stream: string, ...positions: ReadonlyArray<readonly [number, bigint]>): StreamCut =>
  new StreamCut({
    stream: ScopedStream.fromTextUnsafe(stream),
    positions: new Map(positions.map(([number, offset]) => [makeId(number, 0), offset]))
  })

describe("a reader group's configuration", () => {
  it("has Java's defaults, and none of the controller's numbers", () => {
    const config = ReaderGroupConfig.make({ streams: { "s/t": {} } })
    assert.deepStrictEqual(config.startingStreamCuts, new Map([["s/t", "unbounded" as const]]))
    assert.deepStrictEqual(config.endingStreamCuts, new Map([["s/t", "unbounded" as const]]))
    assert.strictEqual(Duration.toMillis(config.groupRefreshTime), 3000)
    assert.strictEqual(Duration.toMillis(config.automaticCheckpointInterval ?? 0), 30_000)
    assert.deepStrictEqual(
      [config.maxOutstandingCheckpoints, config.retention, config.generation],
      [3, "none", -1n]
    )
    assert.isUndefined(
      ReaderGroupConfig.make({ streams: {}, automaticCheckpoints: "off" }).automaticCheckpointInterval
    )
  })

  it("survives JSON", () => {
    const config = ReaderGroupConfig.make({ streams: { "s/t": { start: cut("s/t", [0, 5n]) } }, retention: "manual" })
    const json = Schema.fromJsonString(Schema.toCodecJson(ReaderGroupConfig.ReaderGroupConfig))
    assert.deepStrictEqual(Schema.decodeSync(json)(Schema.encodeSync(json)(config)), config)
  })
})

describe("a new group", () => {
  it("starts at its cuts, or at the heads of its streams, and ends at its ending cuts", () => {
    const config = ReaderGroupConfig.make({
      streams: {
        "s/t": { start: cut("s/t", [0, 5n], [1, 6n]), end: cut("s/t", [0, 100n], [1, -1n]) },
        "s/u": {}
      }
    })
    const start = ReaderGroupState.start(config, [cut("s/t", [0, 0n]), cut("s/u", [3, 9n])])
    assert.deepStrictEqual(
      start.startingSegments,
      new Map(
        [["s/t/0.#epoch.0", 5n], ["s/t/1.#epoch.0", 6n], ["s/u/3.#epoch.0", 9n]].map(([segment, offset]) =>
          [String(segment), { offset: BigInt(offset!), range: undefined }] as const
        )
      )
    )
    assert.deepStrictEqual(
      start.endSegments,
      new Map([["s/t/0.#epoch.0", 100n], ["s/t/1.#epoch.0", (1n << 63n) - 1n]])
    )
    const state = ReaderGroupState.initial(start)
    assert.strictEqual(ReaderGroupState.numberOfSegments(state), 3)
    assert.deepStrictEqual(
      [...ReaderGroupState.ofStream(ReaderGroupState.positions(state), ScopedStream.fromTextUnsafe("s/u")).keys()],
      ["s/u/3.#epoch.0"]
    )
  })
})

describe("sharing segments out", () => {
  const group = (segments: number, readers: ReadonlyArray<string>) => {
    const head = cut("s/t", ...Array.from({ length: segments }, (_, number) => [number, 0n] as const))
    const config = ReaderGroupConfig.make({ streams: { "s/t": {} } })
    return Result.getOrThrow(ReaderGroupTransition.applyAll(
      ReaderGroupState.initial(ReaderGroupState.start(config, [head])),
      readers.flatMap((reader) => [
        { _tag: "AddReader", reader } as const,
        { _tag: "UpdateDistanceToTail", reader, distance: 0n, lastRead: new Map() } as const
      ])
    ))!
  }
  const acquire = (reader: string, numbers: ReadonlyArray<number>) =>
    numbers.map((number) => ({ _tag: "AcquireSegment", reader, segment: `s/t/${number}.#epoch.0` }) as const)

  it("a reader takes its fair share, one at least", () => {
    assert.strictEqual(ReaderGroupBalance.segmentsToAcquire(group(10, ["r1", "r2", "r3"]), "r1"), 3)
    assert.strictEqual(ReaderGroupBalance.segmentsToAcquire(group(1, ["r1", "r2", "r3"]), "r1"), 1)
    assert.strictEqual(ReaderGroupBalance.segmentsToAcquire(group(10, ["r1"]), "stranger"), 0)
  })

  it("a reader gives up only what is more than a segment above the smallest share", () => {
    const of = (...counts: ReadonlyArray<number>) => {
      const readers = counts.map((_, i) => `r${i}`)
      let next = 0
      const updates = counts.flatMap((count, i) => acquire(`r${i}`, Array.from({ length: count }, () => next++)))
      return Result.getOrThrow(ReaderGroupTransition.applyAll(group(next, readers), updates))!
    }
    assert.isTrue(ReaderGroupBalance.ownsTooMuch(of(3, 1), "r0"))
    assert.isFalse(ReaderGroupBalance.ownsTooMuch(of(2, 1), "r0"))
    assert.isFalse(ReaderGroupBalance.ownsTooMuch(of(1, 0), "r0"))
    assert.isTrue(ReaderGroupBalance.ownsTooMuch(of(2, 0), "r0"))
    assert.isFalse(ReaderGroupBalance.ownsTooMuch(of(3, 1), "r1"))
  })
})

describe("replaying", () => {
  const head = cut("s/t", [0, 0n])
  const init = {
    _tag: "Init",
    init: {
      _tag: "ReaderGroupStateInit",
      ...ReaderGroupState.start(ReaderGroupConfig.make({ streams: { "s/t": {} } }), [head])
    }
  } as const
  const joins = (reader: string) => ({ _tag: "Updates", updates: [{ _tag: "AddReader", reader }] }) as const
  const replay = (...entries: ReadonlyArray<SynchronizerEntry.SynchronizerEntry>) =>
    entries.reduce<ReaderGroupState.ReaderGroupState | undefined>(
      (state, entry) => Result.getOrThrow(SynchronizerEntry.replay(state, entry)),
      undefined
    )

  it("skips updates before the first initial state", () => {
    assert.isUndefined(replay(joins("r1")))
    assert.deepStrictEqual([...(replay(joins("r1"), init, joins("r2"))?.assigned.keys() ?? [])], ["r2"])
  })

  it("starts afresh with each initial state: all readers are offline", () => {
    assert.strictEqual(replay(init, joins("r1"), init)?.assigned.size, 0)
  })
})
