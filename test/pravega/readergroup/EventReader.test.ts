/** Readers that join, leave and hang while a stream is scaled: each event once, in order per key; and nothing is left of them. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Latch, Logger, Scope, Stream } from "effect"
import fc from "fast-check"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import { Position } from "../../../src/core/Position.ts"
import * as ReaderGroupName from "../../../src/core/ReaderGroupName.ts"
import * as ScalingPolicy from "../../../src/core/ScalingPolicy.ts"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import * as Segment from "../../../src/core/Segment.ts"
import * as Embedded from "../../../src/embedded/Embedded.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import type { EventRead } from "../../../src/pravega/read/EventRead.ts"
import * as EventReader from "../../../src/pravega/readergroup/EventReader.ts"
import type { GroupRead } from "../../../src/pravega/readergroup/GroupRead.ts"
import * as GroupReader from "../../../src/pravega/readergroup/member/GroupReader.ts"
import * as ReaderGroup from "../../../src/pravega/readergroup/ReaderGroup.ts"
import * as EventWriter from "../../../src/pravega/write/EventWriter.ts"
import { randomName, randomScope } from "../../names.ts"

const keys = 7
const textOf = (index: number): string => `k${index % keys} ${Math.floor(index / keys)}`

const keyOf = (text: string): string => text.slice(0, text.indexOf(" "))

const keyed = (scope: string): EventStream.EventStream<string> =>
  EventStream.make(`${scope}/events`, { codec: EventCodec.utf8, routingKey: keyOf })

const assertOnceInOrder = (seen: ReadonlyArray<string>, written: ReadonlyArray<string>): void => {
  assert.strictEqual(new Set(seen).size, seen.length, "nothing twice")
  assert.sameMembers([...seen], [...written])
  for (const [key, texts] of Map.groupBy(seen, keyOf)) {
    assert.deepStrictEqual(texts, texts.map((_, i) => `${key} ${i}`), "in order")
  }
}

/** What happens, one after the other, while the readers read. */
type Step =
  | { readonly _tag: "join" }
  | { readonly _tag: "leave"; readonly which: number }
  /** It hangs, and is declared offline with what its user had processed. */
  | { readonly _tag: "hang"; readonly which: number }
  | { readonly _tag: "scale"; readonly segments: number }
  | { readonly _tag: "write"; readonly count: number }
  | { readonly _tag: "checkpoint" }
  | { readonly _tag: "pause"; readonly millis: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constant<Step>({ _tag: "join" }),
  fc.record({ _tag: fc.constant("leave" as const), which: fc.nat(5) }),
  fc.record({ _tag: fc.constant("hang" as const), which: fc.nat(5) }),
  fc.record({ _tag: fc.constant("scale" as const), segments: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ _tag: fc.constant("write" as const), count: fc.integer({ min: 1, max: 120 }) }),
  fc.constant<Step>({ _tag: "checkpoint" }),
  fc.record({ _tag: fc.constant("pause" as const), millis: fc.integer({ min: 1, max: 60 }) })
)

type Read = GroupRead<string>

/** A reader whose user keeps a position per segment, takes its time over events, and can be made to hang. */
class Reader {
  readonly id = randomName("reader")
  private readonly kept = new Set<Segment.SegmentId>()
  isHanging = false
  private readonly stream: EventStream.EventStream<string>
  private readonly processed: Array<string>
  /** A store that all readers share: where each segment is processed to. */
  private readonly store: Map<Segment.SegmentId, bigint>
  private readonly apart: boolean

  constructor(
    stream: EventStream.EventStream<string>,
    processed: Array<string>,
    store: Map<Segment.SegmentId, bigint>,
    apart: boolean
  ) {
    this.apart = apart
    this.stream = stream
    this.processed = processed
    this.store = store
  }

  run() {
    const options = { readerGroup: "group", readerId: this.id, automaticCheckpoints: "50 millis" } as const
    // acknowledged one by one, where an interruption may come between: the store tells what comes again
    if (this.apart) return EventReader.run(this.stream, (read) => this.process(read, Effect.void), options)
    // acknowledged now and then, and when it is interrupted: nothing may come again
    return Stream.runForEachArray(EventReader.stream(this.stream, options), (reads) => {
      let last: Read | undefined
      const acknowledge = Effect.suspend(() => last === undefined ? Effect.void : EventReader.acknowledge(last))
      return Effect.forEach(reads, (read, i) => {
        const done = Effect.suspend(() => {
          last = read
          return i % 3 === 2 ? acknowledge : Effect.void
        })
        return this.process(read, done)
      }, { discard: true }).pipe(Effect.ensuring(Effect.suspend(() => this.isHanging ? Effect.void : acknowledge)))
    })
  }

  private process(read: Read, done: Effect.Effect<void>): Effect.Effect<void> {
    const work = Effect.suspend(() => {
      const before = this.store.get(read.segmentId) ?? 0n
      assert.isAtMost(Number(read.offset), Number(before), "nothing is left out")
      if (!this.apart) assert.strictEqual(read.offset, before, "nothing comes again")
      if (read.offset === before) {
        this.processed.push(read.event)
        this.store.set(read.segmentId, read.endOffset)
      }
      this.kept.add(read.segmentId)
      return done
    })
    const takesTime = this.processed.length % 5 === 0 ? Effect.sleep(1) : Effect.yieldNow
    return Effect.andThen(
      takesTime,
      Effect.suspend(() => this.isHanging ? Effect.never : Effect.uninterruptible(work))
    )
  }

  /** Others may have been further in a segment since this one processed it: where it is now is in the store. */
  get position(): Position {
    return Position.make({
      segments: Array.from(this.kept, (segment) => ({
        stream: this.stream.name,
        segment,
        offset: this.store.get(segment) ?? 0n
      }))
    })
  }
}

const history = Effect.fnUntraced(function*(steps: ReadonlyArray<Step>, apart: boolean) {
  const scope = randomScope()
  const stream = keyed(scope)
  yield* Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(1) })
  yield* ReaderGroup.create(`${scope}/group`, {
    streams: [stream.name],
    automaticCheckpoints: "50 millis",
    groupRefreshTime: "20 millis"
  })
  const group = yield* ReaderGroup.open(`${scope}/group`)
  const writer = yield* EventWriter.make(stream)
  const processed: Array<string> = []
  let written = 0
  const store = new Map<Segment.SegmentId, bigint>()
  let running: Array<{ readonly reader: Reader; readonly fiber: Fiber.Fiber<void, EventReader.EventReaderError> }> = []
  const join = Effect.gen(function*() {
    const reader = new Reader(stream, processed, store, apart)
    running.push({ reader, fiber: yield* Effect.forkScoped(reader.run()) })
  })
  const take = (which: number) => {
    const chosen = running[which % Math.max(1, running.length)]
    running = running.filter((other) => other !== chosen)
    return chosen
  }
  for (const next of steps) {
    switch (next._tag) {
      case "join":
        if (running.length < 4) yield* join
        break
      case "leave": {
        const chosen = take(next.which)
        if (chosen !== undefined) yield* Fiber.interrupt(chosen.fiber)
        break
      }
      case "hang": {
        const chosen = take(next.which)
        if (chosen === undefined) break
        // one that has not joined yet would do so later, and hang then
        while (!(yield* group.onlineReaders).includes(chosen.reader.id)) {
          if (chosen.fiber.pollUnsafe() !== undefined) yield* Fiber.join(chosen.fiber)
          yield* Effect.sleep(5)
        }
        chosen.reader.isHanging = true
        yield* group.readerOffline(chosen.reader.id, chosen.reader.position)
        break
      }
      case "scale":
        yield* Admin.scaleTo(stream.name, next.segments)
        break
      case "write":
        yield* writer.writeAll(Array.from({ length: next.count }, (_, i) => textOf(written + i)))
        written += next.count
        break
      case "checkpoint":
        // unfinished ones may be too many, and a later one may win
        yield* Effect.forkScoped(Effect.ignore(group.checkpoint(randomName("checkpoint"))))
        break
      case "pause":
        yield* Effect.sleep(next.millis)
    }
  }
  yield* Admin.sealStream(stream.name)
  yield* join
  // at the same time: one that fails leaves segments that the others wait for
  yield* Effect.forEach(running, ({ fiber }) => Fiber.join(fiber), { concurrency: "unbounded", discard: true })
  assertOnceInOrder(processed, Array.from({ length: written }, (_, i) => textOf(i)))
  assert.deepStrictEqual(yield* group.distribution, { segments: new Map(), unassigned: 0 })
}, Effect.scoped)

const memory = Pravega.layerEmbedded()

describe("acknowledge", () => {
  it("takes no event that was read without a group", () => {
    const read = (event: EventRead<string>) => [
      // @ts-expect-error a BatchReader's event has no group
      EventReader.acknowledge(event),
      // @ts-expect-error nor has any of these
      EventReader.acknowledgeAll([event]),
      // @ts-expect-error nor was it handed out by a reader that has a position
      () => EventReader.position(event),
      // @ts-expect-error or a time window
      () => EventReader.timeWindow(event)
    ]
    const grouped = (event: GroupRead<string>): EventRead<string> => event
    assert.isFunction(read)
    assert.isFunction(grouped)
  })
})

describe("EventReader", () => {
  it.live(
    "each event once and in order per key, whoever joins, leaves or hangs, and however the stream is scaled",
    () =>
      Effect.gen(function*() {
        const run = yield* Effect.context<Pravega>()
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), fc.boolean(), (steps, apart) =>
              Effect.runPromiseWith(run)(
                history(steps, apart).pipe(
                  Effect.provideService(GroupReader.TimeUnit, 20),
                  Effect.provideService(GroupReader.Compaction, { minimumBytes: 300, probability: 0.5 })
                )
              )),
            { numRuns: 15, endOnFailure: true }
          )
        )
      }).pipe(Effect.provide(memory))
  )

  it.live("leaves no connection and no timer behind, whenever it is interrupted", () =>
    Effect.gen(function*() {
      const stream = EventStream.make(`${randomScope()}/events`, { codec: EventCodec.utf8 })
      const before = new Map(resources())
      // the server has timers too: it ends before they are counted
      yield* Effect.scoped(Effect.gen(function*() {
        const server = yield* Embedded.make()
        const { controller } = yield* server.listen()
        yield* Effect.scoped(interruptReaders(stream)).pipe(
          Effect.provide(Pravega.layer({ controller }), { local: true })
        )
      }))
      // sockets are closed a moment after they are told to; and the test runner has timers of its own, which come and go
      const isMore = () => resources().some(([kind, count]) => count > (before.get(kind) ?? 0))
      while (isMore()) yield* Effect.sleep(10)
    }))

  it.live("says once, and keeps waiting, when what is read to its end is not acknowledged", () =>
    Effect.gen(function*() {
      const stream = EventStream.make(`${randomScope()}/events`, { codec: EventCodec.utf8 })
      yield* Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(1) })
      yield* Effect.scoped(Effect.flatMap(EventWriter.make(stream), (writer) => writer.write("never acknowledged")))
      yield* Admin.sealStream(stream.name)
      const said: Array<string> = []
      const fiber = yield* Effect.forkChild(
        Stream.runDrain(EventReader.stream(stream, { readerGroup: "forgetful" })).pipe(
          Effect.provide(Logger.layer([Logger.make(({ message }) => said.push(String(message)))]))
        )
      )
      while (said.length === 0) yield* Effect.sleep(10)
      yield* Effect.sleep(500)
      assert.deepStrictEqual(said, ["a segment is read to its end and not acknowledged: what follows it is not read"])
      assert.isUndefined(fiber.pollUnsafe())
    }).pipe(Effect.scoped, Effect.provideService(GroupReader.TimeUnit, 20), Effect.provide(memory)))

  it.live("hands an event out while others of the same segment are not acknowledged, and ends when all are", () =>
    Effect.gen(function*() {
      const stream = EventStream.make(`${randomScope()}/events`, { codec: EventCodec.utf8 })
      yield* Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(1) })
      const writer = yield* EventWriter.make(stream)
      yield* writer.write("first")
      const seen: Array<string> = []
      const second = yield* Deferred.make<void>()
      const acknowledged = yield* Deferred.make<void>()
      const fiber = yield* EventReader.stream(stream, { readerGroup: "slow" }).pipe(
        Stream.mapArrayEffect((reads) =>
          Effect.as(
            Effect.forEach(reads, (read) => {
              seen.push(read.event)
              return read.event === "second" ? Deferred.succeed(second, undefined) : Effect.void
            }),
            reads
          )
        ),
        Stream.buffer({ capacity: 10 }),
        Stream.runForEach((read) => Effect.andThen(Deferred.await(acknowledged), EventReader.acknowledge(read))),
        Effect.forkChild
      )
      yield* writer.write("second")
      yield* Deferred.await(second)
      yield* Admin.sealStream(stream.name)
      yield* Effect.sleep(50)
      assert.isUndefined(fiber.pollUnsafe(), "it waits for what is not acknowledged")
      yield* Deferred.succeed(acknowledged, undefined)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(seen, ["first", "second"])
    }).pipe(Effect.scoped, Effect.provideService(GroupReader.TimeUnit, 20), Effect.provide(memory)))

  it.live("whose id was declared offline has lost its membership, also when the id joins again before it notices", () =>
    Effect.gen(function*() {
      const stream = EventStream.make(`${randomScope()}/events`, { codec: EventCodec.utf8 })
      yield* Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(1) })
      const [asked, goOn] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const options = { readerGroup: "again", readerId: "same", automaticCheckpoints: "off" } as const
      const onCheckpoint = () => Effect.andThen(Deferred.succeed(asked, undefined), Deferred.await(goOn))
      const first = yield* Effect.forkChild(EventReader.run(stream, () => Effect.void, { ...options, onCheckpoint }))
      const group = yield* joined(stream, "again", "same")
      // it waits in there, and looks at nothing
      yield* Effect.forkScoped(Effect.exit(group.checkpoint("held")))
      yield* Deferred.await(asked)
      yield* group.readerOffline("same")
      const taken = yield* Deferred.make<void>()
      const second = yield* Effect.forkChild(
        EventReader.run(stream, () => Deferred.succeed(taken, undefined), options)
      )
      yield* Effect.flatMap(EventWriter.make(stream), (writer) => writer.write("for the second"))
      yield* Deferred.await(taken)
      yield* Deferred.succeed(goOn, undefined)
      const lost = yield* Effect.flip(Fiber.join(first))
      assert.strictEqual(lost.reason._tag, "MembershipLost")
      assert.deepStrictEqual(yield* group.onlineReaders, ["same"])
      assert.isUndefined(second.pollUnsafe())
      yield* Fiber.interrupt(second)
    }).pipe(Effect.scoped, Effect.provideService(GroupReader.TimeUnit, 20), Effect.provide(memory)))

  it.live("partitionedStream: segments are consumed at the same time, and each ends where it ends", () =>
    Effect.gen(function*() {
      const stream = keyed(randomScope())
      yield* Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(1) })
      const writer = yield* EventWriter.make(stream)
      const written = Array.from({ length: 60 }, (_, i) => textOf(i))
      yield* writer.writeAll(written.slice(0, 10))
      yield* Admin.scaleTo(stream.name, 2)
      yield* writer.writeAll(written.slice(10, 40))
      yield* Admin.scaleTo(stream.name, 1)
      yield* writer.writeAll(written.slice(40))
      yield* Admin.sealStream(stream.name)
      const seen: Array<string> = []
      const ended: Array<number> = []
      const both = yield* Latch.make()
      let begun = 0
      yield* EventReader.partitionedStream(stream, { readerGroup: "apart", automaticCheckpoints: "off" }).pipe(
        Stream.mapEffect(
          ({ events, segment }) =>
            Effect.gen(function*() {
              const epoch = Segment.epoch(segment)
              if (epoch === 2) assert.deepStrictEqual(ended, [0, 1, 1], "what follows both comes after both")
              // neither of the two goes on before the other has begun
              if (epoch === 1 && ++begun === 2) yield* both.open
              if (epoch === 1) yield* both.await
              yield* Stream.runForEach(events, (read) => {
                seen.push(read.event)
                return EventReader.acknowledge(read)
              })
              ended.push(epoch)
            }),
          { concurrency: "unbounded" }
        ),
        Stream.runDrain
      )
      assert.deepStrictEqual(ended, [0, 1, 1, 2])
      assertOnceInOrder(seen, written)
    }).pipe(Effect.scoped, Effect.provideService(GroupReader.TimeUnit, 20), Effect.provide(memory)))

  it.live("partitionedStream: a segment that goes to another reader ends here, and goes on there", () =>
    Effect.gen(function*() {
      const stream = keyed(randomScope())
      yield* Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(2) })
      const writer = yield* EventWriter.make(stream)
      const written = Array.from({ length: 60 }, (_, i) => textOf(i))
      const seen: Array<string> = []
      const ended: Array<string> = []
      const reader = (readerId: string) =>
        EventReader.partitionedStream(stream, { readerGroup: "moving", readerId, automaticCheckpoints: "off" }).pipe(
          Stream.mapEffect(
            ({ events }) =>
              Effect.map(
                Stream.runForEach(events, (read) => {
                  seen.push(read.event)
                  return EventReader.acknowledge(read)
                }),
                () => ended.push(readerId)
              ),
            { concurrency: "unbounded" }
          ),
          Stream.runDrain,
          Effect.forkChild
        )
      const first = yield* reader("first")
      yield* writer.writeAll(written.slice(0, 30))
      while (seen.length < 30) yield* Effect.sleep(1)
      assert.deepStrictEqual(ended, [])
      const second = yield* reader("second")
      while (ended.length === 0) yield* Effect.sleep(1)
      assert.strictEqual(ended[0], "first")
      const group = yield* ReaderGroup.open(`${stream.name.scope}/moving`)
      while ((yield* group.distribution).segments.get("second") !== 1) yield* Effect.sleep(1)
      yield* writer.writeAll(written.slice(30))
      yield* Admin.sealStream(stream.name)
      yield* Effect.forEach([first, second], (fiber) => Fiber.join(fiber), { concurrency: 2 })
      // more often where the second was late to take it: the first took it back then, and gave it up again
      assert.isAtLeast(ended.filter((reader) => reader === "first").length, 2)
      assert.include(ended, "second")
      assertOnceInOrder(seen, written)
    }).pipe(Effect.scoped, Effect.provideService(GroupReader.TimeUnit, 20), Effect.provide(memory)))

  it.live("joins a group that is there by reading its state once, and asks for no stream's head", () =>
    Effect.gen(function*() {
      const pravega = yield* Pravega
      const stream = EventStream.make(`${randomScope()}/events`, { codec: EventCodec.utf8 })
      yield* Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(1) })
      yield* ReaderGroup.create(`${stream.name.scope}/there`, { streams: [stream.name] })
      yield* Admin.sealStream(stream.name)
      const asked: Array<string> = []
      const controller: typeof pravega.controller = {
        ...pravega.controller,
        head: (name) => {
          asked.push(`head of ${name.stream}`)
          return pravega.controller.head(name)
        },
        currentSegments: (name) => {
          if (name.stream !== stream.name.stream) asked.push(`segments of ${name.stream}`)
          return pravega.controller.currentSegments(name)
        }
      }
      yield* EventReader.run(stream, () => Effect.void, { readerGroup: "there", timeWindows: false }).pipe(
        Effect.provideService(Pravega, { ...pravega, controller })
      )
      assert.deepStrictEqual(asked, ["segments of _RGthere"])
    }).pipe(Effect.scoped, Effect.provideService(GroupReader.TimeUnit, 20), Effect.provide(memory)))

  it.live("leaves when it is stopped while what it has just given up is not acknowledged to it", () =>
    Effect.gen(function*() {
      const pravega = yield* Pravega
      const stream = EventStream.make(`${randomScope()}/events`, { codec: EventCodec.utf8 })
      yield* Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(1) })
      // The reader's client holds the reply to one append back, the one that completes its segment (others come before, the
      // more the slower it goes), and tells from where it waits for more of the group's state.
      const held = yield* Deferred.make<void>()
      let isCompleted: Effect.Effect<boolean> = Effect.succeed(false)
      let waitsAt = 0n
      const segments: typeof pravega.segments = {
        ...pravega.segments,
        read: (segment, range) => {
          if (segment.stream.stream.startsWith("_RG")) waitsAt = range.offset
          return pravega.segments.read(segment, range)
        },
        appends: (segment, lane) =>
          Effect.map(pravega.segments.appends(segment, lane), (connection) => {
            const call: typeof connection.call = (request) =>
              Effect.tap(connection.call(request), () =>
                Effect.flatMap(isCompleted, (yes) => yes ? Deferred.await(held) : Effect.void))
            return new Proxy(connection, {
              get: (target, name) =>
                name === "call" ? call : Reflect.get(target, name, target)
            })
          })
      }
      const scope = yield* Scope.make()
      yield* EventReader.run(
        stream,
        () => Effect.void,
        { readerGroup: "stopped", readerId: "reader", automaticCheckpoints: "off" }
      ).pipe(Effect.provideService(Pravega, { ...pravega, segments }), Effect.forkIn(scope))
      const group = yield* joined(stream, "stopped", "reader")
      isCompleted = Effect.map(Effect.orDie(group.distribution), ({ unassigned }) => unassigned === 2)
      yield* Admin.scaleTo(stream.name, 2)
      // its segment is completed, and it has read that, but not been told
      while (!(yield* isCompleted)) yield* Effect.sleep(1)
      const log = new ScopedStream({
        scope: stream.name.scope,
        stream: ReaderGroupName.stream(ReaderGroupName.ReaderGroupName.make("stopped"))
      })
      const { length } = yield* pravega.segments.info({ stream: log, id: Segment.makeId(0, 0) })
      while (waitsAt < length) yield* Effect.sleep(1)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* Effect.sleep(1)
      yield* Deferred.succeed(held, undefined)
      yield* Fiber.join(closing)
      assert.deepStrictEqual(yield* group.onlineReaders, [])
    }).pipe(Effect.scoped, Effect.provideService(GroupReader.TimeUnit, 20), Effect.provide(memory)))
})

/** The group, once the reader has a segment. */
const joined = Effect.fnUntraced(function*(
  stream: EventStream.EventStream<string>,
  name: string,
  reader: string
) {
  while (true) {
    const group = yield* Effect.option(ReaderGroup.open(`${stream.name.scope}/${name}`))
    if (group._tag === "Some") {
      while ((yield* group.value.distribution).segments.get(reader) !== 1) yield* Effect.sleep(1)
      return group.value
    }
    yield* Effect.sleep(1)
  }
})

/** Readers that are stopped before, while and after they join. */
const interruptReaders = Effect.fnUntraced(function*(stream: EventStream.EventStream<string>) {
  yield* Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(3) })
  yield* ReaderGroup.create(`${stream.name.scope}/left`, { streams: [stream.name] })
  const writer = yield* EventWriter.make(stream)
  for (const millis of [0, 1, 3, 10, 30, 100]) {
    yield* writer.writeAll(Array.from({ length: 100 }, (_, i) => String(i)))
    const scope = yield* Scope.make()
    yield* Effect.forkIn(Stream.runDrain(EventReader.stream(stream, { readerGroup: "left" })), scope)
    yield* Effect.sleep(millis)
    yield* Scope.close(scope, Exit.void)
  }
  const group = yield* ReaderGroup.open(`${stream.name.scope}/left`)
  assert.deepStrictEqual(yield* group.distribution, { segments: new Map(), unassigned: 3 })
})

/** How much of what keeps this process alive there is, as Node counts it. */
const resources = () =>
  ["TCPSocketWrap", "Timeout"].map((kind) =>
    [kind, process.getActiveResourcesInfo().filter((other) => other === kind).length] as const
  )
