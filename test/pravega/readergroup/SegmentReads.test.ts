/** What a reader of a group hands out of its segments, and what it keeps back: given up, taken up again, and failed. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Pull, type Scope } from "effect"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import * as Segment from "../../../src/core/Segment.ts"
import * as TimeWindow from "../../../src/core/TimeWindow.ts"
import { readMinimum } from "../../../src/pravega/read/ReadBudget.ts"
import * as SegmentReads from "../../../src/pravega/readergroup/member/SegmentReads.ts"
import { MembershipLost, ReaderGroupError } from "../../../src/pravega/readergroup/ReaderGroupError.ts"
import { FakeStore, framed } from "../FakeStore.ts"

const stream = ScopedStream.fromTextUnsafe("scope/stream")
const eventBytes = 8 + 100

/** A stream of some segments, each with as many events, and its reader. */
const open = Effect.fnUntraced(function*(
  delivery: "merged" | "apart",
  { events, readAhead = 1, segments }: {
    readonly segments: number
    readonly events: number
    readonly readAhead?: number
  }
): Effect.fn.Return<
  {
    readonly store: FakeStore
    readonly reads: SegmentReads.SegmentReads
    readonly names: ReadonlyArray<string>
  },
  never,
  Scope.Scope
> {
  const store = new FakeStore(1)
  const ids = Array.from({ length: segments }, (_, i) => Segment.makeId(i, 0))
  for (const id of ids) {
    store.segment(stream, id).append(framed(Array.from({ length: events }, () => new Uint8Array(100))))
  }
  const reads = yield* SegmentReads.make(
    { readAhead, maxEventSize: 1000, onTruncated: "fail", delivery },
    {
      segments: store.service,
      scope: yield* Effect.scope,
      windowOf: () => TimeWindow.unknown,
      verify: () => Effect.void,
      onIdle: () => {}
    }
  )
  return { store, reads, names: ids.map((id) => Segment.name(stream, id)) }
})

/** Until every fiber waits: nothing here waits for a clock. */
const settled = Effect.replicateEffect(Effect.yieldNow, 5000, { discard: true })

const start = { offset: 0n, range: undefined }

const lost = Cause.fail(
  new ReaderGroupError({ reason: new MembershipLost({ group: "scope/group", reader: "reader" }) })
)

/** Takes what there is of a partition or of all segments until its end, which is at `length`. */
const rest = Effect.fnUntraced(function*(
  pull: Pull.Pull<SegmentReads.Delivery, SegmentReads.Failure>,
  from: bigint,
  length: number
) {
  let at = from
  while (at < BigInt(length)) {
    const { chunk } = yield* pull
    assert.strictEqual(chunk.startOffset, at, "nothing is left out, and nothing comes twice")
    at = chunk.endOffset
  }
})

describe("SegmentReads", () => {
  const events = 12_000
  const length = events * eventBytes

  it.effect("a segment that is taken up again goes on where it was processed, without what was read before", () =>
    Effect.gen(function*() {
      const { names: [name], reads } = yield* open("merged", { segments: 1, events })
      yield* reads.own(name!, start, undefined)
      const { chunk, run } = yield* reads.pull
      // the next chunk waits to be taken
      yield* settled
      const owned = reads.owned.get(name!)!
      yield* reads.stopReading(owned)
      run.group!.acknowledge(chunk.endOffset)
      yield* reads.resume(owned)
      yield* rest(reads.pull, chunk.endOffset, length)
    }))

  it.effect("a partition that is taken up again comes as another one, and the old one ends", () =>
    Effect.gen(function*() {
      const { names: [name], reads } = yield* open("apart", { segments: 1, events })
      yield* reads.own(name!, start, undefined)
      const first = yield* reads.nextPartition
      const { chunk, run } = yield* first.pull
      yield* settled
      yield* reads.stopReading(first.owned)
      run.group!.acknowledge(chunk.endOffset)
      yield* reads.resume(first.owned)
      const second = yield* reads.nextPartition
      assert.isTrue(yield* Pull.catchDone(Effect.as(first.pull, false), () => Effect.succeed(true)), "it has no more")
      yield* rest(second.pull, chunk.endOffset, length)
    }))

  it.effect("a segment that was taken over as read to its end is that in every position", () =>
    Effect.gen(function*() {
      const { names: [read, name], reads } = yield* open("merged", { segments: 2, events: 10 })
      yield* reads.own(read!, { offset: -1n, range: undefined }, undefined)
      yield* reads.own(name!, start, undefined)
      const { chunk, run } = yield* reads.pull
      const position = run.group!.position(chunk.endOffset)
      assert.deepStrictEqual(position.segments.map(({ offset }) => offset), [-1n, BigInt(10 * eventBytes)])
      assert.deepStrictEqual(reads.positions(), new Map([[read!, -1n], [name!, 0n]]))
      run.group!.acknowledge(chunk.endOffset)
      assert.isTrue(reads.owned.get(read!)!.isFinished)
    }))

  for (const delivery of ["merged", "apart"] as const) {
    it.effect(`a failure comes before anything that was read already, and nothing is read after it: ${delivery}`, () =>
      Effect.gen(function*() {
        const { names, reads, store } = yield* open(delivery, { segments: 2, events })
        let furthest = 0
        store.onRead = (offset) => {
          furthest = Math.max(furthest, offset)
        }
        for (const name of names) yield* reads.own(name, start, undefined)
        const pull = delivery === "merged" ? reads.pull : (yield* reads.nextPartition).pull
        yield* pull
        yield* settled
        yield* reads.fail(lost)
        const exit = yield* Effect.exit(pull)
        assert.deepStrictEqual(exit, Exit.failCause(lost))
        yield* settled
        assert.isBelow(furthest, length / 2)
      }))
  }

  for (const delivery of ["merged", "apart"] as const) {
    it.effect(`what nobody takes is within the budget, however many segments there are: ${delivery}`, () =>
      Effect.gen(function*() {
        const readAhead = 256 * 1024
        const count = 50
        const { names, reads, store } = yield* open(delivery, { segments: count, events: 400, readAhead })
        for (const name of names) yield* reads.own(name, start, undefined)
        yield* settled
        assert.isAbove(store.answered, readAhead / 2)
        // in one queue for all there may be one chunk besides
        assert.isAtMost(store.answered, readAhead + (count + 1) * readMinimum)
      }))
  }
})
