/** What the embedded store answers, command by command, as it was seen on a real 0.13.0 store. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { randomUUID } from "node:crypto"
import * as Storage from "../../../src/embedded/store/Storage.ts"
import type { PipeHandlers } from "../../../src/pravega/segmentstore/BytePipe.ts"
import * as AttributeId from "../../../src/pravega/wire/SegmentAttribute.ts"
import * as WireCodec from "../../../src/pravega/wire/WireCodec.ts"
import type { WireCommand } from "../../../src/pravega/wire/WireCommand.ts"
import { expirePolls, makeStore } from "../store/EmbeddedStore.ts"
import * as Raw from "./RawClient.ts"
import { notSet, RawClient, settled } from "./RawClient.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const tags = (replies: ReadonlyArray<WireCommand>) => replies.map(({ _tag }) => _tag)
const w = randomUUID()

/** A store with the segments, and a client of it. */
const start = (...segments: ReadonlyArray<string>) =>
  Effect.map(makeStore(), (store) => {
    for (const segment of segments) store.container.create(segment)
    return { ...store, client: new RawClient(store.connect()) }
  })

describe("connections", () => {
  it.effect("Hello is answered each time; versions that do not meet end the connection after the answer", () =>
    Effect.gen(function*() {
      const { client } = yield* start()
      const hello: WireCommand = { _tag: "Hello", highVersion: 16, lowVersion: 5 }
      assert.deepStrictEqual(yield* client.ask(hello, hello), [hello, hello])
      assert.deepStrictEqual(yield* client.ask({ _tag: "KeepAlive" }), [{ _tag: "KeepAlive" }])
      assert.deepStrictEqual(yield* client.ask({ _tag: "Hello", highVersion: 30, lowVersion: 17 }), [hello])
      assert.isTrue(client.isClosed)
    }))

  it.effect("what is no request of a client ends the connection, after the answers to what came before", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<WireCommand> = [
        { _tag: "SegmentCreated", requestId: 1n, segment: "s" },
        { _tag: "Event", data: bytes("x") },
        { _tag: "PartialEvent", data: bytes("x") },
        { _tag: "FlushToStorage", containerId: 0, delegationToken: "", requestId: 1n },
        { _tag: "ListStorageChunks", segment: "s", delegationToken: "", requestId: 1n },
        Raw.append(w, 1n, bytes("x"))
      ]
      for (const command of wrong) {
        const { client } = yield* start()
        assert.deepStrictEqual(tags(yield* client.ask(Raw.info("s"), command, Raw.info("s"))), ["NoSuchSegment"])
        assert.isTrue(client.isClosed, command._tag)
      }
    }))
})

describe("appends", () => {
  it.effect("gaps are fine, the same number is appended again in silence, a lower one ends the connection", () =>
    Effect.gen(function*() {
      const { client } = yield* start("s")
      const [setup] = yield* client.ask(Raw.setup("s", w))
      assert.deepInclude(setup, { _tag: "AppendSetup", lastEventNumber: notSet })
      const acks = yield* client.ask(Raw.append(w, 5n, bytes("hello"), 3), Raw.append(w, 7n, bytes("world")))
      assert.deepStrictEqual(
        acks.map((ack) =>
          ack._tag === "DataAppended" && [ack.previousEventNumber, ack.eventNumber, ack.currentSegmentWriteOffset]
        ),
        [[notSet, 5n, 5n], [5n, 7n, 10n]]
      )
      assert.deepStrictEqual(yield* client.ask(Raw.append(w, 7n, bytes("again"))), [])
      assert.deepInclude((yield* client.ask(Raw.info("s")))[0], { writeOffset: 15n })
      assert.deepInclude((yield* client.ask(Raw.attribute("s", AttributeId.eventCount)))[0], { value: 5n })
      assert.deepInclude((yield* client.ask(Raw.attribute("s", w)))[0], { value: 7n })
      assert.deepStrictEqual(yield* client.ask(Raw.append(w, 6n, bytes("x"))), [])
      assert.isTrue(client.isClosed)
    }))

  it.effect("a writer that was set up elsewhere since, and wrote there, is told so and loses its connection", () =>
    Effect.gen(function*() {
      const { client, connect } = yield* start("s")
      const other = new RawClient(connect())
      yield* client.ask(Raw.setup("s", w))
      yield* other.ask(Raw.setup("s", w))
      assert.deepStrictEqual(tags(yield* other.ask(Raw.append(w, 3n, bytes("x")))), ["DataAppended"])
      const [refused] = yield* client.ask(Raw.append(w, 4n, bytes("y")))
      assert.deepInclude(refused, { _tag: "InvalidEventNumber", writerId: w, requestId: 3n, eventNumber: 4n })
      assert.isTrue(client.isClosed)
      assert.isFalse(other.isClosed)
      assert.deepInclude((yield* other.ask(Raw.setup("s", w)))[0], { lastEventNumber: 3n })
    }))

  it.effect("who does not wait for the set-up loses the connection", () =>
    Effect.gen(function*() {
      const { client, container } = yield* start("s")
      assert.deepStrictEqual(tags(yield* client.ask(Raw.setup("s", w), Raw.append(w, 1n, bytes("x")))), ["AppendSetup"])
      assert.isTrue(client.isClosed)
      assert.strictEqual(container.info("s")?.length, 0)
    }))

  it.effect("sealed: every append that is on its way is refused, then the writer must set up again", () =>
    Effect.gen(function*() {
      const { client, container } = yield* start("s")
      yield* client.ask(Raw.setup("s", w))
      container.seal("s")
      const refused = yield* client.ask(Raw.append(w, 1n, bytes("x")), Raw.append(w, 2n, bytes("x")))
      assert.deepStrictEqual(refused.map((reply) => reply._tag === "SegmentIsSealed" && reply.offset), [1n, 2n])
      assert.isFalse(client.isClosed)
      assert.deepInclude((yield* client.ask(Raw.setup("s", w)))[0], { lastEventNumber: notSet })
      assert.deepStrictEqual(tags(yield* client.ask(Raw.append(w, 3n, bytes("x")))), ["SegmentIsSealed"])
      yield* client.ask(Raw.append(w, 4n, bytes("x")))
      assert.isTrue(client.isClosed)
    }))

  it.effect("a conditional append that fails gives its number back, once that is known", () =>
    Effect.gen(function*() {
      const { client } = yield* start("s")
      yield* client.ask(Raw.setup("s", w))
      assert.deepStrictEqual(tags(yield* client.ask(Raw.conditional(w, 1n, 9n, bytes("ab")))), [
        "ConditionalCheckFailed"
      ])
      assert.deepStrictEqual(tags(yield* client.ask(Raw.conditional(w, 1n, 0n, bytes("ab")))), ["DataAppended"])
      assert.deepStrictEqual(tags(yield* client.ask(Raw.conditional(w, 1n, 0n, bytes("ab")))), [
        "ConditionalCheckFailed"
      ])
      assert.deepStrictEqual(tags(yield* client.ask(Raw.conditional(w, 2n, -1n, bytes("cd")))), ["DataAppended"])
      assert.deepStrictEqual(
        tags(yield* client.ask(Raw.conditional(w, 3n, 9n, bytes("x")), Raw.conditional(w, 4n, 4n, bytes("x")))),
        ["ConditionalCheckFailed", "InvalidEventNumber"]
      )
      assert.isTrue(client.isClosed)
    }))

  it.effect("a second set-up of a writer sends its appends elsewhere", () =>
    Effect.gen(function*() {
      const { client, container } = yield* start("a", "b")
      yield* client.ask(Raw.setup("a", w))
      yield* client.ask(Raw.setup("b", w))
      yield* client.ask(Raw.append(w, 1n, bytes("xyz")))
      assert.deepStrictEqual([container.info("a")?.length, container.info("b")?.length], [0, 3])
    }))
})

describe("reads", () => {
  it.effect("at least 8 bytes; what goes on past the tail says so", () =>
    Effect.gen(function*() {
      const { client, container } = yield* start("s")
      container.appendOwn("s", bytes("0123456789"), 1)
      const ask = (offset: bigint, length: number) =>
        Effect.map(client.ask(Raw.read("s", offset, length)), ([reply]) =>
          reply?._tag === "SegmentRead"
            ? [Buffer.from(reply.data).toString(), reply.atTail, reply.endOfSegment]
            : reply)
      assert.deepStrictEqual(yield* ask(0n, -5), ["01234567", false, false])
      assert.deepStrictEqual(yield* ask(0n, 10), ["0123456789", false, false])
      assert.deepStrictEqual(yield* ask(4n, 100), ["456789", true, false])
      container.truncate("s", 4)
      assert.deepInclude(yield* ask(3n, 9), { _tag: "SegmentIsTruncated", startOffset: 4n, offset: 3n })
      assert.deepInclude(yield* ask(-3n, 9), { _tag: "ErrorMessage", errorCode: 0 })
      container.seal("s")
      assert.deepStrictEqual(yield* ask(4n, 100), ["456789", false, true])
      assert.deepStrictEqual(yield* ask(10n, 100), ["", false, true])
      assert.isUndefined(yield* ask(11n, 100))
      assert.isTrue(client.isClosed)
    }))

  it.effect("at the tail and beyond they wait; sealing and deleting end the waiting", () =>
    Effect.gen(function*() {
      const { client, container } = yield* start("s", "gone")
      container.appendOwn("s", bytes("abc"), 1)
      assert.deepStrictEqual(
        yield* client.ask(Raw.read("s", 3n, 100, 31n), Raw.read("s", 6n, 100, 61n), Raw.read("gone", 2n, 9, 21n)),
        []
      )
      container.appendOwn("s", bytes("de"), 1)
      container.appendOwn("s", bytes("f"), 1)
      yield* settled
      // a turn's appends come together
      assert.deepStrictEqual(
        client.take().map((reply) =>
          reply._tag === "SegmentRead" && [reply.requestId, Buffer.from(reply.data).toString(), reply.atTail]
        ),
        [[31n, "def", true]]
      )
      container.seal("s")
      container.delete("gone")
      yield* settled
      assert.deepInclude(client.take(), {
        _tag: "SegmentIsSealed",
        requestId: 61n,
        segment: "s",
        serverStackTrace: "",
        offset: 6n
      })
      assert.deepStrictEqual(tags(yield* client.ask(Raw.read("gone", 2n, 9))), ["NoSuchSegment"])
    }))

  it.effect("a read that waits in vain is answered empty after a minute", () =>
    Effect.gen(function*() {
      const { client, container } = yield* start("s")
      const expiring = yield* Effect.forkChild(expirePolls(container))
      yield* client.ask(Raw.read("s", 0n, 100))
      yield* TestClock.adjust("59 seconds")
      yield* settled
      assert.deepStrictEqual(client.take(), [])
      yield* TestClock.adjust("10 seconds")
      yield* settled
      assert.deepInclude(client.take()[0], { _tag: "SegmentRead", atTail: true, data: new Uint8Array(0) })
      yield* Fiber.interrupt(expiring)
    }))
})

describe("segments", () => {
  it.effect("merging seals the source, moves its bytes and deletes it", () =>
    Effect.gen(function*() {
      const { client, container } = yield* start("t", "s", "empty", "s2")
      container.appendOwn("t", bytes("tt"), 1)
      container.appendOwn("s", bytes("sss"), 1)
      container.appendOwn("s2", bytes("22"), 1)
      assert.deepInclude((yield* client.ask(Raw.merge("t", "s")))[0], {
        _tag: "SegmentsMerged",
        newTargetWriteOffset: 5n
      })
      assert.deepInclude((yield* client.ask(Raw.merge("t", "s")))[0], {
        _tag: "SegmentsMerged",
        newTargetWriteOffset: 5n
      })
      assert.deepInclude((yield* client.ask(Raw.merge("none", "s2")))[0], { _tag: "NoSuchSegment", segment: "s2" })
      assert.deepInclude((yield* client.ask(Raw.merge("t", "never")))[0], { _tag: "NoSuchSegment", segment: "never" })
      assert.deepInclude((yield* client.ask(Raw.mergeBatch("t", ["never", "s2", "s"])))[0], {
        merged: [
          { source: "never", newTargetWriteOffset: 5n },
          { source: "s2", newTargetWriteOffset: 7n },
          { source: "s", newTargetWriteOffset: 7n }
        ]
      })
      assert.deepInclude((yield* client.ask(Raw.read("t", 0n, 99)))[0], { data: bytes("ttsss22") })
      assert.deepInclude((yield* client.ask(Raw.mergeBatch("none", ["s"])))[0], {
        _tag: "NoSuchSegment",
        segment: "none"
      })
      container.seal("t")
      assert.deepInclude((yield* client.ask(Raw.merge("t", "empty")))[0], { _tag: "SegmentIsSealed", segment: "empty" })
      assert.isTrue(container.info("empty")?.isSealed)
    }))

  it.effect("attributes are compared before they are set", () =>
    Effect.gen(function*() {
      const { client, container } = yield* start("s")
      const id = randomUUID()
      const update = (id: string, value: bigint, expected: bigint) =>
        Effect.map(client.ask(Raw.updateAttribute("s", id, value, expected)), ([reply]) =>
          reply?._tag === "SegmentAttributeUpdated" ? reply.success : reply?._tag)
      assert.strictEqual(yield* update(id, 1n, 0n), false)
      assert.strictEqual(yield* update(id, 1n, notSet), true)
      assert.strictEqual(yield* update(id, 2n, notSet), false)
      assert.strictEqual(yield* update(id, notSet, 1n), true)
      assert.deepInclude((yield* client.ask(Raw.attribute("s", id)))[0], { value: notSet })
      // a real store's own attributes cannot be set by whoever finds them unset
      assert.strictEqual(yield* update(AttributeId.eventCount, 7n, notSet), false)
      container.seal("s")
      assert.strictEqual(yield* update(id, 1n, notSet), "SegmentIsSealed")
    }))

  it.effect("a transient segment dies with its connection, unless it was merged", () =>
    Effect.gen(function*() {
      const { client, connect, container } = yield* start("t")
      const transient = (writerId: string): WireCommand => ({
        _tag: "CreateTransientSegment",
        requestId: 1n,
        writerId,
        parentSegment: "t",
        delegationToken: ""
      })
      const [made, other] = yield* client.ask(transient(w), transient(w))
      const name = made?._tag === "SegmentCreated" ? made.segment : assert.fail("not made")
      assert.match(name, new RegExp(`^t#transient\\.${w.replaceAll("-", "")}\\.[0-9a-f]{32}$`))
      yield* client.ask(Raw.setup(name, w))
      yield* client.ask(Raw.conditional(w, 0n, 0n, bytes("large")))
      assert.deepStrictEqual(tags(yield* client.ask(Raw.merge("t", name))), ["SegmentsMerged"])
      client.pipe.close()
      yield* settled
      const next = new RawClient(connect())
      assert.deepInclude((yield* next.ask(Raw.info("t")))[0], { writeOffset: 5n })
      assert.isUndefined(container.info(other?._tag === "SegmentCreated" ? other.segment : ""))
      assert.deepStrictEqual(Array.from(container.names()), ["t"])
    }))
})

describe("limits", () => {
  it.effect("replies wait for the commit, and who has too much unacknowledged is not read on", () =>
    Effect.gen(function*() {
      const memory = Storage.makeMemory()
      const commits: Array<() => void> = []
      const storage = { ...memory, commit: (done: () => void) => void commits.push(done) }
      const { connect, container } = yield* makeStore({ storage, limits: { unacknowledged: 1000 } })
      const commitAll = Effect.gen(function*() {
        while (commits.length > 0) {
          commits.shift()!()
          yield* settled
        }
      })
      container.create("s")
      const client = new RawClient(connect())
      client.send(Raw.setup("s", w))
      yield* settled
      assert.deepStrictEqual(client.take(), [])
      yield* commitAll
      assert.deepStrictEqual(tags(client.take()), ["AppendSetup"])
      for (let i = 1; i <= 10; i++) client.send(Raw.append(w, BigInt(i), new Uint8Array(400)))
      yield* settled
      assert.strictEqual(container.info("s")?.length, 1200)
      assert.deepStrictEqual(client.take(), [])
      yield* commitAll
      assert.strictEqual(container.info("s")?.length, 4000)
      assert.strictEqual(client.take().length, 10)
    }))

  it.effect("requests of a peer that does not take its replies are left alone", () =>
    Effect.gen(function*() {
      const { connect, container } = yield* makeStore({ limits: { unsent: 100_000 } })
      container.create("s")
      container.appendOwn("s", new Uint8Array(1_000_000), 1)
      let reads = 0
      const reading = container.read
      Object.assign(container, {
        read: (...args: Parameters<typeof reading>) => {
          reads++
          return reading(...args)
        }
      })
      const client = new RawClient(connect())
      client.pipe.pause()
      yield* client.ask(...Array.from({ length: 500 }, () => Raw.read("s", 0n, 60_000)))
      assert.isBelow(reads, 5)
      const quick = new RawClient(connect())
      assert.strictEqual((yield* quick.ask(Raw.read("s", 0n, 60_000))).length, 1)
      client.pipe.resume()
      while (reads < 501) yield* settled
      yield* settled
      assert.strictEqual(client.take().length, 500)
    }))

  it.effect("too many reads that wait, and too many connections, are ended", () =>
    Effect.gen(function*() {
      const { connect, container, server } = yield* makeStore({ limits: { connections: 2, underWay: 3 } })
      container.create("s")
      const [greedy, other] = [new RawClient(connect()), new RawClient(connect())]
      yield* greedy.ask(Raw.setup("s", randomUUID()))
      yield* other.ask(Raw.read("s", 0n, 1))
      const third = new RawClient(connect())
      yield* settled
      assert.deepStrictEqual([greedy.isClosed, other.isClosed, third.isClosed], [false, false, true])
      yield* greedy.ask(...Array.from({ length: 4 }, () => Raw.read("s", 0n, 1)))
      assert.isTrue(greedy.isClosed)
      assert.strictEqual(server.connections(), 1)
    }))

  it.effect("for one more connection that one goes which has nothing under way and was silent for longest", () =>
    Effect.gen(function*() {
      const { connect, container, server } = yield* makeStore({ limits: { connections: 4 } })
      container.create("s")
      const [waits, silent, talks, later] = Array.from({ length: 4 }, () => new RawClient(connect()))
      yield* waits!.ask(Raw.read("s", 0n, 1))
      later!.bytes(Uint8Array.of(0))
      yield* settled
      yield* talks!.ask(Raw.info("s"))
      const closed = () => [waits, silent, later, talks].map((client) => client!.isClosed)
      for (const expected of [[false, true, false, false], [false, true, true, false]]) {
        const next = new RawClient(connect())
        assert.deepStrictEqual(tags(yield* next.ask(Raw.info("s"), Raw.setup("s", randomUUID()))), [
          "StreamSegmentInfo",
          "AppendSetup"
        ])
        assert.deepStrictEqual(closed(), expected)
      }
      assert.strictEqual(server.connections(), 4)
    }))

  it.effect("writers whose set-up was refused are none", () =>
    Effect.gen(function*() {
      const { connect, container } = yield* makeStore({
        limits: { underWay: 2 },
        owns: (segment) => segment !== "elsewhere",
        verifyToken: (segments) => segments[0] === "theirs" ? { _tag: "Failed" } : { _tag: "Ok", expiresAt: Infinity }
      })
      container.create("s")
      const client = new RawClient(connect())
      const refused = [["gone", "NoSuchSegment"], ["elsewhere", "WrongHost"], [
        "theirs",
        "AuthTokenCheckFailed"
      ]] as const
      for (const [segment, reply] of refused) {
        for (let i = 0; i < 4; i++) {
          assert.deepStrictEqual(tags(yield* client.ask(Raw.setup(segment, randomUUID()))), [reply])
        }
      }
      yield* client.ask(Raw.setup("s", randomUUID()), Raw.setup("s", randomUUID()))
      assert.isFalse(client.isClosed)
      yield* client.ask(Raw.setup("s", randomUUID()))
      assert.isTrue(client.isClosed)
    }))

  it.effect("a connection writes any number of transactions: writers of segments that are gone are no burden", () =>
    Effect.gen(function*() {
      const { connect, container } = yield* makeStore({ limits: { underWay: 5, allUnderWay: 8 } })
      container.create("s")
      const clients = [new RawClient(connect()), new RawClient(connect())]
      for (let i = 0; i < 40; i++) {
        const client = clients[i % 2]!
        const part = `s#transaction.${i}`
        container.create(part)
        const writer = randomUUID()
        assert.deepStrictEqual(tags(yield* client.ask(Raw.setup(part, writer))), ["AppendSetup"])
        assert.deepStrictEqual(tags(yield* client.ask(Raw.append(writer, 1n, bytes("x")))), ["DataAppended"])
        assert.deepStrictEqual(tags(yield* client.ask(Raw.merge("s", part))), ["SegmentsMerged"])
      }
      assert.strictEqual(container.info("s")?.length, 40)
    }))

  it.effect("tiny replies that wait for a commit are as many as there is memory for", () =>
    Effect.gen(function*() {
      const storage = Storage.makeMemory()
      const dones: Array<() => void> = []
      const { connect } = yield* makeStore({
        storage: { ...storage, commit: (done) => dones.push(done) },
        limits: { unsent: 100_000 }
      })
      const client = new RawClient(connect())
      // as one chunk, and as many
      client.send(...Array.from({ length: 5000 }, () => ({ _tag: "KeepAlive" }) as const))
      for (let i = 0; i < 5000; i++) client.send({ _tag: "KeepAlive" })
      let answered = 0
      for (let rounds = 0; answered < 10_000; rounds++) {
        assert.isBelow(rounds, 100)
        yield* settled
        for (const done of dones.splice(0)) done()
        yield* settled
        const { length } = client.take()
        // 8 bytes each, and what each takes in memory
        assert.isAtMost(length, 400)
        answered += length
      }
    }))
})

describe("a storage that can't be read", () => {
  it.effect("ends the connection of who reads, now or when something comes, and of nobody else", () =>
    Effect.gen(function*() {
      const { connect, container } = yield* makeStore({
        storage: { ...Storage.makeMemory(), read: () => undefined }
      })
      container.create("s")
      const [waits, reads, other] = Array.from({ length: 3 }, () => new RawClient(connect()))
      assert.deepStrictEqual(yield* waits!.ask(Raw.read("s", 0n, 8)), [])
      assert.isFalse(waits!.isClosed)
      container.appendOwn("s", bytes("x"), 1)
      assert.deepStrictEqual(yield* reads!.ask(Raw.info("s"), Raw.read("s", 0n, 8)), [yield* info(other!)])
      assert.deepStrictEqual([waits!.isClosed, reads!.isClosed, other!.isClosed], [true, true, false])
    }))
})

const info = (client: RawClient) => Effect.map(client.ask(Raw.info("s")), ([reply]) => reply)

describe("limits of all connections together", () => {
  it.effect("what is under way is counted, and what is over is free again", () =>
    Effect.gen(function*() {
      const { connect, container, server } = yield* makeStore({ limits: { allUnderWay: 10 } })
      container.create("s")
      const round = Effect.gen(function*() {
        const clients = Array.from({ length: 4 }, () => new RawClient(connect()))
        for (const client of clients) {
          client.send(Raw.setup("s", randomUUID()), Raw.read("s", 1000n, 1), Raw.read("s", 1000n, 1))
        }
        yield* settled
        // the fourth went beyond the limit, and the third had most then
        assert.deepStrictEqual(clients.map(({ isClosed }) => isClosed), [false, false, true, false])
        for (const client of clients) client.pipe.close()
        yield* settled
        assert.strictEqual(server.connections(), 0)
      })
      yield* round
      yield* round
    }))

  it.effect("who leaves replies lying when too many lie already is closed", () =>
    Effect.gen(function*() {
      const { connect, container } = yield* makeStore({ limits: { allUnsent: 200_000 } })
      container.create("s")
      container.appendOwn("s", new Uint8Array(70_000), 1)
      const clients = Array.from({ length: 4 }, () => new RawClient(connect()))
      for (const client of clients) {
        client.pipe.pause()
        client.send(Raw.read("s", 0n, 70_000))
      }
      yield* settled
      const quick = new RawClient(connect())
      assert.strictEqual((yield* quick.ask(Raw.info("s"))).length, 1)
      for (const client of clients) client.pipe.resume()
      yield* settled
      assert.deepStrictEqual(clients.map(({ isClosed }) => isClosed), [false, false, true, true])
    }))

  it.effect("and closed at once, whatever lies there", () =>
    Effect.gen(function*() {
      const { container, server } = yield* makeStore({ limits: { allUnsent: 1000 } })
      container.create("s")
      container.appendOwn("s", new Uint8Array(2000), 1)
      let handlers: PipeHandlers | undefined
      const calls: Array<string> = []
      server.accept({
        listen: (given) => {
          handlers = given
        },
        write: () => false,
        pause: () => {},
        resume: () => {},
        close: () => void calls.push("close"),
        finish: () => void calls.push("finish")
      })
      handlers?.onData(WireCodec.encode(Raw.read("s", 0n, 2000)))
      yield* settled
      assert.deepStrictEqual(calls, ["close"])
      assert.strictEqual(server.connections(), 0)
    }))
})

describe("authorisation", () => {
  it.effect("tokens are checked for the segment and the access; a refused read carries its offset", () =>
    Effect.gen(function*() {
      const { connect, container } = yield* makeStore({
        verifyToken: (segments, token, access) =>
          token === "late"
            ? { _tag: "Expired" }
            : token === `${segments.join(" ")} ${access}`
            ? { _tag: "Ok", expiresAt: 1000 }
            : { _tag: "Failed" }
      })
      container.create("s")
      const client = new RawClient(connect())
      const failed = { _tag: "AuthTokenCheckFailed", serverStackTrace: "" } as const
      assert.deepStrictEqual(yield* client.ask(Raw.read("s", 77n, 1), Raw.setup("s", w)), [
        { ...failed, requestId: 77n, errorCode: 0 },
        { ...failed, requestId: 2n, errorCode: 0 }
      ])
      assert.deepStrictEqual(
        yield* client.ask({ ...Raw.info("s"), delegationToken: "late" } as WireCommand),
        [{ ...failed, requestId: 8n, errorCode: 1 }]
      )
      const setup = { ...Raw.setup("s", w), delegationToken: "s READ_UPDATE" } as WireCommand
      assert.deepStrictEqual(tags(yield* client.ask(setup)), ["AppendSetup"])
      assert.deepStrictEqual(tags(yield* client.ask(Raw.append(w, 1n, bytes("x")))), ["DataAppended"])
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* client.ask(Raw.append(w, 2n, bytes("x"))), [])
      assert.isTrue(client.isClosed)
      const late = new RawClient(connect())
      assert.deepStrictEqual(yield* late.ask({ ...Raw.setup("s", w), delegationToken: "late" } as WireCommand), [])
      assert.isTrue(late.isClosed)
    }))

  it.effect("a merge needs a token for its target and for every source", () =>
    Effect.gen(function*() {
      const { connect, container } = yield* makeStore({
        verifyToken: (segments, token, access) =>
          access === "READ_UPDATE" && segments.every((segment) => token.split(" ").includes(segment))
            ? { _tag: "Ok", expiresAt: Infinity }
            : { _tag: "Failed" }
      })
      for (const segment of ["a", "b", "c"]) container.create(segment)
      container.appendOwn("b", bytes("theirs"), 1)
      const client = new RawClient(connect())
      const as = (token: string, command: WireCommand) => ({ ...command, delegationToken: token }) as WireCommand
      for (const token of ["", "a", "b"]) {
        assert.deepStrictEqual(tags(yield* client.ask(as(token, Raw.merge("a", "b")))), ["AuthTokenCheckFailed"])
      }
      for (const token of ["", "a", "a b", "a c", "b c"]) {
        const merge = as(token, Raw.mergeBatch("a", ["b", "c"]))
        assert.deepStrictEqual(tags(yield* client.ask(merge)), ["AuthTokenCheckFailed"])
      }
      assert.strictEqual(container.info("a")?.length, 0)
      assert.strictEqual(container.info("b")?.isSealed, false)
      assert.deepStrictEqual(tags(yield* client.ask(as("a b", Raw.merge("a", "b")))), ["SegmentsMerged"])
      assert.deepStrictEqual(tags(yield* client.ask(as("a c", Raw.mergeBatch("a", ["c"])))), ["SegmentsBatchMerged"])
    }))
})
