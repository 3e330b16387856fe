import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as CheckpointState from "../../../src/pravega/readergroup/state/CheckpointState.ts"
import * as ReaderGroupBalance from "../../../src/pravega/readergroup/state/ReaderGroupBalance.ts"
import * as ReaderGroupState from "../../../src/pravega/readergroup/state/ReaderGroupState.ts"
import * as ReaderGroupTransition from "../../../src/pravega/readergroup/state/ReaderGroupTransition.ts"
import * as ReaderGroupUpdateCodec from "../../../src/pravega/readergroup/state/ReaderGroupUpdateCodec.ts"
import * as Vectors from "./ReaderGroupVectors.ts"

type Step = (typeof Vectors.traces)[number]["steps"][number][1]
type After = Step["after"]

/** Order does not count, but where the vectors name it. */
const unordered = <A>(map: Iterable<readonly [string, A]>) => new Map(Array.from(map).toSorted(byKey))
const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => a < b ? -1 : a > b ? 1 : 0
const orNothing = <A>(value: A | null): A | undefined => value ?? undefined

/** By segment: when it became unassigned. Those that did so at the same time have no order between them. */
type Arrivals = ReadonlyMap<string, string>

/** An initial state has an order of its own; where one update frees several segments, Java's hash order decides. */
const arrivalsAfter = (before: Arrivals, step: number, kind: string, { after, byteExact }: Step): Arrivals => {
  const isInit = kind === "ReaderGroupStateInit"
  return new Map(after.unassignedInOrder.map(({ segment }, i) => {
    const arrival = isInit && byteExact ? `${step}, ${i}` : `${step}`
    return [segment, isInit ? arrival : before.get(segment) ?? arrival]
  }))
}

const assertState = (state: ReaderGroupState.ReaderGroupState, after: After, arrivals: Arrivals) => {
  const { checkpoints } = state
  assert.deepStrictEqual(Array.from(state.assigned.keys()).toSorted(), Object.keys(after.readers).toSorted())
  const sizes = ReaderGroupBalance.relativeSizes(state)
  for (const [reader, expected] of Object.entries(after.readers)) {
    assert.deepStrictEqual(unordered(state.assigned.get(reader) ?? []), unordered(Vectors.toRanged(expected.assigned)))
    assert.strictEqual(sizes.get(reader), expected.relativeSize)
    assert.strictEqual(CheckpointState.nextFor(checkpoints, reader), orNothing(expected.nextCheckpoint))
  }
  assert.deepStrictEqual(unordered(state.unassigned), unordered(Vectors.toRanged(after.unassignedInOrder)))
  assert.deepStrictEqual(
    Array.from(state.unassigned.keys(), (segment) => arrivals.get(segment)),
    after.unassignedInOrder.map(({ segment }) => arrivals.get(segment))
  )
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

const bitsOf = (value: number): string => {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  return view.getBigUint64(0).toString(16).padStart(16, "0")
}

describe("a reader group's state after each update is Java's", () => {
  for (const { name, steps } of Vectors.traces) {
    it(`trace ${name}`, () => {
      assert.isAbove(steps.length, 0)
      let state: ReaderGroupState.ReaderGroupState | undefined
      let arrivals: Arrivals = new Map()
      for (const [i, [update, step]] of steps.entries()) {
        const { after, byteExact, bytesHex, error } = step
        const read = Result.getOrThrow(ReaderGroupUpdateCodec.fromBytes(bytesHex))
        assert.deepStrictEqual(read, Vectors.toUpdate(update))
        const applied = ReaderGroupTransition.apply(state, read)
        assert.strictEqual(Result.isFailure(applied), error !== null, `${read._tag}: ${error}`)
        if (Result.isSuccess(applied)) state = applied.success
        if (state === undefined) throw new Error("the trace starts with no initial state")
        arrivals = arrivalsAfter(arrivals, i, read._tag, step)
        assertState(state, after, arrivals)
        const written = Buffer.from(ReaderGroupUpdateCodec.toBytes(read))
        assert.strictEqual(written.length, bytesHex.length)
        if (byteExact) assert.isTrue(written.equals(bytesHex), read._tag)
      }
    })
  }
})

describe("what a reader releases first", () => {
  it("is the segment with the largest hash, seeded with the reader's id", () => {
    assert.isAbove(Vectors.releaseOrders.length, 0)
    for (const { owned, readerId, releasedFirst } of Vectors.releaseOrders) {
      for (const { position, positionBits, segment } of owned) {
        assert.strictEqual(bitsOf(position), positionBits)
        assert.strictEqual(ReaderGroupBalance.releasePosition(readerId, segment), position)
      }
      assert.strictEqual(
        ReaderGroupBalance.releaseOrder(readerId, owned.map(({ segment }) => segment))[0],
        releasedFirst
      )
    }
  })
})
