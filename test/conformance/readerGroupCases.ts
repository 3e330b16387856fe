/** Reader groups and their readers: each event once, in order per key, through joins, leaves, scalings and checkpoints. */
import { assert } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Layer, Ref, Scope, Stream } from "effect"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import { Position } from "../../src/core/Position.ts"
import { ReaderGroupName } from "../../src/core/ReaderGroupName.ts"
import * as ScalingPolicy from "../../src/core/ScalingPolicy.ts"
import { ScopeName } from "../../src/core/ScopeName.ts"
import type { TimeWindow } from "../../src/core/TimeWindow.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as EventReader from "../../src/pravega/readergroup/EventReader.ts"
import type { GroupRead } from "../../src/pravega/readergroup/GroupRead.ts"
import * as ReaderGroup from "../../src/pravega/readergroup/ReaderGroup.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import { randomName, randomScope } from "../names.ts"
import { type Cases, Server } from "./Server.ts"

const scope = ScopeName.make(randomScope())
const keys = 20

type TextStream = EventStream.EventStream<string>

const newStream = (segments: number) => {
  const stream = EventStream.make(`${scope}/${randomName()}`, {
    codec: EventCodec.utf8,
    routingKey: (text) => text.slice(0, text.indexOf(" "))
  })
  // made with one, so that it may be scaled down to that
  return Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(1) }).pipe(
    Effect.andThen(segments === 1 ? Effect.void : Admin.scaleTo(stream.name, segments)),
    Effect.as(stream)
  )
}

/** `k3 7`: the event number 7 of key 3. Numbered from `from`, over all keys. */
const numbered = (from: number, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => `k${(from + i) % keys} ${Math.floor((from + i) / keys)}`)

const write = (stream: TextStream, events: ReadonlyArray<string>) =>
  Effect.scoped(Effect.flatMap(EventWriter.make(stream), (writer) => writer.writeAll(events)))

/** Each event once, in the order of its key. */
const assertOnceInOrder = (seen: ReadonlyArray<string>, written: ReadonlyArray<string>): void => {
  assert.strictEqual(new Set(seen).size, seen.length, "no event twice")
  assert.sameMembers([...seen], [...written])
  for (const [key, texts] of Map.groupBy(seen, (text) => text.slice(0, text.indexOf(" ")))) {
    assert.deepStrictEqual(texts, texts.map((_, i) => `${key} ${i}`))
  }
}

/** With connections and caches of its own, as another process has. */
const anotherClient = Layer.unwrap(Server.useSync(({ client }) => Layer.fresh(client)))

/** A reader in the background that puts what it has processed into a list. */
const startReader = Effect.fnUntraced(function*(
  stream: TextStream,
  seen: Array<string>,
  options: EventReader.RunOptions,
  pause: Duration.Input = 0
) {
  const scope = yield* Scope.make()
  const fiber = yield* EventReader.run(stream, (read) =>
    Effect.andThen(
      Effect.sync(() => seen.push(read.event)),
      Duration.toMillis(pause) === 0 ? Effect.void : Effect.sleep(pause)
    ), options).pipe(Effect.forkIn(scope))
  return { fiber, stop: Scope.close(scope, Exit.void) }
})

const awaitCount = (seen: ReadonlyArray<unknown>, count: number): Effect.Effect<void> =>
  Effect.suspend(() =>
    seen.length >= count ? Effect.void : Effect.andThen(Effect.sleep("10 millis"), awaitCount(seen, count))
  )

const awaitTrue = <E, R>(check: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(check, (ok) => ok ? Effect.void : Effect.andThen(Effect.sleep("20 millis"), awaitTrue(check)))

export const readerGroupCases = (it: Cases): void => {
  it.effect("reads a sealed stream to its end, in order per key, through a scale up and a scale down", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(2)
      yield* write(stream, numbered(0, 500))
      yield* Admin.scaleTo(stream.name, 5)
      yield* write(stream, numbered(500, 500))
      yield* Admin.scaleTo(stream.name, 1)
      yield* write(stream, numbered(1000, 500))
      yield* Admin.sealStream(stream.name)
      const seen: Array<string> = []
      yield* EventReader.run(stream, ({ event }) => Effect.sync(() => seen.push(event)), { readerGroup: "once" })
      assertOnceInOrder(seen, numbered(0, 1500))
      // and pulled, by another group
      const pulled = yield* EventReader.stream(stream, { readerGroup: "pulled", acknowledge: "pulled" }).pipe(
        Stream.map(({ event }) => event),
        Stream.runCollect
      )
      assertOnceInOrder(pulled, numbered(0, 1500))
    }))

  it.effect("waits at the tail, and hands an event out when it is written", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(1)
      const first = yield* Deferred.make<string>()
      const { stop } = yield* (() => {
        const seen: Array<string> = []
        return startReader(stream, seen, { readerGroup: "tail" }).pipe(
          Effect.tap(() =>
            Effect.forkChild(
              Effect.andThen(awaitCount(seen, 1), Effect.suspend(() => Deferred.succeed(first, seen[0]!)))
            )
          )
        )
      })()
      yield* write(stream, ["k0 0"])
      assert.strictEqual(yield* Deferred.await(first), "k0 0")
      yield* stop
    }))

  it.effect(
    "members of several clients share the segments, join and leave, while the stream is scaled",
    () =>
      Effect.gen(function*() {
        const stream = yield* newStream(4)
        const seen: Array<string> = []
        const group = { readerGroup: "shared", automaticCheckpoints: "1 second" } as const
        const first = yield* startReader(stream, seen, { ...group, readerId: "first" })
        yield* write(stream, numbered(0, 1000))
        const elsewhere = yield* Layer.build(anotherClient)
        const second = yield* Effect.provide(startReader(stream, seen, { ...group, readerId: "second" }), elsewhere)
        yield* awaitCount(seen, 1)
        const groups = yield* ReaderGroup.open(`${scope}/shared`)
        yield* awaitTrue(
          Effect.map(groups.distribution, ({ segments }) => segments.get("first") === 2 && segments.get("second") === 2)
        )
        yield* write(stream, numbered(1000, 1000))
        yield* Admin.scaleTo(stream.name, 6)
        yield* write(stream, numbered(2000, 1000))
        yield* first.stop
        assert.deepStrictEqual(yield* groups.onlineReaders, ["second"])
        yield* Admin.scaleTo(stream.name, 2)
        yield* write(stream, numbered(3000, 1000))
        yield* Admin.sealStream(stream.name)
        yield* Fiber.join(second.fiber)
        assertOnceInOrder(seen, numbered(0, 4000))
        assert.strictEqual(yield* groups.unreadBytes, 0n)
      })
  )

  it.effect("an interrupted reader is gone at once, and the next goes on after what was acknowledged", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(3)
      yield* write(stream, numbered(0, 300))
      const group = "interrupted"
      const acknowledged = yield* Ref.make<ReadonlyArray<string>>([])
      // acknowledges every second array, and all of it is interrupted when 100 events are processed
      yield* EventReader.stream(stream, { readerGroup: group, readAheadBytes: 1 }).pipe(
        Stream.rechunk(25),
        Stream.runForEachArray((reads) =>
          Effect.gen(function*() {
            yield* EventReader.acknowledgeAll(reads)
            yield* Ref.update(acknowledged, (all) => [...all, ...reads.map(({ event }) => event)])
            if ((yield* Ref.get(acknowledged)).length >= 100) return yield* Effect.interrupt
          })
        ),
        Effect.exit
      )
      const handle = yield* ReaderGroup.open(`${scope}/${group}`)
      assert.deepStrictEqual(yield* handle.onlineReaders, [])
      assert.strictEqual((yield* handle.distribution).unassigned, 3)
      yield* Admin.sealStream(stream.name)
      const rest: Array<string> = []
      yield* EventReader.run(stream, ({ event }) => Effect.sync(() => rest.push(event)), { readerGroup: group })
      assertOnceInOrder([...(yield* Ref.get(acknowledged)), ...rest], numbered(0, 300))
    }))

  it.effect("a reader that died is declared offline with the positions that its user kept", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(2)
      yield* write(stream, numbered(0, 200))
      const kept = yield* Ref.make<GroupRead<string> | undefined>(undefined)
      const processed: Array<string> = []
      const handle = yield* ReaderGroup.create(`${scope}/died`, {
        streams: [stream.name],
        automaticCheckpoints: "off"
      }).pipe(Effect.andThen(ReaderGroup.open(`${scope}/died`)))
      const dead = yield* Scope.make()
      yield* EventReader.stream(stream, { readerGroup: "died", readerId: "victim" }).pipe(
        // never acknowledged: all that is known is what the user keeps
        Stream.runForEach((read) =>
          Effect.andThen(
            Ref.set(kept, read),
            Effect.sync(() => processed.push(read.event))
          ).pipe(Effect.andThen(processed.length > 120 ? Effect.never : Effect.void))
        ),
        Effect.forkIn(dead)
      )
      yield* awaitCount(processed, 121)
      const last = yield* Ref.get(kept)
      assert.isDefined(last)
      const position = EventReader.position(last)
      const seen = [...processed]
      yield* handle.readerOffline(
        "victim",
        Position.fromBytes(Position.toBytes(position)).pipe((result) =>
          result._tag === "Success" ? result.success : assert.fail("a position that can't be read")
        )
      )
      yield* Admin.sealStream(stream.name)
      yield* EventReader.run(stream, ({ event }) => Effect.sync(() => seen.push(event)), { readerGroup: "died" })
      assertOnceInOrder(seen, numbered(0, 200))
      yield* Scope.close(dead, Exit.void)
    }))

  it.effect("checkpoints: positions of what is acknowledged, and the group put back to them", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(2)
      yield* write(stream, numbered(0, 100))
      const seen: Array<string> = []
      const told: Array<string> = []
      const options: EventReader.RunOptions = {
        readerGroup: "checkpointed",
        automaticCheckpoints: "off",
        onCheckpoint: (name, { segments }) => Effect.sync(() => told.push(`${name} of ${segments.length}`))
      }
      const reader = yield* startReader(stream, seen, options)
      yield* awaitCount(seen, 100)
      const group = yield* ReaderGroup.open(`${scope}/checkpointed`)
      const checkpoint = yield* group.checkpoint("hundred")
      assert.deepStrictEqual(told, ["hundred of 2"])
      assert.deepStrictEqual(yield* group.checkpoint("hundred"), checkpoint, "it is there, and taken no second time")
      assert.deepStrictEqual(told, ["hundred of 2"])
      assert.strictEqual(yield* group.unreadBytes, 0n)
      yield* write(stream, numbered(100, 60))
      yield* awaitCount(seen, 160)
      assert.isAbove(Number(yield* group.unreadBytes), 0)
      const cuts = yield* group.streamCuts
      assert.deepStrictEqual(told, ["hundred of 2"])
      yield* group.reset(checkpoint)
      const lost = yield* Effect.flip(Fiber.join(reader.fiber))
      assert.strictEqual(lost._tag === "ReaderGroupError" ? lost.reason._tag : lost._tag, "MembershipLost")
      const again: Array<string> = []
      const second = yield* startReader(stream, again, options)
      yield* awaitCount(again, 60)
      yield* second.stop
      assert.sameMembers(again, [...numbered(100, 60)])
      yield* group.reset(cuts)
      yield* write(stream, numbered(160, 1))
      const third: Array<string> = []
      const last = yield* startReader(stream, third, options)
      yield* awaitCount(third, 1)
      yield* last.stop
      assert.deepStrictEqual(third, [...numbered(160, 1)])
      assert.strictEqual((yield* group.config).generation, 2n)
    }))

  it.effect("put back to a checkpoint, a group does not read again what it had read to the end by then", () =>
    Effect.gen(function*() {
      const [sealed, bounded, open] = [yield* newStream(2), yield* newStream(2), yield* newStream(1)]
      yield* Effect.forEach([sealed, bounded, open], (stream) => write(stream, numbered(0, 40)))
      yield* Admin.sealStream(sealed.name)
      const end = [(yield* Admin.streamInfo(bounded.name)).tail]
      yield* write(bounded, numbered(40, 40))
      const seen: Array<string> = []
      const options = { readerGroup: "finished", automaticCheckpoints: "off", end } as const
      const reader = (into: Array<string>) =>
        Effect.forkChild(
          EventReader.run([sealed, bounded, open], ({ event }) => Effect.sync(() => into.push(event)), options)
        )
      const first = yield* reader(seen)
      yield* awaitCount(seen, 120)
      const group = yield* ReaderGroup.open(`${scope}/finished`)
      yield* awaitTrue(Effect.map(group.distribution, ({ segments }) => Array.from(segments.values()).join() === "1"))
      const checkpoint = yield* group.checkpoint("one is left")
      assert.strictEqual(checkpoint.cuts.length, 1)
      yield* write(open, numbered(40, 10))
      yield* awaitCount(seen, 130)
      let running = first
      for (const target of ["last-checkpoint", checkpoint] as const) {
        yield* group.reset(target)
        yield* Effect.flip(Fiber.join(running))
        const again: Array<string> = []
        running = yield* reader(again)
        yield* awaitCount(again, 10)
        yield* awaitTrue(
          Effect.map(
            group.distribution,
            ({ segments, unassigned }) => unassigned === 0 && Array.from(segments.values()).join() === "1"
          )
        )
        assert.sameMembers(again, [...numbered(40, 10)])
      }
      yield* Fiber.interrupt(running)
    }))

  it.effect("reads from one cut to another, of two streams at once", () =>
    Effect.gen(function*() {
      const [left, right] = [yield* newStream(2), yield* newStream(1)]
      yield* Effect.forEach([left, right], (stream) => write(stream, numbered(0, 40)))
      const from = (yield* Admin.streamInfo(left.name)).tail
      yield* Effect.forEach([left, right], (stream) => write(stream, numbered(40, 40)))
      const to = [(yield* Admin.streamInfo(left.name)).tail, (yield* Admin.streamInfo(right.name)).tail]
      yield* Effect.forEach([left, right], (stream) => write(stream, numbered(80, 40)))
      const seen = yield* EventReader.stream([left, right], {
        readerGroup: "bounded",
        start: [from],
        end: to,
        acknowledge: "pulled"
      }).pipe(Stream.map((read) => ({ stream: read.stream, event: read.event })), Stream.runCollect)
      const of = (stream: TextStream) =>
        seen.filter((read) => read.stream === stream.name.stream).map(({ event }) => event)
      assert.sameMembers(of(left), [...numbered(40, 40)])
      assertOnceInOrder(of(right), numbered(0, 80))
    }))

  it.effect("a stream cut of a group that has read one of two segments which were merged can be started from", () =>
    Effect.gen(function*() {
      const { controller } = yield* Pravega
      const stream = yield* newStream(2)
      yield* write(stream, numbered(0, 200))
      yield* Admin.scaleTo(stream.name, 1)
      yield* write(stream, numbered(200, 100))
      yield* Admin.sealStream(stream.name)
      const options = { readerGroup: "merging", automaticCheckpoints: "off" } as const
      const seen: Array<string> = []
      let first: bigint | undefined
      const half = yield* Effect.forkChild(EventReader.run(stream, ({ event, segmentId }) => {
        first ??= segmentId
        // the other segment is held up
        return segmentId === first ? Effect.sync(() => seen.push(event)) : Effect.never
      }, options))
      yield* awaitTrue(
        Effect.map(
          Effect.flatMap(ReaderGroup.open(`${scope}/merging`), ({ distribution }) => distribution),
          // one is read, and what follows both is not there yet
          ({ segments }) => seen.length > 0 && Array.from(segments.values()).every((owned) => owned === 1)
        ).pipe(Effect.scoped, Effect.orElseSucceed(() => false))
      )
      const group = yield* ReaderGroup.open(`${scope}/merging`)
      const cuts = yield* group.streamCuts
      assert.strictEqual(cuts.length, 1)
      assert.sameMembers(Array.from(cuts[0]!.positions.values()), [-1n, 0n])
      assert.isTrue(yield* controller.isStreamCutValid(cuts[0]!))
      yield* group.reset(cuts)
      yield* Effect.flip(Fiber.join(half))
      yield* EventReader.run(stream, ({ event }) => Effect.sync(() => seen.push(event)), options)
      assertOnceInOrder(seen, numbered(0, 300))
    }))

  it.effect("time windows: from the times that writers noted, as the group advances", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(1)
      const windows: Array<TimeWindow> = []
      const reader = yield* Effect.forkChild(
        EventReader.run(stream, (read) => Effect.sync(() => windows.push(EventReader.timeWindow(read))), {
          readerGroup: "timed"
        })
      )
      const writer = yield* EventWriter.make(stream)
      // the first one is read before any time is noted, however long the reader takes to come
      yield* writer.write("k0 0")
      yield* awaitCount(windows, 1)
      for (let time = 1n; windows.at(-1)?.lower === undefined; time++) {
        yield* writer.write(`k0 ${time}`)
        yield* writer.noteTime(time * 1000n)
        yield* Effect.sleep("500 millis")
      }
      yield* Fiber.interrupt(reader)
      const [start, end] = [windows[0], windows.at(-1)]
      assert.isUndefined(start?.lower)
      const written = BigInt(windows.length)
      assert.isAtLeast(Number(end?.lower), 1000)
      assert.isAtMost(Number(end?.lower), Number(written * 1000n))
      const lowers = windows.flatMap(({ lower }) => lower ?? [])
      assert.deepStrictEqual(lowers, lowers.toSorted((a, b) => Number(a - b)))
    }))

  it.effect("automatic retention: what was checkpointed is told to the stream", () =>
    Effect.gen(function*() {
      const { controller } = yield* Pravega
      const stream = yield* newStream(2)
      yield* write(stream, numbered(0, 40))
      const seen: Array<string> = []
      const reader = yield* startReader(stream, seen, {
        readerGroup: "automatic",
        retention: "automatic",
        // one of the group's own could clear the one that is asked for before it is seen
        automaticCheckpoints: "off"
      })
      yield* awaitCount(seen, 40)
      const group = yield* ReaderGroup.open(`${scope}/automatic`)
      const checkpoint = yield* group.checkpoint("told")
      const { generation, id } = yield* group.config
      const { head } = yield* Admin.streamInfo(stream.name)
      // a subscriber's cut never goes back: where it is shows in what is refused
      yield* awaitTrue(
        controller.updateSubscriber({ scope, name: ReaderGroupName.make("automatic") }, { id, generation, cut: head })
          .pipe(
            Effect.as(false),
            Effect.catchReason("ControllerError", "InvalidStreamCut", () => Effect.succeed(true))
          )
      )
      assert.isAbove(Number(Array.from(checkpoint.cuts[0]!.positions.values()).reduce((a, b) => a + b)), 0)
      yield* reader.stop
    }))

  it.effect("a group retains what it has not read, and lets go of what was checkpointed", () =>
    Effect.gen(function*() {
      const { controller } = yield* Pravega
      const stream = yield* newStream(1)
      yield* write(stream, numbered(0, 20))
      yield* ReaderGroup.create(`${scope}/retaining`, { streams: [stream.name], retention: "manual" })
      assert.deepStrictEqual(yield* controller.subscribers(stream.name), [`${scope}/retaining`])
      const group = yield* ReaderGroup.open(`${scope}/retaining`)
      const { head, tail } = yield* Admin.streamInfo(stream.name)
      yield* group.retainFrom([tail])
      const back = yield* Effect.flip(group.retainFrom([head]))
      assert.strictEqual(back.reason._tag, "ControllerError")
      assert.include(yield* Stream.runCollect(ReaderGroup.list(scope)), `${scope}/retaining`)
      assert.isTrue(yield* ReaderGroup.delete(`${scope}/retaining`))
      assert.notInclude(yield* Stream.runCollect(ReaderGroup.list(scope)), `${scope}/retaining`)
      assert.isFalse(yield* ReaderGroup.delete(`${scope}/retaining`))
      assert.deepStrictEqual(yield* controller.subscribers(stream.name), [])
    }))

  it.effect("what is not so: groups that are missing or differ, ids in use, streams of others", () =>
    Effect.gen(function*() {
      const [stream, other] = [yield* newStream(1), yield* newStream(1)]
      const missing = yield* Effect.flip(ReaderGroup.open(`${scope}/missing`))
      assert.strictEqual(missing.reason._tag, "GroupNotFound")
      assert.isTrue(yield* ReaderGroup.create(`${scope}/strict`, { streams: [stream.name, other.name] }))
      assert.isFalse(yield* ReaderGroup.create(`${scope}/strict`, { streams: [stream.name, other.name] }))
      const differs = yield* Effect.flip(ReaderGroup.create(`${scope}/strict`, { streams: [stream.name] }))
      assert.strictEqual(differs.reason._tag, "GroupDiffers")
      const foreign = yield* Effect.flip(Stream.runDrain(EventReader.stream(stream, { readerGroup: "strict" })))
      assert.strictEqual(foreign.reason._tag, "GroupDiffers")
      yield* ReaderGroup.create(`${scope}/one`, { streams: [stream.name] })
      const unread = yield* Effect.flip(Stream.runDrain(EventReader.stream([stream, other], { readerGroup: "one" })))
      assert.strictEqual(unread.reason._tag, "GroupDiffers")
      assert.include(unread.message, `it does not read ${String(other.name)}`)
      const both = { readerGroup: "strict", readerId: "same" }
      const reader = yield* startReader(stream, [], { readerGroup: "alone", readerId: "same" })
      yield* awaitTrue(
        Effect.flatMap(ReaderGroup.open(`${scope}/alone`), ({ onlineReaders }) => onlineReaders).pipe(
          Effect.map((readers) => readers.length === 1),
          Effect.orElseSucceed(() => false)
        )
      )
      const inUse = yield* Effect.flip(Stream.runDrain(EventReader.stream(stream, { ...both, readerGroup: "alone" })))
      assert.strictEqual(inUse.reason._tag, "ReaderIdInUse")
      yield* reader.stop
      const unnamed = yield* Effect.flip(ReaderGroup.open("no group"))
      assert.strictEqual(unnamed.reason._tag, "ControllerError")
      const { reason } = yield* Effect.flip(ReaderGroup.create(`${scope}/nowhere`, { streams: ["a b/c"] }))
      assert.deepInclude(reason.cause, { _tag: "InvalidName", kind: "stream", value: "a b/c" })
    }))

  it.effect("where it starts and ends is of its streams, and in order: else it is told before there is a group", () =>
    Effect.gen(function*() {
      const [stream, other] = [yield* newStream(2), yield* newStream(1)]
      const first = (yield* Admin.streamInfo(stream.name)).tail
      yield* write(stream, numbered(0, 40))
      const second = (yield* Admin.streamInfo(stream.name)).tail
      yield* Admin.scaleTo(stream.name, 3)
      yield* write(stream, numbered(40, 40))
      const third = (yield* Admin.streamInfo(stream.name)).tail
      const foreign = (yield* Admin.streamInfo(other.name)).tail
      const name = String(stream.name)
      const readerGroup = randomName("bounded")
      const refused = Effect.fnUntraced(function*(bounds: ReaderGroup.StreamBounds) {
        const { reason } = yield* Effect.flip(
          ReaderGroup.create(`${scope}/${readerGroup}`, { streams: { [name]: bounds } })
        )
        if (reason._tag !== "ReadError") return assert.fail(String(reason))
        assert.strictEqual(reason.reason._tag, "InvalidPosition")
        return reason.message
      })
      for (const [start, end] of [[second, first], [third, second], [third, first]] as const) {
        const message = yield* refused({ start, end })
        assert.include(message, `the end ${end.toString()} does not lie behind the start ${start.toString()}`)
      }
      assert.include(yield* refused({ start: foreign }), `the start belongs to stream ${String(other.name)}`)
      assert.include(yield* refused({ end: foreign }), `the end belongs to stream ${String(other.name)}`)
      for (const bounds of [{ start: [foreign] }, { end: [foreign] }]) {
        const read = EventReader.run(stream, () => Effect.void, { readerGroup, ...bounds })
        assert.include(
          (yield* Effect.flip(read)).message,
          `${String(other.name)}: the ${Object.keys(bounds)[0]} of a stream that`
        )
      }
      const missing = yield* Effect.flip(ReaderGroup.open(`${scope}/${readerGroup}`))
      assert.strictEqual(missing.reason._tag, "GroupNotFound")
      // nothing to read is no mistake
      assert.isTrue(
        yield* ReaderGroup.create(`${scope}/${readerGroup}`, {
          streams: { [name]: { start: second, end: second } },
          retention: "manual"
        })
      )
      const group = yield* ReaderGroup.open(`${scope}/${readerGroup}`)
      assert.include((yield* Effect.flip(group.reset([foreign]))).message, "the start of a stream that is not read")
      assert.include((yield* Effect.flip(group.reset([third]))).message, "does not lie behind the start")
      assert.include((yield* Effect.flip(group.retainFrom([foreign]))).message, "the cut of a stream that is not read")
    }))
}
