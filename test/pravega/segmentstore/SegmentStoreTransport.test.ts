import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Net from "node:net"
import type { BytePipe } from "../../../src/pravega/segmentstore/BytePipe.ts"
import {
  formatEndpoint,
  SegmentStoreTransport,
  type SocketOptions
} from "../../../src/pravega/segmentstore/SegmentStoreTransport.ts"

const open = (port: number, options?: SocketOptions) =>
  SegmentStoreTransport.use((transport) => transport.open({ host: "127.0.0.1", port })).pipe(
    Effect.provide(SegmentStoreTransport.layerSocket(options))
  )

/** A server on a free port, whose sockets `accept` gets. */
const serve = (accept: (socket: Net.Socket) => void) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly sockets: Set<Net.Socket>; readonly server: Net.Server }>(
      (resume) => {
        const sockets = new Set<Net.Socket>()
        const server = Net.createServer((socket) => {
          sockets.add(socket)
          socket.on("error", () => {})
          socket.on("close", () => sockets.delete(socket))
          socket.resume() // or it would not notice its end
          accept(socket)
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          if (address === null || typeof address === "string") throw new Error("no port")
          resume(Effect.succeed({ port: address.port, sockets, server }))
        })
      }
    ),
    ({ server, sockets }) =>
      Effect.callback<void>((resume) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resume(Effect.void))
      })
  )

const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve))).pipe(
    Effect.andThen(Effect.suspend(() => condition() ? Effect.void : until(condition)))
  )

const collect = (pipe: BytePipe) => {
  const seen = { length: 0, last: -1, drained: 0, closes: new Array<unknown>() }
  pipe.listen({
    onData: (chunk) => {
      seen.length += chunk.length
      seen.last = chunk.at(-1) ?? -1
    },
    onDrain: () => seen.drained++,
    onClose: (cause) => seen.closes.push(cause)
  })
  return seen
}

describe("SegmentStoreTransport.layerSocket", () => {
  it.live("carries bytes both ways; what is written in one turn goes out together", () =>
    Effect.gen(function*() {
      const chunks: Array<number> = []
      const { port } = yield* serve((socket) =>
        socket.on("data", (chunk) => {
          chunks.push(chunk.length)
          socket.write(chunk)
        })
      )
      const pipe = yield* open(port)
      const seen = collect(pipe)
      for (let i = 0; i < 100; i++) pipe.write([Uint8Array.of(i), Uint8Array.of(i)])
      yield* until(() => seen.length === 200)
      assert.deepStrictEqual(chunks, [200])
      assert.strictEqual(seen.last, 99)
    }))

  it.live("a peer that does not read is felt as back-pressure", () =>
    Effect.gen(function*() {
      const { port, sockets } = yield* serve((socket) => socket.pause())
      const pipe = yield* open(port)
      const seen = collect(pipe)
      yield* until(() => sockets.size === 1)
      // more than the kernel buffers of both ends take
      for (let i = 0; i < 64; i++) assert.isFalse(pipe.write([new Uint8Array(1024 * 1024)]))
      yield* until(() => true)
      assert.strictEqual(seen.drained, 0)
      for (const socket of sockets) socket.resume()
      yield* until(() => seen.drained === 1)
    }))

  it.live("the store's close is told once, without a cause; a reset with one", () =>
    Effect.gen(function*() {
      const { port, sockets } = yield* serve(() => {})
      const first = collect(yield* open(port))
      yield* until(() => sockets.size === 1)
      for (const socket of sockets) socket.end()
      yield* until(() => first.closes.length > 0)
      assert.deepStrictEqual(first.closes, [undefined])
      const second = collect(yield* open(port))
      yield* until(() => sockets.size === 1)
      for (const socket of sockets) socket.resetAndDestroy()
      yield* until(() => second.closes.length > 0)
      assert.instanceOf(second.closes[0], Error)
      assert.lengthOf(second.closes, 1)
    }))

  it.live("nobody listening is a typed error", () =>
    Effect.gen(function*() {
      const { port } = yield* Effect.scoped(serve(() => {}))
      const error = yield* Effect.flip(open(port))
      assert.strictEqual(error._tag, "ConnectionRefused")
      assert.strictEqual(error.endpoint, `127.0.0.1:${port}`)
      assert.match(String(error.cause), /ECONNREFUSED/)
      assert.strictEqual((yield* Effect.flip(open(70_000)))._tag, "ConnectionRefused")
    }))

  it.live("a store that does not speak TLS refuses a connection that does", () =>
    Effect.gen(function*() {
      const { port, sockets } = yield* serve((socket) => socket.end("no"))
      assert.strictEqual((yield* Effect.flip(open(port, { tls: {} })))._tag, "ConnectionRefused")
      assert.strictEqual((yield* Effect.flip(open(port, { tls: { ca: "no certificate" } })))._tag, "ConnectionRefused")
      yield* until(() => sockets.size === 0)
    }))

  it.effect("opening is given up after the connect time-out", () =>
    Effect.gen(function*() {
      const { port, sockets } = yield* serve(() => {}) // accepts, but never shakes hands
      const opening = yield* Effect.forkChild(Effect.flip(open(port, { tls: {} })), { startImmediately: true })
      yield* until(() => sockets.size === 1)
      yield* TestClock.adjust("5 seconds")
      assert.match(String((yield* Fiber.join(opening)).cause), /no answer within 5s/)
      yield* until(() => sockets.size === 0)
    }))

  it.live("interruption while opening, and the Scope's close, leave no socket", () =>
    Effect.gen(function*() {
      const { port, sockets } = yield* serve(() => {})
      const opening = yield* Effect.forkChild(open(port, { tls: {} }), { startImmediately: true })
      yield* until(() => sockets.size === 1)
      yield* Fiber.interrupt(opening)
      yield* until(() => sockets.size === 0)
      const scope = yield* Scope.make()
      const seen = collect(yield* Scope.provide(open(port), scope))
      yield* until(() => sockets.size === 1)
      yield* Scope.close(scope, Exit.void)
      yield* until(() => sockets.size === 0)
      assert.isEmpty(seen.closes)
    }))

  it("names endpoints", () => {
    assert.strictEqual(formatEndpoint({ host: "store", port: 1 }), "store:1")
    assert.strictEqual(formatEndpoint({ host: "::1", port: 1 }), "[::1]:1")
  })
})
