/** States that several processes share through one log: nothing is lost, repeated or decided on what is old. */
import { assert } from "@effect/vitest"
import { Effect, Fiber, Layer, Result, Stream } from "effect"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import * as ScalingPolicy from "../../src/core/ScalingPolicy.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as RevisionedStream from "../../src/pravega/synchronizer/RevisionedStream.ts"
import * as StateSynchronizer from "../../src/pravega/synchronizer/StateSynchronizer.ts"
import { randomName, randomScope } from "../names.ts"
import { type Cases, Server } from "./Server.ts"

const scope = randomScope()

/** The state: what was added, in order. An entry `=a,b` is a whole state, `+c` adds to it. */
const machine: StateSynchronizer.Machine<ReadonlyArray<string>, string> = {
  replay: (state, entry) => {
    if (entry.startsWith("=")) return Result.succeed(entry === "=" ? [] : entry.slice(1).split(","))
    if (!entry.startsWith("+")) return Result.fail(new Error(`what is ${entry}?`))
    return Result.succeed(state === undefined ? undefined : [...state, entry.slice(1)])
  }
}

const whole = (state: ReadonlyArray<string>): string => `=${state.join(",")}`

const newStream = Effect.fnUntraced(function*() {
  const stream = EventStream.make(`${scope}/${randomName()}`, { codec: EventCodec.utf8 })
  yield* Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(1) })
  return stream
})

const open = (stream: EventStream.EventStream<string>) =>
  Effect.gen(function*() {
    const log = yield* RevisionedStream.make(stream)
    return { log, state: StateSynchronizer.make(log, machine) }
  })

/** With connections and caches of its own, as another process has. */
const anotherClient = Layer.unwrap(Server.useSync(({ client }) => Layer.fresh(client)))

/**
 * Ends all connections for appends, again and again: when everybody who appends through them got something done since the
 * last time, for an append is tried only so often, and a machine that is slow would not get through with one in between.
 */
const cutAppends = (
  stream: EventStream.EventStream<string>,
  segment: RevisionedStream.RevisionedStream<string>["segment"],
  progress: () => ReadonlyArray<number>
) =>
  Effect.gen(function*() {
    const { segments } = yield* Pravega
    let before = progress().map(() => -1)
    while (true) {
      while (progress().some((count, i) => count === before[i])) yield* Effect.sleep("1 millis")
      before = [...progress()]
      yield* Effect.sleep("10 millis")
      for (let lane = 0; lane < 8; lane++) {
        yield* segments.appends({ stream: stream.name, id: segment }, lane).pipe(
          Effect.map((connection) => connection.fail("the test cuts it")),
          Effect.ignore,
          Effect.scoped
        )
      }
    }
  })

export const synchronizerCases = (it: Cases): void => {
  it.effect("a revisioned stream appends on condition, marks, truncates and says what is gone", () =>
    Effect.gen(function*() {
      const { log } = yield* open(yield* newStream())
      assert.strictEqual(yield* log.oldest, 0n)
      const first = yield* log.append("one", 0n)
      assert.strictEqual(first, 11n)
      assert.isUndefined(yield* log.append("never", 0n))
      const second = yield* log.append("two", undefined)
      assert.strictEqual(second, 22n)
      assert.strictEqual(yield* log.latest, 22n)
      const seen = yield* Stream.runCollect(log.read(0n))
      assert.deepStrictEqual(seen.map(({ endOffset, event }) => [event, endOffset]), [["one", 11n], ["two", 22n]])
      assert.isUndefined(yield* log.mark)
      assert.isTrue(yield* log.moveMark({ expected: undefined, value: 11n }))
      assert.isFalse(yield* log.moveMark({ expected: undefined, value: 22n }))
      assert.strictEqual(yield* log.mark, 11n)
      yield* log.truncate(11n)
      yield* log.truncate(11n)
      assert.strictEqual(yield* log.oldest, 11n)
      const gone = yield* Effect.flip(Stream.runCollect(log.read(0n)))
      assert.strictEqual(gone.reason._tag, "TruncatedData")
      const next = yield* Effect.forkChild(Stream.runHead(log.follow(22n)))
      yield* log.append("three", 22n)
      const followed = yield* Fiber.join(next)
      assert.strictEqual(followed._tag === "Some" ? followed.value.event : undefined, "three")
    }))

  it.effect("four members of two clients add to a state, while connections are cut and the log is compacted", () =>
    Effect.gen(function*() {
      const stream = yield* newStream()
      const done = new Map(["a", "b", "c", "d"].map((name) => [name, 0]))
      const member = Effect.fnUntraced(function*(name: string, count: number) {
        const { state } = yield* open(stream)
        yield* state.initialize("=")
        yield* Effect.forkScoped(state.follow)
        for (let i = 0; i < count; i++) {
          const places = yield* state.update((now) => ({ entry: `+${name}${i}`, value: now.length }))
          assert.strictEqual((yield* state.current)?.[places], `${name}${i}`)
          done.set(name, i + 1)
          if (i % 7 === 3) yield* state.compact(whole, 150)
        }
      }, Effect.scoped)
      const members = (names: ReadonlyArray<string>) =>
        Effect.forEach(names, (name) => member(name, 20), { concurrency: "unbounded", discard: true })
      const { log, state } = yield* open(stream)
      yield* Effect.raceFirst(
        Effect.all([members(["a", "b"]), Effect.provide(members(["c", "d"]), anotherClient)], { concurrency: 2 }),
        // one that has done all stands still, and so do the cuts then
        cutAppends(stream, log.segment, () => [done.get("a") ?? 0, done.get("b") ?? 0])
      )
      const added = yield* state.fetch
      assert.strictEqual(added.length, 80)
      for (const name of ["a", "b", "c", "d"]) {
        assert.deepStrictEqual(
          added.filter((text) => text.startsWith(name)),
          Array.from({ length: 20 }, (_, i) => `${name}${i}`)
        )
      }
      assert.isAbove(Number(yield* log.oldest), 0)
    }))

  it.effect("a state that was never made, or does not fit its rules, is an error", () =>
    Effect.gen(function*() {
      const { log, state } = yield* open(yield* newStream())
      assert.strictEqual((yield* Effect.flip(state.fetch)).reason._tag, "StateMissing")
      yield* log.append("nonsense", undefined)
      const error = yield* Effect.flip(state.fetch)
      assert.strictEqual(error.reason._tag, "CorruptState")
      assert.include(error.message, "what is nonsense?")
    }))
}
