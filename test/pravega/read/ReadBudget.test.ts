/** What segments that are read at the same time may keep together, counted in bytes: by the budget, and by who reads. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Pull } from "effect"
import fc from "fast-check"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import * as Segment from "../../../src/core/Segment.ts"
import { ReadBudget, readMinimum, type Share } from "../../../src/pravega/read/ReadBudget.ts"
import * as SegmentRangeReader from "../../../src/pravega/read/SegmentRangeReader.ts"
import { FakeStore, framed } from "../FakeStore.ts"

const stream = ScopedStream.fromTextUnsafe("scope/stream")
const kib = 1024

/** A reader as `SegmentRangeReader` is one, without segments. */
class Reader {
  readonly share: Share
  readonly asked: Array<number> = []
  taken = 0
  poll: number | undefined = undefined

  constructor(budget: ReadBudget) {
    this.share = budget.join()
  }

  ask(): number {
    if (this.poll !== undefined) return 0
    this.share.hold(-this.taken)
    this.taken = 0
    const size = this.share.next(this.asked.reduce((sum, other) => sum + other, 0))
    if (size > 0) this.asked.push(size)
    this.share.hold(size)
    return size
  }

  take(): void {
    this.share.hold(-this.taken)
    this.taken = this.poll ?? this.asked.shift() ?? 0
    if (this.poll === undefined) return
    this.share.hold(this.taken)
    this.share.stopWaiting()
    this.poll = undefined
  }

  wait(): void {
    if (this.poll === undefined && this.asked.length === 0) this.poll = this.share.wait()
  }
}

describe("ReadBudget", () => {
  it("gives out no more than it has, and a little for each", () =>
    fc.assert(fc.property(
      fc.integer({ min: 1, max: 4096 * kib }),
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.tuple(fc.nat(), fc.constantFrom("ask", "take", "wait", "leave")), { maxLength: 400 }),
      (bytes, count, steps) => {
        const budget = new ReadBudget(bytes)
        const readers = Array.from({ length: count }, () => new Reader(budget))
        const gone = new Set<Reader>()
        for (const [at, step] of steps) {
          const reader = readers[at % count]!
          if (gone.has(reader)) continue
          if (step === "leave") {
            reader.share.leave()
            gone.add(reader)
          } else if (step === "ask" && reader.asked.length === 0 && reader.poll === undefined) {
            assert.isAtLeast(reader.ask(), readMinimum, "who has nothing may ask for a little")
          } else reader[step]()
          const polls = readers.reduce((sum, { poll }) => sum + (poll ?? 0), 0)
          // what waits at tails was measured out when there were fewer, at worst: half of the budget for each who came first
          assert.isAtMost(budget.used, bytes + count * readMinimum + polls)
        }
        for (const reader of readers) reader.share.leave()
        assert.strictEqual(budget.used, 0)
      }
    )))

  it("one that reads among a thousand that wait has half of it", () => {
    const budget = new ReadBudget(8192 * kib)
    const waiting = Array.from({ length: 1000 }, () => new Reader(budget))
    for (const reader of waiting) reader.wait()
    const late = waiting.slice(500).reduce((sum, { poll }) => sum + (poll ?? 0), 0)
    assert.isAtMost(late, 500 * readMinimum)
    const reader = new Reader(budget)
    while (reader.ask() > 0);
    assert.strictEqual(budget.used, 4096 * kib)
  })

  it("few have as much as if each had its own", () => {
    for (const [count, size, requests] of [[1, 512, 16], [4, 512, 4], [16, 256, 2]] as const) {
      const budget = new ReadBudget(8192 * kib)
      const readers = Array.from({ length: count }, () => new Reader(budget))
      for (const reader of readers) while (reader.ask() > 0);
      assert.deepStrictEqual(
        readers.map(({ asked }) => asked),
        readers.map(() => Array.from({ length: requests }, () => size * kib))
      )
    }
  })
})

const segmentsOf = (count: number, events: number) => {
  const store = new FakeStore(1)
  const ids = Array.from({ length: count }, (_, i) => Segment.makeId(i, 0))
  const bytes = framed(Array.from({ length: events }, () => new Uint8Array(4 * kib - 8)))
  for (const id of ids) store.segment(stream, id).append(bytes)
  return { store, ids }
}

const reader = (store: FakeStore, id: Segment.SegmentId, sizes: ReadBudget, to: "tail" | "end") =>
  SegmentRangeReader.make(store.service, {
    segment: { stream, id },
    from: 0n,
    to,
    sizes,
    maxEventSize: 8 * kib,
    onTruncated: "fail"
  })

describe("SegmentRangeReader with a budget", () => {
  it.effect("many segments together ask for no more than it and a little for each, and each is read", () =>
    Effect.gen(function*() {
      const { ids, store } = segmentsOf(100, 20)
      const budget = new ReadBudget(512 * kib)
      let kept = 0
      let read = 0
      store.onRead = () => {
        kept = Math.max(kept, budget.used)
      }
      yield* Effect.forEach(
        ids,
        (id) =>
          Effect.scoped(
            Effect.flatMap(reader(store, id, budget, "tail"), ({ pull }) =>
              Effect.forever(Effect.map(pull, ({ count }) => {
                read += count
              })))
          ).pipe(Pull.catchDone(() =>
            Effect.void
          )),
        { concurrency: "unbounded", discard: true }
      )
      assert.strictEqual(read, 100 * 20)
      assert.isAtMost(store.requestedMax, 512 * kib + 100 * readMinimum)
      assert.isAtMost(kept, 512 * kib + 100 * readMinimum)
      assert.strictEqual(budget.used, 0)
    }))

  it.effect("segments that nobody takes from don't keep the others from being read", () =>
    Effect.gen(function*() {
      const { ids, store } = segmentsOf(20, 50)
      const budget = new ReadBudget(64 * kib)
      const readers = yield* Effect.forEach(ids, (id) => reader(store, id, budget, "tail"))
      for (const { pull } of readers) yield* pull
      let read = 0
      const [first] = readers
      yield* Effect.forever(Effect.map(first!.pull, ({ count }) => {
        read += count
      })).pipe(Pull.catchDone(() => Effect.void))
      assert.isAbove(read, 40)
      assert.isAtMost(store.requestedMax, 64 * kib + 20 * readMinimum)
    }).pipe(Effect.scoped))

  it.effect("what waits at a tail is read when it comes, and is given back when it is not wanted any more", () =>
    Effect.gen(function*() {
      const { ids, store } = segmentsOf(2, 0)
      const budget = new ReadBudget(1024 * kib)
      yield* Effect.gen(function*() {
        const [one, other] = yield* Effect.forEach(ids, (id) => reader(store, id, budget, "end"))
        const pulled = yield* Effect.forkChild(one!.pull)
        yield* Effect.forkChild(other!.pull)
        yield* Effect.replicateEffect(Effect.yieldNow, 50, { discard: true })
        assert.strictEqual(budget.used, 0, "nothing is kept of what may never come")
        store.segment(stream, ids[0]!).append(framed([new Uint8Array(100)]))
        assert.strictEqual((yield* Fiber.join(pulled)).count, 1)
        assert.isAbove(budget.used, 0)
      }).pipe(Effect.scoped)
      assert.strictEqual(budget.used, 0)
    }))
})
