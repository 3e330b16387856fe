import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import fc from "fast-check"
import * as ReaderGroupConfig from "../../../src/core/ReaderGroupConfig.ts"
import { makeId, name } from "../../../src/core/Segment.ts"
import type { Successors } from "../../../src/core/SegmentPositions.ts"
import * as CheckpointState from "../../../src/pravega/readergroup/state/CheckpointState.ts"
import * as ReaderGroupBalance from "../../../src/pravega/readergroup/state/ReaderGroupBalance.ts"
import * as ReaderGroupState from "../../../src/pravega/readergroup/state/ReaderGroupState.ts"
import * as ReaderGroupTransition from "../../../src/pravega/readergroup/state/ReaderGroupTransition.ts"
import type { ReaderGroupUpdate } from "../../../src/pravega/readergroup/state/ReaderGroupUpdate.ts"
import * as ReaderGroupUpdateCodec from "../../../src/pravega/readergroup/state/ReaderGroupUpdateCodec.ts"
import { UpdateRefused } from "../../../src/pravega/readergroup/state/UpdateRefused.ts"

type State = ReaderGroupState.ReaderGroupState

// a stream whose two segments are merged, split in three, and merged again: number and epoch of each
const stream = { scope: "s", stream: "t" }
const shape = {
  a: { id: makeId(0, 0), after: [] },
  b: { id: makeId(1, 0), after: [] },
  merged: { id: makeId(2, 1), after: ["a", "b"] },
  left: { id: makeId(3, 2), after: ["merged"] },
  middle: { id: makeId(4, 2), after: ["merged"] },
  right: { id: makeId(5, 2), after: ["merged"] },
  last: { id: makeId(6, 3), after: ["left", "middle", "right"] }
} as const
type Node = keyof typeof shape
const nodes: ReadonlyArray<Node> = ["a", "b", "merged", "left", "middle", "right", "last"]
const nameOf = (node: Node) => name(stream, shape[node].id)
const afterOf = (node: Node): ReadonlyArray<Node> => shape[node].after
const allSegments = nodes.map(nameOf)

const successorsOf = (segment: string): Successors =>
  new Map(
    nodes.filter((node) => afterOf(node).some((before) => nameOf(before) === segment)).map((node) => [
      nameOf(node),
      { range: undefined, predecessors: new Set(afterOf(node).map((before) => shape[before].id)) }
    ])
  )

const start = ReaderGroupState.initial({
  config: ReaderGroupConfig.make({ streams: { "s/t": {} } }),
  startingSegments: new Map([
    [nameOf("a"), { offset: 0n, range: undefined }],
    [nameOf("b"), { offset: 7n, range: undefined }]
  ]),
  endSegments: new Map(),
  updatingConfig: false
})

const reader = fc.constantFrom("r1", "r2", "r3")
const checkpoint = fc.constantFrom("c1", "c2", "c3", "c4_SILENT_")
const segment = fc.constantFrom(...allSegments)
const offset = fc.bigInt({ min: -1n, max: 1000n })
const positions = fc.array(fc.tuple(segment, offset), { maxLength: 3 }).map((entries) => new Map(entries))

/** Updates of any reader at any time: many of them are not allowed where they come. */
const update: fc.Arbitrary<ReaderGroupUpdate> = fc.oneof(
  { weight: 3, arbitrary: reader.map((reader) => ({ _tag: "AddReader" as const, reader })) },
  {
    weight: 1,
    arbitrary: fc.tuple(reader, positions).map(([reader, positions]) => ({
      _tag: "RemoveReader" as const,
      reader,
      positions
    }))
  },
  {
    weight: 2,
    arbitrary: fc.tuple(reader, segment, offset).map(([reader, segment, offset]) => ({
      _tag: "ReleaseSegment" as const,
      reader,
      segment,
      offset
    }))
  },
  {
    weight: 12,
    arbitrary: fc.tuple(reader, segment).map(([reader, segment]) => ({
      _tag: "AcquireSegment" as const,
      reader,
      segment
    }))
  },
  {
    weight: 8,
    arbitrary: fc.tuple(reader, segment).map(([reader, segment]) => ({
      _tag: "SegmentCompleted" as const,
      reader,
      segment,
      range: undefined,
      successors: successorsOf(segment)
    }))
  },
  {
    weight: 2,
    arbitrary: fc.tuple(reader, fc.bigInt({ min: 0n, max: 90_000n }), positions).map((
      [reader, distance, positions]
    ) => ({
      _tag: "UpdateDistanceToTail" as const,
      reader,
      distance,
      lastRead: new Map(Array.from(positions, ([segment, offset]) => [segment, { offset, range: undefined }]))
    }))
  },
  {
    weight: 4,
    arbitrary: fc.tuple(checkpoint, reader, positions).map(([checkpoint, reader, positions]) => ({
      _tag: "CheckpointReader" as const,
      checkpoint,
      reader,
      positions
    }))
  },
  { weight: 2, arbitrary: checkpoint.map((checkpoint) => ({ _tag: "CreateCheckpoint" as const, checkpoint })) },
  { weight: 1, arbitrary: checkpoint.map((checkpoint) => ({ _tag: "ClearCheckpointsBefore" as const, checkpoint })) },
  { weight: 1, arbitrary: fc.constant({ _tag: "RemoveOutstandingCheckpoints" as const }) }
)

/** Where a segment is: the places that hold it. */
const placesOf = (state: State, segment: string): ReadonlyArray<string> => [
  ...(state.unassigned.has(segment) ? ["unassigned"] : []),
  ...(state.future.has(segment) ? ["future"] : []),
  ...Array.from(state.assigned).filter(([, owned]) => owned.has(segment)).map(([reader]) => reader)
]

interface Step {
  readonly before: State
  readonly update: ReaderGroupUpdate
  readonly applied: Result.Result<State, UpdateRefused>
  /** The state afterwards: unchanged if the update wasn't allowed. */
  readonly after: State
  readonly completed: ReadonlySet<string>
}

const play = (updates: ReadonlyArray<ReaderGroupUpdate>): ReadonlyArray<Step> => {
  let before = start
  let completed: ReadonlySet<string> = new Set()
  return updates.map((update) => {
    const applied = ReaderGroupTransition.apply(before, update)
    if (Result.isSuccess(applied) && update._tag === "SegmentCompleted") {
      completed = new Set(completed).add(update.segment)
    }
    const after = Result.getOrElse(applied, () => before)
    const step = { before, update, applied, after, completed }
    before = after
    return step
  })
}

const history = fc.array(update, { minLength: 20, maxLength: 150 })

describe("whatever the members of a group do", () => {
  it("each segment is in one place, or completed, or not reached yet", () => {
    fc.assert(fc.property(history, (updates) => {
      for (const { after, completed } of play(updates)) {
        for (const node of nodes) {
          const places = placesOf(after, nameOf(node))
          const before = afterOf(node).map(nameOf)
          const reached = before.length === 0 || before.some((segment) => completed.has(segment))
          assert.strictEqual(places.length, reached && !completed.has(nameOf(node)) ? 1 : 0)
        }
      }
    }))
  })

  it("a segment can be read only when all its predecessors are completed", () => {
    fc.assert(fc.property(history, (updates) => {
      for (const { after, completed } of play(updates)) {
        for (const node of nodes) {
          const places = placesOf(after, nameOf(node))
          const waits = afterOf(node).some((before) => !completed.has(nameOf(before)))
          assert.strictEqual(places.includes("future"), waits && places.length > 0)
        }
      }
    }))
  })

  it("an update is allowed or fails with a typed error, and never changes the state it was applied to", () => {
    fc.assert(fc.property(history, (updates) => {
      for (const { applied, before, update } of play(updates)) {
        const copy = structuredClone({ ...before, config: undefined })
        ReaderGroupTransition.apply(before, update)
        assert.deepStrictEqual({ ...before, config: undefined }, copy)
        if (Result.isFailure(applied)) assert.instanceOf(applied.failure, UpdateRefused)
      }
    }))
  })

  it("only the online have segments, and checkpoints wait only for the online", () => {
    fc.assert(fc.property(history, (updates) => {
      for (const { after: state } of play(updates)) {
        for (const [checkpoint, waiting] of state.checkpoints.pending) {
          assert.isAbove(waiting.length, 0)
          assert.isTrue(state.checkpoints.positions.has(checkpoint))
          for (const reader of waiting) assert.isTrue(ReaderGroupState.isOnline(state, reader))
        }
        for (const { offset } of state.lastRead.values()) assert.isAtLeast(Number(offset), -1)
        assert.isTrue([...state.distanceToTail.values()].every((distance) => distance >= 30_000n))
      }
    }))
  })

  it("every reader sees the same state after a compaction as without it", () => {
    fc.assert(fc.property(history, history, (first, second) => {
      const state = play(first).at(-1)?.after ?? start
      const bytes = ReaderGroupUpdateCodec.toBytes({ _tag: "CompactReaderGroupState", state })
      const compacted = Result.getOrThrow(
        ReaderGroupTransition.apply(undefined, Result.getOrThrow(ReaderGroupUpdateCodec.fromBytes(bytes)))
      )
      const goOn = (from: State) =>
        second.reduce(
          (state, update) => Result.getOrElse(ReaderGroupTransition.apply(state, update), () => state),
          from
        )
      assert.deepStrictEqual(positionless(goOn(compacted)), positionless(goOn(state)))
    }))
  })

  it("the ranking is a permutation of the online readers, and everybody acquires a fair share", () => {
    fc.assert(fc.property(history, (updates) => {
      for (const { after: state } of play(updates)) {
        const online = Array.from(state.assigned.keys())
        const places = online.map((reader) => ReaderGroupBalance.ranking(state, reader))
        assert.deepStrictEqual(new Set(places), new Set(online.keys()))
        for (const reader of online) {
          const count = ReaderGroupBalance.segmentsToAcquire(state, reader)
          assert.isAtMost(count, state.unassigned.size)
          assert.strictEqual(count > 0, state.unassigned.size > 0)
        }
      }
    }))
  })
})

/** The binary form has one form for no last checkpoint and for one without segments. */
const positionless = (state: State): State => ({
  ...state,
  checkpoints: {
    ...state.checkpoints,
    lastPositions: state.checkpoints.lastPositions?.size === 0 ? undefined : state.checkpoints.lastPositions
  }
})

describe("checkpoints", () => {
  const joined = (readers: ReadonlyArray<string>): State =>
    readers.reduce(
      (state, reader) => Result.getOrThrow(ReaderGroupTransition.apply(state, { _tag: "AddReader", reader })),
      start
    )

  it("hold each reader's answer and the unassigned segments, and the last answer completes them", () => {
    const answer = (reader: string, node: Node, offset: bigint): ReaderGroupUpdate => ({
      _tag: "CheckpointReader",
      checkpoint: "cp",
      reader,
      positions: new Map([[nameOf(node), offset]])
    })
    const before = Result.getOrThrow(ReaderGroupTransition.applyAll(joined(["r1", "r2"]), [
      { _tag: "AcquireSegment", reader: "r1", segment: nameOf("a") },
      { _tag: "CreateCheckpoint", checkpoint: "cp" },
      answer("r1", "a", 5n)
    ]))!
    assert.isUndefined(CheckpointState.completedPositions(before.checkpoints, "cp"))
    assert.strictEqual(CheckpointState.nextFor(before.checkpoints, "r2"), "cp")
    const after = Result.getOrThrow(
      ReaderGroupTransition.apply(before, {
        _tag: "CheckpointReader",
        checkpoint: "cp",
        reader: "r2",
        positions: new Map()
      })
    )
    assert.deepStrictEqual(
      CheckpointState.completedPositions(after.checkpoints, "cp"),
      new Map([[nameOf("a"), 5n], [nameOf("b"), 7n]])
    )
    assert.strictEqual(after.assigned.get("r1")?.get(nameOf("a"))?.offset, 5n)
    assert.isFalse(after.checkpoints.lastPublished)
    const twice = ReaderGroupTransition.apply(before, answer("r1", "a", 9n))
    assert.strictEqual(Result.isFailure(twice) && twice.failure.reason._tag, "AlreadyCheckpointed")
  })

  it("are limited in number, silent ones not", () => {
    const full = ["c1", "c2", "c3"].reduce(
      (state, checkpoint) =>
        Result.getOrThrow(ReaderGroupTransition.apply(state, { _tag: "CreateCheckpoint", checkpoint })),
      joined(["r1"])
    )
    assert.isFalse(ReaderGroupState.mayCheckpoint(full, "c4"))
    assert.isTrue(ReaderGroupState.mayCheckpoint(full, "c4_SILENT_"))
    assert.isTrue(ReaderGroupState.mayCheckpoint(joined(["r1"]), "c4"))
  })
})

describe("before the first initial state", () => {
  it("nothing else is allowed", () => {
    fc.assert(fc.property(update, (update) => {
      const applied = ReaderGroupTransition.apply(undefined, update)
      assert.strictEqual(Result.isFailure(applied) && applied.failure.reason._tag, "NotInitialized")
    }))
  })

  it("a group without segments is refused", () => {
    const applied = ReaderGroupTransition.apply(undefined, {
      _tag: "ReaderGroupStateInit",
      config: start.config,
      startingSegments: new Map(),
      endSegments: new Map(),
      updatingConfig: false
    })
    assert.strictEqual(Result.isFailure(applied) && applied.failure.reason._tag, "NoStartingSegments")
  })
})
