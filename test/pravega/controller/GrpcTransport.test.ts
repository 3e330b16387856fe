/** The gRPC transport against servers of grpc-js in this process: endpoints, statuses, cancellation, release. */
import { assert, describe, it } from "@effect/vitest"
import * as grpc from "@grpc/grpc-js"
import { Deferred, Duration, Effect, Exit, Fiber, Scope } from "effect"
import type { ControllerTransport, TransportError } from "../../../src/pravega/controller/ControllerTransport.ts"
import * as GrpcTransport from "../../../src/pravega/controller/internal/GrpcTransport.ts"

type Handler = grpc.handleUnaryCall<Buffer, Buffer>

const path = "/io.pravega.controller.stream.api.grpc.v1.ControllerService/"
const identity = (bytes: Buffer) => bytes

/** A server with one method, `echo`; the port it listens on. */
const serve = (handler: Handler, port = 0, host = "127.0.0.1") =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: grpc.Server; readonly port: number }, Error>((resume) => {
      const server = new grpc.Server()
      server.addService({
        echo: {
          path: `${path}echo`,
          requestStream: false,
          responseStream: false,
          requestSerialize: identity,
          requestDeserialize: identity,
          responseSerialize: identity,
          responseDeserialize: identity
        }
      }, { echo: handler })
      server.bindAsync(`${host}:${port}`, grpc.ServerCredentials.createInsecure(), (error, bound) => {
        resume(error === null ? Effect.succeed({ server, port: bound }) : Effect.fail(error))
      })
    }),
    ({ server }) => Effect.sync(() => server.forceShutdown())
  )

const echo = (
  transport: ControllerTransport["Service"],
  metadata: Readonly<Record<string, string>> = {}
): Effect.Effect<string, TransportError> =>
  Effect.map(
    transport.unary("echo", new TextEncoder().encode("hello"), { timeout: Duration.seconds(30), metadata }),
    (bytes) => new TextDecoder().decode(bytes)
  )

const named = (name: string): Handler => (_, respond) => respond(null, Buffer.from(name))

describe("GrpcTransport", () => {
  it.live("carries bytes and metadata", () =>
    Effect.gen(function*() {
      const { port } = yield* serve((call, respond) =>
        respond(null, Buffer.concat([call.request, Buffer.from(String(call.metadata.get("authorization")[0]))]))
      )
      const transport = yield* GrpcTransport.make({ controller: `tcp://127.0.0.1:${port}` })
      assert.strictEqual(yield* echo(transport, { authorization: "Basic x" }), "helloBasic x")
    }))

  it.live("names the statuses, and says that an answered request was sent", () =>
    Effect.gen(function*() {
      const { port } = yield* serve((_, respond) => respond({ code: grpc.status.NOT_FOUND, details: "no such stream" }))
      const transport = yield* GrpcTransport.make({ controller: `tcp://127.0.0.1:${port}` })
      const error = yield* Effect.flip(echo(transport))
      assert.deepInclude(error, { code: "NOT_FOUND", details: "no such stream", sent: true })
    }))

  it.live("says so when no connection took the request", () =>
    Effect.gen(function*() {
      const { port, server } = yield* serve(named("a"))
      server.forceShutdown()
      const transport = yield* GrpcTransport.make({ controller: `tcp://127.0.0.1:${port}` })
      assert.deepInclude(yield* Effect.flip(echo(transport)), { code: "UNAVAILABLE", sent: false })
      const nowhere = yield* GrpcTransport.make({ controller: "tcp://does-not-exist.invalid:9090" })
      assert.deepInclude(yield* Effect.flip(echo(nowhere)), { code: "UNAVAILABLE", sent: false })
    }))

  it.live("takes a request that the server dropped for one that was sent", () =>
    Effect.gen(function*() {
      let drop = () => {}
      const { port, server } = yield* serve(() => drop())
      drop = () => server.forceShutdown()
      const transport = yield* GrpcTransport.make({ controller: `tcp://127.0.0.1:${port}` })
      assert.isTrue((yield* Effect.flip(echo(transport))).sent)
    }))

  it.live("goes round its endpoints, and passes over one that is down", () =>
    Effect.gen(function*() {
      const a = yield* serve(named("a"))
      const b = yield* serve(named("b"))
      const transport = yield* GrpcTransport.make({ controller: `tcp://127.0.0.1:${a.port},127.0.0.1:${b.port}` })
      const four = [yield* echo(transport), yield* echo(transport), yield* echo(transport), yield* echo(transport)]
      assert.deepStrictEqual(four, ["a", "b", "a", "b"])
      a.server.forceShutdown()
      // the first failure marks the endpoint, at the latest
      for (let i = 0; i < 4; i++) yield* Effect.ignore(echo(transport))
      const after = yield* Effect.forEach([1, 2, 3, 4], () => echo(transport))
      assert.deepStrictEqual(after, ["b", "b", "b", "b"])
    }))

  it.live("cancels the call when it is interrupted", () =>
    Effect.gen(function*() {
      const started = yield* Deferred.make<void>()
      const cancelled = yield* Deferred.make<void>()
      const { port } = yield* serve((call) => {
        Deferred.doneUnsafe(started, Effect.void)
        call.on("cancelled", () => Deferred.doneUnsafe(cancelled, Effect.void))
      })
      const transport = yield* GrpcTransport.make({ controller: `tcp://127.0.0.1:${port}` })
      const fiber = yield* Effect.forkChild(echo(transport))
      yield* Deferred.await(started)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(cancelled)
    }))

  it.live("leaves no socket behind its Scope", () =>
    Effect.gen(function*() {
      const { port } = yield* serve(named("a"))
      const sockets = () => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length
      const before = sockets()
      const scope = yield* Scope.make()
      const transport = yield* Scope.provide(GrpcTransport.make({ controller: `tcp://127.0.0.1:${port}` }), scope)
      yield* echo(transport)
      yield* Scope.close(scope, Exit.void)
      // they close in their own time
      while (sockets() > before) yield* Effect.sleep("20 millis")
      const error = yield* Effect.flip(echo(transport))
      assert.strictEqual(error.code, "UNAVAILABLE")
    }))

  it.live("has the next try of a call that got no answer in time on a connection of its own", () =>
    Effect.gen(function*() {
      const peers = new Set<string>()
      const { port } = yield* serve((call, respond) => {
        peers.add(call.getPeer())
        if (peers.size > 1) respond(null, Buffer.from("answered"))
      })
      const transport = yield* GrpcTransport.make({ controller: `tcp://127.0.0.1:${port}` })
      const once = transport.unary("echo", new Uint8Array(1), { timeout: Duration.millis(300), metadata: {} })
      assert.strictEqual((yield* Effect.flip(once)).code, "DEADLINE_EXCEEDED")
      assert.strictEqual(new TextDecoder().decode(yield* once), "answered")
      assert.strictEqual(peers.size, 2)
    }))

  it.live("reaches a controller by its IPv6 address", () =>
    Effect.gen(function*() {
      const { port } = yield* serve(named("six"), 0, "[::1]")
      const transport = yield* GrpcTransport.make({ controller: `tcp://[::1]:${port}` })
      assert.strictEqual(yield* echo(transport), "six")
    }))

  it.live("uses no proxy, and says so where the environment names one", () =>
    Effect.gen(function*() {
      const { port, server } = yield* serve(named("direct"))
      const transport = yield* GrpcTransport.make({ controller: `tcp://127.0.0.1:${port}` })
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          process.env["http_proxy"] = "http://user:secret@127.0.0.1:9"
        }),
        () =>
          Effect.sync(() => {
            delete process.env["http_proxy"]
          })
      )
      assert.strictEqual(yield* echo(transport), "direct")
      server.forceShutdown()
      const nowhere = yield* GrpcTransport.make({ controller: `tcp://127.0.0.1:${port}` })
      const error = yield* Effect.flip(echo(nowhere))
      assert.match(error.details, /ECONNREFUSED.*use no proxy, though http_proxy names one/)
      assert.notInclude(error.details, "secret")
    }))
})
