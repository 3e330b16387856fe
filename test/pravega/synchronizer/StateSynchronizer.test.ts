/** What a shared state tells those who listen to it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch, Result, Stream } from "effect"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import * as ScalingPolicy from "../../../src/core/ScalingPolicy.ts"
import { SegmentId } from "../../../src/core/Segment.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import { EventRead } from "../../../src/pravega/read/EventRead.ts"
import { ReadError, TruncatedData } from "../../../src/pravega/read/ReadError.ts"
import * as RevisionedStream from "../../../src/pravega/synchronizer/RevisionedStream.ts"
import * as StateSynchronizer from "../../../src/pravega/synchronizer/StateSynchronizer.ts"
import { randomScope } from "../../names.ts"

const append: StateSynchronizer.Machine<string, string> = {
  replay: (before, entry) => Result.succeed(entry.startsWith("=") ? entry.slice(1) : (before ?? "") + entry)
}

/** A log in memory whose revisions count entries. Who follows it has read ahead, and is given that when `isFlowing`. */
class MemoryLog implements RevisionedStream.RevisionedStream<string> {
  readonly stream = EventStream.make("tests/log", { codec: EventCodec.utf8 })
  readonly segment = SegmentId.make(0n)
  readonly isFlowing = Latch.makeUnsafe(true)
  private readonly entries: Array<string> = []
  private readonly isLonger = Latch.makeUnsafe(false)
  private first = 0n
  private replayMark: bigint | undefined = undefined

  private entryAt(at: bigint): EventRead<string> {
    const segment = { stream: this.stream.name, id: this.segment }
    return new EventRead(this.entries[Number(at)]!, { segment, startOffset: at }, 0, 1)
  }

  get length(): bigint {
    return BigInt(this.entries.length)
  }

  readonly oldest = Effect.sync(() => this.first)
  readonly latest = Effect.sync(() => this.length)
  bounds = Effect.sync(() => ({ oldest: this.first, latest: this.length }))
  readonly mark = Effect.sync(() => this.replayMark)

  readonly read = (from: bigint, end: bigint = this.length): Stream.Stream<EventRead<string>, ReadError> =>
    Stream.suspend(() => {
      if (from < this.first) {
        const lost = { stream: this.stream.name, segment: this.segment, start: from, end: this.first }
        return Stream.fail(new ReadError({ reason: new TruncatedData(lost) }))
      }
      return Stream.fromIterable(
        this.entries.slice(Number(from), Number(end)).map((_, i) => this.entryAt(from + BigInt(i)))
      )
    })

  readonly follow = (from: bigint): Stream.Stream<EventRead<string>, ReadError> => {
    const next = (at: bigint): Effect.Effect<readonly [EventRead<string>, bigint]> =>
      Effect.suspend(() =>
        at < this.length
          ? Effect.as(this.isFlowing.await, [this.entryAt(at), at + 1n])
          : Effect.andThen(this.isLonger.await, next(at))
      )
    return Stream.unfold(from, next)
  }

  readonly append = (entry: string, expected: bigint | undefined): Effect.Effect<bigint | undefined> =>
    Effect.gen({ self: this }, function*() {
      if (expected !== undefined && expected !== this.length) return undefined
      this.entries.push(entry)
      yield* this.isLonger.open
      this.isLonger.closeUnsafe()
      return this.length
    })

  readonly moveMark = ({ value }: { readonly value: bigint | undefined }): Effect.Effect<boolean> =>
    Effect.sync(() => {
      this.replayMark = value
      return true
    })

  readonly truncate = (before: bigint): Effect.Effect<void> =>
    Effect.sync(() => {
      this.first = before
    })
}

describe("StateSynchronizer", () => {
  it.effect("begins at a mark that was moved after it was told where the end is", () =>
    Effect.gen(function*() {
      const log = new MemoryLog()
      yield* log.append("=old", undefined)
      const { bounds } = log
      const early = yield* bounds
      yield* log.append("=whole", undefined)
      yield* log.moveMark({ value: 1n })
      log.bounds = Effect.succeed(early)
      assert.strictEqual(yield* StateSynchronizer.make(log, append).fetch, "whole")
    }))

  it.effect("goes on following after another fiber found the log truncated and began anew", () =>
    Effect.gen(function*() {
      const log = new MemoryLog()
      const state = StateSynchronizer.make(log, append)
      const heard: Array<string | undefined> = []
      yield* state.initialize("=a")
      state.onChangeUnsafe(() => heard.push(state.currentUnsafe()))
      const following = yield* Effect.forkChild(state.follow, { startImmediately: true })
      yield* log.append("b", undefined)
      yield* Effect.yieldNow
      assert.deepStrictEqual(heard, ["ab"])
      // others go on and compact, and what follows here is slow
      log.isFlowing.closeUnsafe()
      yield* Effect.forEach(["c", "=abc", "d"], (entry) => log.append(entry, undefined))
      yield* log.moveMark({ value: 3n })
      yield* log.truncate(3n)
      yield* state.update((now) => ({ entry: `e${now.length}`, value: undefined }))
      assert.strictEqual(yield* state.current, "abcde4")
      assert.deepStrictEqual(heard, ["ab", "abcd", "abcde4"])
      yield* log.isFlowing.open
      yield* log.append("f", undefined)
      for (let turns = 0; turns < 100 && heard.length < 4; turns++) yield* Effect.yieldNow
      assert.deepStrictEqual(heard, ["ab", "abcd", "abcde4", "abcde4f"], "each state is told once")
      yield* Fiber.interrupt(following)
    }))

  it.effect("changes have the state after each entry, also when several are read at once", () =>
    Effect.gen(function*() {
      const stream = EventStream.make(`${randomScope()}/log`, { codec: EventCodec.utf8 })
      yield* Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(1) })
      const log = yield* RevisionedStream.make(stream)
      const state = StateSynchronizer.make(log, append)
      yield* state.initialize("a")
      yield* Effect.forEach(["b", "c", "d"], (entry) => log.append(entry, undefined))
      const reads = yield* Stream.runCollect(Stream.chunks(log.read(0n)))
      assert.deepStrictEqual(reads.map(({ length }) => length), [4], "they are read at once")
      const changes = yield* Effect.forkChild(Stream.runCollect(Stream.take(state.changes, 4)), {
        startImmediately: true
      })
      yield* state.fetch
      assert.deepStrictEqual(yield* Fiber.join(changes), ["a", "ab", "abc", "abcd"])
    }).pipe(Effect.scoped, Effect.provide(Pravega.layerEmbedded())))
})
