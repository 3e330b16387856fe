/**
 * Calls that no client makes: bytes that are no HTTP, requests that never end, messages that are none. They may cost the
 * connection that they came on; a client that does everything right is served all the time.
 */
import { create, type DescMethodUnary, toBinary } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, type Scope } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import * as Http2 from "node:http2"
import * as Net from "node:net"
import { ScopeName } from "../../../src/core/ScopeName.ts"
import * as ControllerServer from "../../../src/embedded/controller/ControllerServer.ts"
import * as GrpcServer from "../../../src/embedded/controller/GrpcServer.ts"
import type { GrpcLimits } from "../../../src/embedded/controller/internal/GrpcConnections.ts"
import { rpcs } from "../../../src/embedded/controller/internal/Rpcs.ts"
import { Refusal } from "../../../src/embedded/controller/Refusal.ts"
import type { Limits } from "../../../src/embedded/controller/World.ts"
import {
  Controller,
  type ControllerMethod,
  type ControllerRequest
} from "../../../src/pravega/controller/Controller.ts"
import * as ControllerLayers from "../../../src/pravega/controller/ControllerLayers.ts"
import * as pb from "../../../src/pravega/controller/gen/Controller_pb.ts"
import { endpoint, makeDisk } from "./EmbeddedController.ts"

const path = "/io.pravega.controller.stream.api.grpc.v1.ControllerService/"
const methods = Object.keys(rpcs)

const makeServer = Effect.gen(function*() {
  const { container, storage } = yield* makeDisk
  return yield* ControllerServer.make({ container, storage, records: [], endpoint: () => endpoint })
})

const listen = (limits: Partial<GrpcLimits>) =>
  Effect.flatMap(makeServer, (server) => GrpcServer.listen(server, { port: 0, limits }))

/** With a client of its own, which stays: each call says whether it is served. */
const serves = (port: number): Effect.Effect<Effect.Effect<void>, never, Scope.Scope> =>
  Effect.map(
    Layer.build(Layer.orDie(
      ControllerLayers.client().pipe(Layer.provide(ControllerLayers.grpc({ controller: `tcp://127.0.0.1:${port}` })))
    )),
    (context) =>
      Effect.orDie(Effect.provide(
        Effect.flatMap(Controller, (controller) => controller.scopeExists(ScopeName.make("scope"))),
        context
      ))
  )

const connect = (port: number): Http2.ClientHttp2Session => {
  const session = Http2.connect(`http://127.0.0.1:${port}`)
  session.on("error", () => {})
  return session
}

const request = (
  session: Http2.ClientHttp2Session,
  method: string,
  headers: Http2.OutgoingHttpHeaders = {}
): Http2.ClientHttp2Stream => {
  const stream = session.request({
    ":method": "POST",
    ":path": path + method,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers
  }, { endStream: false })
  stream.on("error", () => {})
  return stream
}

/** A call whose request begins, and never ends. */
const halfOpen = (session: Http2.ClientHttp2Session, method: string): Http2.ClientHttp2Stream | undefined => {
  if (session.destroyed || session.closed) return undefined
  const stream = request(session, method)
  stream.write(Buffer.from([0, 0, 0, 255, 0, 1]))
  return stream
}

const settled = Effect.sleep("20 millis")

describe("requests for more than one turn can do", () => {
  const scope = "scope"
  const name = (stream: string) => ({ scope, stream })
  const policy = (minNumSegments: number) => ({ minNumSegments })

  /** With the number of changes that each call made to what is stored. */
  const counting = Effect.fnUntraced(function*(limits: Partial<Limits> = {}) {
    const { container, storage } = yield* makeDisk
    let changes = 0
    const count = <F extends (...args: Array<never>) => unknown>(change: F) => {
      changes++
      return change
    }
    const counted = {
      ...container,
      create: (...args: Parameters<typeof container.create>) => count(container.create)(...args),
      delete: (...args: Parameters<typeof container.delete>) => count(container.delete)(...args)
    }
    const server = yield* ControllerServer.make({
      container: counted,
      storage,
      records: [],
      endpoint: () => endpoint,
      limits
    })
    const call = <M extends ControllerMethod>(method: M, request: ControllerRequest<M>) =>
      Effect.callback<{ readonly answer: Uint8Array | Refusal; readonly changes: number }>((resume) => {
        const description: DescMethodUnary = pb.ControllerService.method[method]
        const before = changes
        server.handle(method, toBinary(description.input, create(description.input, request)), {}, (answer) => {
          resume(Effect.succeed({ answer, changes: changes - before }))
        })
      })
    yield* call("createScope", { scope })
    return call
  })

  it.effect("streams and tables of too many segments are refused before one is made", () =>
    Effect.gen(function*() {
      const call = yield* counting()
      yield* call("createStream", { streamInfo: name("s"), scalingPolicy: policy(1) })
      const counts = fc.oneof(fc.integer({ min: 10_001, max: 0x7fffffff }), fc.constantFrom(10_001, 20_000_000))
      yield* Effect.promise(() =>
        fc.assert(fc.asyncProperty(counts, (count) =>
          Effect.runPromise(Effect.gen(function*() {
            const table = { scope, kvtName: "t", partitionCount: count, primaryKeyLength: 4 }
            const refused = [
              yield* call("createStream", { streamInfo: name("other"), scalingPolicy: policy(count) }),
              yield* call("updateStream", { streamInfo: name("s"), scalingPolicy: policy(count) }),
              yield* call("createKeyValueTable", table)
            ]
            for (const { answer, changes } of refused) {
              assert(answer instanceof Refusal && answer.code === "INVALID_ARGUMENT")
              assert.include(answer.details, `${count} segments`)
              assert.strictEqual(changes, 0)
            }
          }))))
      )
      const cut = (i: number) => ({ start: i / 10_001, end: (i + 1) / 10_001 })
      const scale = {
        streamInfo: name("s"),
        sealedSegments: [0n],
        newKeyRanges: Array.from({ length: 10_001 }, (_, i) => cut(i))
      }
      const { answer, changes } = yield* call("scale", scale)
      assert(answer instanceof Refusal && answer.code === "INVALID_ARGUMENT")
      assert.strictEqual(changes, 0)
      // as many as there may be, with the stream's mark stream
      const most = yield* call("createStream", { streamInfo: name("most"), scalingPolicy: policy(10_000) })
      assert.strictEqual(most.changes, 10_001)
    }).pipe(Effect.scoped))

  it.effect("transactions that nobody ends take no more segments than there may be, and room again when they end", () =>
    Effect.gen(function*() {
      // the server's own streams have 23 segments
      const call = yield* counting({ allSegments: 23 + 101 + 300 })
      yield* call("createStream", { streamInfo: name("s"), scalingPolicy: policy(100) })
      const begin = call("createTransaction", { streamInfo: name("s"), lease: 20_000n })
      for (let i = 0; i < 3; i++) assert.strictEqual((yield* begin).changes, 100)
      const { answer, changes } = yield* begin
      assert(answer instanceof Refusal && answer.code === "RESOURCE_EXHAUSTED")
      assert.strictEqual(changes, 0)
      // the leases end, and a moment later the segments
      yield* TestClock.adjust("21 seconds")
      assert.strictEqual((yield* begin).changes, 100)
    }).pipe(Effect.scoped))

  it.effect("a group that names one stream again and again is refused", () =>
    Effect.gen(function*() {
      const call = yield* counting()
      yield* call("createStream", { streamInfo: name("s"), scalingPolicy: policy(1) })
      const starts = Array.from({ length: 10_000 }, () => ({ streamInfo: name("s"), cut: { 0: 0n } }))
      const { answer, changes } = yield* call("createReaderGroup", {
        scope,
        readerGroupName: "g",
        readerGroupId: "11111111-2222-3333-4444-555555555555",
        maxOutstandingCheckpointRequest: 1,
        startingStreamCuts: starts,
        endingStreamCuts: starts
      })
      assert.instanceOf(answer, Refusal)
      assert.strictEqual(changes, 0)
    }).pipe(Effect.scoped))
})

describe("hostile calls", () => {
  it.effect("any bytes of any method are answered, or refused with a status", () =>
    Effect.gen(function*() {
      const { handle } = yield* makeServer
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.constantFrom(...methods, "nothing"), fc.uint8Array({ maxLength: 80 }), (method, bytes) =>
            new Promise<void>((resolve) =>
              handle(method, bytes, {}, (answer) => {
                assert(answer instanceof Uint8Array || answer instanceof Refusal)
                resolve()
              })
            )),
          { numRuns: 2000 }
        )
      )
    }).pipe(Effect.scoped))

  it.live("bytes that are no HTTP", () =>
    Effect.gen(function*() {
      const port = yield* listen({})
      const isServed = yield* serves(port)
      yield* isServed
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.boolean(), fc.uint8Array({ maxLength: 300 }), (hasPreface, bytes) =>
            new Promise<void>((resolve) => {
              const socket = Net.connect({ host: "127.0.0.1", port })
              socket.resume().on("error", () => {}).on("close", () => resolve())
              if (hasPreface) {
                socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
              }
              socket.end(bytes)
            })),
          { numRuns: 100 }
        )
      )
      yield* isServed
    }).pipe(Effect.scoped))

  it.live("requests that never end are cut down to the limit, where most of them are", () =>
    Effect.gen(function*() {
      const port = yield* listen({ calls: 300, callsOfOne: 100 })
      const isServed = yield* serves(port)
      yield* isServed
      const sessions = Array.from({ length: 10 }, () => connect(port))
      for (const session of sessions) {
        for (let i = 0; i < 200; i++) halfOpen(session, "createScope")
        yield* settled
        yield* isServed
      }
      while (sessions.filter((session) => !session.destroyed).length > 3) yield* settled
      yield* isServed
      for (const session of sessions) session.destroy()
    }).pipe(Effect.scoped))

  it.live("who has most calls open is refused more by a status, until somebody else needs the room", () =>
    Effect.gen(function*() {
      const port = yield* listen({ calls: 50 })
      const greedy = connect(port)
      const statuses: Array<unknown> = []
      for (let i = 0; i < 60; i++) {
        halfOpen(greedy, "createScope")?.on("response", (headers) => statuses.push(headers["grpc-status"]))
      }
      while (statuses.length < 10) yield* settled
      assert.deepStrictEqual(new Set(statuses), new Set(["8"]))
      assert.isFalse(greedy.destroyed)
      const isServed = yield* serves(port)
      yield* isServed
      while (!greedy.destroyed) yield* settled
      yield* isServed
    }).pipe(Effect.scoped))

  it.live("a call that is over holds nothing, also when its request goes on", () =>
    Effect.gen(function*() {
      const port = yield* listen({ calls: 50 })
      const session = connect(port)
      const isServed = yield* serves(port)
      for (let round = 0; round < 3; round++) {
        const over = yield* Effect.forEach(
          Array.from({ length: 50 }),
          () =>
            Effect.callback<unknown>((resume) => {
              let status: unknown
              const stream = request(session, "createScope", { "grpc-timeout": "20m" })
              stream.on("response", (headers) => {
                status = headers["grpc-status"]
              })
              stream.write(Buffer.from([0, 0, 0, 255, 0, 1]))
              stream.on("close", () => resume(Effect.succeed(status)))
            }),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(new Set(over), new Set(["4"]))
        yield* isServed
      }
      assert.isFalse(session.destroyed)
      session.destroy()
    }).pipe(Effect.scoped))

  it.live("a request larger than any of a client's is refused by a status at its first bytes", () =>
    Effect.gen(function*() {
      const port = yield* listen({ requestBytes: 1000 })
      const session = connect(port)
      const status = (size: number) =>
        Effect.callback<unknown>((resume) => {
          const stream = request(session, "createScope")
          stream.on("response", (headers) => resume(Effect.succeed(headers["grpc-status"])))
          stream.write(Buffer.from([0, 0, 0, size >> 8, size & 255]))
          if (size <= 1000) stream.end(Buffer.alloc(size))
        })
      assert.strictEqual(yield* status(1001), "8")
      // is read whole, and is no message
      assert.notStrictEqual(yield* status(1000), "8")
      session.destroy()
    }).pipe(Effect.scoped))

  it.live("connections that say nothing make room for others, and those that are used stay", () =>
    Effect.gen(function*() {
      const port = yield* listen({ connections: 20 })
      const isServed = yield* serves(port)
      yield* isServed
      const sockets: Array<Net.Socket> = []
      for (let i = 0; i < 100; i++) {
        const socket = Net.connect({ host: "127.0.0.1", port })
        socket.resume().on("error", () => {})
        sockets.push(socket)
        if (i % 10 === 0) {
          yield* settled
          yield* isServed
        }
      }
      while (sockets.filter((socket) => !socket.closed).length > 20) yield* settled
      yield* isServed
      for (const socket of sockets) socket.destroy()
    }).pipe(Effect.scoped))
})
