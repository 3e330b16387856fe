/**
 * What is read leaves in buffers that are used again: nobody may see the bytes of another read in the place of its own,
 * however slow, and whoever goes away in the middle.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Net from "node:net"
import { listen } from "../../../src/embedded/connections/SocketServer.ts"
import * as SqliteStorage from "../../../src/embedded/store/SqliteStorage.ts"
import * as Storage from "../../../src/embedded/store/Storage.ts"
import type { PipeHandlers } from "../../../src/pravega/segmentstore/BytePipe.ts"
import * as ReadBuffers from "../../../src/pravega/wire/ReadBuffers.ts"
import * as WireCodec from "../../../src/pravega/wire/WireCodec.ts"
import { temporaryFolder } from "../../temporary.ts"
import * as Raw from "../connections/RawClient.ts"
import { makeStore } from "./EmbeddedStore.ts"

const mebibyte = 1024 * 1024
const length = 24 * mebibyte
/** In appends of all sizes: each number says where it lies, in which segment. */
const appendSizes = [400_000, 1_200_000, 40, 8192, 70_000, 524_288]
const sized = 8

const content = (segment: number): Buffer => {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; at += sized) bytes.writeDoubleBE(at + segment / 16, at)
  return bytes
}

const commit = ({ container }: Effect.Success<ReturnType<typeof makeStore>>) =>
  Effect.callback<void>((resume) => container.commit(() => resume(Effect.void)))

const inMemory = Effect.sync(Storage.makeMemory)
/** Nothing of it in memory. */
const inDirectory = Effect.gen(function*() {
  const directory = yield* temporaryFolder
  const onFailure = (error: unknown) => {
    throw error
  }
  return yield* SqliteStorage.open({ directory, recentBytes: 0, onFailure })
})

/** Of segments 0 to 3. */
const start = Effect.fnUntraced(function*(storage: Storage.Storage) {
  const store = yield* makeStore({ storage })
  for (const segment of [0, 1, 2, 3]) {
    const bytes = content(segment)
    store.container.create(`s${segment}`)
    for (let at = 0, i = segment; at < length; i++) {
      const size = Math.min(length - at, appendSizes[i % appendSizes.length]!)
      store.container.appendOwn(`s${segment}`, bytes.subarray(at, at + size), 1)
      at += size
      if (i % 3 === 0) yield* commit(store)
    }
  }
  yield* commit(store)
  return store
})

interface Reader {
  readonly segment: number
  /** Reads that are asked for at once, and how long it takes for each chunk of replies. */
  readonly ahead: number
  readonly pauseMillis: number
  /** It goes away after so many bytes. */
  readonly upTo: number
}

/** How many bytes came that were right, until one was not. */
const readAll = (port: number, { ahead, pauseMillis, segment, upTo }: Reader) =>
  Effect.callback<number>((resume) => {
    const expected = content(segment)
    const socket = Net.connect({ host: "127.0.0.1", port })
    const parser = WireCodec.makeParser()
    const step = 512 * 1024
    let right = 0
    let asked = 0
    const ask = () => {
      if (asked >= length) return
      socket.write(WireCodec.encode(Raw.read(`s${segment}`, BigInt(asked), step)))
      asked += step
    }
    socket.on("data", (chunk) => {
      parser.push(chunk, (reply) => {
        if (reply._tag !== "SegmentRead") return
        const at = Number(reply.offset)
        if (!expected.subarray(at, at + reply.data.length).equals(reply.data)) return void socket.destroy()
        right += reply.data.length
        // fewer bytes than asked for: the rest
        const end = Math.min(length, (Math.floor(at / step) + 1) * step)
        if (at + reply.data.length < end) {
          const rest = at + reply.data.length
          socket.write(WireCodec.encode(Raw.read(`s${segment}`, BigInt(rest), end - rest)))
        } else ask()
        if (right >= upTo) socket.destroy()
      })
      if (pauseMillis === 0 || socket.destroyed) return
      socket.pause()
      setTimeout(() => socket.resume(), pauseMillis)
    })
    socket.on("error", () => {})
    socket.on("close", () => resume(Effect.succeed(right)))
    for (let i = 0; i < ahead; i++) ask()
  })

describe("buffers of what is read", () => {
  it.live.each([
    { from: "memory", open: inMemory },
    { from: "a directory", open: inDirectory }
  ])(
    "from $from hold the bytes of their own read until these have left, on sockets",
    ({ open }) =>
      Effect.gen(function*() {
        const { server } = yield* start(yield* open)
        const port = yield* listen({ host: "127.0.0.1", port: 0, accept: server.accept })
        const readers: ReadonlyArray<Reader> = [
          { segment: 0, ahead: 1, pauseMillis: 0, upTo: length },
          { segment: 0, ahead: 8, pauseMillis: 0, upTo: length },
          { segment: 1, ahead: 20, pauseMillis: 2, upTo: length },
          { segment: 2, ahead: 40, pauseMillis: 1, upTo: length },
          // in the middle of what is on its way to it
          ...Array.from(
            { length: 6 },
            (_, i) => ({ segment: 3, ahead: 40, pauseMillis: i % 2, upTo: mebibyte * (i + 1) })
          ),
          { segment: 3, ahead: 2, pauseMillis: 0, upTo: length }
        ]
        const right = yield* Effect.forEach(readers, (reader) => readAll(port, reader), { concurrency: "unbounded" })
        assert.isTrue(right.every((bytes, i) => bytes >= readers[i]!.upTo), right.join(" "))
      })
  )

  it.live("are used again when they held appends to a directory, once these are forgotten", () =>
    Effect.gen(function*() {
      const directory = yield* temporaryFolder
      const onFailure = (error: unknown) => {
        throw error
      }
      const storage = yield* SqliteStorage.open({ directory, recentBytes: 2 * mebibyte, onFailure })
      const buffers = new Set<ArrayBufferLike>()
      const witness: Storage.Storage = {
        ...storage,
        append: (key, offset, data) => {
          buffers.add(data.buffer)
          storage.append(key, offset, data)
        }
      }
      const { connect } = yield* makeStore({ storage: witness })
      const client = new Raw.RawClient(connect())
      const writer = "00000000-0000-0000-0000-000000000001"
      yield* client.ask(Raw.create("s"), Raw.setup("s", writer))
      const bytes = content(0)
      const size = 500_000
      const appends = Math.floor(length / size)
      for (let i = 0; i < appends; i++) {
        const frame = WireCodec.encode(Raw.append(writer, BigInt(i + 1), bytes.subarray(i * size, (i + 1) * size)))
        // whole, and in two pieces
        const at = i % 2 === 0 ? frame.length : i * 1000
        client.bytes(frame.subarray(0, at))
        client.bytes(frame.subarray(at))
        yield* Raw.settled
      }
      // four in memory, one on its way, and those that others have given back
      assert.isAtMost(buffers.size, 20)
      for (let at = 0; at < appends * size;) {
        const data = storage.read(1, at, mebibyte)
        assert.isDefined(data)
        assert.isTrue(bytes.subarray(at, at + data.length).equals(data))
        at += data.length
        ReadBuffers.give(data)
      }
    }))

  it.effect("are used again when a pipe says so, and not before", () =>
    Effect.gen(function*() {
      const data = ReadBuffers.take(ReadBuffers.readMaximum)
      const { container, server } = yield* makeStore()
      Object.assign(container, {
        read: () => ({ _tag: "ReadData", offset: 0, atTail: false, endOfSegment: false, data })
      })
      let written: (() => void) | undefined
      let isSent = false
      let send: PipeHandlers["onData"] = () => {}
      server.accept({
        listen: ({ onData }) => {
          send = onData
        },
        write: (_, onWritten) => {
          written = onWritten
          isSent = true
          return true
        },
        pause: () => {},
        resume: () => {},
        close: () => {},
        finish: () => {}
      })
      send(WireCodec.encode(Raw.read("s", 0n, 8)))
      while (!isSent) yield* Raw.settled
      const free = Array.from({ length: 20 }, () => ReadBuffers.take(ReadBuffers.readMaximum))
      assert.isTrue(free.every(({ buffer }) => buffer !== data.buffer))
      written?.()
      assert.strictEqual(ReadBuffers.take(ReadBuffers.readMaximum).buffer, data.buffer)
    }))
})
