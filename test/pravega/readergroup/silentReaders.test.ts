/** Readers whose processes have died: the others of their group notice, and go on with their segments. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import * as ScalingPolicy from "../../../src/core/ScalingPolicy.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as EventReader from "../../../src/pravega/readergroup/EventReader.ts"
import * as GroupState from "../../../src/pravega/readergroup/internal/GroupState.ts"
import * as GroupReader from "../../../src/pravega/readergroup/member/GroupReader.ts"
import * as MemberUpdates from "../../../src/pravega/readergroup/member/MemberUpdates.ts"
import { SilentReaders } from "../../../src/pravega/readergroup/member/SilentReaders.ts"
import * as ReaderGroup from "../../../src/pravega/readergroup/ReaderGroup.ts"
import type { ReaderGroupUpdate } from "../../../src/pravega/readergroup/state/ReaderGroupUpdate.ts"
import * as SignsOfLife from "../../../src/pravega/readergroup/state/SignsOfLife.ts"
import * as EventWriter from "../../../src/pravega/write/EventWriter.ts"
import { randomScope } from "../../names.ts"

/** A reader that joined, took all segments, and died. Java's joins without a beat. */
const dead = Effect.fnUntraced(function*(group: string, reader: string, kind: "ours" | "Java's") {
  const state = yield* GroupState.open(yield* ReaderGroup.parse(group))
  yield* state.fetch
  const join: ReadonlyArray<ReaderGroupUpdate> = kind === "ours"
    ? SignsOfLife.joining(reader)
    : [{ _tag: "AddReader", reader }]
  yield* GroupState.update(state, () => ({ updates: join, value: undefined }))
  const at = { lag: 0n, lastRead: new Map() }
  yield* GroupState.update(state, (now) => MemberUpdates.acquire(now, reader, at))
})

/** A stream of some events, and a group in which a dead reader has all segments. */
const abandoned = Effect.fnUntraced(function*(kind: "ours" | "Java's") {
  const stream = EventStream.make(`${randomScope()}/events`, {
    codec: EventCodec.utf8,
    routingKey: (text: string) => text
  })
  yield* Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(4) })
  const texts = Array.from({ length: 20 }, (_, i) => `event ${i}`)
  yield* Effect.scoped(Effect.flatMap(EventWriter.make(stream), (writer) => writer.writeAll(texts)))
  yield* Admin.sealStream(stream.name)
  const name = `${stream.name.scope}/group`
  yield* ReaderGroup.create(name, { streams: [stream.name] })
  yield* dead(name, "victim", kind)
  return { stream, texts, group: yield* ReaderGroup.open(name) }
})

const read = (stream: EventStream.EventStream<string>, sessionTimeout: "never" | number, seen: Array<string>) =>
  EventReader.run(stream, ({ event }) =>
    Effect.sync(() => {
      seen.push(event)
    }), { readerGroup: "group", sessionTimeout })

const saying = (said: Array<string>) => Logger.layer([Logger.make(({ message }) => said.push(String(message)))])

describe("a reader that has died", () => {
  it.live("is taken out of its group when it was silent for the session's time-out", () =>
    Effect.gen(function*() {
      const { group, stream, texts } = yield* abandoned("ours")
      assert.deepStrictEqual((yield* group.distribution).segments, new Map([["victim", 4]]))
      const [seen, said]: [Array<string>, Array<string>] = [[], []]
      yield* read(stream, 300, seen).pipe(Effect.provide(saying(said)))
      assert.sameMembers(seen, texts)
      assert.deepStrictEqual(yield* group.onlineReaders, [])
      assert.deepStrictEqual(said.map((text) => /"victim" of group "[^"]*" (is silent|was silent)/.exec(text)?.[1]), [
        "is silent",
        "was silent"
      ])
      assert.include(said[0], "4 segment(s)")
      assert.include(said[0], `readerOffline("victim")`)
    }).pipe(Effect.scoped, Effect.provideService(GroupReader.TimeUnit, 10), Effect.provide(Pravega.layerEmbedded())))

  for (const [kind, timeout] of [["Java's", 100], ["ours", "never"]] as const) {
    it.live(`is named in a warning and stays, if it is ${kind} and the time-out ${timeout}`, () =>
      Effect.gen(function*() {
        const { group, stream, texts } = yield* abandoned(kind)
        const [seen, said]: [Array<string>, Array<string>] = [[], []]
        const reader = yield* Effect.forkChild(Effect.provide(read(stream, timeout, seen), saying(said)))
        while (said.length === 0) yield* Effect.sleep(10)
        // many times as long as the time-out
        yield* Effect.sleep(600)
        assert.include(yield* group.onlineReaders, "victim")
        assert.deepStrictEqual(seen, [])
        assert.strictEqual(said.length, 1, "once")
        assert.include(said[0], "It is not taken out by itself")
        yield* group.readerOffline("victim")
        yield* Fiber.join(reader)
        assert.sameMembers(seen, texts)
      }).pipe(Effect.scoped, Effect.provideService(GroupReader.TimeUnit, 10), Effect.provide(Pravega.layerEmbedded())))
  }
})

describe("a reader that lives", () => {
  it.effect("beats from when it joins, whatever its user does", () =>
    Effect.gen(function*() {
      const stream = EventStream.make(`${randomScope()}/events`, { codec: EventCodec.utf8 })
      yield* Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(1) })
      yield* Effect.scoped(Effect.flatMap(EventWriter.make(stream), (writer) => writer.write("endless")))
      const fiber = yield* Effect.forkChild(
        EventReader.run(stream, () => Effect.never, { readerGroup: "group", readerId: "busy" })
      )
      const name = yield* ReaderGroup.parse(`${stream.name.scope}/group`)
      const state = yield* Effect.eventually(GroupState.open(name).pipe(Effect.tap((state) => state.fetch)))
      const beats = Effect.map(state.fetch, () => state.signs.of("busy"))
      while ((yield* beats) < 20) yield* TestClock.adjust("1 second")
      assert.isTrue(state.signs.isBeating("busy"))
      yield* Fiber.interrupt(fiber)
      yield* state.fetch
      assert.strictEqual(state.signs.of("busy"), 0)
    }).pipe(Effect.scoped, Effect.provide(Pravega.layerEmbedded())))
})

const readers = ["a", "b"]

const look = fc.record({
  passed: fc.nat(5000),
  heard: fc.array(fc.constantFrom(...readers), { maxLength: 3 }),
  online: fc.subarray(readers)
})

describe("SilentReaders", () => {
  it("counts the time since a reader was heard of, and of each look not more than the longest", () => {
    fc.assert(fc.property(fc.array(look, { maxLength: 30 }), fc.integer({ min: 1, max: 4000 }), (looks, longest) => {
      const silent = new SilentReaders()
      const signs = new SignsOfLife.SignsOfLife()
      const expected = new Map<string, number>()
      let now = 0
      looks.forEach(({ heard, online, passed }, i) => {
        for (const reader of heard) {
          signs.note([{ _tag: "UpdateDistanceToTail", reader, distance: 0n, lastRead: new Map() }])
        }
        now += passed
        silent.look(now, longest, online, signs)
        for (const reader of readers) {
          const before = expected.get(reader)
          if (!online.includes(reader)) expected.delete(reader)
          else if (before === undefined || heard.includes(reader)) expected.set(reader, 0)
          else expected.set(reader, before + (i === 0 ? 0 : Math.min(longest, passed)))
        }
        assert.deepStrictEqual(new Map(silent.all().map(({ millis, reader }) => [reader, millis])), expected)
      })
    }))
  })
})

describe("SignsOfLife", () => {
  const report = (reader: string) =>
    ({ _tag: "UpdateDistanceToTail", reader, distance: 7n, lastRead: new Map() }) as const

  it("tells a reader that beats from one that reports like Java's, also under the same id", () => {
    const signs = new SignsOfLife.SignsOfLife()
    signs.note([{ _tag: "AddReader", reader: "a" }])
    signs.note([report("a")])
    signs.note([report("a")])
    signs.note([{ _tag: "AcquireSegment", reader: "a", segment: "s/s/0.#epoch.0" }, report("a")])
    assert.isFalse(signs.isBeating("a"))
    signs.note(SignsOfLife.beating(report("a")))
    assert.isTrue(signs.isBeating("a"))
    signs.note([{ _tag: "RemoveReader", reader: "a", positions: new Map() }])
    assert.strictEqual(signs.of("a"), 0)
    signs.note([{ _tag: "AddReader", reader: "a" }])
    assert.isFalse(signs.isBeating("a"))
    signs.note(SignsOfLife.joining("b"))
    assert.isTrue(signs.isBeating("b"))
    assert.isFalse(signs.isBeating("a"))
  })
})
