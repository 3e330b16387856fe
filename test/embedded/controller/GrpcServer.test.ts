/** The embedded controller on a socket, with authorisation: real gRPC, the real client. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import * as ScalingPolicy from "../../../src/core/ScalingPolicy.ts"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import { ScopeName } from "../../../src/core/ScopeName.ts"
import { makeId } from "../../../src/core/Segment.ts"
import { StreamConfiguration } from "../../../src/core/StreamConfiguration.ts"
import * as AccessList from "../../../src/embedded/controller/AccessList.ts"
import * as ControllerServer from "../../../src/embedded/controller/ControllerServer.ts"
import * as DelegationTokens from "../../../src/embedded/controller/DelegationTokens.ts"
import * as GrpcServer from "../../../src/embedded/controller/GrpcServer.ts"
import { Controller } from "../../../src/pravega/controller/Controller.ts"
import * as ControllerLayers from "../../../src/pravega/controller/ControllerLayers.ts"
import * as Credentials from "../../../src/pravega/controller/Credentials.ts"
import { endpoint, makeDisk, type Options } from "./EmbeddedController.ts"

const stream = ScopedStream.fromTextUnsafe("scope/stream")

const listen = (options: Options = {}) =>
  Effect.gen(function*() {
    const { container, storage } = yield* makeDisk
    const server = yield* ControllerServer.make({
      container,
      storage,
      records: [],
      endpoint: () => endpoint,
      ...options
    })
    return yield* GrpcServer.listen(server, { port: 0 })
  })

const client = (port: number, credentials?: Credentials.Credentials) =>
  Layer.orDie(
    ControllerLayers.client({ credentials }).pipe(
      Layer.provide(ControllerLayers.grpc({ controller: `tcp://127.0.0.1:${port}` }))
    )
  )

const create = Effect.gen(function*() {
  const controller = yield* Controller
  yield* controller.createScope(stream.scope)
  return yield* controller.createStream(stream, new StreamConfiguration({ scaling: ScalingPolicy.fixed(2) }))
})

describe("GrpcServer", () => {
  it.live("answers calls, statuses of gRPC among them, until its scope closes", () =>
    Effect.gen(function*() {
      const port = yield* Effect.scoped(Effect.gen(function*() {
        const port = yield* listen()
        yield* Effect.gen(function*() {
          const controller = yield* Controller
          assert.isTrue(yield* create)
          assert.lengthOf(yield* controller.currentSegments(stream), 2)
          assert.deepStrictEqual(yield* controller.endpoint(stream, makeId(0, 0)), endpoint)
          const missing = ScopedStream.fromTextUnsafe("scope/missing")
          const error = yield* Effect.flip(controller.currentSegments(missing))
          assert.deepInclude(error.reason, { _tag: "StreamNotFound", stream: missing })
        }).pipe(Effect.provide(client(port)))
        return port
      }))
      const again = yield* GrpcServer.listen({ handle: () => {} }, { port })
      assert.strictEqual(again, port)
      const taken = yield* Effect.flip(GrpcServer.listen({ handle: () => {} }, { port }))
      assert.strictEqual(taken._tag, "ListenError")
    }).pipe(Effect.scoped))

  it.live("lets in only users, and signs tokens for them", () =>
    Effect.gen(function*() {
      const authorisation = {
        users: new Map([["user", { password: "pass:word", may: AccessList.everything }]]),
        signingKey: "secret",
        life: 600_000
      }
      const port = yield* listen({ authorisation })
      const as = (credentials?: Credentials.Credentials) => Effect.provide(client(port, credentials))
      const token = (access: "read" | "write") =>
        Controller.use((controller) => controller.delegationToken(stream, access))
      for (
        const wrong of [
          undefined,
          Credentials.basic("user", "word"),
          Credentials.basic("other", "pass:word"),
          Credentials.basic("", "")
        ]
      ) {
        const error = yield* Effect.flip(as(wrong)(create))
        assert.strictEqual(error.reason._tag, "Unauthenticated")
      }
      const [read, write] = yield* as(Credentials.basic("user", "pass:word"))(
        Effect.andThen(create, Effect.all([token("read"), token("write")]))
      )
      const now = Date.now()
      const check = (text: string, segment: string, wanted: "READ" | "READ_UPDATE", at = now, signingKey = "secret") =>
        DelegationTokens.check({ signingKey }, text, [segment], wanted, at)
      const segment = "scope/stream/0.#epoch.0"
      assert.strictEqual(check(read, segment, "READ"), "allowed")
      assert.strictEqual(check(read, segment, "READ_UPDATE"), "refused")
      assert.strictEqual(check(write, `${segment}#transaction.${"0".repeat(32)}`, "READ_UPDATE"), "allowed")
      assert.strictEqual(check(write, segment, "READ"), "allowed")
      assert.strictEqual(check(write, "scope/stream2/0.#epoch.0", "READ"), "refused")
      assert.strictEqual(check(write, segment, "READ", now + 601_000), "expired")
      assert.strictEqual(check(write, segment, "READ", now, "other"), "refused")
      for (const text of ["", "a.b", "a.b.c", `${write}x`]) assert.strictEqual(check(text, segment, "READ"), "refused")
    }).pipe(Effect.scoped))

  it.live("lets users do what their lists say", () =>
    Effect.gen(function*() {
      const may = "prn::/scope:scope,READ;prn::/scope:scope/stream:s*,READ_UPDATE;prn::/scope:scope/stream:*,READ"
      const port = yield* listen({
        authorisation: {
          users: new Map([
            ["all", { password: "a", may: AccessList.everything }],
            ["some", { password: "b", may: AccessList.parse(may) }]
          ]),
          signingKey: "secret",
          life: 600_000
        }
      })
      const other = ScopedStream.fromTextUnsafe("scope/other")
      const hidden = ScopeName.make("hidden")
      const configuration = StreamConfiguration.make({ scaling: ScalingPolicy.fixed(1) })
      yield* Effect.provide(
        Effect.gen(function*() {
          const controller = yield* Controller
          yield* create
          yield* controller.createScope(hidden)
          yield* controller.createStream(other, configuration)
        }),
        client(port, Credentials.basic("all", "a"))
      )
      yield* Effect.gen(function*() {
        const controller = yield* Controller
        const refused = <A, E extends { readonly reason: { readonly _tag: string } }>(effect: Effect.Effect<A, E>) =>
          Effect.map(Effect.flip(effect), ({ reason }) => assert.strictEqual(reason._tag, "PermissionDenied"))
        yield* refused(controller.createScope(ScopeName.make("mine")))
        yield* refused(controller.createStream(ScopedStream.fromTextUnsafe("scope/strange"), configuration))
        yield* refused(Stream.runCollect(controller.listScopes))
        yield* refused(Stream.runCollect(controller.listStreams(hidden)))
        yield* controller.updateStream(stream, configuration)
        yield* refused(controller.updateStream(other, configuration))
        yield* controller.delegationToken(stream, "write")
        yield* controller.delegationToken(other, "read")
        yield* refused(controller.delegationToken(other, "write"))
      }).pipe(Effect.provide(client(port, Credentials.basic("some", "b"))))
    }).pipe(Effect.scoped))
})
