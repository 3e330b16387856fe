/**
 * A reader group of Java's readers and ours, while the stream is scaled and readers are killed.
 *
 * What is promised, and shown here: the readers that live deliver, with what the killed ones had processed, each event
 * exactly once, if the killed ones are declared offline with the positions that they had processed up to. Without positions
 * the events since their last checkpoint come again: Java's readers promise no more either.
 */
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, type Layer } from "effect"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import * as ScalingPolicy from "../../src/core/ScalingPolicy.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import * as ReaderGroup from "../../src/pravega/readergroup/ReaderGroup.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import { randomName, randomScope } from "../names.ts"
import * as GroupMembers from "./GroupMembers.ts"
import { type InteropServer, withClient } from "./InteropServer.ts"

const keys = 100
const textOf = (index: number): string => `${index % keys} ${Math.floor(index / keys)}`

const until = <E, R>(check: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(check, (ok) => ok ? Effect.void : Effect.andThen(Effect.sleep("100 millis"), until(check)))

/** Waits, unless one of these members ends before: then what is waited for may never come. */
const whileAlive = (members: ReadonlyArray<GroupMembers.Member>) => <A, E, R>(waiting: Effect.Effect<A, E, R>) =>
  Effect.raceFirst(
    waiting,
    Effect.raceAllFirst(
      members.map(({ ended, id }) =>
        Effect.andThen(ended, Effect.die(new Error(`member ${id} ended before there was nothing left to read`)))
      )
    )
  )

const seenOf = (members: ReadonlyArray<GroupMembers.Member>) => members.flatMap(({ printed }) => printed)

/** Each event once; per key no event was processed before the one before it. */
const assertOnceInOrder = (members: ReadonlyArray<GroupMembers.Member>, count: number): void => {
  const times = new Map<string, number>()
  for (const { text, time } of seenOf(members)) {
    assert.isFalse(times.has(text), `${text} came twice`)
    times.set(text, time)
  }
  for (let index = 0; index < count; index++) {
    const time = times.get(textOf(index))
    assert.isDefined(time, `${textOf(index)} is lost`)
    assert.isAtLeast(time, times.get(textOf(index - keys)) ?? 0, `${textOf(index)} came too early`)
  }
  assert.strictEqual(times.size, count)
  for (const { id, printed } of members) {
    const last = new Map<string, number>()
    for (const { text } of printed) {
      const [key = "", number = ""] = text.split(" ")
      assert.isAbove(Number(number), last.get(key) ?? -1, `key ${key} of ${id}`)
      last.set(key, Number(number))
    }
  }
}

export const groupCases = (name: string, server: Layer.Layer<InteropServer>, events: number): void => {
  layer(withClient(server), { excludeTestServices: true })(
    `a reader group of Java's readers and ours, on ${name}`,
    (it) => {
      it.effect(
        "two of each, one of each killed, through a scale up and a scale down: each event once, in order per key",
        () =>
          Effect.gen(function*() {
            const [scope, streamName] = [randomScope(), randomName()]
            const stream = EventStream.make(`${scope}/${streamName}`, {
              codec: EventCodec.utf8,
              routingKey: (text) => text.slice(0, text.indexOf(" "))
            })
            yield* Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(2) })
            yield* Admin.scaleTo(stream.name, 4)
            const groupName = `${scope}/mixed`
            yield* ReaderGroup.create(groupName, { streams: [stream.name], automaticCheckpoints: "1 second" })
            const group = yield* ReaderGroup.open(groupName)
            const writer = yield* EventWriter.make(stream)
            let written = 0
            const write = (count: number) =>
              Effect.suspend(() => {
                const texts = Array.from({ length: count }, (_, i) => textOf(written + i))
                written += count
                return writer.writeAll(texts)
              })
            const part = events / 5

            const where = { scope, stream: streamName, group: "mixed" }
            const members = yield* Effect.forEach(
              ["java", "typescript", "java", "typescript"] as const,
              (language, i) => GroupMembers.start(language, where, `${language}-${i}`)
            )
            yield* write(part)
            // All have joined, and have got their share of the segments. Java's readers share fairly only while they read.
            yield* until(Effect.andThen(
              write(keys),
              Effect.map(group.distribution, ({ segments }) => members.every(({ id }) => segments.get(id) === 1))
            )).pipe(whileAlive(members))
            yield* write(part)
            yield* Admin.scaleTo(stream.name, 7)

            // one of each is killed while it reads, however long that takes: there is always more to read
            const [victims, survivors] = [members.slice(0, 2), members.slice(2)]
            let areKilled = false
            const end = written + part
            const writing = yield* Effect.forkChild(
              Effect.whileLoop({
                while: () => !areKilled || written < end,
                body: () => Effect.delay(write(part / 40), "20 millis"),
                step: () => {}
              })
            )
            for (const [killed, victim] of victims.entries()) {
              const before = victim.printed.length
              yield* until(Effect.sync(() => victim.printed.length > before + part / 100)).pipe(
                whileAlive(members.slice(killed)),
                Effect.raceFirst(Fiber.join(writing))
              )
              yield* victim.kill
              yield* group.readerOffline(victim.id, victim.position())
            }
            areKilled = true
            yield* Fiber.join(writing)
            assert.sameMembers([...(yield* group.onlineReaders)], survivors.map(({ id }) => id))

            yield* write(part)
            yield* Admin.scaleTo(stream.name, 2)
            yield* write(part)
            yield* Admin.sealStream(stream.name)
            // at the same time: one that ends in another way leaves segments that the others wait for
            yield* Effect.forEach(survivors, ({ ended }) => ended, { concurrency: "unbounded", discard: true })
            assertOnceInOrder(members, written)
            for (const { id, printed } of members) assert.isAbove(printed.length, part / 100, `${id} has taken part`)
            assert.strictEqual(yield* group.unreadBytes, 0n)
            assert.deepStrictEqual(yield* group.distribution, { segments: new Map(), unassigned: 0 })
          }),
        // only ends what hangs
        { timeout: 3_600_000 }
      )
    }
  )
}
