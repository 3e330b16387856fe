/**
 * Bytes that no client sends: they may cost the connection that they came on, and nothing else. Every run ends with a
 * well-behaved client that was there all the time and is served as if nothing had been.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import fc from "fast-check"
import { randomUUID } from "node:crypto"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { listen } from "../../../src/embedded/connections/SocketServer.ts"
import * as WireCodec from "../../../src/pravega/wire/WireCodec.ts"
import type { WireCommand } from "../../../src/pravega/wire/WireCommand.ts"
import { anyCommand } from "../../pravega/wire/commandArbitrary.ts"
import { type EmbeddedStore, makeStore } from "../store/EmbeddedStore.ts"
import * as Raw from "./RawClient.ts"
import { RawClient, settled } from "./RawClient.ts"

const [w, v] = [randomUUID(), randomUUID()]

const tags = (replies: ReadonlyArray<WireCommand>) => replies.map(({ _tag }) => _tag)

/** Real requests on segments that are there, so that mutations of them get further than the parser. */
const plausible: fc.Arbitrary<WireCommand> = fc.record({
  segment: fc.constantFrom("s", "t", "", "s#transient.", "nobody's"),
  offset: fc.bigInt({ min: -3n, max: 40n }),
  data: fc.uint8Array({ maxLength: 20 }),
  kind: fc.nat(12)
}).map(({ data, kind, offset, segment }): WireCommand => {
  switch (kind) {
    case 0:
      return Raw.create(segment)
    case 1:
    case 2:
      return Raw.setup(segment, w)
    case 3:
      return Raw.append(w, offset, data)
    case 4:
      return Raw.conditional(w, offset, offset, data)
    case 5:
      return { _tag: "AppendBlock", writerId: w, data }
    case 6:
      return Raw.seal(segment)
    case 7:
      return Raw.truncate(segment, offset)
    case 8:
      return Raw.merge(segment, "t")
    case 9:
      return Raw.mergeBatch(segment, ["s", segment, "t"])
    case 10:
      return Raw.remove(segment)
    case 11:
      return Raw.updateAttribute(segment, w, offset, offset - 1n)
    default:
      return Raw.read(segment, offset, Number(offset) * 1000)
  }
})

/** Frames, some of them with a few bytes changed, cut short or run together with noise. */
const frames = fc.array(
  fc.record({
    command: fc.oneof({ weight: 1, arbitrary: anyCommand }, { weight: 2, arbitrary: plausible }),
    changes: fc.array(fc.record({ at: fc.nat(), to: fc.nat(255) }), { maxLength: 2 }),
    cut: fc.option(fc.nat(), { freq: 12 })
  }),
  { maxLength: 15 }
).map((parts) =>
  parts.map(({ changes, command, cut }) => {
    const frame = WireCodec.encode(command).slice()
    for (const { at, to } of changes) frame[at % frame.length] = to
    return cut === null ? frame : frame.subarray(0, cut % frame.length)
  })
)

const noise = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 })

/** A client that does everything right, on a segment that the others do not know. */
const serves = (client: RawClient, round: number) =>
  Effect.gen(function*() {
    const [ack] = yield* client.ask(Raw.append(w, BigInt(round), Uint8Array.of(round)))
    assert.deepInclude(ack, {
      _tag: "DataAppended",
      eventNumber: BigInt(round),
      currentSegmentWriteOffset: BigInt(round)
    })
  })

const start = Effect.gen(function*() {
  const store = yield* makeStore()
  store.container.create("mine")
  const client = new RawClient(store.connect())
  yield* client.ask(Raw.setup("mine", w))
  return { ...store, client }
})

/** Chunks on a connection of their own; then nothing of it may be left. */
const attack = ({ connect, server }: EmbeddedStore, chunks: ReadonlyArray<Uint8Array>) =>
  Effect.gen(function*() {
    const before = server.connections()
    const client = new RawClient(connect())
    for (const chunk of chunks) client.bytes(chunk)
    yield* settled
    client.take()
    client.pipe.close()
    yield* settled
    assert.strictEqual(server.connections(), before)
  })

describe("lists that are too long for one turn", () => {
  /** An item takes as few bytes as there can be: a frame has room for millions. */
  const lists = (count: number): ReadonlyArray<WireCommand> => {
    const key = { data: new Uint8Array(0), keyVersion: Raw.notSet }
    const keys = Array.from({ length: count }, () => key)
    const token = { requestId: 1n, segment: "t", delegationToken: "" }
    return [
      Raw.mergeBatch("s", Array.from({ length: count }, () => "")),
      { _tag: "ReadTable", ...token, keys },
      { _tag: "RemoveTableKeys", ...token, keys, tableSegmentOffset: -1n },
      {
        _tag: "UpdateTableEntries",
        ...token,
        tableEntries: keys.map((key) => ({ key, value: new Uint8Array(0) })),
        tableSegmentOffset: -1n
      }
    ]
  }

  it.live("cost their connection, and nothing is done for them", () =>
    Effect.gen(function*() {
      const store = yield* start
      store.container.create("s")
      store.container.create("t", { tableKeyLength: 0 })
      const { length } = store.container.info("t")!
      for (const command of lists(10_001)) {
        const client = new RawClient(store.connect())
        assert.deepStrictEqual(tags(yield* client.ask(command)), [])
        assert.isTrue(client.isClosed)
      }
      assert.strictEqual(store.container.info("t")!.length, length)
      for (const command of lists(10_000)) {
        const client = new RawClient(store.connect())
        assert.lengthOf(yield* client.ask(command), 1)
      }
      yield* serves(store.client, 1)
    }))
})

describe("hostile bytes", () => {
  for (const [name, chunks] of [["noise", noise], ["mutated frames", frames]] as const) {
    it.effect(name, () =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.array(chunks, { minLength: 1, maxLength: 6 }), (attacks) =>
            Effect.runPromise(Effect.gen(function*() {
              const store = yield* start
              store.container.create("s")
              store.container.create("t")
              let round = 0
              yield* serves(store.client, ++round)
              for (const chunks of attacks) {
                yield* attack(store, chunks)
                yield* serves(store.client, ++round)
              }
              for (const name of store.container.names()) assert.notInclude(name, "#transient.0")
            }))),
          { numRuns: 300 }
        )
      ))
  }

  it.effect("frames that never end cost what was sent of them, and only to a bound", () =>
    Effect.gen(function*() {
      const store = yield* makeStore({ limits: { incomplete: 1_000_000 } })
      const header = Uint8Array.of(0, 0, 0, 4, 0, 0xff, 0xff, 0xf7)
      const clients = Array.from({ length: 20 }, () => new RawClient(store.connect()))
      for (const client of clients) {
        client.bytes(header)
        client.bytes(new Uint8Array(100_000))
      }
      yield* settled
      const open = clients.filter(({ isClosed }) => !isClosed)
      assert.strictEqual(open.length, 9)
      assert.strictEqual(store.server.connections(), 9)
      for (const client of open) client.pipe.close()
      yield* settled
      // what was counted for them is free again
      const next = new RawClient(store.connect())
      next.bytes(header)
      next.bytes(new Uint8Array(900_000))
      yield* settled
      assert.isFalse(next.isClosed)
    }))

  it.effect("reads that wait by the thousand are answered within bounds, and those of others in full", () =>
    Effect.gen(function*() {
      const store = yield* start
      store.container.create("s")
      const mebibyte = new Uint8Array(1024 * 1024)
      const greedy = new RawClient(store.connect())
      const other = new RawClient(store.connect())
      yield* other.ask(Raw.read("s", 0n, 2 * mebibyte.length))
      greedy.send(...Array.from({ length: 5000 }, (_, i) => Raw.read("s", 0n, 2 * mebibyte.length, BigInt(i))))
      yield* settled
      yield* store.client.ask(Raw.setup("s", v))
      assert.include(tags(yield* store.client.ask(Raw.append(v, 1n, mebibyte))), "DataAppended")
      const read = (replies: ReadonlyArray<WireCommand>) =>
        replies.flatMap((reply) => reply._tag === "SegmentRead" ? [reply.data.length] : [])
      const answered = read(greedy.take())
      assert.strictEqual(answered.length, 5000)
      // as many as there is room for, and at least the smallest for the others
      assert.isBelow(answered.reduce((a, b) => a + b), 8 * mebibyte.length)
      assert.isTrue(answered.every((length) => length >= 8))
      assert.deepStrictEqual(read(other.take()), [mebibyte.length])
      yield* serves(store.client, 1)
    }))

  it.effect("a million reads that wait are cut down to the limit, where most of them are", () =>
    Effect.gen(function*() {
      const store = yield* makeStore({ limits: { underWay: 1_000_000, allUnderWay: 30_000 } })
      store.container.create("s")
      store.container.create("mine")
      const client = new RawClient(store.connect())
      yield* client.ask(Raw.setup("mine", w))
      yield* client.ask(Raw.read("mine", 0n, 8))
      for (let round = 0; round < 10; round++) {
        const hostile = new RawClient(store.connect())
        for (let sent = 0; sent < 100_000 && !hostile.isClosed; sent += 10_000) {
          hostile.send(...Array.from({ length: 10_000 }, (_, i) => Raw.read("s", 0n, 8, BigInt(i))))
          yield* settled
        }
        assert.isTrue(hostile.isClosed)
      }
      assert.isFalse(client.isClosed)
      const replies = yield* client.ask(Raw.append(w, 1n, Uint8Array.of(1)))
      assert.sameMembers(tags(replies), ["DataAppended", "SegmentRead"])
    }))

  it.effect("a frame above the limit is refused at its header", () =>
    Effect.gen(function*() {
      const store = yield* start
      const client = new RawClient(store.connect())
      client.bytes(Uint8Array.of(0, 0, 0, 4, 0, 0xff, 0xff, 0xf8))
      yield* settled
      assert.isTrue(client.isClosed)
    }))

  it.live("last words wait for who does not take them, or is slow, only so long and only for so many", () =>
    Effect.gen(function*() {
      const { container, server } = yield* makeStore({ limits: { unsent: 32 * 1024 * 1024 } })
      container.create("s")
      const mebibyte = new Uint8Array(1024 * 1024)
      for (let i = 0; i < 16; i++) container.appendOwn("s", mebibyte, 1)
      const asked = 16 * mebibyte.length
      /** Everything, and then what ends a connection: from a client that takes nothing until it is told to. */
      const leave = (port: number) =>
        Effect.callback<Net.Socket>((resume) => {
          const socket = Net.connect({ host: "127.0.0.1", port })
          socket.on("error", () => {})
          const reads = Array.from(
            { length: 16 },
            (_, i) => Raw.read("s", BigInt(i * mebibyte.length), mebibyte.length)
          )
          const end: WireCommand = { _tag: "Event", data: new Uint8Array(0) }
          socket.write(Buffer.concat([...reads, end].map(WireCodec.encode)), () => resume(Effect.succeed(socket)))
        })
      const over = Effect.gen(function*() {
        while (server.connections() > 0) yield* Effect.sleep("5 millis")
      })
      const receivedBy = (socket: Net.Socket, pauseMillis: number) =>
        Effect.callback<number>((resume) => {
          let received = 0
          socket.on("data", ({ length }) => {
            received += length
            if (pauseMillis === 0) return
            socket.pause()
            setTimeout(() => socket.resume(), pauseMillis)
          })
          socket.on("close", () => resume(Effect.succeed(received)))
        })
      const few = yield* listen({
        host: "127.0.0.1",
        port: 0,
        accept: server.accept,
        lingering: 2,
        lingerMillis: 3_600_000
      })
      const sockets = yield* Effect.forEach([1, 2, 3], () => Effect.tap(leave(few), () => over))
      const received = yield* Effect.forEach(sockets, (socket) => receivedBy(socket, 0))
      assert.deepStrictEqual(received.map((bytes) => bytes > asked), [false, true, true])
      const short = yield* listen({ host: "127.0.0.1", port: 0, accept: server.accept, lingerMillis: 200 })
      const slow = yield* leave(short)
      yield* over
      // would take seconds for all of it
      assert.isBelow(yield* receivedBy(slow, 20), asked)
    }))

  it.live("sockets that do not get as far as their encryption make room for others, and those that do stay", () =>
    Effect.gen(function*() {
      const { server } = yield* makeStore()
      const address = { host: "127.0.0.1", port: 0 }
      const port = yield* listen({ ...address, accept: server.accept, tls: { chain, key }, handshakes: 3 })
      const encrypted = Effect.callback<Tls.TLSSocket>((resume) => {
        const socket: Tls.TLSSocket = Tls.connect(
          { ...address, port, rejectUnauthorized: false },
          () => resume(Effect.succeed(socket))
        )
        socket.on("error", () => {})
      })
      const clients = yield* Effect.forEach(Array.from({ length: 5 }), () => encrypted)
      // which the server knows a little later than they do
      while (server.connections() < 5) yield* Effect.sleep("5 millis")
      const silent = Array.from({ length: 8 }, () => {
        const socket = Net.connect({ ...address, port })
        return socket.resume().on("error", () => {})
      })
      while (silent.filter(({ closed }) => closed).length < 5) yield* Effect.sleep("5 millis")
      clients.push(yield* encrypted)
      while (server.connections() < 6) yield* Effect.sleep("5 millis")
      assert.isTrue(clients.every(({ destroyed }) => !destroyed))
      for (const socket of [...clients, ...silent]) socket.destroy()
    }))

  it.live("sockets that stall, break off or reset leave nothing behind, and the port is free afterwards", () =>
    Effect.gen(function*() {
      const { container, server } = yield* makeStore()
      container.create("s")
      const port = yield* Effect.scoped(Effect.gen(function*() {
        const port = yield* listen({ host: "127.0.0.1", port: 0, accept: server.accept })
        const sockets = Array.from({ length: 60 }, (_, i) => {
          const socket = Net.connect({ host: "127.0.0.1", port })
          socket.on("error", () => {})
          socket.write(i % 3 === 0 ? Uint8Array.of(0, 0, 0) : WireCodec.encode(Raw.read("s", 0n, 10)))
          return socket
        })
        while (server.connections() < 60) yield* Effect.sleep("5 millis")
        sockets.forEach((socket, i) => i % 2 === 0 ? socket.resetAndDestroy() : i < 40 ? socket.destroy() : undefined)
        while (server.connections() > 10) yield* Effect.sleep("5 millis")
        assert.strictEqual(server.connections(), 10)
        return port
      }))
      while (server.connections() > 0) yield* Effect.sleep("5 millis")
      const again = yield* listen({ host: "127.0.0.1", port, accept: server.accept })
      assert.strictEqual(again, port)
      const error = yield* Effect.flip(listen({ host: "127.0.0.1", port, accept: server.accept }))
      assert.strictEqual(error._tag, "ListenError")
    }))
})

/** Nobody's but this test's. */
const chain = `-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIUPJ2JtIdrGfJh9RvTAYwV3m5bw20wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyOTA3Mjc1NFoYDzIxMjYxMTA1
MDcyNzU0WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATVNF1P004lRKGfC5MQv2PgfAabBMyqnVnM00MjauzeoTkGkYWd3IP3
nQMgrk0uwOhNkiSg0yAQq6Pr3atJPep5o1MwUTAdBgNVHQ4EFgQU+xMxNG7MUhU6
YQLCCq9fSwOowWwwHwYDVR0jBBgwFoAU+xMxNG7MUhU6YQLCCq9fSwOowWwwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAl3NznTFi/0zKNpTVIq3v
yYk+fwKSYJe+Q75jkS8uJigCIQCx/uK+hqxOSa+tirqw5Zccmv4xa0cE8Dyail6t
TZeU3g==
-----END CERTIFICATE-----`
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgM+skQ6HBegOY7rJM
zS4PEAdRJbIlMHt/12Chw8N44KWhRANCAATVNF1P004lRKGfC5MQv2PgfAabBMyq
nVnM00MjauzeoTkGkYWd3IP3nQMgrk0uwOhNkiSg0yAQq6Pr3atJPep5
-----END PRIVATE KEY-----`
