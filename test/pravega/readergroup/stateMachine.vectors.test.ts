import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as CheckpointState from "../../../src/pravega/readergroup/CheckpointState.ts"
import * as ReaderGroupBalance from "../../../src/pravega/readergroup/ReaderGroupBalance.ts"
import * as ReaderGroupState from "../../../src/pravega/readergroup/ReaderGroupState.ts"
import * as ReaderGroupTransition from "../../../src/pravega/readergroup/ReaderGroupTransition.ts"
import * as ReaderGroupUpdateCodec from "../../../src/pravega/readergroup/ReaderGroupUpdateCodec.ts"
import * as Vectors from "./ReaderGroupVectors.ts"

type After = (typeof Vectors.traces)[number]["steps"][number][1]["after"]

/** Order does not count, but where the vectors name it. */
const unordered = <A>(map: Iterable<readonly [string, A]>) => new Map(Array.from(map).toSorted(byKey))
const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => a < b ? -1 : a > b ? 1 : 0
const orNothing = <A>(value: A | null): A | undefined => value ?? undefined

const assertState = (state: ReaderGroupState.ReaderGroupState, after: After) => {
  const { checkpoints } = state
  assert.deepStrictEqual(Array.from(state.assigned.keys()).toSorted(), Object.keys(after.readers).toSorted())
  const sizes = ReaderGroupBalance.relativeSizes(state)
  for (const [reader, expected] of Object.entries(after.readers)) {
    assert.deepStrictEqual(unordered(state.assigned.get(reader) ?? []), unordered(Vectors.toRanged(expected.assigned)))
    assert.strictEqual(sizes.get(reader), expected.relativeSize)
    assert.strictEqual(CheckpointState.nextFor(checkpoints, reader), orNothing(expected.nextCheckpoint))
  }
  assert.deepStrictEqual(Array.from(state.unassigned), Array.from(Vectors.toRanged(after.unassignedInOrder)))
  const future = after.futureSegments.map((segment) => ({ ...segment, predecessors: segment.requiredPredecessors }))
  assert.deepStrictEqual(unordered(state.future), unordered(Vectors.toSuccessors(future)))
  assert.deepStrictEqual(unordered(state.lastRead), unordered(Vectors.toRanged(after.lastReadPositions)))
  assert.deepStrictEqual(unordered(state.distanceToTail), unordered(Object.entries(after.distanceToTail)))
  assert.strictEqual(ReaderGroupState.isEndOfData(state), after.isEndOfData)
  assert.strictEqual(ReaderGroupState.numberOfSegments(state), after.numberOfSegments)
  assert.strictEqual(state.updatingConfig, after.updatingConfig)
  assert.strictEqual(state.config.generation, after.generation)
  assertCheckpoints(checkpoints, after)
}

const assertCheckpoints = (state: CheckpointState.CheckpointState, after: After) => {
  assert.deepStrictEqual(state.checkpoints, after.checkpoints.map(({ id }) => id))
  for (const { complete, id, positionsIfComplete, silent } of after.checkpoints) {
    assert.strictEqual(CheckpointState.isSilent(id), silent)
    assert.strictEqual(CheckpointState.isComplete(state, id), complete)
    assertPositions(CheckpointState.completedPositions(state, id), positionsIfComplete)
  }
  assert.deepStrictEqual(CheckpointState.outstanding(state), after.outstandingCheckpoints)
  assert.strictEqual(CheckpointState.isOngoing(state), after.hasOngoingCheckpoint)
  assertPositions(state.lastPositions, after.lastCheckpointPosition)
  assert.strictEqual(state.lastPublished, after.lastCheckpointPublished)
}

const assertPositions = (
  positions: ReadonlyMap<string, bigint> | undefined,
  expected: Parameters<typeof Vectors.toPositions>[0] | null
) =>
  assert.deepStrictEqual(
    positions && unordered(positions),
    expected === null ? undefined : unordered(Vectors.toPositions(expected))
  )

describe("a reader group's state after each update is Java's", () => {
  for (const { name, steps } of Vectors.traces) {
    it(`trace ${name}`, () => {
      assert.isAbove(steps.length, 0)
      let state: ReaderGroupState.ReaderGroupState | undefined
      for (const [update, { after, bytesHex, error }] of steps) {
        const read = Result.getOrThrow(ReaderGroupUpdateCodec.fromBytes(bytesHex))
        assert.deepStrictEqual(read, Vectors.toUpdate(update))
        const applied = ReaderGroupTransition.apply(state, read)
        assert.strictEqual(Result.isFailure(applied), error !== null, `${read._tag}: ${error}`)
        if (Result.isSuccess(applied)) state = applied.success
        if (state === undefined) throw new Error("the trace starts with no initial state")
        assertState(state, after)
      }
    })
  }
})

describe("what a reader releases first", () => {
  it("is the segment with the largest hash, seeded with the reader's id", () => {
    assert.isAbove(Vectors.releaseOrders.length, 0)
    for (const { owned, readerId, releasedFirst } of Vectors.releaseOrders) {
      for (const { position, segment } of owned) {
        assert.strictEqual(ReaderGroupBalance.releasePosition(readerId, segment), position)
      }
      assert.strictEqual(
        ReaderGroupBalance.releaseOrder(readerId, owned.map(({ segment }) => segment))[0],
        releasedFirst
      )
    }
  })
})
