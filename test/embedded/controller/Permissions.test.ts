/** What users who may do some things only are given: tokens no stronger than what they may, and whole lists of the rest. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import * as ScalingPolicy from "../../../src/core/ScalingPolicy.ts"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import { ScopeName } from "../../../src/core/ScopeName.ts"
import { StreamConfiguration } from "../../../src/core/StreamConfiguration.ts"
import * as AccessList from "../../../src/embedded/controller/AccessList.ts"
import * as DelegationTokens from "../../../src/embedded/controller/DelegationTokens.ts"
import { Controller } from "../../../src/pravega/controller/Controller.ts"
import * as ControllerLayers from "../../../src/pravega/controller/ControllerLayers.ts"
import * as Credentials from "../../../src/pravega/controller/Credentials.ts"
import { StreamInfo_AccessOperation as Access } from "../../../src/pravega/controller/gen/Controller_pb.ts"
import { layer } from "./EmbeddedController.ts"

const stream = ScopedStream.fromTextUnsafe("scope/stream")
const named = { scope: "scope", stream: "stream" }
const segment = "scope/stream/0.#epoch.0"
const signingKey = "secret"
const configuration = new StreamConfiguration({ scaling: ScalingPolicy.fixed(1) })

/** A controller that knows an admin and a user who may what is said. */
const withUser = (may: string) =>
  layer({
    authorisation: {
      users: new Map([
        ["admin", { password: "a", may: AccessList.everything }],
        ["user", { password: "u", may: AccessList.parse(may) }]
      ]),
      signingKey,
      life: undefined
    }
  })

const clientOf = (user: string, password: string) =>
  Effect.provide(Layer.fresh(ControllerLayers.client({ credentials: Credentials.basic(user, password) })))
const asAdmin = clientOf("admin", "a")
const asUser = clientOf("user", "u")

const createStream = Effect.gen(function*() {
  const controller = yield* Controller
  yield* controller.createScope(stream.scope)
  yield* controller.createStream(stream, configuration)
})

const verdict = (token: string, access: "READ" | "READ_UPDATE") =>
  DelegationTokens.check({ signingKey }, token, [segment], access, 0)

describe("tokens that come with segments", () => {
  it.effect("let who may only read only read, whatever access the request names", () =>
    Effect.gen(function*() {
      yield* asAdmin(createStream)
      yield* asUser(Effect.gen(function*() {
        const controller = yield* Controller
        for (const accessOperation of [Access.UNSPECIFIED, Access.READ, Access.WRITE, Access.READ_WRITE]) {
          const streamInfo = { ...named, accessOperation }
          const between = yield* controller.call("getSegmentsBetween", { streamInfo, from: { 0: 0n } })
          assert.strictEqual(verdict(between.delegationToken, "READ"), "allowed")
          assert.strictEqual(verdict(between.delegationToken, "READ_UPDATE"), "refused")
          for (const method of ["getSegmentsImmediatelyFollowing", "getSegmentsImmediatlyFollowing"] as const) {
            const { delegationToken } = yield* controller.call(method, { streamInfo, segmentId: 0n })
            assert.strictEqual(delegationToken, "")
          }
        }
        const wanted = { ...named, accessOperation: Access.NONE }
        assert.strictEqual((yield* controller.call("getCurrentSegments", wanted)).delegationToken, "")
        assert.strictEqual((yield* controller.call("getSegments", { streamInfo: wanted })).delegationToken, "")
      }))
    }).pipe(Effect.provide(withUser("prn::*,READ"))))

  it.effect("are there for older clients of those who may write", () =>
    Effect.gen(function*() {
      yield* asAdmin(createStream)
      yield* asUser(Effect.gen(function*() {
        const controller = yield* Controller
        const replies = [
          yield* controller.call("getCurrentSegments", named),
          yield* controller.call("getSegments", { streamInfo: named }),
          yield* controller.call("getEpochSegments", { streamInfo: named })
        ]
        for (const { delegationToken } of replies) {
          assert.strictEqual(verdict(delegationToken, "READ_UPDATE"), "allowed")
        }
      }))
    }).pipe(Effect.provide(withUser("prn::/scope:scope/stream:stream,READ_UPDATE"))))
})

describe("lists of what a user may see", () => {
  it.effect("go on over pages of what they may not", () =>
    Effect.gen(function*() {
      const hidden = Array.from({ length: 1100 }, (_, n) => `hidden-${n}`)
      yield* asAdmin(Effect.gen(function*() {
        const controller = yield* Controller
        for (const scope of [...hidden, "scope", "other"]) yield* controller.call("createScope", { scope })
        for (const stream of [...hidden, "mine"]) {
          const streamInfo = { scope: "scope", stream }
          const scalingPolicy = { minNumSegments: 1 }
          yield* controller.call("createStream", { streamInfo, tags: { tag: ["tag"] }, scalingPolicy })
          const table = { scope: "scope", kvtName: stream, partitionCount: 1, primaryKeyLength: 8 }
          yield* controller.call("createKeyValueTable", table)
        }
      }))
      yield* asUser(Effect.gen(function*() {
        const controller = yield* Controller
        assert.deepStrictEqual((yield* Stream.runCollect(controller.listScopes)).map(String), ["scope"])
        const mine = [ScopedStream.fromTextUnsafe("scope/mine")]
        const scope = ScopeName.make("scope")
        assert.deepStrictEqual(yield* Stream.runCollect(controller.listStreams(scope)), mine)
        const tagged = yield* controller.call("listStreamsInScopeForTag", { scope: { scope }, tag: "tag" })
        assert.deepStrictEqual(tagged.streams.map(({ stream }) => stream), ["mine"])
        const tables = yield* controller.call("listKeyValueTablesInScope", { scope: { scope } })
        assert.deepStrictEqual(tables.kvtables.map(({ kvtName }) => kvtName), ["mine"])
      }))
    }).pipe(
      Effect.provide(withUser("prn::/,READ;prn::/scope:scope,READ;prn::/scope:scope/*:mine,READ"))
    ))
})
